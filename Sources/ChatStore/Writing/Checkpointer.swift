internal import Synchronization

/// The thread that copies the write-ahead log back into the database file while others write and read.
final class Checkpointer: Sendable {
    private enum Order: Sendable {
        case checkpoint
        case close
    }

    private let box = PostBox<Order>()
    private let isRequested = Atomic<Bool>(false)

    /// Asks for a checkpoint, unless one is already to come. From any thread.
    func request() {
        if !isRequested.exchange(true, ordering: .relaxed) { box.post(.checkpoint) }
    }

    /// Ends the thread when it is through with what it does.
    func close() { box.post(.close) }

    /// The thread's body. The connection is its own.
    func run(_ database: Database) {
        while true {
            for order in box.take(waitingMilliseconds: nil) {
                guard case .checkpoint = order else { return }
                isRequested.store(false, ordering: .relaxed)
                // What fails here fails for the writer too, which has somebody to tell: the log stays, and grows to its bound.
                _ = try? database.checkpoint(.passive)
            }
        }
    }
}
