import ChatConfiguration
import Testing

@testable import ChatServer

/// HTTP on the shared port: what is served, and what is refused.
@Suite struct HTTPTests {
    /// A request behind which the connection is to be closed.
    private static func get(_ path: String, _ lines: String = "", method: String = "GET") -> String {
        "\(method) \(path) HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\(lines)\r\n"
    }

    /// Everything that comes until the broker closes.
    private func answer(_ request: String, _ broker: TestBroker) throws -> String {
        let client = try WireClient(broker.address)
        try client.send(request)
        return try client.readToEnd()
    }

    @Test(arguments: [
        (get("/healthz"), 200), ("GET /readyz HTTP/1.0\r\n\r\n", 200), (get("/nothing"), 404), (get("/../etc/passwd"), 404),
        (get("/%2e%2e/etc/passwd"), 404), (get("/echo"), 404),
        ("POST /healthz HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 405), ("CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 405),
        ("GET /ws HTTP/1.1\r\nHost: a\r\n\r\n", 426), ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\nHost: a\n\n", 400), ("GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 413),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505), ("GET /healthz HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
    ])
    func everyRequestIsAnsweredAndTheConnectionClosedIfItIsToBe(_ request: String, _ status: Int) throws {
        let broker = try TestBroker()
        let text = try answer(request, broker)
        #expect(text.hasPrefix("HTTP/1.1 \(status) "))
        #expect(text.contains("\r\nConnection: close\r\n"))
        #expect(!text.contains("passwd"))
        if status == 405 { #expect(text.contains("\r\nAllow: GET, HEAD\r\n")) }
    }

    @Test func headHasNoBody() throws {
        let broker = try TestBroker()
        let text = try answer(Self.get("/healthz", method: "HEAD"), broker)
        #expect(text.contains("\r\nContent-Length: 3\r\n"))
        #expect(text.hasSuffix("\r\n\r\n"))
    }

    @Test func aSlowRequestIsCutAtItsDeadlineWhileOthersAreServed() throws {
        let broker = try TestBroker { $0.deadlines.prefaceMilliseconds = 700 }
        let slow = try WireClient(broker.address)
        try slow.send("GET / HTTP/1.1\r\nHost: a\r\nX: ")
        #expect(try answer(Self.get("/healthz"), broker).hasSuffix("\r\n\r\nok\n"))
        #expect(try slow.readToEnd().hasPrefix("HTTP/1.1 408 "))
    }

    @Test func requestsAreAnsweredInOrderOnOneConnection() throws {
        let broker = try TestBroker()
        let client = try WireClient(broker.address)
        try client.send(
            "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\nHEAD /nothing HTTP/1.1\r\nHost: a\r\n\r\nGET /readyz HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try client.read(until: "\r\n\r\nok\n").contains("\r\nConnection: keep-alive\r\n"))
        #expect(try client.read(until: "\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
        #expect(try client.read(until: "\r\n\r\nready\n").hasPrefix("HTTP/1.1 200 "))
        try client.send("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 33\r\n\r\nGET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        let last = try client.readToEnd()
        #expect(last.hasPrefix("HTTP/1.1 413 ") && last.hasSuffix("\r\n\r\n413 Content Too Large\n"))
    }

    @Test func aConnectionIsNotKeptWherePlacesAreFew() throws {
        let broker = try TestBroker { $0.limits.unauthenticatedConnectionsMax = 4 }
        let clients = try (0..<4).map { _ in try WireClient(broker.address) }
        // They are accepted in this order: when the last one is answered, all have a place.
        try clients[3].send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        #expect(try clients[3].readToEnd().contains("\r\nConnection: close\r\n"))
    }

    @Test func anAnswerComesThoughTheClientHasFinished() throws {
        let broker = try TestBroker()
        let client = try WireClient(broker.address)
        try client.send("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        client.finishSending()
        #expect(try client.readToEnd().hasSuffix("ok\n"))
    }

    @Test(arguments: [("/", "text/html"), ("/app.js", "text/javascript"), ("/style/base.css", "text/css"), ("/icon.svg", "image/svg+xml")])
    func theWebClientIsServed(_ path: String, _ type: String) throws {
        let broker = try TestBroker()
        let text = try answer(Self.get(path), broker)
        #expect(text.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: \(type)"))
        #expect(text.contains("\r\nContent-Security-Policy: default-src 'none'; script-src 'self'"))
        let tag = try #require(text.split(separator: "\r\n").first { $0.hasPrefix("ETag: ") }?.dropFirst(6))
        let again = try answer(Self.get(path, "If-None-Match: \"x\", \(tag)\r\n"), broker)
        #expect(again.hasPrefix("HTTP/1.1 304 Not Modified\r\n"))
        #expect(again.hasSuffix("\r\n\r\n"))
        let bare = try TestBroker { $0.web.client = false }
        #expect(try answer(Self.get(path), bare).hasPrefix("HTTP/1.1 404 "))
    }

    /// What the page names is kept by browsers for good, under a path that changes with it.
    @Test func partsOfTheWebClientAreNamedByVersion() throws {
        let broker = try TestBroker()
        let page = try answer(Self.get("/"), broker)
        #expect(page.contains("\r\nCache-Control: no-cache\r\n"))
        let parts = page.matches(of: #/(?:src|href)="(\/[^"]+)"/#).map { String($0.1) }
        #expect(parts.count > 30)
        for part in Set(parts) {
            let text = try answer(Self.get(part), broker)
            #expect(text.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(part)")
            #expect(text.contains("\r\nCache-Control: public, max-age=31536000, immutable\r\n"), "\(part)")
        }
        let other = try #require(parts.first).replacing(#/^\/[^\/]+/#, with: "/0")
        #expect(try answer(Self.get(other), broker).hasPrefix("HTTP/1.1 404 "))
    }

    @Test(arguments: [
        ("Origin: https://evil.org", 403), ("Origin: http://localhost", 101), ("Origin: https://chat.example.org", 101),
        ("Origin: null", 403),
        ("X: y", 101),
    ])
    func onlyPagesThatAreAllowedOpenAWebSocket(_ field: String, _ status: Int) throws {
        let broker = try TestBroker { $0.web.allowedOrigins = "https://other.example.org, https://chat.example.org" }
        let client = try WireClient(broker.address)
        #expect(try client.upgrade("/ws", [field, "Sec-WebSocket-Protocol: cbp.json.v1"]).hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test(arguments: ["/ws", "/"]) func whatAWebSocketSpeaksIsAgreedOn(_ path: String) throws {
        let broker = try TestBroker()
        for (fields, status) in [
            (["Sec-WebSocket-Protocol: soap"], 400), ([], 101), (["Sec-WebSocket-Protocol: soap, cbp.json.v1"], 101),
            (["Sec-WebSocket-Protocol: cbp.bin.v1"], 101),
        ] {
            #expect(try WireClient(broker.address).upgrade(path, fields).hasPrefix("HTTP/1.1 \(status) "))
        }
    }
}
