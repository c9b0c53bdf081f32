import ChatProtocol

/// What a room whose events are stored knows of its part of the file.
///
/// An event is delivered first and stored afterwards, so at every moment the newest events are in memory only. `Room.reservedThrough`
/// keeps a stop at that moment from giving their seqs to other events (docs/DECISIONS.md, *After an unclean stop*).
final class RoomStorage {
    /// Seqs reserved at a time while a room is quiet.
    static let reservedAheadMin: UInt64 = 1_024
    static let reservedAheadMax: UInt64 = 262_144

    /// Where the stored part of the log ends; nil until the log's creation is committed.
    var anchor: LogAnchor?
    /// Lowest seq retained.
    var floor: UInt64
    /// Seqs that are reserved beyond the head at a time; grows with the pace of the room.
    var reservedAhead = RoomStorage.reservedAheadMin
    var isReserving = false
    /// Batches posted and not answered.
    var appendsInFlight = 0
    /// Requests that wait until events may be numbered, in the order they came.
    var waiting: ContiguousArray<(request: RoomRequest, requester: Requester)> = []
    /// Publishes that are acknowledged when they are committed, in ascending order of seqs.
    var durables: ContiguousArray<DurablePublish> = []
    /// What is to be read once more of the log is stored.
    var parked: ContiguousArray<ParkedRead> = []
    /// Seqs that hold no event: those of events that were delivered and never stored. The latest last.
    var voids: [ClosedRange<UInt64>] = []
    /// Messages (kind 0) that retention has removed.
    var removedMessageCount: UInt64 = 0
    /// For connections with a request that waits for a look-up, what they have asked for since, in that order.
    var behind: [SessionID: ContiguousArray<(request: RoomRequest, requester: Requester)>] = [:]
    /// Reactions and pins that a read may not show, or that may still be lost.
    var changes: ContiguousArray<UnstoredChange> = []
    /// Messages that were deleted and that a read may show as they were.
    var erasures: [UInt64: Erasure] = [:]
    /// Publications of the broker's former life.
    var recalled: RecalledPublications?

    init(floor: UInt64) { self.floor = floor }

    /// Highest seq stored.
    var storedHead: UInt64 { anchor?.head ?? 0 }

    /// The void ranges kept at most: what retries are judged by.
    private static let voidsMax = 4_096

    func noteVoid(_ range: ClosedRange<UInt64>) {
        if voids.count == Self.voidsMax { voids.removeFirst() }
        voids.append(range)
    }

    func isVoid(_ seq: UInt64) -> Bool { !voids.isEmpty && voids.contains { $0.contains(seq) } }

    /// What an account has asked for, and what waits still, is asked for under its new name: nobody knows the old one when its turn comes.
    func rename(_ old: AccountReference, to new: AccountReference) {
        for index in waiting.indices where waiting[index].requester.account == old { waiting[index].requester.account = new }
        for session in behind.keys {
            for index in behind[session]!.indices where behind[session]![index].requester.account == old {
                behind[session]![index].requester.account = new
            }
        }
    }

    /// Keeps a publish until its event is committed.
    func wait(_ publish: DurablePublish) {
        // Nearly always the newest; a retry may be of an older one.
        var place = durables.count
        while place > 0 && durables[place - 1].seq > publish.seq { place -= 1 }
        durables.insert(publish, at: place)
    }

    /// Takes the publishes up to a seq.
    func takeDurables(through seq: UInt64) -> ContiguousArray<DurablePublish> {
        var count = 0
        while count < durables.count && durables[count].seq <= seq { count += 1 }
        guard count > 0 else { return [] }
        defer { durables.removeFirst(count) }
        return ContiguousArray(durables.prefix(count))
    }
}

/// A publish that is acknowledged when its event is committed.
struct DurablePublish {
    let seq: UInt64
    let timestamp: Timestamp
    let requester: Requester
    let messageID: MessageID?
    let isDuplicate: Bool
}

/// A request that needs events which are neither in the ring any more nor stored yet.
enum ParkedRead {
    case fetch(session: SessionID, from: UInt64, byteCountMax: Int)
    case history(ReadHistory, Requester)
    /// The number of a request that waits for a look-up.
    case lookUp(UInt64)
}

/// What is being read, and what is to be done with it.
struct PendingRead {
    enum Purpose {
        /// For a connection that is behind. From `from` up to `emptyThrough` no seq holds an event, as earlier pages said.
        case fetch(session: SessionID, from: UInt64, byteCountMax: Int, emptyThrough: UInt64)
        /// For HISTORY; `ring` is what follows the range that is read.
        case history(HistoryReading, Requester)
    }

    let room: Room
    let purpose: Purpose
    /// The last seq that is asked for, and the last one of those that can be stored.
    let toSeq: UInt64
    let storedSeq: UInt64
}

/// The publications that were found when the broker started, by which retries of what was sent to its former life are judged.
struct RecalledPublications {
    struct Key: Hashable {
        let account: AccountName
        let id: MessageID
    }

    private var entries: [Key: (seq: UInt64, timestamp: Timestamp)] = [:]
    /// Everything published in between is among them, by the wall clock.
    let since: Timestamp
    let until: Timestamp

    init(since: Timestamp, until: Timestamp) {
        self.since = since
        self.until = until
    }

    func entry(_ account: AccountName, _ id: MessageID) -> (seq: UInt64, timestamp: Timestamp)? { entries[Key(account: account, id: id)] }

    mutating func insert(_ account: AccountName, _ id: MessageID, seq: UInt64, timestamp: Timestamp) {
        entries[Key(account: account, id: id)] = (seq, timestamp)
    }

    /// Whether a publish of that time would be known.
    func covers(_ time: Timestamp) -> Bool { time > since && time <= until }
}
