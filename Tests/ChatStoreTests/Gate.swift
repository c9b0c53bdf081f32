import Glibc
import Synchronization

/// Holds a thread until it is opened, each time anew.
final class Gate: Sendable {
    nonisolated(unsafe) private let signal = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)

    init() { sem_init(signal, 0, 0) }

    deinit {
        sem_destroy(signal)
        signal.deallocate()
    }

    func wait() { while sem_wait(signal) != 0 {} }

    func open() { sem_post(signal) }
}

/// Counts on any thread.
final class Counter: Sendable {
    private let count = Atomic<Int>(0)

    func increment() { count.add(1, ordering: .relaxed) }

    var value: Int { count.load(ordering: .relaxed) }
}
