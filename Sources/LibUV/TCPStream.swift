public import Bytes
import CLibUV
import Glibc

/// What the user of a ``TCPStream`` is told. All calls are made on the loop's thread, never from within a call to the stream.
public protocol TCPStreamDelegate: AnyObject {
    /// Octets have come in. They lie in the loop's one slab and are lent for the length of the call.
    func stream(_ stream: TCPStream, didRead bytes: RawSpan)
    /// The peer sends no more (FIN); it may still read. Told once.
    func streamDidReachEnd(_ stream: TCPStream)
    /// Reading, a pending write or the shutdown failed; told at most once. Nothing more is read, and the stream is to be closed.
    func stream(_ stream: TCPStream, didFail error: UVError)
    /// The pending ``TCPStream/write(_:)`` has been handed to the kernel; more can be written.
    func streamDidWrite(_ stream: TCPStream)
    /// The stream is gone. The last call; the stream forgets its delegate with it.
    func streamDidClose(_ stream: TCPStream)
}

/// A TCP connection.
///
/// It starts with `TCP_NODELAY` set, because whoever writes does so once a turn with all there is. Nothing is buffered here: reads
/// go through the loop's slab, and a write that the kernel does not take at once keeps references to the writer's own octets.
/// Confined to the thread of its loop; must be closed. Source: libuv documentation, `uv_stream_t` and `uv_tcp_t`; `tcp(7)`.
public final class TCPStream: Handle {
    // Small fields stand together, behind those of the handle: there is one such object for each connection.

    private var hasReachedEnd = false
    /// Whether this turn has read all that a stream may read in one.
    private var hasFilledSlab = false
    private var isShutDown = false
    /// The socket while the stream is open.
    private var descriptor: Int32 = -1
    /// The other end.
    public let peer: SocketAddress
    private var hasFailed = false
    /// Who is told what happens. Kept strongly until `streamDidClose`, so that a connection lives as long as its socket.
    public var delegate: (any TCPStreamDelegate)?
    private var writeRequest: WriteRequest?

    /// Binds an accepted connection to a loop, which need not be the listener's.
    ///
    /// - Throws: what `setsockopt(2)` reports; the connection is closed then.
    public init(loop: EventLoop, adopting socket: AcceptedSocket) throws(UVError) {
        peer = socket.peer
        super.init(loop: loop, byteCount: MemoryLayout<uv_tcp_t>.size)
        try open { uv_tcp_init(loop.pointer, $0.assumingMemoryBound(to: uv_tcp_t.self)) }
        try adopt(socket.takeDescriptor())
    }

    /// A stream without a socket, for ``ConnectRequest``.
    init(loop: EventLoop, connectingTo peer: SocketAddress) throws(UVError) {
        self.peer = peer
        super.init(loop: loop, byteCount: MemoryLayout<uv_tcp_t>.size)
        try open { uv_tcp_init(loop.pointer, $0.assumingMemoryBound(to: uv_tcp_t.self)) }
    }

    /// Takes a socket over. If that fails, the socket and the stream are closed.
    func adopt(_ descriptor: Int32) throws(UVError) {
        do throws(UVError) {
            let status = uv_tcp_open(tcp, descriptor)
            if status < 0 {
                closeDescriptor(descriptor)
                throw UVError(code: status)
            }
            self.descriptor = descriptor
            try UVError.check(uv_tcp_nodelay(tcp, 1))
        } catch {
            close()
            throw error
        }
    }

    /// Connects to `target`, from the address `source` if there is one (its port may be zero).
    ///
    /// `completion` is called once, on the loop and never before this returns, unless the request is cancelled first. It gets an open
    /// stream, which does not read yet, or the error: ``UVError/connectionRefused``, `ETIMEDOUT`, ``UVError/addressNotAvailable``,
    /// ``UVError/cancelled`` if the loop is closed meanwhile. There is no time limit but the kernel's; a caller that wants one cancels.
    @discardableResult
    public static func connect(
        loop: EventLoop, to target: SocketAddress, from source: SocketAddress? = nil,
        completion: @escaping (Result<TCPStream, UVError>) -> Void
    ) -> PendingRequest {
        ConnectRequest(loop: loop, target: target, source: source, completion: completion)
    }

