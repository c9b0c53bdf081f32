import CLibUV

/// One `uv_loop_t`: waits for I/O, timers and messages and calls their handlers, one at a time.
///
/// A loop, and everything made with it, is confined to one thread: the thread that makes it runs and closes it, and only handlers
/// called by the loop, or code on that thread, may touch them. The one way in from another thread is a ``Mailbox``.
///
/// A loop must be closed before its last reference goes. Source: libuv documentation, `uv_loop_t`.
public final class EventLoop {
    /// The size of the slab that all streams of a loop read into, one after another.
    static let readSlabByteCount = 65_536
    /// The most slices that one vectored write takes.
    static let writeSliceCountMax = 64

    let pointer: UnsafeMutablePointer<uv_loop_t>
    /// Lent to one read callback at a time; a loop has one thread, so one is enough.
    let readSlab: UnsafeMutableRawPointer
    /// Scratch for the vector of a write that is tried, valid during the call only.
    let writeVector: UnsafeMutablePointer<uv_buf_t>
    private var turnEnd: TurnEnd?
    /// Whether ``close()`` has begun; what is still under way ends with ``UVError/cancelled``.
    private(set) var isClosing = false
    private var isClosed = false
    private var isRunning = false

    /// Called once a turn: after the handlers of that turn's I/O, messages and timers have run and before the loop blocks, and once
    /// more when ``run()`` is about to return. What the handlers made dirty is flushed here. It is kept until the loop is closed.
    public var onTurnEnd: (() -> Void)?

    /// Makes a loop for the calling thread.
    ///
    /// - Throws: `EMFILE` or `ENOMEM` if the system does not give what a loop needs.
    public init() throws(UVError) {
        _ = brokenPipeSignalIsIgnored
        let pointer = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let status = uv_loop_init(pointer)
        if status < 0 {
            pointer.deallocate()
            throw UVError(code: status)
        }
        self.pointer = pointer
        readSlab = .allocate(byteCount: Self.readSlabByteCount, alignment: 64)
        writeVector = .allocate(capacity: Self.writeSliceCountMax)
        turnEnd = TurnEnd(loop: self)
    }

    deinit {
        precondition(isClosed, "an event loop must be closed before it is let go")
        readSlab.deallocate()
        writeVector.deallocate()
        pointer.deallocate()
    }

    /// A clock in milliseconds that never goes back and has no meaning outside this machine; read once a turn (`uv_now`).
    public var nowMilliseconds: UInt64 { uv_now(pointer) }

    /// The same clock in nanoseconds, read anew by each call (`uv_hrtime`).
    public static var clockNanoseconds: UInt64 { uv_hrtime() }

    /// Runs until ``stop()`` is called, or until there is nothing left to wait for. It may be run again.
    public func run() {
        precondition(!isClosed && !isRunning, "an event loop runs once at a time and not after it is closed")
        isRunning = true
        defer { isRunning = false }
        _ = uv_run(pointer, UV_RUN_DEFAULT)
        // What the handlers of the last turn left is flushed too: no turn follows whose end would do it.
        onTurnEnd?()
    }

    /// Lets ``run()`` return at the end of this turn. Only for the loop's own thread; others post to a ``Mailbox`` whose handler calls it.
    public func stop() {
        uv_stop(pointer)
    }

    /// Closes everything that is open on the loop, calls what has to be told (`streamDidClose`, cancelled requests) and gives the loop
    /// back.
    ///
    /// Not to be called by a handler of the loop. It waits for name resolutions that a thread of libuv's pool has begun.
    public func close() {
        guard !isClosed else { return }
        precondition(!isRunning, "an event loop is closed after it has run, not by one of its handlers")
        isClosing = true
        turnEnd = nil
        while uv_loop_close(pointer) == UV_EBUSY.rawValue {
            // A handler may open something new when it is told that something has closed: hence the loop.
            uv_walk(pointer, closeHandle, nil)
            _ = uv_run(pointer, UV_RUN_DEFAULT)
        }
        onTurnEnd = nil
        isClosed = true
    }
}

private let closeHandle: @convention(c) (UnsafeMutablePointer<uv_handle_t>?, UnsafeMutableRawPointer?) -> Void = { pointer, _ in
    Handle.from(pointer!.pointee.data, as: Handle.self).close()
}
