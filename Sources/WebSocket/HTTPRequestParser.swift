import Bytes

/// How much is taken of a request head, and how many of a connection.
public struct HTTPLimits: Sendable, Equatable {
    /// Octets of the request target; a longer one is 414.
    public var targetByteCountMax: Int
    /// Octets of the whole head; a longer one is 431.
    public var headByteCountMax: Int
    /// Header fields; more are 431.
    public var fieldCountMax: Int
    /// Requests of one connection; the answer to the last one closes it.
    public var requestCountMax: Int

    public init(
        targetByteCountMax: Int = 2048, headByteCountMax: Int = 16_384, fieldCountMax: Int = 100, requestCountMax: Int = 200
    ) {
        self.targetByteCountMax = targetByteCountMax
        self.headByteCountMax = headByteCountMax
        self.fieldCountMax = fieldCountMax
        self.requestCountMax = requestCountMax
    }
}

/// Reads the head of one HTTP/1.x request (RFC 9112), strictly: what intermediaries are known to read differently is refused, not repaired.
/// Lines end in CR LF, nothing is folded, a name touches its colon, there is one `Host` and at most one length.
///
/// It holds what has been parsed, not the octets: the caller keeps the incomplete head and offers it again with more behind it. However
/// the octets are cut, the outcome is the same. A body is not read: this broker serves no request that has one.
public struct HTTPRequestParser: Sendable {
    private let limits: HTTPLimits
    /// Where the line that is being read begins, and up to where it holds no end.
    private var lineStart = 0
    private var scanned = 0
    private var requestLine: (method: String, target: HTTPTarget, minorVersion: Int)?
    private var fields: [HTTPField] = []

    public init(limits: HTTPLimits = HTTPLimits()) { self.limits = limits }

    /// Takes the head from the front of `octets`, which begin with the request and are at least those of the last call.
    ///
    /// - Returns: the head and the octets it took; nil if more are needed.
    /// - Throws: ``HTTPRefusal``; there is no further head then.
    public mutating func next(in octets: RawSpan) throws(HTTPRefusal) -> (head: HTTPRequestHead, byteCount: Int)? {
        while let end = try lineEnd(in: octets) {
            let line = octets.extracting(lineStart..<end)
            lineStart = end + 2
            scanned = lineStart
            guard let requestLine else {
                self.requestLine = try parseRequestLine(line)
                continue
            }
            if line.isEmpty {
                let head = HTTPRequestHead(
                    method: requestLine.method, path: requestLine.target.path, query: requestLine.target.query,
                    minorVersion: requestLine.minorVersion, fields: fields)
                try Self.checkFraming(head)
                return (head, lineStart)
            }
            guard fields.count < limits.fieldCountMax else {
                throw HTTPRefusal(.fieldsTooLarge, "more than \(limits.fieldCountMax) fields")
            }
            fields.append(try Self.field(line))
        }
        return nil
    }

    /// Where the line that is being read ends; nil if more octets are needed.
    private mutating func lineEnd(in octets: RawSpan) throws(HTTPRefusal) -> Int? {
        let isRequestLine = requestLine == nil
        // Method and version at their longest, beside the target.
        let lineMax = isRequestLine ? limits.targetByteCountMax + 32 : limits.headByteCountMax
        while scanned < octets.byteCount {
            let octet = octets.byte(at: scanned)
            if octet == 0x0A { throw HTTPRefusal(.badRequest, "a line that ends in LF alone") }
            if octet == 0x0D {
                guard scanned + 1 < octets.byteCount else { return nil }
                guard octets.byte(at: scanned + 1) == 0x0A else { throw HTTPRefusal(.badRequest, "a CR that ends no line") }
                guard scanned + 2 <= limits.headByteCountMax else { throw headTooLong }
                return scanned
            }
            if scanned - lineStart >= lineMax {
                if isRequestLine { throw HTTPRefusal(.targetTooLong, "a request line of more than \(lineMax) octets") }
                throw HTTPRefusal(.fieldsTooLarge, "a field of more than \(lineMax) octets")
            }
            // This octet and a line end are to come, at least.
            guard scanned + 3 <= limits.headByteCountMax else { throw headTooLong }
            scanned += 1
        }
        return nil
    }

    private var headTooLong: HTTPRefusal { HTTPRefusal(.fieldsTooLarge, "a head of more than \(limits.headByteCountMax) octets") }

    // MARK: The request line

