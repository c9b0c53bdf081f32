public import Bytes

/// A page of a log that is asked for (docs/PROTOCOL.md, HISTORY).
public struct HistoryQuery: Sendable {
    /// Which events of the range are taken if they are too many for one page; they come in ascending order in both cases.
    public enum Direction: Sendable {
        case newest
        case oldest
    }

    /// The newest anchor that the caller has of the log.
    public var anchor: LogAnchor
    public var fromSeq: UInt64
    public var toSeq: UInt64
    /// At least 1.
    public var eventCountMax: Int
    /// The page has one event even if that has more octets.
    public var byteCountMax: Int
    public var direction: Direction
    /// The root of the thread that alone is wanted: the root itself, and what names it as the root of its thread. Nil means all events.
    public var thread: UInt64?

    public init(
        anchor: LogAnchor, fromSeq: UInt64, toSeq: UInt64, eventCountMax: Int, byteCountMax: Int = 1 << 20, direction: Direction,
        thread: UInt64? = nil
    ) {
        precondition(eventCountMax > 0, "a page has room for an event")
        self.anchor = anchor
        self.fromSeq = fromSeq
        self.toSeq = toSeq
        self.eventCountMax = eventCountMax
        self.byteCountMax = byteCountMax
        self.direction = direction
        self.thread = thread
    }
}

/// A part of a log as it is stored.
public struct HistoryPage: Sendable {
    /// The seqs that the page answers for: one that has no event here has none at all, or no longer. Nil if the range has nothing in
    /// common with what is retained and stored.
    public let covered: ClosedRange<UInt64>?
    /// Lowest seq retained.
    public let floor: UInt64
    /// DELIVER frames back to back, in ascending order of seqs.
    public let events: SharedBytes
    public let count: Int

    package init(covered: ClosedRange<UInt64>?, floor: UInt64, events: SharedBytes, count: Int) {
        self.covered = covered
        self.floor = floor
        self.events = events
        self.count = count
    }
}
