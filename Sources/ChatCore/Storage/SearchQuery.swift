public import Bytes
public import ChatProtocol

/// What a shard wants searched.
public struct StoreSearch: Sendable {
    /// By which the answer names it.
    public let number: UInt64
    public let query: SearchQuery
}

/// What is looked for, and in which logs (docs/PROTOCOL.md, *Search*).
public struct SearchQuery: Sendable {
    /// The logs that may be read, each as the number by which the store knows it.
    package var logs: Set<Int64>
    /// Words as a person wrote them, with blanks in between.
    public var words: String
    public var author: AccountName?
    /// Only events of this time.
    public var times: Range<Timestamp>
    /// Only events that were stored before the one with this number; nil means all.
    public var before: Int64?
    /// At least 1.
    public var eventCountMax: Int
    /// The page has one event even if that has more octets.
    public var byteCountMax: Int

    public init(
        in anchors: some Sequence<LogAnchor>, words: String, author: AccountName? = nil,
        times: Range<Timestamp> = 0..<Timestamp.max, before: Int64? = nil, eventCountMax: Int, byteCountMax: Int = 262_144
    ) {
        precondition(eventCountMax > 0, "a page has room for an event")
        logs = Set(anchors.map(\.log))
        self.words = words
        self.author = author
        self.times = times
        self.before = before
        self.eventCountMax = eventCountMax
        self.byteCountMax = byteCountMax
    }
}

/// What a search found.
public struct SearchPage: Sendable {
    /// DELIVER frames, the newest event first.
    public let events: [SharedBytes]
    /// What ``SearchQuery/before`` is for the next page; nil if everything was looked through.
    public let next: Int64?
    /// Whether the time was over before the page was full.
    public let isIncomplete: Bool

    package init(events: [SharedBytes], next: Int64?, isIncomplete: Bool) {
        self.events = events
        self.next = next
        self.isIncomplete = isIncomplete
    }
}
