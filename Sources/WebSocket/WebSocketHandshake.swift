public import Bytes

/// The opening handshake, on the server's side (RFC 6455 section 4.2).
public struct WebSocketHandshake: Sendable, Equatable {
    /// The subprotocol agreed on; nil if the client named none.
    public let subprotocol: String?
    /// permessage-deflate, if it is agreed on.
    public let deflate: DeflateParameters?
    private let accept: String

    /// Whether a request asks for a WebSocket at all, well or badly.
    public static func isAsked(by head: HTTPRequestHead) -> Bool { head.hasToken("websocket", in: "upgrade") }

    /// Judges a request.
    ///
    /// - Parameters:
    ///   - subprotocols: those spoken. The client's first choice among them is taken; a client that names only others is refused.
    ///   - allowsDeflate: whether permessage-deflate may be agreed on.
    /// - Throws: 400, 405 or 426.
    public init(_ head: HTTPRequestHead, subprotocols: [String], allowsDeflate: Bool) throws(HTTPRefusal) {
        guard head.method == "GET" else {
            throw HTTPRefusal(.methodNotAllowed, "a WebSocket begins with GET", fields: [HTTPField("Allow", "GET")])
        }
        guard head.minorVersion >= 1, Self.isAsked(by: head) else { throw Self.upgradeRequired("no upgrade to WebSocket") }
        guard head.hasToken("upgrade", in: "connection") else { throw HTTPRefusal(.badRequest, "an upgrade that Connection does not name") }
        guard let version = head.value(of: "sec-websocket-version") else { throw HTTPRefusal(.badRequest, "no version of WebSocket") }
        guard version == "13" else { throw Self.upgradeRequired("a version of WebSocket that is not known") }
        guard let key = head.value(of: "sec-websocket-key"), Self.isKey(key) else { throw HTTPRefusal(.badRequest, "no key of 16 octets") }

        let offers = head.list("sec-websocket-protocol")
        guard offers.allSatisfy({ HTTPSyntax.isToken($0) }), Set(offers).count == offers.count else {
            throw HTTPRefusal(.badRequest, "subprotocols that break the grammar")
        }
        subprotocol = offers.first { subprotocols.contains($0) }
        guard subprotocol != nil || offers.isEmpty else { throw HTTPRefusal(.badRequest, "no subprotocol that is spoken here") }
        let deflate = try DeflateParameters.accepted(among: head.values(of: "sec-websocket-extensions"))
        self.deflate = allowsDeflate ? deflate : nil
        accept = Self.acceptance(of: key)
    }

    /// 426, with the version that is spoken (RFC 6455 section 4.4).
    public static func upgradeRequired(_ reason: String) -> HTTPRefusal {
        HTTPRefusal(
            .upgradeRequired, reason, fields: [HTTPField("Upgrade", "websocket"), HTTPField("Sec-WebSocket-Version", "13")])
    }

    /// The answer, behind which frames follow.
    public var response: SharedBytes {
        var head = HTTPResponseHead(
            .switchingProtocols,
            fields: [HTTPField("Upgrade", "websocket"), HTTPField("Connection", "Upgrade"), HTTPField("Sec-WebSocket-Accept", accept)])
        if let subprotocol { head.fields.append(HTTPField("Sec-WebSocket-Protocol", subprotocol)) }
        if let deflate { head.fields.append(HTTPField("Sec-WebSocket-Extensions", deflate.answer)) }
        var writer = ByteWriter(minimumCapacity: 256)
        head.append(to: &writer)
        return writer.finish()
    }

    private static func isKey(_ text: String) -> Bool {
        let letters = Array(text.utf8)
        return Base64.standard.octets(letters.span.bytes)?.count == 16
    }

    /// What proves that the server understood the key (RFC 6455 section 4.2.2).
    static func acceptance(of key: String) -> String {
        let digest = SHA1.digest(of: Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8))
        return Base64.standard.text(digest.span.bytes)
    }
}
