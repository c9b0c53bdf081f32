public import ChatProtocol

/// Where a client stands in one room's log, and what it makes of the next event (docs/PROTOCOL.md, *The delivery contract*).
///
/// Epoch and seq are one value: a cursor is made from a JOINED frame and replaced as a whole, never by halves (invariant I4).
public struct RoomCursor: Sendable, Equatable {
    /// What is to be done with an event.
    public enum Verdict: Sendable, Equatable {
        /// It is the next one.
        case deliver
        /// It was had before.
        case duplicate
        /// It is new, but the events of the range before it never came, and no LAG named them.
        case deliverAfterHole(ClosedRange<UInt64>)
    }

    /// What a LAG frame means for this cursor.
    public struct Skip: Sendable, Equatable {
        /// Events the broker says it skipped; nil if all of them were had before.
        public var skipped: ClosedRange<UInt64>?
        /// Events before them that nothing names.
        public var hole: ClosedRange<UInt64>?
        /// Whether the log began a new epoch, so that the numbers before it mean nothing any more.
        public var isNewEpoch: Bool

        public init(skipped: ClosedRange<UInt64>?, hole: ClosedRange<UInt64>?, isNewEpoch: Bool) {
            self.skipped = skipped
            self.hole = hole
            self.isNewEpoch = isNewEpoch
        }
    }

    /// The last event had: what a JOIN resumes from.
    public private(set) var position: LogPosition

    /// A cursor in front of the event `next`.
    public init(epoch: UInt64, next: UInt64) {
        position = LogPosition(epoch: epoch, seq: next > 0 ? next - 1 : 0)
    }

    /// Judges an event and, unless it is a duplicate, moves behind it.
    public mutating func judge(_ event: Event) -> Verdict {
        let expected = position.seq + 1
        guard event.seq >= expected else { return .duplicate }
        position.seq = event.seq
        if event.seq == expected || Self.covers(event, expected...(event.seq - 1)) { return .deliver }
        return .deliverAfterHole(expected...(event.seq - 1))
    }

    /// Moves to where a LAG frame says that delivery goes on.
    public mutating func skip(_ lag: Lag) -> Skip {
        guard lag.epoch == position.epoch else {
            position = LogPosition(epoch: lag.epoch, seq: lag.next > 0 ? lag.next - 1 : 0)
            return Skip(skipped: Self.range(lag.fromSeq, lag.toSeq), hole: nil, isNewEpoch: true)
        }
        let expected = position.seq + 1
        let hole = lag.fromSeq > expected ? expected...(lag.fromSeq - 1) : nil
        // `to_seq` and `next` should adjoin; where they do not, what lies between them is not delivered either.
        let skipped = Self.range(max(lag.fromSeq, expected), max(lag.toSeq, lag.next > 0 ? lag.next - 1 : 0))
        position.seq = max(position.seq, skipped?.upperBound ?? 0)
        return Skip(skipped: skipped, hole: hole, isNewEpoch: false)
    }

    /// A jump in seq is legitimate where the event after it is a void event that covers it.
    private static func covers(_ event: Event, _ range: ClosedRange<UInt64>) -> Bool {
        guard event.kind == .void, let from = event.fromSeq, let to = event.toSeq else { return false }
        return from <= range.lowerBound && to >= range.upperBound
    }

    private static func range(_ from: UInt64, _ to: UInt64) -> ClosedRange<UInt64>? {
        from <= to ? from...to : nil
    }
}
