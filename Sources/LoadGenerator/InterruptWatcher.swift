import Glibc
import LibUV

/// Calls a handler when the user, or a supervisor, asks the program to end: SIGINT or SIGTERM.
///
/// A program inherits the signals that its parent had blocked (`execve(2)`), and some parents block nearly all. A blocked signal would
/// wait for ever, so the calling thread, which must be the one that runs the loop, lets both through. Confined to that thread; must be
/// closed.
struct InterruptWatcher {
    private static let signals = [SIGINT, SIGTERM]
    private let watchers: [SignalWatcher]

    init(loop: EventLoop, handler: @escaping () -> Void) throws(UVError) {
        var watchers: [SignalWatcher] = []
        for signal in Self.signals { watchers.append(try SignalWatcher(loop: loop, signal: signal, handler: handler)) }
        self.watchers = watchers
        // Only now: a signal that was waiting finds its handler.
        var unblocked = sigset_t()
        sigemptyset(&unblocked)
        for signal in Self.signals { sigaddset(&unblocked, signal) }
        pthread_sigmask(SIG_UNBLOCK, &unblocked, nil)
    }

    func close() {
        for watcher in watchers { watcher.close() }
    }
}
