import Bytes
import ChatDialects
import ChatProtocol

/// A log with its members: a room, or a two-party conversation. Owned by the shard to which its address hashes.
///
/// The room numbers events, encodes each once for every encoding in use, and keeps the newest in its ring. Events of one turn of
/// the loop are encoded back to back and handed on as one batch.
final class Room {
    let address: RoomAddress
    /// Incarnation of the log.
    let epoch: UInt64
    let policy: RoomPolicy
    let title: String?
    let topic: String?
    /// Highest seq assigned.
    private(set) var head: UInt64
    private(set) var recent: RecentEvents
    /// Messages (kind 0) of the log so far, modulo 2³².
    private(set) var messageCount: UInt32 = 0
    /// When the last event was appended, by both clocks.
    private(set) var lastAppend = Moment(monotonicMilliseconds: 0, wallMilliseconds: 0)
    /// Members that were said to be typing lately, and when.
    var typists: [AccountName: Typist] = [:]
    /// Reactions and pins; nil as long as there are none.
    var markings: RoomMarkings?
    private(set) var members: [AccountName: Member] = [:] { didSet { lastSpeaker = nil } }
    /// The member that was asked for last: who speaks sends several messages in a row.
    private var lastSpeaker: (name: AccountName, member: Member)?
    /// Members whose name somebody else has come in with: word that they ended, or of their new name, is still under way.
    private(set) var displaced: [AccountReference: Member] = [:]
    /// For each shard, how many attachments it was granted and has not given back. Events go to the shards that hold some.
    var grants: ContiguousArray<Int>
    /// Since when the room has had no members, by the monotonic clock.
    var emptySince: UInt64
    /// Where the events are stored; nil if they are kept in memory only.
    var storage: RoomStorage?
    /// Highest seq that may be given to an event.
    var reservedThrough = UInt64.max
    /// Whether seqs up to the head were given to events that are not stored and never will be: a void event must precede the next one
    /// that is.
    var isTorn = false
    private var batch: PendingBatch?
    /// Octets and events of the last batch: the next one is likely to be as large.
    private var batchByteCountExpected = 256
    private var batchEventCountExpected = 1

    init(
        address: RoomAddress, epoch: UInt64, policy: RoomPolicy, title: String? = nil, topic: String? = nil, shardCount: Int, now: UInt64
    ) {
        self.address = address
        self.epoch = epoch
        self.policy = policy
        self.title = title
        self.topic = topic
        head = 0
        recent = RecentEvents()
        grants = ContiguousArray(repeating: 0, count: shardCount)
        emptySince = now
    }

    /// A room as it was found in the store.
    ///
    /// - Parameter updateNumberOffset: what lies between the monotonic clock and the numbers of updates.
    init(restoring stored: StoredRoom, shardCount: Int, now: UInt64, updateNumberOffset: UInt64) {
        address = stored.record.address
        epoch = stored.record.epoch
        policy = stored.record.policy
        title = stored.record.title
        topic = stored.record.topic
        head = stored.head
        recent = RecentEvents(lastSeq: stored.head)
        reservedThrough = stored.head
        isTorn = stored.lost != nil
        grants = ContiguousArray(repeating: 0, count: shardCount)
        emptySince = now
        messageCount = UInt32(truncatingIfNeeded: stored.anchor.messageCount)
        // Before the monotonic clock of this process began.
        lastAppend = Moment(
            monotonicMilliseconds: stored.lastTimestamp &- updateNumberOffset, wallMilliseconds: stored.lastTimestamp)
        if !stored.pins.isEmpty { noteMarking { $0.pins = Set(stored.pins) } }
        for member in stored.members {
            let account = AccountReference(registered: member.account)
            let restored = Member(account, role: member.role, since: now, mark: stored.head, messageCount: messageCount)
            if let mark = member.mark {
                restored.mark = min(mark.seq, stored.head)
                restored.markMessageCount = UInt32(truncatingIfNeeded: min(mark.messageCount, stored.anchor.messageCount))
                restored.changedAt = mark.updateNumber &- updateNumberOffset
            }
            members[member.account] = restored
        }
    }

    // MARK: Log

    /// Whether there are seqs for all that one request may append: a void event, two notices, and what it is about.
    var hasNumbers: Bool { reservedThrough &- head >= 4 }

    /// Seq of the last event that was handed on: what the ring reaches up to.
    var publishedHead: UInt64 { recent.lastSeq }

    /// Lowest seq that `tail` and cursors reach. Events of the batch still being written count as retained.
    var floor: UInt64 { storage?.floor ?? recent.floor }

