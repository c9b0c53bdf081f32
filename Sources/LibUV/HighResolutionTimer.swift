import CLibUV
import Glibc

/// Calls a handler once after a time given in nanoseconds, where the millisecond of a ``Timer`` is too coarse.
///
/// Confined to the thread of its loop; must be closed. Source: timerfd_create(2).
public final class HighResolutionTimer {
    private let descriptor: Int32
    private let watcher: DescriptorWatcher
    private var isOpen = true

    /// A timer that does nothing yet. The handler is kept until the timer is closed.
    ///
    /// - Throws: `EMFILE`, `ENFILE` or `ENOMEM` if the system has no descriptor left.
    public init(loop: EventLoop, handler: @escaping () -> Void) throws(UVError) {
        let descriptor = try UVError.checkSystemCall(
            timerfd_create(CLOCK_MONOTONIC, Int32(TFD_NONBLOCK) | Int32(TFD_CLOEXEC)))
        self.descriptor = descriptor
        do throws(UVError) {
            watcher = try DescriptorWatcher(loop: loop, descriptor: descriptor)
            try watcher.start(.readable) { _ in
                var expirations: UInt64 = 0
                // Nothing to read means that the timer was started anew meanwhile.
                guard Glibc.read(descriptor, &expirations, MemoryLayout<UInt64>.size) > 0 else { return }
                handler()
            }
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    deinit { precondition(!isOpen, "a timer must be closed before it is let go") }

    /// Starts the timer, or starts it anew; 0 counts as 1.
    public func start(afterNanoseconds nanoseconds: UInt64) {
        guard isOpen else { return }
        let (seconds, rest) = max(nanoseconds, 1).quotientAndRemainder(dividingBy: 1_000_000_000)
        var time = itimerspec(it_interval: timespec(), it_value: timespec(tv_sec: Int(seconds), tv_nsec: Int(rest)))
        let status = timerfd_settime(descriptor, 0, &time, nil)
        precondition(status == 0, "timerfd_settime cannot fail for an open timer")
    }

    /// Gives the timer back. Closing twice is harmless.
    public func close() {
        guard isOpen else { return }
        isOpen = false
        watcher.close()
        Glibc.close(descriptor)
    }
}