    var tcp: UnsafeMutablePointer<uv_tcp_t> { storage.assumingMemoryBound(to: uv_tcp_t.self) }
    var stream: UnsafeMutablePointer<uv_stream_t> { storage.assumingMemoryBound(to: uv_stream_t.self) }

    /// This end; ``SocketAddress/unspecified`` once the stream is closed.
    public var local: SocketAddress {
        guard isOpen else { return .unspecified }
        var storage = sockaddr_storage()
        var length = Int32(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            uv_tcp_getsockname(tcp, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &length)
        }
        return status < 0 ? .unspecified : SocketAddress(storage) ?? .unspecified
    }

    // MARK: Reading

    /// Reads from now on, until stopped, the end or a failure. Reading already is fine, and after the end or a failure there is nothing
    /// to read.
    ///
    /// - Throws: ``UVError/invalidArgument`` if the stream is closed.
    public func startReading() throws(UVError) {
        guard isOpen else { throw .invalidArgument }
        // libuv would report the end a second time.
        if hasReachedEnd || hasFailed { return }
        let status = uv_read_start(stream, lendReadSlab, streamDidRead)
        if status != UV_EALREADY.rawValue { try UVError.check(status) }
    }

    /// Reads nothing until started again; the peer is held back by TCP's window. Without reading, the peer's end goes unnoticed.
    public func stopReading() {
        guard isOpen else { return }
        _ = uv_read_stop(stream)
    }

    /// The slab for one read, or nothing, which ends this turn's reading (`UV_ENOBUFS`): a peer that has filled the slab once has more to
    /// be read, and that comes in the next turn, so that others are served in between.
    fileprivate func lendSlab() -> uv_buf_t {
        guard !hasFilledSlab else {
            hasFilledSlab = false
            return uv_buf_t()
        }
        return uv_buf_t(base: loop.readSlab.assumingMemoryBound(to: CChar.self), len: EventLoop.readSlabByteCount)
    }

    fileprivate func finishRead(count: Int, base: UnsafeMutablePointer<CChar>?) {
        guard isOpen else { return }
        if count > 0 {
            hasFilledSlab = count == EventLoop.readSlabByteCount
            delegate?.stream(self, didRead: UnsafeRawBufferPointer(start: base, count: count).bytes)
        } else if count == Int(UV_EOF.rawValue) {
            hasReachedEnd = true
            delegate?.streamDidReachEnd(self)
        } else if count < 0 && count != Int(UV_ENOBUFS.rawValue) {
            fail(UVError(code: Int32(count)))
        }
    }

    // MARK: Writing

    /// Writes what the kernel takes at once, and gives back how many octets that was; zero if it takes none now.
    ///
    /// One vectored system call for at most 64 slices; more are left for the next call. Must not be called while ``isWriting``, as it goes
    /// past libuv's queue: `send(2)` takes a shorter way through the kernel than the `write(2)` of `uv_try_write`.
    ///
    /// - Throws: ``UVError/brokenPipe`` (also after ``shutdown()``), ``UVError/connectionReset`` and the like,
    ///   ``UVError/invalidArgument`` if the stream is closed.
    public func tryWrite(_ slices: ArraySlice<SharedBytes>) throws(UVError) -> Int {
        try requireWritable()
        let vector = loop.writeVector
        // The pointers outlive the closures that lend them, but not `slices`, which keeps the octets where they are.
        return try withExtendedLifetime(slices) { () throws(UVError) -> Int in
            let span = slices.span
            let sliceCount = min(span.count, EventLoop.writeSliceCountMax)
            for index in 0..<sliceCount {
                span[index].withUnsafeBytes { vector[index] = uv_buf_t($0) }
            }
            return sliceCount == 0 ? 0 : try SocketDescriptor.send(vector, sliceCount, to: descriptor)
        }
    }

    /// Like ``tryWrite(_:)-(ArraySlice<SharedBytes>)``, for octets that lie in one place.
    public func tryWrite(_ bytes: RawSpan) throws(UVError) -> Int {
        try requireWritable()
        return try bytes.withUnsafeBytes { (octets) throws(UVError) -> Int in
            loop.writeVector[0] = uv_buf_t(octets)
            return octets.isEmpty ? 0 : try SocketDescriptor.send(loop.writeVector, 1, to: descriptor)
        }
    }

