internal import Synchronization

/// Keeps the index up with the history: adds slices of new events, and makes blocks anew out of which something was taken.
///
/// It works in slices of some milliseconds, so that searches get in between, and rests after each while the writer is busy: an index that lags
/// behind makes searches slower, not wrong. Confined to the search thread.
struct Indexer {
    /// While many events are stored, the part of the time that indexing takes at most: one in so many.
    private static let restFactor = 49
    /// The same for making blocks anew, at any time.
    private static let renewalRestFactor = 9

    /// A block that is being made anew, within one transaction.
    private struct Renewal {
        let block: Int64
        let changes: Int64
        let end: Int64
        var next: Int64
        var isEmpty = true
        var milliseconds = 0
    }

    private let sliceEvents: Int64
    private let sliceBytes: Int
    private let blockEvents: Int64
    private let port: SearchPort
    private var renewal: Renewal?
    private var mayHaveStaleBlocks = true
    private var toMerge: [Int64] = []
    private var isMerging = false
    private var mustCheckpoint = false
    private var restUntil = 0
    private var nextRenewal = 0

    init(_ settings: StoreSettings, _ port: SearchPort) {
        sliceEvents = settings.indexSliceEvents
        sliceBytes = settings.indexSliceBytes
        blockEvents = settings.indexBlockEvents
        self.port = port
    }

    /// Something was erased.
    mutating func noteErasure() { mayHaveStaleBlocks = true }

    /// Begins anew with another index, or the same one behind a failure.
    mutating func reset() {
        renewal = nil
        mayHaveStaleBlocks = true
        mustCheckpoint = true
        toMerge = []
        isMerging = false
    }

    /// Milliseconds until there may be something to do; nil if there is nothing.
    func delay(_ index: SearchIndex, now: Int) -> Int? {
        let rest = max(0, restUntil - now)
        if renewal != nil || lag(index) >= sliceEvents || !toMerge.isEmpty { return rest }
        if mayHaveStaleBlocks { return max(rest, nextRenewal - now) }
        return mustCheckpoint ? 1_000 : nil
    }

    private func lag(_ index: SearchIndex) -> Int64 { Int64(port.lastEvent.load(ordering: .acquiring)) + 1 - index.next }

    /// Works for one slice, if it is time.
    mutating func work(_ index: SearchIndex, _ texts: StoredTexts) throws(StoreError) {
        let start = StoreThread.monotonicMilliseconds
        guard start >= restUntil, delay(index, now: start) == 0 || mustCheckpoint else { return }
        let before = port.lastEvent.load(ordering: .relaxed)
        if renewal != nil {
            try continueRenewal(index, texts)
        } else if mayHaveStaleBlocks, start >= nextRenewal {
            try beginRenewal(index, texts)
        } else if lag(index) >= sliceEvents {
            try addSlice(index, texts)
        } else if let block = toMerge.first {
            isMerging = try !index.merge(block, isFirst: !isMerging)
            if !isMerging { toMerge.removeFirst() }
        }
        if mustCheckpoint, renewal == nil { mustCheckpoint = try !index.checkpoint() }
        let now = StoreThread.monotonicMilliseconds
        renewal?.milliseconds += now - start
        port.nextIndexed.store(Int(index.next), ordering: .relaxed)
        let isBusy = Int64(port.lastEvent.load(ordering: .relaxed) - before) > sliceEvents / 8
        restUntil = isBusy ? now + Self.restFactor * max(1, now - start) : now
    }

    // MARK: New events

    private mutating func addSlice(_ index: SearchIndex, _ texts: StoredTexts) throws(StoreError) {
        let block = index.next / blockEvents
        let last = Int64(port.lastEvent.load(ordering: .acquiring))
        let end = min((block + 1) * blockEvents, last + 1, index.next + sliceEvents)
        // Counted first: what is taken out from now on makes the block stale.
        let changes = try texts.changes(of: block)
        var next = end
        try index.transaction { () throws(StoreError) in
            next = try texts.forEachText(from: index.next, to: end, byteCountMax: sliceBytes) {
                (event, log, author, time, text) throws(StoreError) in
                try index.open(block, changes: changes)
                try index.insert(event, log: log, author: author, time: time, text: text)
            }
            try index.advance(to: next)
        }
        index.didAdvance(to: next)
        if next == (block + 1) * blockEvents { toMerge.append(block) }
    }

    // MARK: Erasure

    private mutating func beginRenewal(_ index: SearchIndex, _ texts: StoredTexts) throws(StoreError) {
        let changes = try texts.allChanges()
        // Of a backup that was put back, a block may also have been less changed than the one that was indexed.
        guard let (block, _) = try index.blocks().first(where: { changes[$0.key] ?? 0 != $0.value }) else {
            return mayHaveStaleBlocks = false
        }
        try index.beginWriting()
        let end = min((block + 1) * blockEvents, index.next)
        renewal = Renewal(block: block, changes: changes[block] ?? 0, end: end, next: max(1, block * blockEvents))
        try index.empty(block)
    }

    private mutating func continueRenewal(_ index: SearchIndex, _ texts: StoredTexts) throws(StoreError) {
        guard var renewal else { return }
        try index.open(renewal.block, changes: renewal.changes)
        let end = min(renewal.end, renewal.next + sliceEvents)
        renewal.next = try texts.forEachText(from: renewal.next, to: end, byteCountMax: sliceBytes) {
            (event, log, author, time, text) throws(StoreError) in
            try index.insert(event, log: log, author: author, time: time, text: text)
            renewal.isEmpty = false
        }
        self.renewal = renewal
        guard renewal.next >= renewal.end else { return }
        if renewal.isEmpty { try index.drop(renewal.block) } else { try index.note(renewal.block, changes: renewal.changes) }
        try index.commitWriting()
        self.renewal = nil
        mustCheckpoint = true
        nextRenewal = StoreThread.monotonicMilliseconds + Self.renewalRestFactor * max(20, renewal.milliseconds)
        if !renewal.isEmpty, renewal.end == (renewal.block + 1) * blockEvents { toMerge.append(renewal.block) }
    }
}
