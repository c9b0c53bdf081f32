/// Where a broker is: `broker://HOST[:PORT]` in the clear or `brokers://HOST[:PORT]` over TLS. An IPv6 address stands in brackets (RFC 3986, section 3.2.2).
public struct BrokerURL: Sendable, Equatable, CustomStringConvertible {
    /// The port where a URL names none.
    public static let portDefault: UInt16 = 7400

    /// Why a text is no such URL.
    public struct ParseError: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public let isSecure: Bool
    /// A host name or a numeric address without brackets.
    public let host: String
    public let port: UInt16

    public init(isSecure: Bool, host: String, port: UInt16 = BrokerURL.portDefault) {
        self.isSecure = isSecure
        self.host = host
        self.port = port
    }

    /// Reads a URL. There is neither user, path nor query in it: credentials never travel in a URL.
    public init(_ text: String) throws(ParseError) {
        func failure(_ reason: String) -> ParseError {
            ParseError(description: "\"\(text)\" is no broker's address: \(reason); broker://HOST[:PORT] or brokers://HOST[:PORT] is")
        }
        let rest: Substring
        if text.hasPrefix("brokers://") {
            (isSecure, rest) = (true, text.dropFirst(10))
        } else if text.hasPrefix("broker://") {
            (isSecure, rest) = (false, text.dropFirst(9))
        } else {
            throw failure("the scheme is missing or unknown")
        }
        let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        guard !authority.contains(where: { "/?#".contains($0) }) else { throw failure("only the host and a port stand in it") }
        let portText: Substring?
        if authority.hasPrefix("[") {
            guard let end = authority.firstIndex(of: "]") else { throw failure("a bracket is missing") }
            host = String(authority[authority.index(after: authority.startIndex)..<end])
            let tail = authority[authority.index(after: end)...]
            guard tail.isEmpty || tail.hasPrefix(":") else { throw failure("only a port may follow the bracket") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
        } else {
            let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
            guard parts.count <= 2 else { throw failure("an IPv6 address stands in brackets") }
            host = String(parts.first ?? "")
            portText = parts.count == 2 ? parts[1] : nil
        }
        guard !rest.contains("@") else { throw failure("neither a name nor a password stands in it") }
        guard !host.isEmpty else { throw failure("there is no host") }
        guard host.utf8.allSatisfy(Self.isHostOctet) else { throw failure("the host holds what no host does") }
        if let portText {
            guard portText.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = UInt16(portText),
                number > 0
            else { throw failure("the port is no number from 1 to 65535") }
            port = number
        } else {
            port = Self.portDefault
        }
    }

    public var description: String {
        (isSecure ? "brokers://" : "broker://") + (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }

    /// Octets of names and numeric addresses, with the zone of a link-local address (`%eth0`).
    private static func isHostOctet(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ":"), UInt8(ascii: "%"): true
        default: false
        }
    }
}