    private func requireWritable() throws(UVError) {
        guard isOpen else { throw .invalidArgument }
        guard !isShutDown else { throw .brokenPipe }
        precondition(writeRequest == nil, "a write is pending, and this one would overtake it")
    }

    /// Writes all of it, in as many turns as the peer needs, and then tells `streamDidWrite`.
    ///
    /// The octets are referenced, not copied, until then. At most one write is outstanding (``isWriting``), and one of nothing is not
    /// allowed: both trap.
    ///
    /// - Throws: ``UVError/invalidArgument`` if the stream is closed, ``UVError/brokenPipe`` after ``shutdown()``. What fails later
    ///   goes to `stream(_:didFail:)`.
    public func write(_ slices: [SharedBytes]) throws(UVError) {
        guard isOpen else { throw .invalidArgument }
        precondition(writeRequest == nil, "one write at a time")
        precondition(!slices.isEmpty, "a write of nothing")
        let request = WriteRequest(slices)
        try request.start(on: self)
        writeRequest = request
    }

    /// Whether a ``write(_:)`` has not been finished.
    public var isWriting: Bool { writeRequest != nil }

    /// Octets of the pending write that the kernel has not taken yet.
    public var writingByteCount: Int { isOpen ? uv_stream_get_write_queue_size(stream) : 0 }

    /// Called by ``WriteRequest``, also when closing has cancelled it.
    func finishWrite(status: Int32) {
        writeRequest = nil
        guard isOpen else { return }
        if status < 0 {
            fail(UVError(code: status))
        } else {
            delegate?.streamDidWrite(self)
        }
    }

    // MARK: Ending

    /// Ends this side (FIN) after the pending write; the peer may go on sending. Does nothing a second time or on a stream that has failed.
    public func shutdown() {
        guard isOpen, !isShutDown, !hasFailed else { return }
        isShutDown = true
        let request = UnsafeMutablePointer<uv_shutdown_t>.allocate(capacity: 1)
        let status = uv_shutdown(request, stream, streamDidShutDown)
        if status < 0 {
            request.deallocate()
            preconditionFailure("uv_shutdown cannot fail for an open stream: \(UVError(code: status))")
        }
    }

    fileprivate func finishShutdown(status: Int32) {
        guard isOpen, status < 0 else { return }
        fail(UVError(code: status))
    }

    /// Breaks the connection off at once (RST): what the kernel has not sent is dropped, and the peer reads `ECONNRESET`. Then as
    /// ``close()``.
    public func reset() {
        guard isOpen else { return }
        // The same as uv_tcp_close_reset, which refuses to work while a shutdown is pending.
        var descriptor: Int32 = -1
        if uv_fileno(base, &descriptor) == 0 {
            var now = linger(l_onoff: 1, l_linger: 0)
            _ = setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        }
        close()
    }

    private func fail(_ error: UVError) {
        guard !hasFailed else { return }
        hasFailed = true
        stopReading()
        delegate?.stream(self, didFail: error)
    }

    override func didClose() {
        let delegate = delegate
        self.delegate = nil
        delegate?.streamDidClose(self)
    }
}

extension uv_buf_t {
    /// libuv's view of octets that it only reads.
    init(_ octets: UnsafeRawBufferPointer) {
        let base = UnsafeMutableRawPointer(mutating: octets.baseAddress)
        self.init(base: base?.assumingMemoryBound(to: CChar.self), len: octets.count)
    }
}

private let lendReadSlab: @convention(c) (UnsafeMutablePointer<uv_handle_t>?, Int, UnsafeMutablePointer<uv_buf_t>?) -> Void = {
    handle, _, buffer in
    buffer!.pointee = Handle.from(handle!.pointee.data, as: TCPStream.self).lendSlab()
}

private let streamDidRead: @convention(c) (UnsafeMutablePointer<uv_stream_t>?, Int, UnsafePointer<uv_buf_t>?) -> Void = {
    pointer, count, buffer in
    Handle.from(pointer!.pointee.data, as: TCPStream.self).finishRead(count: count, base: buffer?.pointee.base)
}

private let streamDidShutDown: @convention(c) (UnsafeMutablePointer<uv_shutdown_t>?, Int32) -> Void = { request, status in
    let stream = Handle.from(request!.pointee.handle.pointee.data, as: TCPStream.self)
    request!.deallocate()
    stream.finishShutdown(status: status)
}
