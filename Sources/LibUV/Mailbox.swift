import Glibc
import Synchronization

/// The way from any thread into a loop: many post batches of messages, one loop receives them.
///
/// The batches of one thread arrive in the order of posting. Nobody ever waits: a post is one compare-and-swap onto a linked stack,
/// which the loop takes as a whole and turns over, and the loop is woken only by the post that finds the box empty. A mailbox has no bound of its own:
/// who posts looks at ``undeliveredCount`` and decides.
///
/// ``post(_:)``, ``undeliveredCount`` and ``isClosed`` are for any thread, everything else for the loop's. Once attached, the box keeps its loop running until it is closed.
public final class Mailbox<Message: Sendable>: Sendable {
    /// A batch on the stack. Owned by who has taken it off; `next` is written by the poster before the batch can be seen, and by the loop after.
    private final class Node {
        let batch: [Message]
        var next: UInt = 0

        init(_ batch: consuming [Message]) {
            self.batch = batch
        }
    }

    // `top` is the address of the topmost node, which the stack owns, or one of these.
    private static var empty: UInt { 0 }
    private static var closed: UInt { 1 }

    private let top = Atomic<UInt>(0)
    private let undelivered = Atomic<Int>(0)
    /// The wake-up's address, or zero before the mailbox is attached.
    private let wakeupAddress = Atomic<UInt>(0)
    /// Posts that found the box empty and are through with the wake-up.
    private let wakeupsFinished = Atomic<UInt>(0)

    // Only the loop's thread touches these.
    /// Posts that found the box empty, as seen by the receiver: it has taken the stack that often.
    nonisolated(unsafe) private var wakeupsBegun: UInt = 0
    nonisolated(unsafe) private var wakeup: Wakeup?
    nonisolated(unsafe) private var onMessages: (([Message]) -> Void)?

    /// A mailbox without a loop: it can be handed out and posted to, and keeps what it gets until ``attach(to:onMessages:)``.
    public init() {}

    /// A mailbox of a loop; see ``attach(to:onMessages:)``.
    public convenience init(loop: EventLoop, onMessages: @escaping ([Message]) -> Void) throws(UVError) {
        self.init()
        try attach(to: loop, onMessages: onMessages)
    }

    deinit {
        let first = top.load(ordering: .acquiring)
        if first != Self.closed { drop(first) }
    }

    /// Gives the mailbox its loop, whose thread must be the calling one. `onMessages` is called there for every batch, also for those posted before.
    ///
    /// A mailbox is attached once. - Throws: `EMFILE` or `ENOMEM` if the system does not give what a wake-up needs.
    public func attach(to loop: EventLoop, onMessages: @escaping ([Message]) -> Void) throws(UVError) {
        precondition(wakeup == nil && !isClosed, "a mailbox is attached once")
        let wakeup = try Wakeup(loop: loop, receiver: self)
        self.wakeup = wakeup
        self.onMessages = onMessages
        // A post that sees no address yet has put its batch on the stack before this, so the wake-up below serves it.
        wakeupAddress.store(wakeup.address, ordering: .sequentiallyConsistent)
        Wakeup.send(to: wakeup.address)
    }

    /// Puts a batch into the box; from any thread. A closed box drops it. False if it did.
    @discardableResult
    public func post(_ batch: consuming [Message]) -> Bool {
        if batch.isEmpty { return !isClosed }
        let count = batch.count
        let node = Node(batch)
        let reference = Unmanaged.passRetained(node)
        let address = UInt(bitPattern: reference.toOpaque())
        undelivered.add(count, ordering: .relaxed)
        var current = top.load(ordering: .relaxed)
        while true {
            if current == Self.closed {
                undelivered.subtract(count, ordering: .relaxed)
                reference.release()
                return false
            }
            node.next = current
            // Sequentially consistent, because it is ordered against the load of the wake-up's address; see `attach`.
            let result = top.weakCompareExchange(
                expected: current, desired: address, successOrdering: .sequentiallyConsistent, failureOrdering: .relaxed)
            if result.exchanged { break }
            current = result.original
        }
        if current == Self.empty {
            let wakeupAddress = wakeupAddress.load(ordering: .sequentiallyConsistent)
            if wakeupAddress != 0 { Wakeup.send(to: wakeupAddress) }
            // From here on this thread does not touch the handle, and `seal` may let it go.
            wakeupsFinished.add(1, ordering: .releasing)
        }
        return true
    }

    /// Messages posted and not yet given to the handler; from any thread, and out of date as soon as it is read.
    public var undeliveredCount: Int { undelivered.load(ordering: .relaxed) }

    /// How often posts have woken the loop. For tests.
    package var wakeupCount: UInt { wakeupsFinished.load(ordering: .relaxed) }

    /// Whether posts are dropped; from any thread.
    public var isClosed: Bool { top.load(ordering: .relaxed) == Self.closed }

    /// Drops what is in the box and everything that is posted from now on.
    public func close() {
        if let wakeup { wakeup.close() } else { seal() }
    }

    private func deliver() {
        var current = top.exchange(Self.empty, ordering: .sequentiallyConsistent)
        if current == Self.empty { return }
        wakeupsBegun &+= 1
        var oldest: UInt = 0
        while current != 0 {
            let node = Self.node(at: current)
            let next = node.takeUnretainedValue().next
            node.takeUnretainedValue().next = oldest
            oldest = current
            current = next
        }
        while oldest != 0 {
            let node = Self.node(at: oldest).takeRetainedValue()
            oldest = node.next
            undelivered.subtract(node.batch.count, ordering: .relaxed)
            onMessages?(node.batch)
        }
    }

    /// Lets nobody post any more, and waits until nobody who has posted is on the way to the wake-up.
    private func seal() {
        let first = top.exchange(Self.closed, ordering: .sequentiallyConsistent)
        if first == Self.closed { return }
        if first != Self.empty { wakeupsBegun &+= 1 }
        drop(first)
        // Each of those has begun already and has one system call to make, so this is short.
        while wakeupsFinished.load(ordering: .acquiring) != wakeupsBegun { sched_yield() }
        wakeup = nil
        onMessages = nil
    }

    private func drop(_ first: UInt) {
        var current = first
        while current != 0 {
            let node = Self.node(at: current).takeRetainedValue()
            current = node.next
            undelivered.subtract(node.batch.count, ordering: .relaxed)
        }
    }

    private static func node(at address: UInt) -> Unmanaged<Node> {
        Unmanaged.fromOpaque(UnsafeRawPointer(bitPattern: address)!)
    }
}

extension Mailbox: WakeupReceiver {
    func wakeupDidFire() {
        deliver()
    }

    func wakeupWillClose() {
        seal()
    }
}
