public import Bytes
public import ChatProtocol

/// One thing to be stored. Those of one post are committed together.
public enum StoreWrite: Sendable {
    /// Consecutive events of a log: DELIVER frames back to back, as they went to the recipients, the first one with this seq.
    ///
    /// The events are their own deduplication records: account, room, message id, seq and timestamp are stored with each of them.
    ///
    /// `authors` are those of the events in their order, or nothing if it need not be known who they are.
    case append(RoomAddress, epoch: UInt64, firstSeq: UInt64, events: SharedBytes, authors: EventAuthors = EventAuthors())
    /// Takes what a message said out of it and out of its edits, as far as they are stored. It is erased from the file with the commit, and from
    /// the write-ahead log when the writer is next idle.
    case erase(RoomAddress, epoch: UInt64, seq: UInt64)
    /// The read marker of a member has moved.
    case mark(AccountName, in: RoomAddress, epoch: UInt64, StoredMark)
    /// Reserves the next block of seqs, or more of them: all up to `through`. Without it the log must not number an event.
    case reserve(RoomAddress, epoch: UInt64, through: UInt64 = 0)
    /// Gives the reserved seqs back that have not been used, when a log rests. Nothing may be numbered until they are reserved again.
    case release(RoomAddress, epoch: UInt64)
    /// A new log. An older one with the same address ends with it.
    case create(LogRecord)
    /// Policy, title, topic and owner have changed.
    case change(LogRecord)
    /// The log has ended: its events and members are removed, in slices.
    case end(RoomAddress, epoch: UInt64)
    /// An account became a member, or has another role.
    case admit(MembershipRecord, to: RoomAddress, epoch: UInt64)
    /// An account is a member no longer.
    case dismiss(AccountName, from: RoomAddress, epoch: UInt64)

    /// Octets that it keeps waiting.
    package var byteCount: Int {
        switch self {
        case .append(_, _, _, let octets, _): octets.count
        default: 128
        }
    }
}

/// Where a log stands on stable storage.
public struct CommittedLog: Sendable, Equatable {
    public let room: RoomAddress
    public let epoch: UInt64
    public let anchor: LogAnchor
    /// Events up to this seq may be numbered. It only grows, until the log is released.
    public let reservedThrough: UInt64

    package init(room: RoomAddress, epoch: UInt64, anchor: LogAnchor, reservedThrough: UInt64) {
        self.room = room
        self.epoch = epoch
        self.anchor = anchor
        self.reservedThrough = reservedThrough
    }
}

/// Why a write was passed over while the rest of its post was committed. Each is a disagreement between the caller and the store.
public enum WriteRejection: Sendable, Equatable {
    /// There is no such log, or it has another epoch.
    case unknownLog
    /// The address has a log with this epoch or a later one.
    case epochNotNew
    /// The first event does not follow the last one stored: what lies between failed, or was lost by an unclean stop. The next append
    /// must begin with a void event behind `takenThrough` that covers it.
    case gap(takenThrough: UInt64)
    /// No event has the seq, or no longer.
    case noSuchEvent
    /// The events reach beyond the seqs that are reserved.
    case notReserved(through: UInt64)
}

/// What became of one write.
public enum WriteResult: Sendable, Equatable {
    /// On stable storage. The log is given after appends, reservations, releases and creations.
    case stored(CommittedLog?)
    /// Passed over.
    case rejected(WriteRejection)
}