    /// Lowest seq that is read from the ring. What lies in front of a void event was lost, though the ring may still have it.
    var ringFloor: UInt64 { max(recent.floor, (storage?.voids.last?.upperBound ?? 0) + 1) }

    /// Appends an event and encodes it.
    ///
    /// - Parameter author: ``Member/identity`` of who said it; 0 if it is the broker's own.
    /// - Returns: its seq, and whether this event began a batch, which the shard must then see to at the end of the turn.
    func append(
        _ content: EventContent, from: AccountName, author: UInt64, at moment: Moment
    ) -> (seq: UInt64, beginsBatch: Bool) {
        precondition(head < reservedThrough, "a seq beyond what is reserved could name another event one day")
        head += 1
        let beginsBatch = batch == nil
        if beginsBatch { batch = PendingBatch(firstSeq: head, byteCount: batchByteCountExpected, eventCount: batchEventCountExpected) }
        if content.kind == .message { messageCount &+= 1 }
        lastAppend = moment
        let note = EventNote(author: author, messageCount: messageCount, kind: content.kind)
        batch!.append(room: address, seq: head, timestamp: moment.wallMilliseconds, from: from, content: content, note)
        return (head, beginsBatch)
    }

    /// Octets waiting in the batch.
    var batchByteCount: Int { batch?.byteCount ?? 0 }

    /// Ends the batch: its events enter the ring and are handed on, and who said them is told to the store.
    func takeBatch(settings: CoreSettings) -> (batch: EventBatch, authors: EventAuthors)? {
        guard let pending = batch.take() else { return nil }
        let (firstSeq, events, bytes) = pending.finish()
        batchByteCountExpected = bytes.count
        batchEventCountExpected = events.count
        var start = 0
        for (end, note) in events {
            recent.append(
                bytes[start..<end], note, countMax: settings.recentEventsPerRoom, byteCountMax: settings.recentEventBytesPerRoomMax)
            start = end
        }
        let batch = EventBatch(room: address, epoch: epoch, firstSeq: firstSeq, lastSeq: recent.lastSeq, floor: floor, bytes: bytes)
        return (batch, EventAuthors(events))
    }

    /// Takes what an event said out of the ring.
    func redact(_ seq: UInt64) { recent.redact(seq, Event(frame: recent.event(seq)).redacted.frame) }

    // MARK: Messages counted

    /// Messages of the log up to a seq; nil if only the store knows, or the event has not been handed on.
    func messageCount(through seq: UInt64) -> UInt32? {
        if seq >= head { return messageCount }
        let floor = ringFloor
        guard floor <= recent.lastSeq, (floor - 1...recent.lastSeq).contains(seq) else { return nil }
        if seq >= floor { return recent.note(seq).messageCount }
        let oldest = recent.note(floor)
        return oldest.kind == .message ? oldest.messageCount &- 1 : oldest.messageCount
    }

    /// Messages behind a member's read marker that are retained. The batch of this turn must have been handed on.
    func unreadCount(of member: Member) -> UInt64 {
        guard let storage else { return recent.messageCount(after: member.mark) }
        let removed = UInt32(truncatingIfNeeded: storage.removedMessageCount)
        let unread = max(0, Int32(bitPattern: messageCount &- member.markMessageCount))
        return UInt64(max(0, min(unread, Int32(bitPattern: messageCount &- removed))))
    }

    /// What lies behind `seq` was lost, so that there are only so many messages.
    func forgetMessages(behind seq: UInt64, leaving count: UInt64) {
        messageCount = UInt32(truncatingIfNeeded: count)
        for member in members.values where member.mark > seq { member.markMessageCount = messageCount }
    }

    // MARK: Members

    func member(_ account: AccountReference) -> Member? {
        if let lastSpeaker, lastSpeaker.name == account.name, lastSpeaker.member.incarnation == account.incarnation {
            return lastSpeaker.member
        }
        if let member = members[account.name], member.incarnation == account.incarnation {
            lastSpeaker = (account.name, member)
            return member
        }
        return displaced.isEmpty ? nil : displaced[account]
    }

    /// Whether it is a conversation one of whose parties is gone.
    var isLeft: Bool { policy.contains(.twoParty) && members.count < 2 && members.count < address.partyCount }

    /// Takes an account in.
    ///
    /// - Returns: whether it is known by its name, and not displaced.
    @discardableResult
    func admit(_ account: AccountReference, role: Role, now: UInt64) -> Bool {
        enter(Member(account, role: role, since: now, mark: head, messageCount: messageCount), as: account)
    }

