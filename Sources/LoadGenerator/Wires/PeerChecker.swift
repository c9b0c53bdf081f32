/// Judges what one connection receives of one room of a peer, whose messages have no sequence numbers: the counters of each publisher
/// stand in for them. The messages of one publisher must come in their order, each once; of different publishers nothing is known.
struct PeerChecker: Sendable {
    private var checkers: [DeliveryChecker]

    init(publisherCount: Int) {
        checkers = (0..<publisherCount).map { _ in
            var checker = DeliveryChecker(publisherCount: 1)
            checker.position(epoch: 0, next: 1)
            return checker
        }
    }

    /// A message of the run, whole. `signature` is a number that is equal only for equal messages.
    @inline(__always)
    mutating func deliver(publisher: Int, counter: UInt32, signature: UInt64) -> DeliveryChecker.Verdict {
        checkers[publisher].deliver(seq: UInt64(counter) + 1, publisher: 0, counter: counter, signature: signature)
    }

    /// Messages received at least once.
    var received: UInt64 { checkers.reduce(0) { $0 + $1.received } }

    /// Nothing more comes. What was found, where `sent` messages were published to the room.
    mutating func finish(sent: UInt64) -> DeliveryTally {
        var tally = DeliveryTally()
        for index in checkers.indices {
            checkers[index].finish(head: 0, acknowledged: 0)
            tally += checkers[index].tally
        }
        // What is missing at the end of a publisher's messages leaves no gap.
        tally.lost = max(tally.lost, sent > received ? sent - received : 0)
        return tally
    }
}
