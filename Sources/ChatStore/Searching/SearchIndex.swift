internal import Bytes
internal import CSQLite
internal import ChatProtocol
internal import Glibc

/// The index of what was said: a file of its own beside the history, made of it and made anew whenever it is in doubt.
///
/// It is cut into blocks of consecutive events (``StoreSettings/indexBlockEvents``), each a table of FTS5 (sqlite.org/fts5.html) that holds the
/// trigrams of texts and nothing else: no text, no positions. What leaves the history is not deleted from a block, which would leave
/// its trigrams in the file until FTS5 came to merge them; the block is emptied and filled again from what the history still has.
/// The same cut bounds the time of a query: no step of it sees more than one block. Of each part of a block it is noted between which
/// moments its texts were said, so that a search of some days passes over the others. Confined to the search thread.
final class SearchIndex {
    /// Grows when blocks are made otherwise: a file of another form is made anew.
    private static let form: Int64 = 2
    /// Parts of a block, each of equally many events.
    private static let blockParts: Int64 = 64

    /// The first event that is not indexed.
    private(set) var next: Int64
    private let writing: Database
    private let reading: Database
    private let blockEvents: Int64
    private let partEvents: Int64
    private let begin: Statement
    private let commit: Statement
    private let noteNext: Statement
    private let noteBlock: Statement
    private let noteTimes: Statement
    private let newestPart: Statement
    private let oldestPart: Statement
    private var insertion: (block: Int64, statement: Statement)?
    /// By the first event of each part when its texts were said, as far as this transaction has inserted them.
    private var times: [Int64: ClosedRange<Timestamp>] = [:]

    /// Opens the index of a history, or begins one.
    ///
    /// - Parameters:
    ///   - history: The number of the history.
    ///   - nextEvent: The first event that the history does not have: what the index has from there on was of events that are gone.
    init(_ settings: StoreSettings, history: Int64, nextEvent: Int64) throws(StoreError) {
        blockEvents = settings.indexBlockEvents
        partEvents = (blockEvents + Self.blockParts - 1) / Self.blockParts
        if try !Self.isUsable(settings, history: history) { try Self.make(settings, history: history) }
        writing = try Self.connection(settings)
        reading = try Database(path: settings.indexPath, for: .reading)
        begin = try writing.prepare("BEGIN IMMEDIATE")
        commit = try writing.prepare("COMMIT")
        noteNext = try writing.prepare("UPDATE state SET value = ?1 WHERE name = 'next'")
        noteBlock = try writing.prepare("INSERT INTO block VALUES (?1, ?2) ON CONFLICT DO UPDATE SET changes = excluded.changes")
        noteTimes = try writing.prepare(
            """
            INSERT INTO part VALUES (?1, ?2, ?3)
            ON CONFLICT DO UPDATE SET oldest = min(oldest, excluded.oldest), newest = max(newest, excluded.newest)
            """)
        newestPart = try reading.prepare("SELECT max(first) FROM part WHERE first < ?1 AND newest >= ?2 AND oldest < ?3")
        oldestPart = try reading.prepare("SELECT min(first) FROM part WHERE first >= ?1 AND newest >= ?2 AND oldest < ?3")
        next = try writing.number("SELECT value FROM state WHERE name = 'next'")
        try retreat(to: nextEvent)
    }

    private static func connection(_ settings: StoreSettings) throws(StoreError) -> Database {
        let database = try Database(path: settings.indexPath, for: .writing, busyMilliseconds: settings.busyMilliseconds)
        // After a power cut the latest commits may be missing, never parts of one (sqlite.org/pragma.html#pragma_synchronous).
        try database.execute(
            "PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192; PRAGMA secure_delete = ON; PRAGMA trusted_schema = OFF")
        return database
    }

