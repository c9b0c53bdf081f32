public import Bytes

/// Writes the head of an answer (RFC 9112 section 4). What is in it is ours: nothing of a request is ever echoed.
public struct HTTPResponseHead: Sendable, Equatable {
    public var status: HTTPStatus
    /// In the order written. Names are written as they are given.
    public var fields: [HTTPField]

    public init(_ status: HTTPStatus, fields: [HTTPField] = []) {
        self.status = status
        self.fields = fields
    }

    /// Appends status line, fields and the empty line. A line break in a field would forge another one, and traps.
    public func append(to writer: inout ByteWriter) {
        writer.append(utf8: "HTTP/1.1 \(status.code) \(status.phrase)\r\n")
        for field in fields {
            precondition(HTTPSyntax.isToken(field.name) && field.value.utf8.allSatisfy(HTTPSyntax.isValueOctet), "a field of our own")
            writer.append(utf8: "\(field.name): \(field.value)\r\n")
        }
        writer.append(utf8: "\r\n")
    }

    /// The whole answer to a refusal: a short text as body.
    public static func answer(to refusal: HTTPRefusal, _ persistence: HTTPPersistence = .close, isHead: Bool = false) -> SharedBytes {
        let body = "\(refusal.status.code) \(refusal.status.phrase)\n"
        return answer(
            refusal.status, persistence, body: SharedBytes(utf8: body),
            fields: [HTTPField("Content-Type", "text/plain; charset=utf-8"), HTTPField("Cache-Control", "no-store")] + refusal.fields,
            isHead: isHead)
    }

    /// A whole answer.
    ///
    /// - Parameters:
    ///   - body: nil for a status that has none (RFC 9110 section 6.4.1).
    ///   - isHead: leave the body away, but not its length: the answer to HEAD.
    public static func answer(
        _ status: HTTPStatus, _ persistence: HTTPPersistence, body: SharedBytes?, fields: [HTTPField], isHead: Bool = false
    ) -> SharedBytes {
        var head = HTTPResponseHead(status, fields: fields)
        if let body { head.fields.append(HTTPField("Content-Length", "\(body.count)")) }
        head.fields.append(HTTPField("X-Content-Type-Options", "nosniff"))
        head.fields += persistence.fields
        var writer = ByteWriter(minimumCapacity: 512 + (body?.count ?? 0))
        head.append(to: &writer)
        if let body, !isHead { writer.append(body) }
        return writer.finish()
    }
}
