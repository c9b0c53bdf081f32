import CLibUV
import Glibc
import Synchronization

/// A thread for an event loop: with a name, a stack of a chosen size, and deaf to signals.
///
/// Every signal that is not caused by the thread's own instructions is blocked in it, so that signals reach the program's main thread.
/// Source: `pthreads(7)`, `signal(7)`.
public final class LoopThread: Sendable {
    private let thread: pthread_t
    private let isJoined = Atomic<Bool>(false)

    /// Starts a thread that calls `body` and ends when it returns. The thread makes, runs and closes its own ``EventLoop`` in there.
    ///
    /// - Parameter name: Linux keeps the first 15 octets (`PR_SET_NAME` of `prctl(2)`).
    /// - Parameter stackByteCount: at least 16 KiB and whole pages, else `EINVAL`.
    /// - Throws: `EAGAIN` if the system has no thread left.
    public init(name: String, stackByteCount: Int, body: @escaping @Sendable () -> Void) throws(UVError) {
        var attributes = pthread_attr_t()
        try Self.check(pthread_attr_init(&attributes))
        defer { pthread_attr_destroy(&attributes) }
        try Self.check(pthread_attr_setstacksize(&attributes, stackByteCount))

        // A new thread inherits the mask, so there is no moment in which a signal could reach it.
        var blocked = Self.asynchronousSignals()
        var previous = sigset_t()
        try Self.check(pthread_sigmask(SIG_BLOCK, &blocked, &previous))
        defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }

        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var thread = pthread_t()
        let status = pthread_create(&thread, &attributes, threadDidStart, start.toOpaque())
        if status != 0 {
            start.release()
            throw UVError(systemErrorNumber: status)
        }
        self.thread = thread
    }

    deinit {
        if !isJoined.load(ordering: .relaxed) { pthread_detach(thread) }
    }

    /// Waits until `body` has returned. A second call returns at once; the thread itself must not call it.
    public func join() {
        guard !isJoined.exchange(true, ordering: .relaxed) else { return }
        let status = pthread_join(thread, nil)
        precondition(status == 0, "a thread cannot wait for itself")
    }

    private static func check(_ errorNumber: Int32) throws(UVError) {
        if errorNumber != 0 { throw UVError(systemErrorNumber: errorNumber) }
    }

    private static func asynchronousSignals() -> sigset_t {
        var signals = sigset_t()
        sigfillset(&signals)
        // A thread's own faults must end the process with a trace, and a profiler samples every thread.
        for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF] {
            sigdelset(&signals, signal)
        }
        return signals
    }

    fileprivate final class Start {
        let name: String
        let body: @Sendable () -> Void

        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }

        func run() {
            _ = chat_set_thread_name(name)
            body()
        }
    }
}

private let threadDidStart: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
    Unmanaged<LoopThread.Start>.fromOpaque(context!).takeRetainedValue().run()
    return nil
}