    private func parseRequestLine(
        _ line: RawSpan
    ) throws(HTTPRefusal) -> (method: String, target: HTTPTarget, minorVersion: Int) {
        guard let text = line.text(in: 0..<line.byteCount), text.utf8.allSatisfy({ $0 < 0x80 }) else {
            throw HTTPRefusal(.badRequest, "a request line that is not ASCII")
        }
        let parts = text.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 3, HTTPSyntax.isToken(parts[0]), !parts[1].isEmpty, parts[1].utf8.allSatisfy(HTTPSyntax.isTargetOctet) else {
            throw HTTPRefusal(.badRequest, "a request line that is not METHOD SP TARGET SP VERSION")
        }
        guard parts[1].utf8.count <= limits.targetByteCountMax else {
            throw HTTPRefusal(.targetTooLong, "a target of more than \(limits.targetByteCountMax) octets")
        }
        let minorVersion = try Self.minorVersion(parts[2])
        return (String(parts[0]), try HTTPTarget(String(parts[1]), method: String(parts[0])), minorVersion)
    }

    private static func minorVersion(_ version: Substring) throws(HTTPRefusal) -> Int {
        let octets = Array(version.utf8)
        guard octets.count == 8, version.hasPrefix("HTTP/"), HTTPSyntax.isDigit(octets[5]), octets[6] == UInt8(ascii: "."),
            HTTPSyntax.isDigit(octets[7])
        else { throw HTTPRefusal(.badRequest, "no version of HTTP") }
        guard octets[5] == UInt8(ascii: "1") else { throw HTTPRefusal(.versionNotSupported, "this is not HTTP/1") }
        // Whoever has a higher version of HTTP/1 understands an answer by 1.1 (RFC 9110 section 2.5).
        return octets[7] == UInt8(ascii: "0") ? 0 : 1
    }

    // MARK: Fields

    private static func field(_ line: RawSpan) throws(HTTPRefusal) -> HTTPField {
        let first = line.byte(at: 0)
        guard first != 0x20, first != 0x09 else { throw HTTPRefusal(.badRequest, "a folded field") }
        var colon = 0
        var name: [UInt8] = []
        while colon < line.byteCount, line.byte(at: colon) != UInt8(ascii: ":") {
            let octet = line.byte(at: colon)
            guard HTTPSyntax.isTokenOctet(octet) else { throw HTTPRefusal(.badRequest, "a field whose name is no token") }
            name.append(HTTPSyntax.lowercased(octet))
            colon += 1
        }
        guard colon < line.byteCount, colon > 0 else { throw HTTPRefusal(.badRequest, "a line that is no field") }
        for offset in (colon + 1)..<line.byteCount where !HTTPSyntax.isValueOctet(line.byte(at: offset)) {
            throw HTTPRefusal(.badRequest, "a control character in a field")
        }
        let value = line.extracting((colon + 1)..<line.byteCount).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        return HTTPField(String(decoding: name, as: UTF8.self), HTTPSyntax.trimmed(value))
    }

    /// Where the request ends, and whom it is for, must be beyond doubt (RFC 9112 sections 3.2 and 6).
    private static func checkFraming(_ head: HTTPRequestHead) throws(HTTPRefusal) {
        let hosts = head.values(of: "host")
        guard hosts.count <= 1, head.minorVersion == 0 || hosts.count == 1, hosts.allSatisfy(HTTPSyntax.isHost) else {
            throw HTTPRefusal(.badRequest, "not exactly one host")
        }
        for name in ["sec-websocket-key", "sec-websocket-version", "origin"] where head.values(of: name).count > 1 {
            throw HTTPRefusal(.badRequest, "a field that stands twice")
        }
        let lengths = head.values(of: "content-length")
        let codings = head.values(of: "transfer-encoding")
        guard lengths.count <= 1, lengths.isEmpty || codings.isEmpty else { throw HTTPRefusal(.badRequest, "more than one length") }
        guard lengths.allSatisfy({ !$0.isEmpty && $0.utf8.count <= 18 && $0.utf8.allSatisfy(HTTPSyntax.isDigit) }) else {
            throw HTTPRefusal(.badRequest, "a length that is no number")
        }
        guard codings.isEmpty || head.minorVersion == 1 else { throw HTTPRefusal(.badRequest, "a transfer coding in HTTP/1.0") }
        guard codings.isEmpty else {
            guard codings.count == 1, HTTPSyntax.lowercased(codings[0]) == "chunked" else {
                throw HTTPRefusal(.notImplemented, "a transfer coding that is not known")
            }
            throw HTTPRefusal(.contentTooLarge, "a request with a body")
        }
        guard lengths.allSatisfy({ $0.utf8.allSatisfy { $0 == UInt8(ascii: "0") } }) else {
            throw HTTPRefusal(.contentTooLarge, "a request with a body")
        }
    }
}
