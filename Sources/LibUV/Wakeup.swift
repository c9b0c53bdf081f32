import CLibUV

/// Whom a ``Wakeup`` wakes.
protocol WakeupReceiver: AnyObject {
    /// On the loop: somebody has sent since the last call, perhaps several times.
    func wakeupDidFire()
    /// On the loop: from when this returns, nobody may send any more.
    func wakeupWillClose()
}

/// Lets another thread wake a loop. Whoever sends must make sure that the handle is not closed before the call has returned; ``Mailbox`` does.
///
/// Source: libuv documentation, `uv_async_t`.
final class Wakeup: Handle {
    private var receiver: (any WakeupReceiver)?

    init(loop: EventLoop, receiver: any WakeupReceiver) throws(UVError) {
        self.receiver = receiver
        super.init(loop: loop, byteCount: MemoryLayout<uv_async_t>.size)
        try open { uv_async_init(loop.pointer, $0.assumingMemoryBound(to: uv_async_t.self), wakeupDidArrive) }
    }

    /// What ``send(to:)`` takes: a number, so that it can be published to other threads atomically. Never zero.
    var address: UInt { UInt(bitPattern: storage) }

    /// Wakes the loop, from any thread.
    static func send(to address: UInt) {
        _ = uv_async_send(UnsafeMutablePointer<uv_async_t>(bitPattern: address))
    }

    fileprivate func fire() {
        receiver?.wakeupDidFire()
    }

    override func willClose() {
        receiver?.wakeupWillClose()
    }

    override func didClose() {
        receiver = nil
    }
}

private let wakeupDidArrive: @convention(c) (UnsafeMutablePointer<uv_async_t>?) -> Void = { pointer in
    Handle.from(pointer!.pointee.data, as: Wakeup.self).fire()
}
