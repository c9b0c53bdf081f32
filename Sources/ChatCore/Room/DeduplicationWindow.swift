import ChatProtocol

/// The client message ids that one account has lately used in one room, each with the event it led to.
///
/// A retry with a remembered id has the effect of the first attempt. The window is bounded by number and by age, and knows since
/// when it is complete, so that a retry it cannot judge is refused instead of guessed at.
struct DeduplicationWindow {
    struct Entry {
        let seq: UInt64
        let timestamp: Timestamp
        let acceptedAt: UInt64
    }

    private var entries: [MessageID: Entry] = [:]
    private var order: ContiguousArray<MessageID> = []
    private var oldest = 0
    /// Everything accepted after this moment (monotonic milliseconds) is remembered.
    private(set) var completeSince: UInt64

    init(completeSince: UInt64) { self.completeSince = completeSince }

    var count: Int { entries.count }

    /// The event that an id led to, unless it is older than `milliseconds` at `now` (monotonic milliseconds).
    func entry(for id: MessageID, milliseconds: UInt64, now: UInt64) -> Entry? {
        guard let entry = entries[id], entry.acceptedAt + milliseconds >= now else { return nil }
        return entry
    }

    /// Remembers an id that ``entry(for:milliseconds:now:)`` does not know.
    mutating func insert(_ id: MessageID, _ entry: Entry, countMax: Int, milliseconds: UInt64) {
        while oldest < order.count, let first = entries[order[oldest]],
            entries.count >= countMax || first.acceptedAt + milliseconds < entry.acceptedAt
        {
            completeSince = first.acceptedAt
            entries[order[oldest]] = nil
            oldest += 1
        }
        if oldest >= 64 && oldest * 2 >= order.count {
            order.removeFirst(oldest)
            oldest = 0
        }
        entries[id] = entry
        order.append(id)
    }
}
