import Bytes

/// The ring: the newest events of a log, each as the octets that every recipient was sent.
///
/// It answers joins with `tail`, cursors and lagging readers. Bounded by number and by octets; the oldest events go first. It takes
/// no storage before the first event and grows with the events it holds.
public struct RecentEvents: Sendable {
    private var slots: ContiguousArray<SharedBytes> = []
    private var oldest = 0
    private(set) var count = 0
    private(set) var byteCount = 0
    /// Seq of the newest event held or ever held.
    private(set) var lastSeq: UInt64 = 0

    /// Lowest seq still held; `lastSeq + 1` if there is none.
    var floor: UInt64 { lastSeq + 1 - UInt64(count) }

    mutating func append(_ event: SharedBytes, countMax: Int, byteCountMax: Int) {
        lastSeq += 1
        guard countMax > 0, event.count <= byteCountMax else { return removeAll() }
        while count > 0 && (count == countMax || byteCount + event.count > byteCountMax) { removeOldest() }
        if count == slots.count { grow(to: min(countMax, max(4, 2 * slots.count))) }
        slots[slot(count)] = event
        count += 1
        byteCount += event.count
    }

    /// The event `seq`, which must be held.
    func event(_ seq: UInt64) -> SharedBytes {
        precondition(seq >= floor && seq <= lastSeq, "event outside the ring")
        return slots[slot(Int(seq - floor))]
    }

    /// Where the event lies that comes so many after the oldest. No division: every event of every room passes here.
    private func slot(_ offset: Int) -> Int {
        let place = oldest + offset
        return place < slots.count ? place : place - slots.count
    }

    private mutating func removeOldest() {
        byteCount -= slots[oldest].count
        slots[oldest] = .empty
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
        var larger = ContiguousArray<SharedBytes>(repeating: .empty, count: capacity)
        for index in 0..<count { larger[index] = slots[slot(index)] }
        slots = larger
        oldest = 0
    }
}
