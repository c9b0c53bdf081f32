public import Bytes

/// SEARCH: find what was said, in all logs that the account may read or in one of them.
public struct Search: Sendable, Equatable {
    /// Words, each of which must occur in the text of an event; without any, every message is found.
    public var query: String
    /// Only this log; nil means all that the account may read.
    public var room: RoomAddress?
    /// Only what this account said.
    public var from: AccountName?
    /// Only what was said at this moment or later, as milliseconds since 1970-01-01T00:00:00Z.
    public var since: Timestamp?
    /// Only what was said before this moment.
    public var until: Timestamp?
    /// Events wanted; nil or 0 means 100.
    public var limit: UInt64?
    /// Where the last page ended.
    public var cursor: SharedBytes?

    public init(
        query: String, room: RoomAddress? = nil, from: AccountName? = nil, since: Timestamp? = nil, until: Timestamp? = nil,
        limit: UInt64? = nil, cursor: SharedBytes? = nil
    ) {
        self.query = query
        self.room = room
        self.from = from
        self.since = since
        self.until = until
        self.limit = limit
        self.cursor = cursor
    }
}

/// FOUND: a page of what a search found, as the DELIVER frames that it was sent as.
public struct Found: Sendable, Equatable {
    /// DELIVER frames back to back, the newest event first.
    public var frames: SharedBytes
    /// Where the next page begins; nil if everything was looked through.
    public var cursor: SharedBytes?
    /// Whether the time for a search was over before the page was full.
    public var isIncomplete: Bool

    public init(frames: SharedBytes = .empty, cursor: SharedBytes? = nil, isIncomplete: Bool = false) {
        self.frames = frames
        self.cursor = cursor
        self.isIncomplete = isIncomplete
    }

    /// The events of the frames.
    public func events() throws(PayloadError) -> [Event] { try Batch.events(in: frames) }
}
