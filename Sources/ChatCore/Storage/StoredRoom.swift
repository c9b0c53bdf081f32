public import ChatProtocol

/// What is kept of a room besides its events and members.
public struct LogRecord: Sendable, Equatable {
    public var address: RoomAddress
    /// Incarnation of the log; greater than that of any log that had the address before.
    public var epoch: UInt64
    public var createdAt: Timestamp
    public var policy: RoomPolicy
    public var title: String?
    public var topic: String?
    public var owner: AccountName?

    public init(
        address: RoomAddress, epoch: UInt64, createdAt: Timestamp, policy: RoomPolicy, title: String? = nil, topic: String? = nil,
        owner: AccountName? = nil
    ) {
        self.address = address
        self.epoch = epoch
        self.createdAt = createdAt
        self.policy = policy
        self.title = title
        self.topic = topic
        self.owner = owner
    }
}

/// An account's membership of a room.
public struct MembershipRecord: Sendable, Equatable {
    public var account: AccountName
    public var role: Role
    public var since: Timestamp
    /// The read marker; nil if none was stored.
    public var mark: StoredMark?

    public init(account: AccountName, role: Role, since: Timestamp, mark: StoredMark? = nil) {
        self.account = account
        self.role = role
        self.since = since
        self.mark = mark
    }
}

/// A read marker as it is stored.
public struct StoredMark: Sendable, Equatable {
    /// Highest seq read.
    public var seq: UInt64
    /// Messages (kind 0) of the log up to it.
    public var messageCount: UInt64
    /// The update number of the membership and the marker (docs/PROTOCOL.md, *Read markers and the inbox*).
    public var updateNumber: UInt64

    public init(seq: UInt64, messageCount: UInt64, updateNumber: UInt64) {
        self.seq = seq
        self.messageCount = messageCount
        self.updateNumber = updateNumber
    }
}

/// Where the stored part of a log ends. Readers start there, so that they need not ask the writer: who reads passes the newest one it has.
public struct LogAnchor: Sendable, Equatable {
    package let log: Int64
    /// The row of the newest event; 0 if there is none.
    package let event: Int64
    /// Highest seq stored; 0 if no event ever was.
    public let head: UInt64
    /// Messages (kind 0) stored of the log, those that retention has removed counted too.
    public let messageCount: UInt64

    package init(log: Int64, event: Int64, head: UInt64, messageCount: UInt64 = 0) {
        self.log = log
        self.event = event
        self.head = head
        self.messageCount = messageCount
    }
}

/// A room as it was found when the store was opened.
public struct StoredRoom: Sendable {
    public internal(set) var record: LogRecord
    public let anchor: LogAnchor
    /// Lowest seq retained; `anchor.head + 1` if none is.
    public let floor: UInt64
    /// The seqs that an unclean stop took: they may have named events that were delivered and never stored.
    ///
    /// The first event to be appended has the seq behind them and is a `void` event that covers them.
    public let lost: ClosedRange<UInt64>?
    /// Every publication of the room with a later timestamp is among ``StoredState/publications``.
    public let recalledSince: Timestamp
    /// In ascending order of names.
    public let members: [MembershipRecord]
    /// Messages that retention has removed.
    public let removedMessageCount: UInt64
    /// The time of the newest event, retained or not; 0 if there never was one.
    public let lastTimestamp: Timestamp
    /// Seqs of the events that are pinned.
    public let pins: [UInt64]

    /// Highest seq that may have been given to an event: the head to number on from, and to judge cursors by.
    public var head: UInt64 { lost?.upperBound ?? anchor.head }

    package init(
        record: LogRecord, anchor: LogAnchor, floor: UInt64, lost: ClosedRange<UInt64>?, recalledSince: Timestamp,
        members: [MembershipRecord], removedMessageCount: UInt64 = 0, lastTimestamp: Timestamp = 0, pins: [UInt64] = []
    ) {
        self.record = record
        self.anchor = anchor
        self.floor = floor
        self.lost = lost
        self.recalledSince = recalledSince
        self.members = members
        self.removedMessageCount = removedMessageCount
        self.lastTimestamp = lastTimestamp
        self.pins = pins
    }
}

/// A publish that is remembered, so that a retry has no second effect.
public struct StoredPublication: Sendable, Equatable {
    public let room: RoomAddress
    public let account: AccountName
    public let messageID: MessageID
    public let seq: UInt64
    public let timestamp: Timestamp

    package init(room: RoomAddress, account: AccountName, messageID: MessageID, seq: UInt64, timestamp: Timestamp) {
        self.room = room
        self.account = account
        self.messageID = messageID
        self.seq = seq
        self.timestamp = timestamp
    }
}

/// What the store held when it was opened.
public struct StoredState: Sendable {
    /// Every room and conversation that has not ended, in ascending order of addresses.
    public let rooms: [StoredRoom]
    /// The latest publications with a message id, in the order of commits.
    public let publications: [StoredPublication]
    /// The greatest epoch of any log, ended ones too; 0 if there is none. A new log has a greater one.
    public let lastEpoch: UInt64

    package init(rooms: [StoredRoom], publications: [StoredPublication], lastEpoch: UInt64) {
        self.rooms = rooms
        self.publications = publications
        self.lastEpoch = lastEpoch
    }
}
