internal import Glibc
internal import Synchronization

/// The way from any thread to one of the store's threads, which takes all that has been left, in the order of posting.
///
/// A post is a compare-and-swap, and a system call only if the receiver waits. The box has no bound of its own: who posts keeps one.
final class PostBox<Message: Sendable>: Sendable {
    private final class Node {
        let message: Message
        var next: UInt = 0

        init(_ message: consuming Message) { self.message = message }
    }

    // The address of the topmost node, which the stack owns; zero if there is none.
    private let top = Atomic<UInt>(0)
    /// Whether the receiver rests, and is woken by what is urgent only.
    private let isResting = Atomic<Bool>(false)
    /// Whether something urgent has been posted that was not taken.
    private let isRoused = Atomic<Bool>(false)
    // sem_init(3): a semaphore must not move. Freed in `deinit`, when nobody can post any more.
    nonisolated(unsafe) private let signal: UnsafeMutablePointer<sem_t>

    init() {
        signal = .allocate(capacity: 1)
        let status = sem_init(signal, 0, 0)
        precondition(status == 0, "a semaphore that begins at zero is always given")
    }

    deinit {
        _ = take()
        sem_destroy(signal)
        signal.deallocate()
    }

    /// From any thread.
    ///
    /// - Parameter isUrgent: whether it ends a ``rest(milliseconds:)``.
    func post(_ message: consuming Message, isUrgent: Bool = true) {
        let node = Unmanaged.passRetained(Node(message))
        let address = UInt(bitPattern: node.toOpaque())
        var current = top.load(ordering: .relaxed)
        while true {
            node.takeUnretainedValue().next = current
            let result = top.weakCompareExchange(
                expected: current, desired: address, successOrdering: .acquiringAndReleasing, failureOrdering: .relaxed)
            if result.exchanged { break }
            current = result.original
        }
        if isUrgent { isRoused.store(true, ordering: .releasing) }
        // A receiver at rest looks into the box when it is through.
        if isUrgent || (current == 0 && !isResting.load(ordering: .acquiring)) { sem_post(signal) }
    }

    /// Lets posts gather until something urgent is posted, or until the time is over. Takes nothing. For the receiver alone.
    func rest(milliseconds: Int) {
        isResting.store(true, ordering: .releasing)
        var deadline = Self.time(inMilliseconds: milliseconds)
        while !isRoused.load(ordering: .acquiring) {
            if sem_timedwait(signal, &deadline) != 0 && errno == ETIMEDOUT { break }
        }
        isResting.store(false, ordering: .releasing)
    }

    private static func time(inMilliseconds milliseconds: Int) -> timespec {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let nanoseconds = time.tv_nsec + milliseconds % 1_000 * 1_000_000
        time.tv_sec += milliseconds / 1_000 + nanoseconds / 1_000_000_000
        time.tv_nsec = nanoseconds % 1_000_000_000
        return time
    }

    /// What has been posted since the last call, the first one first. For the receiver alone.
    func take() -> [Message] {
        isRoused.store(false, ordering: .sequentiallyConsistent)
        var current = top.exchange(0, ordering: .acquiringAndReleasing)
        var messages: [Message] = []
        while current != 0 {
            let node = Unmanaged<Node>.fromOpaque(UnsafeRawPointer(bitPattern: current)!).takeRetainedValue()
            messages.append(node.message)
            current = node.next
        }
        messages.reverse()
        return messages
    }

    /// Waits until something is posted, or until the time is over, and takes it. May return nothing. For the receiver alone.
    ///
    /// - Parameter milliseconds: nil means without end. A step of the wall clock makes it longer or shorter (sem_timedwait(3)).
    func take(waitingMilliseconds milliseconds: Int?) -> [Message] {
        // Signals of posts that were taken without waiting; what is posted from here on is seen by the first `take` or signals anew.
        while sem_trywait(signal) == 0 {}
        let messages = take()
        if !messages.isEmpty { return messages }
        if let milliseconds {
            var deadline = Self.time(inMilliseconds: milliseconds)
            sem_timedwait(signal, &deadline)
        } else {
            sem_wait(signal)
        }
        return take()
    }
}
