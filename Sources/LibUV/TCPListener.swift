import CLibUV
import Glibc

/// Listens at an address and accepts connections, a bounded number a turn.
///
/// When descriptors run out, it sheds: with a descriptor kept in reserve it accepts and closes the connections that wait, so that their
/// users learn at once instead of hanging, reports the error and goes on. Confined to the thread of its loop; must be closed. Source:
/// `accept4(2)`.
public final class TCPListener: Handle {
    /// How long accepting rests after an error that would only repeat itself.
    static let restMilliseconds: UInt64 = 100

    /// Where it listens; the port is the one the system chose if zero was asked for.
    public let localAddress: SocketAddress
    private let descriptor: Int32
    private let acceptCountMaxPerTurn: Int
    private var reserve: Int32 = -1
    private var restTimer: Timer?
    private var onAccept: ((AcceptedSocket) -> Void)?
    private var onError: ((UVError) -> Void)?

    /// Listens at `address`; connections wait in the kernel until ``start(onAccept:onError:)``.
    ///
    /// A listener at an IPv6 address takes IPv6 connections only. With `sharing` several loops may each have a listener at one
    /// address, and the kernel spreads connections over them (`socket(7)`, `SO_REUSEPORT`).
    ///
    /// - Parameters:
    ///   - backlog: how many connections may wait; the kernel has a maximum of its own (`somaxconn`).
    ///   - acceptCountMaxPerTurn: the most connections accepted in one turn, so that a flood of new ones does not starve those that exist.
    /// - Throws: ``UVError/addressInUse``, ``UVError/addressNotAvailable``, `EACCES` and what else `bind(2)` and `listen(2)` report.
    public init(
        loop: EventLoop, address: SocketAddress, backlog: Int32, acceptCountMaxPerTurn: Int = 64, sharing: PortSharing
    ) throws(UVError) {
        precondition(acceptCountMaxPerTurn > 0, "a listener that accepts nobody")
        let descriptor = try SocketDescriptor.listen(at: address, backlog: backlog, sharing: sharing)
        self.descriptor = descriptor
        self.acceptCountMaxPerTurn = acceptCountMaxPerTurn
        do throws(UVError) {
            localAddress = try SocketDescriptor.localAddress(descriptor)
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        super.init(loop: loop, byteCount: MemoryLayout<uv_poll_t>.size)
        do throws(UVError) {
            try open { uv_poll_init(loop.pointer, $0.assumingMemoryBound(to: uv_poll_t.self), descriptor) }
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
        openReserve()
    }

    /// Accepts from now on. `onError` is told of failures to accept, at most once a turn; the listener goes on by itself.
    public func start(onAccept: @escaping (AcceptedSocket) -> Void, onError: @escaping (UVError) -> Void) {
        guard isOpen else { return }
        self.onAccept = onAccept
        self.onError = onError
        watch()
    }

    private var poll: UnsafeMutablePointer<uv_poll_t> { storage.assumingMemoryBound(to: uv_poll_t.self) }

    private func watch() {
        let status = uv_poll_start(poll, Int32(UV_READABLE.rawValue), listenerIsReady)
        precondition(status == 0, "uv_poll_start cannot fail for an open handle")
    }

    fileprivate func acceptWhatWaits(status: Int32) {
        guard status >= 0 else { return rest(after: UVError(code: status)) }
        var shed: UVError?
        defer { if let shed { onError?(shed) } }
        for _ in 0..<acceptCountMaxPerTurn {
            guard isOpen else { return }
            switch acceptOne() {
            case .success(let socket):
                onAccept?(socket)
            case .failure(let errorNumber):
                switch errorNumber {
                case EAGAIN:
                    return
                case EINTR, ECONNABORTED, EPROTO, ENOPROTOOPT, EOPNOTSUPP, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET:
                    // The connection broke while it waited; accept4(2) says to treat these as if there had been none.
                    continue
                case EMFILE, ENFILE:
                    let error = UVError(systemErrorNumber: errorNumber)
                    guard shedOne() else { return rest(after: error) }
                    shed = error
                default:
                    return rest(after: UVError(systemErrorNumber: errorNumber))
                }
            }
        }
    }

    private enum AcceptResult {
        case success(AcceptedSocket)
        case failure(Int32)
    }

    private func acceptOne() -> AcceptResult {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let flags = Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let accepted = withUnsafeMutablePointer(to: &storage) { pointer in
            accept4(descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length, flags)
        }
        guard accepted >= 0 else { return .failure(errno) }
        guard let peer = SocketAddress(storage) else {
            closeDescriptor(accepted)
            return .failure(EPROTO)
        }
        return .success(AcceptedSocket(descriptor: accepted, peer: peer))
    }

    /// Closes one waiting connection in the place of the reserve; false if there is no reserve, or if others took its place at once.
    private func shedOne() -> Bool {
        guard reserve >= 0 else { return false }
        closeDescriptor(reserve)
        reserve = -1
        var isShed = false
        // The socket is let go at once, which closes it and frees its descriptor for the reserve.
        if case .success = acceptOne() { isShed = true }
        openReserve()
        return isShed
    }

    private func openReserve() {
        if reserve < 0 { reserve = Glibc.open("/dev/null", O_RDONLY | O_CLOEXEC) }
    }

    private func rest(after error: UVError) {
        _ = uv_poll_stop(poll)
        let timer = restTimer ?? Timer(loop: loop)
        restTimer = timer
        timer.start(afterMilliseconds: Self.restMilliseconds) { [unowned self] in
            openReserve()
            watch()
        }
        onError?(error)
    }

    override func willClose() {
        restTimer?.close()
        restTimer = nil
        // The port is free as soon as close() returns; a descriptor may be closed once it is not polled any more.
        _ = uv_poll_stop(poll)
        closeDescriptor(descriptor)
        if reserve >= 0 { closeDescriptor(reserve) }
    }

    override func didClose() {
        onAccept = nil
        onError = nil
    }
}

private let listenerIsReady: @convention(c) (UnsafeMutablePointer<uv_poll_t>?, Int32, Int32) -> Void = { pointer, status, _ in
    Handle.from(pointer!.pointee.data, as: TCPListener.self).acceptWhatWaits(status: status)
}
