internal import CSQLite
internal import Glibc

/// A thread of the store, deaf to signals, which the main thread gets. Must be joined.
final class StoreThread: Sendable {
    private let thread: pthread_t

    /// - Parameter name: At most 15 octets (`PR_SET_NAME` of prctl(2)).
    init(name: String, body: @escaping @Sendable () -> Void) throws(StoreError) {
        var signals = sigset_t()
        sigfillset(&signals)
        // A thread's own faults must end the process with a trace.
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF] { sigdelset(&signals, signal) }
        var previous = sigset_t()
        pthread_sigmask(SIG_BLOCK, &signals, &previous)
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let status = pthread_create(&thread, nil, threadDidStart, start.toOpaque())
        guard status == 0 else {
            start.release()
            throw StoreError(path: name, errorNumber: status, doing: "starting a thread")
        }
        self.thread = thread
    }

    /// Waits until `body` has returned; once.
    func join() {
        let status = pthread_join(thread, nil)
        precondition(status == 0, "a thread is joined once, by another")
    }

    fileprivate final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Milliseconds of a clock that only goes forward.
    static var monotonicMilliseconds: Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000 + time.tv_nsec / 1_000_000
    }

    /// Milliseconds since 1970-01-01T00:00:00Z.
    static var wallMilliseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}

private let threadDidStart: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    let start = Unmanaged<StoreThread.Start>.fromOpaque(context!).takeRetainedValue()
    csqlite_set_thread_name(start.name)
    start.body()
    return nil
}
