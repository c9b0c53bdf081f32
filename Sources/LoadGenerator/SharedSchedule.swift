/// One schedule for all publishers of a run, who take turns: in each round every publisher sends one message, in the order of their
/// numbers. Each loop has its own copy and advances it; nothing is shared between them but the arithmetic.
struct SharedSchedule: Sendable, Equatable {
    private let moments: SendSchedule
    private let publisherCount: UInt64
    private let messagesMax: UInt64
    /// Messages due so far, of all publishers.
    private var dueTotal: UInt64 = 0

    init(_ moments: SendSchedule, publisherCount: Int, messagesMax: UInt64) {
        precondition(publisherCount > 0, "a schedule without publishers")
        self.moments = moments
        self.publisherCount = UInt64(publisherCount)
        self.messagesMax = messagesMax
    }

    /// Makes due what is due by then.
    mutating func advance(to nanoseconds: UInt64) {
        dueTotal = min(moments.dueCount(at: nanoseconds), messagesMax)
    }

    /// Rounds in which every publisher's message is due.
    var roundsDue: UInt64 { dueTotal / publisherCount }

    func isDue(round: UInt64, publisherNumber: Int) -> Bool {
        round * publisherCount + UInt64(publisherNumber) < dueTotal
    }

    /// How many messages a publisher should have sent.
    func dueCount(of publisherNumber: Int) -> UInt64 {
        let number = UInt64(publisherNumber)
        return dueTotal > number ? (dueTotal - number - 1) / publisherCount + 1 : 0
    }

    /// When a publisher's message number `index`, counted from 0, is due.
    func nanoseconds(of publisherNumber: Int, index: UInt64) -> UInt64 {
        moments.nanoseconds(of: index * publisherCount + UInt64(publisherNumber))
    }
}
