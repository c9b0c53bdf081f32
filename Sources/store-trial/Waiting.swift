import Glibc
import LibUV

/// A value that one thread waits for and another gives, once.
final class Waiting<Value: Sendable>: Sendable {
    private let value = Guarded<Value?>(nil)
    nonisolated(unsafe) private let signal: UnsafeMutablePointer<sem_t>

    init() {
        signal = .allocate(capacity: 1)
        sem_init(signal, 0, 0)
    }

    deinit {
        sem_destroy(signal)
        signal.deallocate()
    }

    func give(_ given: Value) {
        value.withLock { $0 = given }
        sem_post(signal)
    }

    func take() -> Value {
        while sem_wait(signal) != 0 {}
        guard let taken = value.withLock({ $0 }) else { preconditionFailure("the signal comes behind the value") }
        return taken
    }
}