    /// Whether the file is there and an index of this history.
    private static func isUsable(_ settings: StoreSettings, history: Int64) throws(StoreError) -> Bool {
        guard access(settings.indexPath, F_OK) == 0 else { return false }
        do throws(StoreError) {
            let database = try connection(settings)
            guard try database.number("PRAGMA user_version") == form else { return false }
            let rows = try database.prepare("SELECT value FROM state WHERE name IN ('block_events', 'history') ORDER BY name")
            var values: [Int64] = []
            while try rows.step() { values.append(rows.number(0)) }
            return values == [settings.indexBlockEvents, history]
        } catch {
            guard error.kind == .damaged || error.kind == .other else { throw error }
            return false
        }
    }

    private static func make(_ settings: StoreSettings, history: Int64) throws(StoreError) {
        remove(settings)
        // Made by us and not by SQLite, which would let everybody read it.
        let descriptor = Glibc.open(settings.indexPath, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(path: settings.indexPath, errorNumber: errno, doing: "making the file") }
        Glibc.close(descriptor)
        let database = try connection(settings)
        _ = try database.text("PRAGMA journal_mode = WAL")
        try database.execute(
            """
            BEGIN;
            CREATE TABLE block (number INTEGER PRIMARY KEY, changes INTEGER NOT NULL);
            CREATE TABLE part (first INTEGER PRIMARY KEY, oldest INTEGER NOT NULL, newest INTEGER NOT NULL);
            CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
            INSERT INTO state VALUES ('history', \(history)), ('block_events', \(settings.indexBlockEvents)), ('next', 1);
            PRAGMA user_version = \(form);
            COMMIT
            """)
    }

    /// Removes the file. Nobody may have it open.
    static func remove(_ settings: StoreSettings) {
        for suffix in ["", "-wal", "-shm"] { unlink(settings.indexPath + suffix) }
    }

    // MARK: Writing

    /// Does something that is stored whole or not at all.
    func transaction(_ body: () throws(StoreError) -> Void) throws(StoreError) {
        try beginWriting()
        do throws(StoreError) {
            try body()
            try commitWriting()
        } catch {
            rollBack()
            throw error
        }
    }

    func beginWriting() throws(StoreError) { try begin.run() }

    func commitWriting() throws(StoreError) {
        for (first, times) in times {
            try noteTimes.bind(first, at: 1).bind(times.lowerBound, at: 2).bind(times.upperBound, at: 3).run()
        }
        times = [:]
        try commit.run()
    }

    func rollBack() {
        insertion = nil
        times = [:]
        writing.rollBack()
    }

    /// Begins a block, if it is not there. `changes` is how often something was taken out of it before its events were read.
    func open(_ block: Int64, changes: @autoclosure () throws(StoreError) -> Int64) throws(StoreError) {
        guard insertion?.block != block else { return }
        if try writing.number("SELECT count(*) FROM block WHERE number = \(block)") == 0 {
            try writing.execute(
                """
                CREATE VIRTUAL TABLE block_\(block) USING fts5
                    (log, author, body, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1')
                """)
            try note(block, changes: try changes())
        }
        insertion = (block, try writing.prepare("INSERT INTO block_\(block) (rowid, log, author, body) VALUES (?1, ?2, ?3, ?4)"))
    }

    /// Adds an event to the block that is open.
    func insert(_ event: Int64, log: Int64, author: RawSpan, time: Timestamp, text: [UInt8]) throws(StoreError) {
        guard let insertion else { preconditionFailure("a block is opened first") }
        let author = author.withUnsafeBytes { Array($0) }
        let statement = insertion.statement.bind(event, at: 1)
        for (octets, index) in [(IndexTag.log(log), 2), (IndexTag.author(author), 3), (text, 4)] as [([UInt8], Int32)] {
            octets.withUnsafeBytes { _ = statement.bindText($0.bytes, at: index) }
        }
        try statement.run()
        let start = insertion.block * blockEvents
        let first = start + (event - start) / partEvents * partEvents
        let known = times[first] ?? time...time
        times[first] = min(known.lowerBound, time)...max(known.upperBound, time)
    }

    /// Notes up to where events are indexed.
    func advance(to event: Int64) throws(StoreError) { try noteNext.bind(event, at: 1).run() }

    /// What was noted last is stored.
    func didAdvance(to event: Int64) { next = event }

