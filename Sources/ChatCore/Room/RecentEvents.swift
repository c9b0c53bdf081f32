import Bytes
import ChatProtocol

/// What the home of a log knows of an event in its ring without looking into the octets.
public struct EventNote: Sendable {
    /// Who said it: ``Member/identity``; 0 if it was the broker.
    let author: UInt64
    /// Messages (kind 0) of the log up to this event, itself included.
    let messageCount: UInt32
    let kind: EventKind
    /// Whether what it said was deleted.
    var isRedacted = false
}

/// The ring: the newest events of a log, each as the octets that every recipient was sent.
///
/// It answers joins with `tail`, cursors and lagging readers. Bounded by number and by octets; the oldest events go first. It takes
/// no storage before the first event and grows with the events it holds.
public struct RecentEvents: Sendable {
    private struct Slot {
        var event = SharedBytes.empty
        var note = EventNote(author: 0, messageCount: 0, kind: .message)
    }

    private var slots: ContiguousArray<Slot> = []
    private var oldest = 0
    private(set) var count = 0
    private(set) var byteCount = 0
    /// Seq of the newest event held or ever held.
    private(set) var lastSeq: UInt64 = 0

    /// - Parameter lastSeq: Seq of the event before the first one.
    init(lastSeq: UInt64 = 0) { self.lastSeq = lastSeq }

    /// Lowest seq still held; `lastSeq + 1` if there is none.
    var floor: UInt64 { lastSeq + 1 - UInt64(count) }

    mutating func append(_ event: SharedBytes, _ note: EventNote, countMax: Int, byteCountMax: Int) {
        lastSeq += 1
        guard countMax > 0, event.count <= byteCountMax else { return removeAll() }
        while count > 0 && (count == countMax || byteCount + event.count > byteCountMax) { removeOldest() }
        if count == slots.count { grow(to: min(countMax, max(4, 2 * slots.count))) }
        slots[slot(count)] = Slot(event: event, note: note)
        count += 1
        byteCount += event.count
    }

    /// The event `seq`, which must be held.
    func event(_ seq: UInt64) -> SharedBytes { slots[index(of: seq)].event }

    /// What is known of the event `seq`, which must be held.
    func note(_ seq: UInt64) -> EventNote { slots[index(of: seq)].note }

    /// Messages (kind 0) that are held and lie after `seq`.
    func messageCount(after seq: UInt64) -> UInt64 {
        guard count > 0, seq < lastSeq else { return 0 }
        let oldest = note(floor)
        let before = seq >= floor ? note(seq).messageCount : oldest.kind == .message ? oldest.messageCount &- 1 : oldest.messageCount
        return UInt64(note(lastSeq).messageCount &- before)
    }

    /// Puts other octets in the place of an event's, which are those of the event without what it said.
    mutating func redact(_ seq: UInt64, _ redacted: SharedBytes) {
        let index = index(of: seq)
        byteCount += redacted.count - slots[index].event.count
        slots[index].event = redacted
        slots[index].note.isRedacted = true
    }

    private func index(of seq: UInt64) -> Int {
        precondition(seq >= floor && seq <= lastSeq, "event outside the ring")
        return slot(Int(seq - floor))
    }

    /// Where the event lies that comes so many after the oldest. No division: every event of every room passes here.
    private func slot(_ offset: Int) -> Int {
        let place = oldest + offset
        return place < slots.count ? place : place - slots.count
    }

    private mutating func removeOldest() {
        byteCount -= slots[oldest].event.count
        slots[oldest] = Slot()
        oldest = slot(1)
        count -= 1
    }

    /// Lets go of everything, but not of the numbering.
    private mutating func removeAll() {
        slots = []
        oldest = 0
        count = 0
        byteCount = 0
    }

    private mutating func grow(to capacity: Int) {
        var larger = ContiguousArray<Slot>(repeating: Slot(), count: capacity)
        for index in 0..<count { larger[index] = slots[slot(index)] }
        slots = larger
        oldest = 0
    }
}
