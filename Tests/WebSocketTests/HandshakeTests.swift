import Bytes
import Testing

@testable import WebSocket

struct HandshakeTests {
    private static let key = "dGhlIHNhbXBsZSBub25jZQ=="

    /// A good request with lines changed, added (nil before) or left out.
    private func head(method: String = "GET", version: String = "HTTP/1.1", _ changes: [(String, String?)] = []) throws -> HTTPRequestHead {
        var fields: [(String, String?)] = [
            ("Host", "server.example.com"), ("Upgrade", "websocket"), ("Connection", "Upgrade"), ("Sec-WebSocket-Key", Self.key),
            ("Sec-WebSocket-Version", "13"),
        ]
        for (name, value) in changes {
            if let place = fields.firstIndex(where: { $0.0 == name }) { fields[place].1 = value } else { fields.append((name, value)) }
        }
        let lines = fields.compactMap { name, value in value.map { "\(name): \($0)\r\n" } }.joined()
        let octets = Array("\(method) /chat \(version)\r\n\(lines)\r\n".utf8)
        var parser = HTTPRequestParser()
        return try #require(try parser.next(in: octets.span.bytes)).head
    }

    private func response(_ head: HTTPRequestHead, subprotocols: [String] = ["superchat"], allowsDeflate: Bool = false) throws -> String {
        let handshake = try WebSocketHandshake(head, subprotocols: subprotocols, allowsDeflate: allowsDeflate)
        return String(decoding: handshake.response.array, as: UTF8.self)
    }

    /// RFC 6455 section 1.3.
    @Test func answersTheExampleOfTheRFC() throws {
        let text = try response(head([("Sec-WebSocket-Protocol", "chat, superchat"), ("Origin", "http://example.com")]))
        #expect(
            text == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: superchat\r\n\r\n")
    }

    @Test(arguments: [
        ("Upgrade", "WebSocket"), ("Upgrade", "h2c, websocket"), ("Connection", "keep-alive, upgrade"), ("Connection", "UPGRADE"),
    ])
    func readsListsInAnyCase(_ change: (String, String)) throws {
        #expect(try response(head([change])).contains("101"))
    }

    @Test(
        arguments: [
            ("Connection", nil, 400), ("Connection", "close", 400), ("Upgrade", nil, 426), ("Upgrade", "h2c", 426),
            ("Sec-WebSocket-Key", nil, 400), ("Sec-WebSocket-Key", "", 400), ("Sec-WebSocket-Key", "c2hvcnQ=", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZR==", 400), ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ", 400),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE!", 400), ("Sec-WebSocket-Version", nil, 400),
            ("Sec-WebSocket-Version", "8", 426),
            ("Sec-WebSocket-Version", "13, 8", 426), ("Sec-WebSocket-Protocol", "other", 400), ("Sec-WebSocket-Protocol", "a b", 400),
            ("Sec-WebSocket-Protocol", "superchat, superchat", 400), ("Sec-WebSocket-Extensions", "a;=b", 400),
            ("Sec-WebSocket-Extensions", "a; b=\"c", 400), ("Sec-WebSocket-Extensions", "(", 400),
        ] as [(String, String?, Int)])
    func refusesWhatIsNoHandshake(_ name: String, _ value: String?, _ status: Int) throws {
        let head = try head([(name, value)])
        let error = #expect(throws: HTTPRefusal.self) {
            try WebSocketHandshake(head, subprotocols: ["superchat"], allowsDeflate: true)
        }
        #expect(error?.status.code == status)
        if status == 426 { #expect(error?.fields.contains(HTTPField("Sec-WebSocket-Version", "13")) == true) }
    }

    @Test func needsGetAndVersion11() throws {
        for (head, status) in [(try head(method: "POST"), 405), (try head(version: "HTTP/1.0"), 426)] {
            let error = #expect(throws: HTTPRefusal.self) { try WebSocketHandshake(head, subprotocols: [], allowsDeflate: false) }
            #expect(error?.status.code == status)
        }
    }

    @Test func theClientsFirstChoiceIsTaken() throws {
        let head = try head([("Sec-WebSocket-Protocol", "x, b, a")])
        #expect(try WebSocketHandshake(head, subprotocols: ["a", "b"], allowsDeflate: false).subprotocol == "b")
        #expect(try WebSocketHandshake(self.head(), subprotocols: ["a"], allowsDeflate: false).subprotocol == nil)
    }

