import Glibc
import LibUV

/// Calls a handler when the user, or a supervisor, asks the program to end: SIGINT or SIGTERM. Confined to the thread of its loop; must be
/// closed.
struct InterruptWatcher {
    private static let signals = [SIGINT, SIGTERM]
    private let watchers: [SignalWatcher]

    init(loop: EventLoop, handler: @escaping () -> Void) throws(UVError) {
        var watchers: [SignalWatcher] = []
        for signal in Self.signals { watchers.append(try SignalWatcher(loop: loop, signal: signal, handler: handler)) }
        self.watchers = watchers
    }

    func close() {
        for watcher in watchers { watcher.close() }
    }
}
