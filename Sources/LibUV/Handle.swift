import CLibUV

/// What libuv watches on behalf of an object: the lifetime that timers, streams, listeners and watchers share.
///
/// The C structure belongs to the object and lives as long as it. From the moment libuv knows the structure until libuv has let go
/// of it, libuv holds one reference to the object (`uv_handle_t.data`): an open handle never goes away by itself, it is closed.
/// Confined to the thread of its loop. Source: libuv documentation, `uv_handle_t`.
public class Handle {
    private enum Phase: UInt8 {
        case unknownToLoop, open, closing, closed
    }

    /// The loop that the handle belongs to.
    public final let loop: EventLoop
    final let storage: UnsafeMutableRawPointer
    private final var phase = Phase.unknownToLoop

    /// Makes an object whose structure of C has `byteCount` octets; ``open(_:)`` makes it known to libuv.
    init(loop: EventLoop, byteCount: Int) {
        self.loop = loop
        storage = .allocate(byteCount: byteCount, alignment: 16)
    }

    deinit {
        precondition(phase == .unknownToLoop || phase == .closed, "libuv still knows this handle")
        storage.deallocate()
    }

    /// Initialises the structure with a `uv_*_init`, after which the handle must be closed.
    final func open(_ initialise: (UnsafeMutableRawPointer) -> Int32) throws(UVError) {
        precondition(phase == .unknownToLoop, "a handle is opened once")
        try UVError.check(initialise(storage))
        base.pointee.data = Unmanaged.passRetained(self).toOpaque()
        phase = .open
    }

    /// The structure as libuv's base type, of which every handle's structure begins with the fields.
    final var base: UnsafeMutablePointer<uv_handle_t> { storage.assumingMemoryBound(to: uv_handle_t.self) }

    /// Whether the handle can be used: it is known to libuv and nobody has closed it.
    public final var isOpen: Bool { phase == .open }

    /// Whether the handle keeps ``EventLoop/run()`` from returning while it is active; true unless changed.
    public final var keepsLoopRunning: Bool {
        get { uv_has_ref(base) != 0 }
        set { if newValue { uv_ref(base) } else { uv_unref(base) } }
    }

    /// Closes the handle: its handlers are not called any more, and what it holds is let go in this turn or the next. Closing twice is harmless.
    public final func close() {
        guard phase == .open else { return }
        willClose()
        phase = .closing
        uv_close(base, handleDidClose)
    }

    /// Called before libuv is told; the place to give back what must not outlive the handle.
    func willClose() {}

    /// Called when libuv has let go; the place to forget handlers, and so to break their cycles.
    func didClose() {}

    fileprivate final func finishClosing() {
        phase = .closed
        didClose()
    }

    /// The object of a callback. It is unchecked, because a callback is only ever registered for objects of its own class.
    static func from<Subclass: Handle>(_ data: UnsafeMutableRawPointer?, as: Subclass.Type) -> Subclass {
        Unmanaged<Subclass>.fromOpaque(data!).takeUnretainedValue()
    }
}

private let handleDidClose: @convention(c) (UnsafeMutablePointer<uv_handle_t>?) -> Void = { pointer in
    Unmanaged<Handle>.fromOpaque(pointer!.pointee.data).takeRetainedValue().finishClosing()
}
