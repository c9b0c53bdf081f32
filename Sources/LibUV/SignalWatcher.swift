import CLibUV
import Glibc

/// Calls a handler on its loop whenever the process receives a signal, such as `SIGTERM` or `SIGWINCH`.
///
/// Several signals of one kind that come in quickly may be one call. Several watchers of one signal are all called. Confined to the
/// thread of its loop; must be closed, after which the signal has its default effect again unless another watcher is left.
///
/// A program inherits the signals that its parent had blocked (execve(2)), and some parents block nearly all. A blocked signal would wait
/// for ever, so the calling thread lets through what it watches. Source: libuv documentation, `uv_signal_t`; pthread_sigmask(3).
public final class SignalWatcher: Handle {
    private var handler: (() -> Void)?

    /// Watches `signal`, a number of `signal(7)`.
    ///
    /// - Throws: ``UVError/invalidArgument`` for a signal that cannot be caught (`SIGKILL`, `SIGSTOP`) or does not exist.
    public init(loop: EventLoop, signal: Int32, handler: @escaping () -> Void) throws(UVError) {
        self.handler = handler
        super.init(loop: loop, byteCount: MemoryLayout<uv_signal_t>.size)
        try open { uv_signal_init(loop.pointer, $0.assumingMemoryBound(to: uv_signal_t.self)) }
        let status = uv_signal_start(storage.assumingMemoryBound(to: uv_signal_t.self), signalDidArrive, signal)
        if status < 0 {
            close()
            throw UVError(code: status)
        }
        // Only now: a signal that was waiting finds its handler.
        var watched = sigset_t()
        sigemptyset(&watched)
        sigaddset(&watched, signal)
        pthread_sigmask(SIG_UNBLOCK, &watched, nil)
    }

    fileprivate func fire() {
        handler?()
    }

    override func didClose() {
        handler = nil
    }
}

private let signalDidArrive: @convention(c) (UnsafeMutablePointer<uv_signal_t>?, Int32) -> Void = { pointer, _ in
    Handle.from(pointer!.pointee.data, as: SignalWatcher.self).fire()
}
