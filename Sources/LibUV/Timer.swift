import CLibUV

/// Calls a handler after a time, once or again and again. The grain is one millisecond, counted from ``EventLoop/nowMilliseconds``.
///
/// Confined to the thread of its loop; must be closed. Source: libuv documentation, `uv_timer_t`.
public final class Timer: Handle {
    private var handler: (() -> Void)?

    /// A timer that does nothing yet.
    public init(loop: EventLoop) {
        super.init(loop: loop, byteCount: MemoryLayout<uv_timer_t>.size)
        do throws(UVError) {
            try open { uv_timer_init(loop.pointer, $0.assumingMemoryBound(to: uv_timer_t.self)) }
        } catch {
            preconditionFailure("uv_timer_init cannot fail: \(error)")
        }
    }

    private var timer: UnsafeMutablePointer<uv_timer_t> { storage.assumingMemoryBound(to: uv_timer_t.self) }

    /// Starts the timer, or starts it anew: the handler is called after `afterMilliseconds`, and then every `repeatMilliseconds` if that is not zero.
    ///
    /// Calls that the loop was too busy to make in time are not made up for. The handler is kept until the timer is started anew,
    /// stopped or closed; a timer that is closed already does nothing.
    public func start(afterMilliseconds: UInt64, repeatMilliseconds: UInt64 = 0, _ handler: @escaping () -> Void) {
        guard isOpen else { return }
        self.handler = handler
        let status = uv_timer_start(timer, timerDidFire, afterMilliseconds, repeatMilliseconds)
        precondition(status == 0, "uv_timer_start cannot fail for an open timer")
    }

    /// Whether a call is still to come.
    public var isActive: Bool { isOpen && uv_is_active(base) != 0 }

    /// Stops the timer: no call is made until it is started again.
    public func stop() {
        guard isOpen else { return }
        _ = uv_timer_stop(timer)
        handler = nil
    }

    fileprivate func fire() {
        handler?()
    }

    override func didClose() {
        handler = nil
    }
}

private let timerDidFire: @convention(c) (UnsafeMutablePointer<uv_timer_t>?) -> Void = { pointer in
    Handle.from(pointer!.pointee.data, as: Timer.self).fire()
}
