import ChatProtocol

/// The client message ids that one account has lately used in one room, each with the event it led to.
///
/// A retry with a remembered id has the effect of the first attempt. The window is bounded by number and by age, and knows since
/// when it is complete, so that a retry it cannot judge is refused instead of guessed at.
///
/// Every publish asks it, so it is made to touch little memory: the entries lie in a ring in the order they came, and a table that holds
/// nothing but their numbers, each with a part of its id's hash, finds them (open addressing, linear probing). What leaves the ring
/// stays in the table, where its number shows that it is gone, until the table is made anew.
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
    /// Four times as long as the ring, and never more than half full.
    private var table: ContiguousArray<UInt32> = []
    /// Slots of the table in use, with those of entries that are gone.
    private var usedSlotCount = 0
    /// Everything accepted after this moment (monotonic milliseconds) is remembered.
    private(set) var completeSince: UInt64

    init(completeSince: UInt64) { self.completeSince = completeSince }

    /// The event that an id led to, unless it is older than `milliseconds` at `now` (monotonic milliseconds).
    func entry(for id: MessageID, milliseconds: UInt64, now: UInt64) -> Entry? {
        guard !table.isEmpty else { return nil }
        let (hash, numberMask) = (Self.hash(id), numberMask)
        var place = home(of: hash)
        while table[place] != 0 {
            let slot = table[place]
            if slot & ~numberMask == hash & ~numberMask, let entry = entry(numbered: slot & numberMask, id) {
                return entry.acceptedAt + milliseconds >= now ? entry : nil
            }
            place = (place + 1) & (table.count - 1)
        }
        return nil
    }

    /// Whether a first attempt that a retry says was made so long ago would be known.
    ///
    /// The age lacks the time that the retry was on its way, so near the moment from which ids are known it decides nothing. Where nothing
    /// else could tell, a window that has forgotten none is trusted all the same, or no newcomer could retry.
    func covers(_ ageMilliseconds: UInt64, at now: UInt64, isLastResort: Bool) -> Bool {
        now - min(ageMilliseconds, now) > completeSince + (isLastResort && oldest == 0 ? 0 : Self.transitMillisecondsMax)
    }

    /// How long a retry may have been on its way.
    private static let transitMillisecondsMax: UInt64 = 10_000

    /// Remembers an id that ``entry(for:milliseconds:now:)`` does not know.
    mutating func insert(_ id: MessageID, _ entry: Entry, countMax: Int, milliseconds: UInt64) {
        while count > 0 {
            let first = ring[index(of: oldest)].entry
            guard count >= countMax || first.acceptedAt + milliseconds < entry.acceptedAt else { break }
            completeSince = first.acceptedAt
            oldest &+= 1
            count -= 1
        }
        if count == ring.count { grow() } else if usedSlotCount == 2 * ring.count { makeTable() }
        let number = oldest &+ UInt32(count)
        ring[index(of: number)] = (id, entry)
        count += 1
        addToTable(id, number)
    }

    /// Forgets an id: what it led to has been undone.
    mutating func forget(_ id: MessageID) {
        for offset in 0..<UInt32(count) where ring[index(of: oldest &+ offset)].id == id {
            let entry = ring[index(of: oldest &+ offset)].entry
            ring[index(of: oldest &+ offset)].entry = Entry(seq: 0, timestamp: entry.timestamp, acceptedAt: entry.acceptedAt)
        }
    }

    // MARK: Ring

    private func index(of number: UInt32) -> Int { Int(number) & (ring.count - 1) }

    /// The entry with that number, as far as the table knows it, if it is still held and the id's.
    private func entry(numbered part: UInt32, _ id: MessageID) -> Entry? {
        guard (part &- oldest) & numberMask < UInt32(count) else { return nil }
        let held = ring[index(of: part)]
        // No event has the seq 0: the entry is forgotten.
        return held.id == id && held.entry.seq != 0 ? held.entry : nil
    }

    private mutating func grow() {
        let held = (0..<UInt32(count)).map { ring[index(of: oldest &+ $0)] }
        ring = ContiguousArray(repeating: (MessageID(0), Entry(seq: 0, timestamp: 0, acceptedAt: 0)), count: max(4, 2 * ring.count))
        for (offset, entry) in held.enumerated() { ring[index(of: oldest &+ UInt32(offset))] = entry }
        makeTable()
    }

    // MARK: Table

    // A slot is 0, or the lower bits of an entry's number and above them those of its id's hash, the highest of which is 1. No more
    // entries than twice the ring's length come between two tables, so that as many numbers must be told apart.
    private var numberMask: UInt32 { UInt32(2 * ring.count - 1) }

    // The ids are the client's choice: a secret of the process keeps it from choosing ones that meet in the table. It changes nothing else.
    private static let key = UInt64(truncatingIfNeeded: "".hashValue) | 1

    private static func hash(_ id: MessageID) -> UInt32 {
        let (high, low) = (id.value ^ key).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15 ^ (key << 1))
        return UInt32(truncatingIfNeeded: high ^ low) | 1 << 31
    }

    /// Where the search for a hash begins.
    private func home(of hash: UInt32) -> Int { Int(hash) & (table.count - 1) }

    private mutating func makeTable() {
        table = ContiguousArray(repeating: 0, count: 4 * ring.count)
        usedSlotCount = 0
        for offset in 0..<UInt32(count) { addToTable(ring[index(of: oldest &+ offset)].id, oldest &+ offset) }
    }

    private mutating func addToTable(_ id: MessageID, _ number: UInt32) {
        let (hash, numberMask) = (Self.hash(id), numberMask)
        var place = home(of: hash)
        while table[place] != 0 { place = (place + 1) & (table.count - 1) }
        table[place] = hash & ~numberMask | number & numberMask
        usedSlotCount += 1
    }
}
