import LibUV
import Synchronization

extension Atomic where Value == Int {
    /// A number that several threads can hold on to.
    final class Box: Sendable {
        let value = Atomic<Int>(0)
    }
}

extension Mailbox {
    /// A mailbox that is known later than the one who posts to it. Set before anything is posted.
    final class Reference: @unchecked Sendable {
        // Unchecked: the post that starts a round trip orders the one store before every load.
        var value: Mailbox?
    }
}