    /// Notes what a block was made of.
    func note(_ block: Int64, changes: Int64) throws(StoreError) { try noteBlock.bind(block, at: 1).bind(changes, at: 2).run() }

    /// The blocks, and how often something had been taken out of each when it was made.
    func blocks() throws(StoreError) -> [Int64: Int64] {
        let rows = try writing.prepare("SELECT number, changes FROM block")
        var found: [Int64: Int64] = [:]
        while try rows.step() { found[rows.number(0)] = rows.number(1) }
        return found
    }

    /// Takes everything out of a block, and overwrites it.
    func empty(_ block: Int64) throws(StoreError) {
        try writing.execute("INSERT INTO block_\(block) (block_\(block)) VALUES ('delete-all'); \(forgetTimes(of: block))")
    }

    /// Removes a block.
    func drop(_ block: Int64) throws(StoreError) {
        insertion = nil
        try writing.execute("DROP TABLE block_\(block); DELETE FROM block WHERE number = \(block); \(forgetTimes(of: block))")
    }

    private func forgetTimes(of block: Int64) -> String {
        "DELETE FROM part WHERE first >= \(block * blockEvents) AND first < \((block + 1) * blockEvents)"
    }

    /// Brings some of what a block was written in together, which makes it smaller and quicker to ask.
    ///
    /// - Returns: whether nothing is left to be done.
    func merge(_ block: Int64, isFirst: Bool) throws(StoreError) -> Bool {
        guard try writing.number("SELECT count(*) FROM block WHERE number = \(block)") == 1 else { return true }
        let before = writing.changeCount
        try writing.execute("INSERT INTO block_\(block) (block_\(block), rank) VALUES ('merge', \(isFirst ? -64 : 64))")
        return writing.changeCount - before < 2
    }

    /// Overwrites what the write-ahead log holds. False if somebody reads from it.
    func checkpoint() throws(StoreError) -> Bool { try writing.checkpoint(.truncate) }

    /// Forgets events that the history does not have: after an unclean stop their numbers may be given to others.
    func retreat(to event: Int64) throws(StoreError) {
        guard event < next else { return }
        let first = event / blockEvents
        let start = max(1, first * blockEvents)
        let blocks = try blocks().keys.filter { $0 >= first }
        try transaction { () throws(StoreError) in
            for block in blocks { try drop(block) }
            try advance(to: start)
        }
        next = start
    }

    // MARK: Asking

    /// Where to look for the newest events below one that may be of a time: between two events of one block. Nil if none is indexed.
    func stretch(below event: Int64, in times: Range<Timestamp>) throws(StoreError) -> Range<Int64>? {
        guard let newest = try part(newestPart, event, times) else { return nil }
        let start = newest / blockEvents * blockEvents
        let oldest = try part(oldestPart, start, times) ?? newest
        return max(1, oldest)..<min(event, newest + partEvents, start + blockEvents)
    }

    private func part(_ search: Statement, _ event: Int64, _ times: Range<Timestamp>) throws(StoreError) -> Int64? {
        search.bind(event, at: 1).bind(Int64(clamping: times.lowerBound), at: 2).bind(Int64(clamping: times.upperBound), at: 3)
        defer { search.reset() }
        return try search.step() && !search.isNull(0) ? search.number(0) : nil
    }

    /// The newest events that an expression fits in a stretch of one block; at most so many.
    func events(_ expression: String, in stretch: Range<Int64>, countMax: Int) throws(StoreError) -> [Int64] {
        let block = stretch.lowerBound / blockEvents
        let rows = try reading.prepare(
            """
            SELECT rowid FROM block_\(block) WHERE block_\(block) MATCH ?1 AND rowid >= ?2 AND rowid < ?3
            ORDER BY rowid DESC LIMIT ?4
            """)
        rows.bind(expression, at: 1).bind(stretch.lowerBound, at: 2).bind(stretch.upperBound, at: 3).bind(Int64(countMax), at: 4)
        var found: [Int64] = []
        while try rows.step() { found.append(rows.number(0)) }
        return found
    }
}
