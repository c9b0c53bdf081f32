import ChatProtocol

/// The client message ids that one account has lately used in one room, each with the event it led to.
///
/// A retry with a remembered id has the effect of the first attempt. The window is bounded by number and by age, and knows since
/// when it is complete, so that a retry it cannot judge is refused instead of guessed at.
///
/// Every publish asks it, so it is made to touch little memory: the entries lie in a ring in the order they came, and a table that holds
/// nothing but their numbers, each with a part of its id's hash, finds them (open addressing, linear probing).
struct DeduplicationWindow {
    struct Entry {
        let seq: UInt64
        let timestamp: Timestamp
        let acceptedAt: UInt64
    }

    /// Entry `number` lies at `number` modulo the ring's length, a power of two.
    private var ring: ContiguousArray<(id: MessageID, entry: Entry)> = []
    /// Numbers of the entries held: consecutive, and never used again.
    private var oldest: UInt32 = 0
    private(set) var count = 0
    /// Twice as long as the ring, and so never more than half full.
    private var table: ContiguousArray<Slot> = []
    /// Everything accepted after this moment (monotonic milliseconds) is remembered.
    private(set) var completeSince: UInt64

    init(completeSince: UInt64) { self.completeSince = completeSince }

    /// The event that an id led to, unless it is older than `milliseconds` at `now` (monotonic milliseconds).
    func entry(for id: MessageID, milliseconds: UInt64, now: UInt64) -> Entry? {
        guard let place = place(of: id) else { return nil }
        let entry = ring[index(of: table[place].number)].entry
        return entry.acceptedAt + milliseconds >= now ? entry : nil
    }

    /// Remembers an id that ``entry(for:milliseconds:now:)`` does not know.
    mutating func insert(_ id: MessageID, _ entry: Entry, countMax: Int, milliseconds: UInt64) {
        while count > 0 {
            let first = ring[index(of: oldest)].entry
            guard count >= countMax || first.acceptedAt + milliseconds < entry.acceptedAt else { break }
            completeSince = first.acceptedAt
            removeOldest()
        }
        if count == ring.count { grow() }
        let number = oldest &+ UInt32(count)
        ring[index(of: number)] = (id, entry)
        count += 1
        place(Slot(hash: Self.hash(id), number: number))
    }

    /// Forgets an id: what it led to has been undone.
    mutating func forget(_ id: MessageID) {
        if let place = place(of: id) { removeSlot(at: place) }
    }

    // MARK: Ring

    private func index(of number: UInt32) -> Int { Int(number) & (ring.count - 1) }

    private mutating func removeOldest() {
        // What was forgotten is in the ring only, or in the table as what came later.
        if let place = place(of: ring[index(of: oldest)].id), table[place].number == oldest { removeSlot(at: place) }
        oldest &+= 1
        count -= 1
    }

    private mutating func grow() {
        let held = (0..<UInt32(count)).map { ring[index(of: oldest &+ $0)] }
        let isHeld = held.enumerated().map { offset, entry in
            place(of: entry.id).map { table[$0].number == oldest &+ UInt32(offset) } ?? false
        }
        let length = max(4, 2 * ring.count)
        ring = ContiguousArray(repeating: (MessageID(0), Entry(seq: 0, timestamp: 0, acceptedAt: 0)), count: length)
        table = ContiguousArray(repeating: Slot(), count: 2 * length)
        for (offset, entry) in held.enumerated() {
            let number = oldest &+ UInt32(offset)
            ring[index(of: number)] = entry
            if isHeld[offset] { place(Slot(hash: Self.hash(entry.id), number: number)) }
        }
    }

    // MARK: Table

    private struct Slot {
        /// 0 in an empty slot only.
        let hash: UInt32
        let number: UInt32

        init(hash: UInt32 = 0, number: UInt32 = 0) {
            self.hash = hash
            self.number = number
        }
    }

    // The ids are the client's choice: a secret of the process keeps it from choosing ones that meet in the table. It changes nothing else.
    private static let key = UInt64(truncatingIfNeeded: "".hashValue) | 1

    private static func hash(_ id: MessageID) -> UInt32 {
        let (high, low) = (id.value ^ key).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (key << 1))
        return UInt32(truncatingIfNeeded: high ^ low) | 1 << 31
    }

    private func place(of id: MessageID) -> Int? {
        guard !table.isEmpty else { return nil }
        let hash = Self.hash(id)
        let mask = table.count - 1
        var place = Int(hash) & mask
        while table[place].hash != 0 {
            if table[place].hash == hash && ring[index(of: table[place].number)].id == id { return place }
            place = (place + 1) & mask
        }
        return nil
    }

    private mutating func place(_ slot: Slot) {
        let mask = table.count - 1
        var place = Int(slot.hash) & mask
        while table[place].hash != 0 { place = (place + 1) & mask }
        table[place] = slot
    }

    /// Empties a slot and moves up what was pushed behind it, so that no search ends too early.
    private mutating func removeSlot(at place: Int) {
        let mask = table.count - 1
        var hole = place
        var next = (hole + 1) & mask
        while table[next].hash != 0 {
            let home = Int(table[next].hash) & mask
            // The slot may move into the hole if its home is not between the two.
            if (next - home) & mask >= (next - hole) & mask {
                table[hole] = table[next]
                hole = next
            }
            next = (next + 1) & mask
        }
        table[hole] = Slot()
    }
}
