public import Bytes
public import ChatProtocol

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

    public init(
        anchor: LogAnchor, fromSeq: UInt64, toSeq: UInt64, eventCountMax: Int, byteCountMax: Int = 1 << 20, direction: Direction
    ) {
        precondition(eventCountMax > 0, "a page has room for an event")
        self.anchor = anchor
        self.fromSeq = fromSeq
        self.toSeq = toSeq
        self.eventCountMax = eventCountMax
        self.byteCountMax = byteCountMax
        self.direction = direction
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

/// A publish that is to be found, because a retry is older than what the broker remembers.
public struct PublicationQuery: Sendable {
    public var anchor: LogAnchor
    public var account: AccountName
    public var messageID: MessageID
    /// The publish is not older than this.
    public var since: Timestamp
    /// Events that are looked through at most.
    public var eventCountMax: Int

    public init(anchor: LogAnchor, account: AccountName, messageID: MessageID, since: Timestamp, eventCountMax: Int = 100_000) {
        self.anchor = anchor
        self.account = account
        self.messageID = messageID
        self.since = since
        self.eventCountMax = eventCountMax
    }
}

/// Whether a publish is stored.
public enum PublicationAnswer: Sendable, Equatable {
    case found(seq: UInt64, timestamp: Timestamp)
    /// It certainly is not.
    case absent
    /// The log reaches further back than could be looked through, or not far enough.
    case unknown
}