    /// A newer account may have the name already: then word that this one ended, or of its next name, is still under way.
    private func enter(_ member: Member, as account: AccountReference) -> Bool {
        if let namesake = members[account.name], namesake.incarnation > account.incarnation {
            displaced[account] = member
            return false
        }
        members[account.name] = member
        return true
    }

    /// Takes a member out.
    ///
    /// - Returns: whether it was known by its name, and not displaced.
    func dismiss(_ account: AccountReference, now: UInt64) -> Bool {
        if displaced.removeValue(forKey: account) != nil { return false }
        members[account.name] = nil
        if members.isEmpty { emptySince = now }
        return true
    }

    /// Makes a name free for another account, while the fate of its present bearer is not known.
    func displace(_ name: AccountName) {
        guard let member = members.removeValue(forKey: name) else { return }
        displaced[AccountReference(name: name, incarnation: member.incarnation)] = member
    }

    /// Gives a member another name: role and message ids follow.
    ///
    /// - Returns: whether it was known by its old name, and whether it is known by its new one; else it was, or is, displaced.
    func rename(_ old: AccountReference, to new: AccountReference) -> (wasKnown: Bool, isKnown: Bool) {
        let wasDisplaced = displaced[old] != nil
        guard let member = displaced.removeValue(forKey: old) ?? members.removeValue(forKey: old.name) else { return (false, false) }
        member.incarnation = new.incarnation
        return (!wasDisplaced, enter(member, as: new))
    }

    /// The role of those who come by themselves.
    var roleOfNewcomers: Role { policy.contains(.moderated) ? .reader : .member }
}

/// An account in a room.
final class Member {
    var incarnation: UInt64
    /// Who it is to what it says: for a guest the incarnation that it came in with, which it keeps when it changes its name; for a registered
    /// account something made of its name, which nobody can guess, from ``registeredIdentityMin`` upwards.
    let identity: UInt64
    static let registeredIdentityMin: UInt64 = 1 << 63
    let role: Role
    /// Messages of the log up to the read marker, modulo 2³²; means nothing where rooms are not stored.
    var markMessageCount: UInt32
    var recentMessages: DeduplicationWindow
    /// The read marker: highest seq read. It begins where the member came in.
    var mark: UInt64
    /// When membership or marker last changed, by the monotonic clock, which may have been that of a former process: signed.
    var changedAt: UInt64

    init(_ account: AccountReference, role: Role, since: UInt64, mark: UInt64, messageCount: UInt32) {
        incarnation = account.incarnation
        // The hash is keyed with chance by the process.
        identity =
            account.isRegistered
            ? Self.registeredIdentityMin | UInt64(truncatingIfNeeded: account.name.hashValue) : account.incarnation
        self.role = role
        recentMessages = DeduplicationWindow(completeSince: since)
        self.mark = mark
        markMessageCount = messageCount
        changedAt = since
    }
}

/// Consecutive events of one log, encoded back to back: what one turn of the loop brought.
public struct EventBatch: Sendable {
    let room: RoomAddress
    let epoch: UInt64
    let firstSeq: UInt64
    let lastSeq: UInt64
    /// Lowest seq that the ring reaches.
    let floor: UInt64
    let bytes: SharedBytes
}

/// A batch while it is being written.
private struct PendingBatch: ~Copyable {
    let firstSeq: UInt64
    private var writer: ByteWriter
    private var events: ContiguousArray<(end: Int, note: EventNote)> = []

    /// - Parameters:
    ///   - byteCount: the octets expected.
    ///   - eventCount: the events expected.
    init(firstSeq: UInt64, byteCount: Int, eventCount: Int) {
        self.firstSeq = firstSeq
        writer = ByteWriter(minimumCapacity: byteCount)
        events.reserveCapacity(eventCount)
    }

    var byteCount: Int { writer.count }

    mutating func append(
        room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName, content: EventContent, _ note: EventNote
    ) {
        WireEncoding.native.appendEvent(room: room, seq: seq, timestamp: timestamp, from: from, content: content, to: &writer)
        events.append((writer.count, note))
    }

    /// The octets of all events, and for each of them where it ends and what is known of it.
    consuming func finish() -> (firstSeq: UInt64, events: ContiguousArray<(end: Int, note: EventNote)>, bytes: SharedBytes) {
        let (firstSeq, events) = (firstSeq, events)
        return (firstSeq, events, writer.finish())
    }
}
