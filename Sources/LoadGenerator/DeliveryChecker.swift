/// Judges what one connection receives of one log: a pure state machine.
///
/// Two things are judged. The *numbers*: after JOINED, sequence numbers come in ascending order from `next`, each once, without gaps,
/// except for ranges that a LAG names. The *contents*: the messages of each publisher come in the order of their counters, each once;
/// that finds a broker that gives one message two numbers, or a number to none.
struct DeliveryChecker: Sendable {
    /// What a delivery turned out to be.
    enum Verdict: Sendable, Equatable {
        /// In order and new.
        case expected
        /// In order and new, but this many events before it have not come (yet).
        case afterGap(UInt64)
        /// New, but later than events after it.
        case late
        /// It had come before, or it lies before the position announced.
        case duplicate
        /// Delivered before the broker had announced a position.
        case withoutPosition
    }

    /// Gaps remembered at a time; beyond it the oldest is lost for good, so that a broken broker cannot fill the memory.
    static let gapCountMax = 256

    /// What was found so far; ``finish(head:acknowledged:)`` adds what is lost.
    private(set) var tally = DeliveryTally()
    /// Sequence number that should come next; nil before the first position.
    private(set) var next: UInt64?
    private(set) var epoch: UInt64 = 0
    /// Sum over the messages received that does not depend on their order: equal for all who received the same.
    private(set) var digest: UInt64 = 0
    /// Messages of the run received at least once.
    private(set) var received: UInt64 = 0
    private var gaps: [Range<UInt64>] = []
    private var counters: [UInt32]
    /// Counters jumped over, less those that came afterwards.
    private var counterGapCount: UInt64 = 0
    /// Numbers missing or named by LAG: so many counters may be jumped over.
    private var numberGapCount: UInt64 = 0

    init(publisherCount: Int) {
        counters = [UInt32](repeating: 0, count: publisherCount)
    }

    /// JOINED: events come from `next` on.
    mutating func position(epoch: UInt64, next position: UInt64) {
        self.epoch = epoch
        next = position
    }

    /// A message of the run, whole and from whom it says it is. `signature` is a number that is equal only for equal messages.
    @inline(__always)
    mutating func deliver(seq: UInt64, publisher: Int, counter: UInt32, signature: UInt64) -> Verdict {
        if seq == next, counter == counters[publisher] {
            next = seq + 1
            counters[publisher] = counter + 1
            accept(seq, signature)
            return .expected
        }
        return judge(seq: seq, publisher: publisher, counter: counter, signature: signature)
    }

    /// An event of the log that is no message of the run: one of the broker's own. Only its number is judged.
    mutating func deliverNotice(seq: UInt64) -> Verdict {
        count(number(seq))
    }

    /// LAG: the events `from...to` are skipped, and the next one is `position`.
    mutating func lag(epoch lagEpoch: UInt64, from: UInt64, to: UInt64, next position: UInt64) {
        guard let expected = next, from <= to, position == to + 1, from >= expected, lagEpoch == epoch else {
            tally.contradictions += 1
            return
        }
        if from > expected { open(expected..<from) }
        tally.lagged += to - from + 1
        numberGapCount += to - from + 1
        next = position
    }

    /// Whether everything up to `head` has come or was named.
    func isComplete(head: UInt64) -> Bool {
        guard gaps.isEmpty else { return false }
        // A log of which nothing was published has no position to wait for.
        return head == 0 || (next.map { $0 > head } ?? false)
    }

    /// Nothing more comes: what is missing is lost.
    /// - Parameters:
    ///   - head: the highest sequence number that was acknowledged.
    ///   - acknowledged: how many messages of the log were acknowledged, all of them after this connection was attached.
    mutating func finish(head: UInt64, acknowledged: UInt64) {
        var missing = gaps.reduce(0) { $0 + UInt64($1.count) }
        gaps = []
        if let next, next <= head { missing += head - next + 1 }
        let accounted = received + tally.lagged
        let missingContents = acknowledged > accounted ? acknowledged - accounted : 0
        tally.lost += max(missing, missingContents)
    }

