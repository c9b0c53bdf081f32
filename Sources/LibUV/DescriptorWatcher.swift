import CLibUV
import Glibc

/// Tells when a descriptor that somebody else owns, such as the terminal's, can be read from or written to.
///
/// It reports as long as the condition holds, so the handler must read or write, or stop. The descriptor stays the owner's: it is not closed, and whether
/// it blocks is left as it was (a terminal is shared with the shell, which must not find it changed). Regular files cannot be watched.
/// Confined to the thread of its loop; must be closed before the descriptor is. Source: libuv documentation, `uv_poll_t`.
public final class DescriptorWatcher: Handle {
    /// What a descriptor is ready for.
    public struct Readiness: OptionSet, Sendable {
        public let rawValue: Int32

        public init(rawValue: Int32) {
            self.rawValue = rawValue
        }

        /// There is something to read, or the end has been reached.
        public static let readable = Readiness(rawValue: Int32(UV_READABLE.rawValue))
        /// Something can be written.
        public static let writable = Readiness(rawValue: Int32(UV_WRITABLE.rawValue))
    }

    private var handler: ((Result<Readiness, UVError>) -> Void)?

    /// Prepares to watch a descriptor.
    ///
    /// - Throws: `EPERM` for a regular file, `EBADF` for what is no open descriptor, `EEXIST` for one that the loop watches already.
    public init(loop: EventLoop, descriptor: Int32) throws(UVError) {
        super.init(loop: loop, byteCount: MemoryLayout<uv_poll_t>.size)
        let flags = try UVError.checkSystemCall(fcntl(descriptor, F_GETFL))
        try open { uv_poll_init(loop.pointer, $0.assumingMemoryBound(to: uv_poll_t.self), descriptor) }
        // `uv_poll_init` makes the open file description non-blocking, for every process that shares it.
        if fcntl(descriptor, F_SETFL, flags) < 0 {
            let error = UVError(systemErrorNumber: errno)
            close()
            throw error
        }
    }

    private var poll: UnsafeMutablePointer<uv_poll_t> { storage.assumingMemoryBound(to: uv_poll_t.self) }

    /// Reports readiness of the kinds of `interest`, until stopped, or an error, after which nothing more is reported. Replaces an earlier interest.
    public func start(_ interest: Readiness, handler: @escaping (Result<Readiness, UVError>) -> Void) throws(UVError) {
        guard isOpen else { throw .invalidArgument }
        self.handler = handler
        try UVError.check(uv_poll_start(poll, interest.rawValue, descriptorIsReady))
    }

    /// Reports nothing until started again.
    public func stop() {
        guard isOpen else { return }
        _ = uv_poll_stop(poll)
        handler = nil
    }

    fileprivate func fire(status: Int32, events: Int32) {
        guard status < 0 else {
            handler?(.success(Readiness(rawValue: events)))
            return
        }
        let handler = handler
        stop()
        handler?(.failure(UVError(code: status)))
    }

    override func didClose() {
        handler = nil
    }
}

private let descriptorIsReady: @convention(c) (UnsafeMutablePointer<uv_poll_t>?, Int32, Int32) -> Void = { pointer, status, events in
    Handle.from(pointer!.pointee.data, as: DescriptorWatcher.self).fire(status: status, events: events)
}
