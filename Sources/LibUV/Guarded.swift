import Glibc

/// A value that one thread at a time may touch, for the little that loops share and that no message waits for.
///
/// A mutex of POSIX and not the standard library's `Mutex`: the thread sanitizer does not see how the latter hands over between
/// threads that have to wait, and reports races that are none. Usable from any thread. Source: pthread_mutex_lock(3p).
public final class Guarded<Value>: @unchecked Sendable {
    // Unchecked, because the mutex is what makes it safe.
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    public init(_ value: sending Value) {
        mutex = .allocate(capacity: 1)
        let status = pthread_mutex_init(mutex, nil)
        precondition(status == 0, "a mutex without attributes needs nothing that could be lacking")
        self.value = value
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Lends the value; other threads wait meanwhile. Must not be called from within `body`.
    public func withLock<Result>(_ body: (inout Value) -> sending Result) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }
}
