import Bytes
import ChatProtocol

/// What one connection publishes to one log, and what has become of it: a state machine without sockets.
///
/// A message is in flight until both its PUBLISHED and its own delivery have come back to its publisher. The requests without
/// PUBLISHED never exceed what the broker allows.
struct Publisher {
    /// What a message in flight waits for.
    private struct Slot {
        var counter: UInt32 = 0
        var intendedNanoseconds: UInt64 = 0
        /// Zero until it is known.
        var acknowledgedSeq: UInt64 = 0
        var deliveredSeq: UInt64 = 0
        var isAnswered = false
        var isUsed = false
    }

    /// Request ids run through so many numbers before they begin again: a power of two, so that an id tells the slot.
    private static let requestIDCount: UInt32 = 1 << 23

    /// Number among all publishers of the run.
    let number: Int
    /// Index in its room.
    let index: Int
    /// Messages that may be sent in all.
    let messageCountMax: UInt64
    private let window: Int
    private let requestsMax: Int
    private var slots: [Slot]
    /// Messages sent so far, and the counter of the next one.
    private(set) var sent: UInt64 = 0
    private(set) var inFlight = 0
    /// Messages sent whose PUBLISHED or ERROR has not come.
    private(set) var unanswered = 0
    /// What the acknowledgements say of the log.
    private(set) var head = LogHead()

    /// - Parameters:
    ///   - window: messages in flight; nil in an open loop, where only the broker's limit holds.
    ///   - requestsMax: `max_inflight` of WELCOME.
    init(number: Int, index: Int, messageCountMax: UInt64, window: Int?, requestsMax: Int) {
        self.number = number
        self.index = index
        self.messageCountMax = min(messageCountMax, UInt64(UInt32.max))
        self.requestsMax = requestsMax
        // In the open loop, deliveries that lag far behind their acknowledgements must not hold the schedule up.
        self.window = window.map { min($0, requestsMax) } ?? max(requestsMax, 16_384)
        var capacity = 16
        while capacity < 2 * self.window { capacity *= 2 }
        slots = [Slot](repeating: Slot(), count: capacity)
    }

    /// Whether one more may be sent now.
    var maySend: Bool {
        sent < messageCountMax && inFlight < window && unanswered < requestsMax && !slots[Int(sent) & (slots.count - 1)].isUsed
    }

    /// Whether everything is sent and everything has come back.
    var isExhausted: Bool { sent >= messageCountMax && inFlight == 0 }

    /// Takes the next message; its counter and request id.
    mutating func send(intendedNanoseconds: UInt64) -> (counter: UInt32, requestID: UInt32) {
        let counter = UInt32(truncatingIfNeeded: sent)
        slots[Int(counter) & (slots.count - 1)] = Slot(counter: counter, intendedNanoseconds: intendedNanoseconds, isUsed: true)
        sent += 1
        inFlight += 1
        unanswered += 1
        return (counter, LoadConnection.publishRequestIDFirst + counter % Self.requestIDCount)
    }

    /// What an answer turned out to be.
    enum Answer: Equatable {
        /// The message should have been sent then.
        case intended(nanoseconds: UInt64)
        /// There is no such request, or it was answered before.
        case unknown
        /// It says another sequence number than the delivery did.
        case contradicts(nanoseconds: UInt64)
    }

    /// PUBLISHED. `isPassed`: the log has been received beyond `seq`, so the own delivery does not come any more if it has not come yet.
    mutating func acknowledge(requestID: UInt32, seq: UInt64, isPassed: Bool) -> Answer {
        guard let slot = answeredSlot(requestID) else { return .unknown }
        head.seq = max(head.seq, seq)
        head.acknowledged += 1
        let intended = slots[slot].intendedNanoseconds
        slots[slot].acknowledgedSeq = seq
        let delivered = slots[slot].deliveredSeq
        if delivered != 0 || isPassed { release(slot) }
        return delivered == 0 || delivered == seq ? .intended(nanoseconds: intended) : .contradicts(nanoseconds: intended)
    }

    /// ERROR: the message will not be delivered.
    mutating func refuse(requestID: UInt32) -> Bool {
        guard let slot = answeredSlot(requestID) else { return false }
        release(slot)
        return true
    }

    /// The own delivery. False if it contradicts the acknowledgement.
    mutating func deliver(counter: UInt32, seq: UInt64) -> Bool {
        let index = Int(counter) & (slots.count - 1)
        guard slots[index].isUsed, slots[index].counter == counter else { return true }
        slots[index].deliveredSeq = seq
        let acknowledged = slots[index].acknowledgedSeq
        guard acknowledged != 0 else { return true }
        release(index)
        return acknowledged == seq
    }

    /// LAG: own deliveries below `next` do not come any more.
    mutating func skip(below next: UInt64) {
        for index in slots.indices where slots[index].isUsed && slots[index].acknowledgedSeq != 0 && slots[index].acknowledgedSeq < next {
            release(index)
        }
    }

    private mutating func answeredSlot(_ requestID: UInt32) -> Int? {
        guard requestID >= LoadConnection.publishRequestIDFirst else { return nil }
        let index = Int(requestID - LoadConnection.publishRequestIDFirst) & (slots.count - 1)
        guard slots[index].isUsed, !slots[index].isAnswered,
            slots[index].counter % Self.requestIDCount == requestID - LoadConnection.publishRequestIDFirst
        else { return nil }
        slots[index].isAnswered = true
        unanswered -= 1
        return index
    }

    private mutating func release(_ index: Int) {
        slots[index].isUsed = false
        inFlight -= 1
    }
}
