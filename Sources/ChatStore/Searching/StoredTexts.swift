internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// Reads what events say, on a connection to the history. Confined to the search thread.
final class StoredTexts {
    private let texts: Statement
    private let below: Statement
    private let one: Statement
    private let laterEdit: Statement
    private let changes: Statement
    private let erasures: Statement
    private var scratch: [UInt8] = []

    init(_ database: Database) throws(StoreError) {
        // Messages, edits and notices. The frame is the last column: a row that is passed over is not read to its end.
        texts = try database.prepare(
            """
            SELECT id, log, sender, timestamp, body_start, body_count, frame FROM event
            WHERE id >= ?1 AND id < ?2 AND kind IN (0, 1, 7) AND body_count IS NOT NULL ORDER BY id
            """)
        let columns = "SELECT id, log, sender, kind, seq, timestamp, body_start, body_count, frame FROM event"
        below = try database.prepare(columns + " WHERE id < ?1 AND id >= ?2 ORDER BY id DESC")
        one = try database.prepare(columns + " WHERE id = ?1")
        laterEdit = try database.prepare("SELECT 1 FROM event WHERE log = ?1 AND target = ?2 AND id > ?3 LIMIT 1")
        changes = try database.prepare("SELECT changes FROM erasure WHERE block = ?1")
        erasures = try database.prepare("SELECT block, changes FROM erasure")
    }

    // MARK: For the index

    /// How often something was taken out of a block.
    func changes(of block: Int64) throws(StoreError) -> Int64 {
        changes.bind(block, at: 1)
        defer { changes.reset() }
        return try changes.step() ? changes.number(0) : 0
    }

    /// The same, of all blocks.
    func allChanges() throws(StoreError) -> [Int64: Int64] {
        defer { erasures.reset() }
        var found: [Int64: Int64] = [:]
        while try erasures.step() { found[erasures.number(0)] = erasures.number(1) }
        return found
    }

    /// Visits texts in ascending order of events, in folded form, up to a number of events and of octets.
    ///
    /// - Returns: the event behind those that were looked at.
    func forEachText(
        from first: Int64, to end: Int64, byteCountMax: Int,
        _ body: (_ event: Int64, _ log: Int64, _ author: RawSpan, _ time: Timestamp, _ text: [UInt8]) throws(StoreError) -> Void
    ) throws(StoreError) -> Int64 {
        texts.bind(first, at: 1).bind(end, at: 2)
        defer { texts.reset() }
        var byteCount = 0
        while try texts.step() {
            let event = texts.number(0)
            scratch.removeAll(keepingCapacity: true)
            fold(texts, bodyStart: 4)
            byteCount += scratch.count
            let result = texts.withOctets(2) { author -> StoreError? in
                do throws(StoreError) {
                    try body(event, texts.number(1), author, UInt64(texts.number(3)), scratch)
                    return nil
                } catch {
                    return error
                }
            }
            if let result { throw result }
            if byteCount >= byteCountMax { return event + 1 }
        }
        return end
    }

    // MARK: For searches

    /// Looks at up to `countMax` events below one, the newest first.
    ///
    /// - Returns: the lowest event that was looked at, or `low` if there is none left above it.
    func look(
        below event: Int64, downTo low: Int64, countMax: Int, for search: borrowing SearchScope, _ found: (SearchHit) -> Bool
    ) throws(StoreError) -> Int64 {
        below.bind(event, at: 1).bind(low, at: 2)
        defer { below.reset() }
        for _ in 0..<countMax {
            guard try below.step() else { return low }
            guard let hit = try hit(below, search) else { continue }
            if !found(hit) { return hit.event }
        }
        return below.number(0)
    }

    /// Looks at one event, if it is there still.
    func look(at event: Int64, for search: borrowing SearchScope) throws(StoreError) -> SearchHit? {
        one.bind(event, at: 1)
        defer { one.reset() }
        return try one.step() ? hit(one, search) : nil
    }

    private func hit(_ row: Statement, _ search: borrowing SearchScope) throws(StoreError) -> SearchHit? {
        guard search.logs.contains(row.number(1)), search.times.contains(UInt64(row.number(5))), !row.isNull(7) else { return nil }
        let kind = row.number(3)
        guard kind == 0 || kind == 1 || kind == 7 else { return nil }
        if let author = search.author, row.text(2) != author { return nil }
        let (start, count) = (Int(row.number(6)), Int(row.number(7)))
        let matches = row.withOctets(8) { frame in
            search.words.occur(in: frame.extracting(start..<start + count), &scratch)
        }
        guard matches else { return nil }
        let hit = SearchHit(event: row.number(0), frame: row.bytes(8))
        let message = kind == 1 ? DeliverView(frame: hit.frame).reference ?? 0 : UInt64(row.number(4))
        return try isEdited(message, in: row.number(1), behind: hit.event) ? nil : hit
    }

    /// Whether a message was edited behind an event, so that the event is not what it says now.
    private func isEdited(_ message: UInt64, in log: Int64, behind event: Int64) throws(StoreError) -> Bool {
        laterEdit.bind(log, at: 1).bind(message, at: 2).bind(event, at: 3)
        defer { laterEdit.reset() }
        return try laterEdit.step()
    }

    private func fold(_ row: Statement, bodyStart column: Int32) {
        let (start, count) = (Int(row.number(column)), Int(row.number(column + 1)))
        row.withOctets(column + 2) { frame in FoldedText.append(frame.extracting(start..<start + count), to: &scratch) }
    }
}

/// What an event must be to be found.
struct SearchScope {
    let logs: Set<Int64>
    let author: String?
    let times: Range<Timestamp>
    let words: SearchWords
}

/// An event that was found.
struct SearchHit {
    let event: Int64
    let frame: SharedBytes
}
