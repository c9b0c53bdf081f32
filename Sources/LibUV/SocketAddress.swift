import CLibUV
import Glibc

/// An Internet address and a port: where a listener listens, who a peer is.
///
/// A value of 24 octets without references, so that every connection can keep its peer's. An IPv4 address inside IPv6
/// (`::ffff:192.0.2.1`, RFC 4291 section 2.5.5.2) becomes the IPv4 address, so that one peer has one address.
public struct SocketAddress: Hashable, Sendable {
    /// The address as numbers: the upper half is zero for IPv4.
    private let upper: UInt64
    private let lower: UInt64
    /// The interface of a link-local IPv6 address (RFC 4007), else zero.
    private let scope: UInt32
    /// The TCP port; zero lets the system choose.
    public let port: UInt16
    /// Whether the address is of version 4.
    public let isIPv4: Bool

    private init(upper: UInt64, lower: UInt64, scope: UInt32, port: UInt16, isIPv4: Bool) {
        let isMapped = !isIPv4 && upper == 0 && lower >> 32 == 0xFFFF
        self.upper = upper
        self.lower = isMapped ? lower & 0xFFFF_FFFF : lower
        self.scope = isIPv4 || isMapped ? 0 : scope
        self.port = port
        self.isIPv4 = isIPv4 || isMapped
    }

    /// Reads a numeric address, such as `127.0.0.1`, `::1` or `fe80::1%eth0`; names are the business of ``AddressResolver``.
    ///
    /// - Throws: ``UVError/invalidArgument`` if the text is no address.
    public init(host: String, port: UInt16) throws(UVError) {
        var storage = sockaddr_storage()
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            if host.utf8.contains(UInt8(ascii: ":")) {
                return uv_ip6_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in6.self))
            }
            return uv_ip4_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in.self))
        }
        try UVError.check(status)
        guard let address = SocketAddress(storage) else { throw .invalidArgument }
        self = address
    }

    /// What the kernel filled in; nil if it is of neither Internet family.
    init?(_ storage: sockaddr_storage) {
        let address = withUnsafePointer(to: storage) { pointer in
            SocketAddress(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self))
        }
        guard let address else { return nil }
        self = address
    }

    /// An address of C; nil if it is of neither Internet family.
    init?(_ pointer: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(pointer)
        switch Int32(pointer.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self)
            self.init(
                upper: 0, lower: UInt64(UInt32(bigEndian: address.sin_addr.s_addr)), scope: 0,
                port: UInt16(bigEndian: address.sin_port), isIPv4: true)
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self)
            let halves = withUnsafeBytes(of: address.sin6_addr) { octets in
                (octets.loadUnaligned(as: UInt64.self), octets.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self.init(
                upper: UInt64(bigEndian: halves.0), lower: UInt64(bigEndian: halves.1), scope: address.sin6_scope_id,
                port: UInt16(bigEndian: address.sin6_port), isIPv4: false)
        default:
            return nil
        }
    }

    /// `0.0.0.0:0`: every IPv4 address of this machine, and a port that the system chooses.
    public static let unspecified = SocketAddress(upper: 0, lower: 0, scope: 0, port: 0, isIPv4: true)

    /// `127.0.0.1` with a port; zero lets the system choose.
    public static func loopback(port: UInt16) -> SocketAddress {
        SocketAddress(upper: 0, lower: 0x7F00_0001, scope: 0, port: port, isIPv4: true)
    }

    /// The same host with another port. With port zero it is a key for what is counted per address.
    public func withPort(_ port: UInt16) -> SocketAddress {
        SocketAddress(upper: upper, lower: lower, scope: scope, port: port, isIPv4: isIPv4)
    }

    /// Whether the address never leaves this machine: `127.0.0.0/8` (RFC 1122 section 3.2.1.3) or `::1` (RFC 4291 section 2.5.3).
    public var isLoopback: Bool {
        isIPv4 ? lower >> 24 == 127 : upper == 0 && lower == 1
    }

    /// The address without the port and without brackets, in the canonical form of RFC 5952: `127.0.0.1`, `::1`.
    public var host: String {
        let name = withSocketAddress { pointer, _ in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
                buffer.initialize(repeating: 0)
                _ = uv_ip_name(pointer, buffer.baseAddress!, buffer.count)
                return String(cString: buffer.baseAddress!)
            }
        }
        return scope == 0 ? name : "\(name)%\(scope)"
    }

    /// The address family of the C library: `AF_INET` or `AF_INET6`.
    var family: Int32 { isIPv4 ? AF_INET : AF_INET6 }

    /// Lends the address in the form the C library takes, with its length, for the length of the call.
    func withSocketAddress<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        if isIPv4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(lower).bigEndian
            return withUnsafePointer(to: address) { pointer in
                body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        var address = sockaddr_in6()
        address.sin6_family = sa_family_t(AF_INET6)
        address.sin6_port = port.bigEndian
        address.sin6_scope_id = scope
        withUnsafeMutableBytes(of: &address.sin6_addr) { octets in
            octets.storeBytes(of: upper.bigEndian, as: UInt64.self)
            octets.storeBytes(of: lower.bigEndian, toByteOffset: 8, as: UInt64.self)
        }
        return withUnsafePointer(to: address) { pointer in
            body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(MemoryLayout<sockaddr_in6>.size))
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// Host and port, an IPv6 host in brackets (RFC 3986 section 3.2.2): `127.0.0.1:7000`, `[::1]:7000`.
    public var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }
}
