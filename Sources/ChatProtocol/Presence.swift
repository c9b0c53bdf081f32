/// MARK: how far an account has read a log. The same frame from client and broker.
public struct ReadMarker: Sendable, Equatable {
    public var room: RoomAddress
    /// Highest seq read; 0 if nothing was.
    public var mark: UInt64
    /// Whose marker it is; set by the broker.
    public var user: AccountName?
    /// When it was moved; set by the broker.
    public var timestamp: Timestamp?
    /// The incarnation of the log that `mark` belongs to.
    public var epoch: UInt64?

    public init(room: RoomAddress, mark: UInt64, user: AccountName? = nil, timestamp: Timestamp? = nil, epoch: UInt64? = nil) {
        self.room = room
        self.mark = mark
        self.user = user
        self.timestamp = timestamp
        self.epoch = epoch
    }
}

/// TYPING: somebody is writing, or has stopped. The same frame from client and broker.
public struct Typing: Sendable, Equatable {
    public var room: RoomAddress
    /// 1 typing, 0 stopped (docs/PROTOCOL.md, table S).
    public var state: UInt8
    /// Who; set by the broker.
    public var user: AccountName?

    public init(room: RoomAddress, state: UInt8, user: AccountName? = nil) {
        self.room = room
        self.state = state
        self.user = user
    }

    public var isTyping: Bool { state == 1 }
}

/// PRESENCE: from a client its own state and whose states it wants to be told, from the broker the state of one account.
public struct Presence: Sendable, Equatable {
    public var state: PresenceState?
    /// Replaces the accounts whose state is told to this connection; nil leaves them alone.
    public var users: [AccountName]?
    /// Whose state it is; set by the broker.
    public var user: AccountName?

    public init(state: PresenceState? = nil, users: [AccountName]? = nil, user: AccountName? = nil) {
        self.state = state
        self.users = users
        self.user = user
    }
}

/// INBOX: the logs of the account that changed since an update number.
public struct ReadInbox: Sendable, Equatable {
    /// `usn` of the last answer; 0 asks for all.
    public var since: UInt64
    /// Items wanted; nil or 0 means 100.
    public var limit: UInt64?

    public init(since: UInt64, limit: UInt64? = nil) {
        self.since = since
        self.limit = limit
    }
}

/// A log in the answer to INBOX.
public struct InboxRecord: Sendable, Equatable {
    public var room: RoomAddress
    public var epoch: UInt64
    public var head: UInt64
    /// The account's read marker; 0 if it never set one.
    public var mark: UInt64
    /// Retained messages (kind 0) after the marker.
    public var unread: UInt64
    /// When the log or the marker last changed, as an update number of the inbox.
    public var updateNumber: UInt64
    /// Time of the last event.
    public var timestamp: Timestamp?

    public init(
        room: RoomAddress, epoch: UInt64, head: UInt64, mark: UInt64, unread: UInt64, updateNumber: UInt64, timestamp: Timestamp? = nil
    ) {
        self.room = room
        self.epoch = epoch
        self.head = head
        self.mark = mark
        self.unread = unread
        self.updateNumber = updateNumber
        self.timestamp = timestamp
    }
}
