import CLibUV
import Glibc

/// Socket calls that libuv 1.44 does not offer, each with its error kept.
enum SocketDescriptor {
    /// A TCP socket for addresses like `address`, non-blocking and not inherited by other programs.
    static func open(for address: SocketAddress) throws(UVError) -> Int32 {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return try UVError.checkSystemCall(socket(address.family, kind, 0))
    }

    static func set(_ descriptor: Int32, level: Int32, option: Int32, to value: Int32) throws(UVError) {
        var value = value
        try UVError.checkSystemCall(setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)))
    }

    static func bind(_ descriptor: Int32, to address: SocketAddress) throws(UVError) {
        try UVError.checkSystemCall(address.withSocketAddress { Glibc.bind(descriptor, $0, $1) })
    }

    static func localAddress(_ descriptor: Int32) throws(UVError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            getsockname(descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
        }
        try UVError.checkSystemCall(result)
        guard let address = SocketAddress(storage) else { throw .invalidArgument }
        return address
    }

    /// A socket that listens at `address`. Unlike with libuv, an address in use shows here.
    ///
    /// The first listener of several at one address binds before it allows the others: so the address is refused if another process has
    /// it, even one that shares it with itself.
    static func listen(at address: SocketAddress, backlog: Int32, sharing: PortSharing) throws(UVError) -> Int32 {
        let descriptor = try open(for: address)
        do throws(UVError) {
            // A restarted server must not wait for the old connections' TIME-WAIT (tcp(7)).
            try set(descriptor, level: SOL_SOCKET, option: SO_REUSEADDR, to: 1)
            if sharing == .joins { try set(descriptor, level: SOL_SOCKET, option: SO_REUSEPORT, to: 1) }
            // One listener is one address: `[::]` does not take `0.0.0.0` away from another listener.
            if !address.isIPv4 { try set(descriptor, level: Int32(IPPROTO_IPV6), option: IPV6_V6ONLY, to: 1) }
            try bind(descriptor, to: address)
            if sharing == .founds { try set(descriptor, level: SOL_SOCKET, option: SO_REUSEPORT, to: 1) }
            try UVError.checkSystemCall(Glibc.listen(descriptor, backlog))
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        return descriptor
    }

    // MARK: Sending

    // Never waits, and raises no SIGPIPE (send(2)).
    private static let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)

    /// Sends as much of the pieces as the kernel takes now, and gives back how many octets that was.
    static func send(_ pieces: UnsafeMutablePointer<uv_buf_t>, _ count: Int, to descriptor: Int32) throws(UVError) -> Int {
        let sent =
            if count == 1 {
                Glibc.send(descriptor, pieces[0].base, pieces[0].len, flags)
            } else {
                // On Unix, a piece is laid out as an `iovec` (libuv documentation, `uv_buf_t`).
                pieces.withMemoryRebound(to: iovec.self, capacity: count) { vector in
                    var message = msghdr()
                    message.msg_iov = vector
                    message.msg_iovlen = count
                    return sendmsg(descriptor, &message, flags)
                }
            }
        if sent >= 0 { return sent }
        let number = currentSystemErrorNumber()
        if [EAGAIN, ENOBUFS, EINTR].contains(number) { return 0 }
        throw UVError(systemErrorNumber: number)
    }

    /// A socket that connects from the address `source`, or from one that the kernel chooses.
    static func open(connectingTo target: SocketAddress, from source: SocketAddress?) throws(UVError) -> Int32 {
        let descriptor = try open(for: target)
        guard let source else { return descriptor }
        do throws(UVError) {
            // With the port left open until connect(2), one source address has its whole range of ports for each target (ip(7)).
            if source.port == 0 {
                try set(descriptor, level: Int32(IPPROTO_IP), option: IP_BIND_ADDRESS_NO_PORT, to: 1)
            }
            try bind(descriptor, to: source)
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        return descriptor
    }
}

/// Whether several listeners of one process share an address, so that the kernel spreads connections over them.
public enum PortSharing: Sendable {
    /// The only listener at its address.
    case alone
    /// The first of several: it is refused if anybody else listens there.
    case founds
    /// A further one.
    case joins
}