    @Test(arguments: [
        ("permessage-deflate", ""), ("permessage-deflate; client_max_window_bits", ""),
        ("permessage-deflate; client_max_window_bits=8", ""), ("permessage-deflate; server_no_context_takeover", ""),
        ("permessage-deflate; server_max_window_bits=10", "; server_max_window_bits=10"),
        ("permessage-deflate; server_max_window_bits=\"9\"", "; server_max_window_bits=9"),
        ("x-webkit-deflate-frame, permessage-deflate", ""), ("permessage-deflate; server_max_window_bits=8, permessage-deflate", ""),
        ("permessage-deflate; unknown, PERMESSAGE-DEFLATE", ""),
    ])
    func agreesOnDeflate(_ offer: String, _ window: String) throws {
        let head = try head([("Sec-WebSocket-Extensions", offer)])
        let line = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\(window)\r\n"
        #expect(try response(head, allowsDeflate: true).contains(line))
        #expect(!(try response(head, allowsDeflate: false).contains("Extensions")))
    }

    @Test(arguments: [
        "permessage-bzip2", "permessage-deflate; unknown", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=8", "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=09", "permessage-deflate; client_max_window_bits=7",
        "permessage-deflate; server_no_context_takeover=1", "permessage-deflate; client_no_context_takeover; client_no_context_takeover",
    ])
    func passesOverOffersThatItCannotKeep(_ offer: String) throws {
        #expect(!(try response(head([("Sec-WebSocket-Extensions", offer)]), allowsDeflate: true).contains("Extensions")))
    }

    @Test func originsAreComparedWithTheListAndTheHost() throws {
        let policy = OriginPolicy(["https://Chat.example.org"])
        func allows(_ origin: String?, isSecure: Bool = true, _ policy: OriginPolicy) throws -> Bool {
            policy.allows(try head([("Origin", origin)]), isSecure: isSecure)
        }
        #expect(try allows(nil, policy))
        #expect(try allows("https://chat.example.org", policy))
        #expect(try allows("https://server.example.com", policy))
        #expect(!(try allows("http://server.example.com", isSecure: false, policy)))
        #expect(!(try allows("http://server.example.com", policy)))
        #expect(!(try allows("https://server.example.com.evil.org", policy)))
        #expect(!(try allows("https://chat.example.org:444", policy)))
        #expect(!(try allows("null", policy)))
        #expect(!(try allows("", policy)))
        #expect(try allows("https://evil.org", OriginPolicy(["*"])))
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.0.0.1:7400", true), ("[::1]:7400", true), ("192.168.1.20", true), ("localhost", true),
        ("LocalHost:7400", true), ("chat.localhost:7400", true), ("server.example.com", false), ("evil.example:7400", false),
        ("localhost.evil.example", false), ("notlocalhost", false), ("127.0.0.1.evil.example", false), ("1.2.3", false),
        ("1.2.3.256", false), ("127.0.0.1.", false), ("localhost.", false),
    ])
    func aNameIsNobodysOwnInClearText(_ host: String, _ isOwn: Bool) throws {
        let head = try head([("Origin", "http://" + host), ("Host", host)])
        #expect(OriginPolicy([]).allows(head, isSecure: false) == isOwn)
        #expect(OriginPolicy(["http://" + host]).allows(head, isSecure: false))
    }

    @Test func digestsAreThoseOfTheStandard() {
        func digest(_ text: String) -> String {
            SHA1.digest(of: Array(text.utf8)).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
        #expect(digest("abc") == "a9993e364706816aba3e25717850c26c9cd0d89d")
        #expect(digest("") == "da39a3ee5e6b4b0d3255bfef95601890afd80709")
        #expect(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") == "84983e441c3bd26ebaae4aa1f95129e5e54670f1")
        #expect(digest(String(repeating: "a", count: 1000)) == "291e9a6c66994949b57ba5e650361e98fc36b1ba")
    }

    @Test func refusalsAreWholeAnswers() {
        let answer = HTTPResponseHead.answer(to: HTTPRefusal(.methodNotAllowed, "secret", fields: [HTTPField("Allow", "GET, HEAD")]))
        #expect(
            String(decoding: answer.array, as: UTF8.self)
                == "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n"
                + "Allow: GET, HEAD\r\nContent-Length: 23\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
                + "405 Method Not Allowed\n")
    }
}
