internal import ChatCore
internal import Synchronization

/// What any thread may ask of the writer or know about it.
final class WriterPort: Sendable {
    enum Order: Sendable {
        case write([StoreWrite], byteCount: Int, isAwaited: Bool, then: @Sendable (StoreOutcome) -> Void)
        case close
    }

    let box = PostBox<Order>()
    let isWritable = Atomic<Bool>(true)
    let isClosed = Atomic<Bool>(false)
    /// Whether a post was refused: what it held was perhaps delivered already.
    let hasRefused = Atomic<Bool>(false)
    let commits = Atomic<Int>(0)
    let events = Atomic<Int>(0)
    let failedPosts = Atomic<Int>(0)
    let logPages = Atomic<Int>(0)
    private let waitingPosts = Atomic<Int>(0)
    private let waitingBytes = Atomic<Int>(0)
    private let postsMax: Int
    private let bytesMax: Int

    init(_ settings: StoreSettings) {
        postsMax = settings.waitingPostsMax
        bytesMax = settings.waitingBytesMax
    }

    var waiting: (posts: Int, bytes: Int) { (waitingPosts.load(ordering: .relaxed), waitingBytes.load(ordering: .relaxed)) }

    var isBacklogged: Bool {
        waitingPosts.load(ordering: .relaxed) > postsMax / 2 || waitingBytes.load(ordering: .relaxed) > bytesMax / 2
    }

    /// Leaves writes for the writer. False if as many wait as may.
    func post(_ writes: [StoreWrite], isAwaited: Bool, then answer: @escaping @Sendable (StoreOutcome) -> Void) -> Bool {
        var byteCount = 0
        for write in writes { byteCount += write.byteCount }
        guard !isClosed.load(ordering: .acquiring) else {
            hasRefused.store(true, ordering: .releasing)
            return false
        }
        // A post larger than the bound is taken when nothing else waits, or it could never be.
        let posts = waitingPosts.add(1, ordering: .relaxed).newValue
        let bytes = waitingBytes.add(byteCount, ordering: .relaxed)
        guard posts <= postsMax, bytes.newValue <= bytesMax || bytes.oldValue == 0 else {
            settle(byteCount: byteCount)
            hasRefused.store(true, ordering: .releasing)
            return false
        }
        box.post(.write(writes, byteCount: byteCount, isAwaited: isAwaited, then: answer), isUrgent: isAwaited)
        return true
    }

    /// A post waits no longer.
    func settle(byteCount: Int) {
        waitingPosts.subtract(1, ordering: .relaxed)
        waitingBytes.subtract(byteCount, ordering: .relaxed)
    }
}