    private mutating func accept(_ seq: UInt64, _ signature: UInt64) {
        received += 1
        let mixed = (seq ^ signature) &* 0x9E37_79B9_7F4A_7C15
        digest &+= mixed ^ mixed >> 31
    }

    private mutating func judge(seq: UInt64, publisher: Int, counter: UInt32, signature: UInt64) -> Verdict {
        let verdict = number(seq)
        switch verdict {
        case .expected, .afterGap:
            let expected = counters[publisher]
            if counter >= expected {
                counterGapCount += UInt64(counter - expected)
                counters[publisher] = counter + 1
                accept(seq, signature)
                return count(verdict)
            }
            // A new number for an old counter: it was overtaken if one is missing beyond what the numbers explain, else it is a copy.
            if counterGapCount > numberGapCount {
                counterGapCount -= 1
                accept(seq, signature)
                return count(.late)
            }
            return count(.duplicate)
        case .late:
            if counterGapCount > 0 { counterGapCount -= 1 }
            if counter >= counters[publisher] { counters[publisher] = counter + 1 }
            accept(seq, signature)
            return count(.late)
        case .duplicate, .withoutPosition:
            return count(verdict)
        }
    }

    /// Judges a sequence number alone and moves on.
    private mutating func number(_ seq: UInt64) -> Verdict {
        guard let expected = next else { return .withoutPosition }
        if seq == expected {
            next = seq + 1
            return .expected
        }
        if seq > expected {
            open(expected..<seq)
            next = seq + 1
            return .afterGap(seq - expected)
        }
        guard let index = gaps.firstIndex(where: { $0.contains(seq) }) else { return .duplicate }
        let gap = gaps.remove(at: index)
        if seq + 1 < gap.upperBound { gaps.insert((seq + 1)..<gap.upperBound, at: index) }
        if gap.lowerBound < seq { gaps.insert(gap.lowerBound..<seq, at: index) }
        numberGapCount -= min(1, numberGapCount)
        return .late
    }

    private mutating func open(_ gap: Range<UInt64>) {
        gaps.append(gap)
        numberGapCount += UInt64(gap.count)
        if gaps.count > Self.gapCountMax { tally.lost += UInt64(gaps.removeFirst().count) }
    }

    private mutating func count(_ verdict: Verdict) -> Verdict {
        switch verdict {
        case .expected, .afterGap: break
        case .late: tally.reordered += 1
        case .duplicate: tally.duplicated += 1
        case .withoutPosition: tally.contradictions += 1
        }
        return verdict
    }
}

/// What was found wrong, or named as missing, in what was delivered.
public struct DeliveryTally: Sendable, Equatable {
    /// Events that should have come and neither came nor were named by LAG.
    public var lost: UInt64 = 0
    /// Events or messages that came again.
    public var duplicated: UInt64 = 0
    /// Events that came after later ones.
    public var reordered: UInt64 = 0
    /// Deliveries of another room, from another sender than they say, of another run, or with a body that is not whole.
    public var foreign: UInt64 = 0
    /// Events named by LAG: missing, but not in silence. Not a fault.
    public var lagged: UInt64 = 0
    /// Acknowledgements, positions and LAGs that do not agree with what was delivered.
    public var contradictions: UInt64 = 0

    public init() {}

    public var isClean: Bool { lost == 0 && duplicated == 0 && reordered == 0 && foreign == 0 && contradictions == 0 }

    public static func += (sum: inout DeliveryTally, part: DeliveryTally) {
        sum.lost += part.lost
        sum.duplicated += part.duplicated
        sum.reordered += part.reordered
        sum.foreign += part.foreign
        sum.lagged += part.lagged
        sum.contradictions += part.contradictions
    }

    mutating func addForeign() { foreign += 1 }
}
