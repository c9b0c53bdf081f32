import Glibc

/// An address to listen on: a numeric IPv4 or IPv6 address and a TCP port. Port 0 lets the kernel choose one.
///
/// Written `127.0.0.1:7400`, `[::1]:7400`, or `localhost:7400` for the first loopback address. Other names are not resolved: which addresses a
/// listener has must not depend on a name server.
public struct ListenAddress: Sendable, Hashable, CustomStringConvertible {
    /// The numeric address, without brackets.
    public let host: String
    /// The TCP port; 0 lets the kernel choose.
    public let port: UInt16

    /// An address that is known to be well-formed. A host that is no numeric address is a mistake of the caller and traps.
    public init(host: String, port: UInt16) {
        precondition(Self.family(of: host) != nil, "\(host) is no numeric IP address")
        self.host = host
        self.port = port
    }

    /// Reads `HOST:PORT`; nil if `text` is not that.
    public init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = String(text[..<colon])
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits) else { return nil }
        if host == "localhost" { host = "127.0.0.1" }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
            guard Self.family(of: host) == AF_INET6 else { return nil }
        } else {
            // An IPv6 address without brackets leaves open where the port begins.
            guard Self.family(of: host) == AF_INET else { return nil }
        }
        self.host = host
        self.port = port
    }

    /// Whether only this machine can reach the address: `127.0.0.0/8`, `::1`, or the former mapped into IPv6.
    public var isLoopback: Bool {
        if Self.family(of: host) == AF_INET { return host.hasPrefix("127.") }
        var address = in6_addr()
        guard inet_pton(AF_INET6, host, &address) == 1 else { return false }
        let octets = withUnsafeBytes(of: &address) { Array($0) }
        let isOne = octets.dropLast().allSatisfy { $0 == 0 } && octets[15] == 1
        let isMapped = octets[..<10].allSatisfy { $0 == 0 } && octets[10] == 0xFF && octets[11] == 0xFF
        return isOne || (isMapped && octets[12] == 127)
    }

    /// `HOST:PORT`, with brackets round an IPv6 address.
    public var description: String {
        host.utf8.contains(0x3A) ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    /// `AF_INET` or `AF_INET6`, or nil if `host` is no numeric address (inet_pton(3)).
    private static func family(of host: String) -> Int32? {
        var version4 = in_addr()
        if inet_pton(AF_INET, host, &version4) == 1 { return AF_INET }
        var version6 = in6_addr()
        if inet_pton(AF_INET6, host, &version6) == 1 { return AF_INET6 }
        return nil
    }
}
