internal import CSQLite

/// One connection to the database file, for one thread at a time. Source: sqlite.org/c3ref.
final class Database {
    /// What a connection is for.
    enum Use {
        /// Makes a new file.
        case creating
        /// Writes the one that is there.
        case writing
        /// Reads only, and never waits for the writer.
        case reading
    }

    /// Done once, before SQLite is used.
    private static let isConfigured = csqlite_stop_counting_memory() == SQLITE_OK

    let path: String
    private let handle: OpaquePointer
    // SQLite's hook writes here after each commit; freed with the connection, when no hook can run any more.
    private let pageCount: UnsafeMutablePointer<Int32>

    /// Opens the file.
    ///
    /// - Parameters:
    ///   - vfs: The name of a file system registered with SQLite; nil means the system's.
    ///   - busyMilliseconds: How long a statement waits for another program's lock.
    init(path: String, for use: Use, vfs: String? = nil, busyMilliseconds: Int = 0) throws(StoreError) {
        self.path = path
        _ = Self.isConfigured
        let mode =
            switch use {
            case .creating: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            case .writing: SQLITE_OPEN_READWRITE
            // Read-only connections could not use a log that needs recovery; `query_only` below keeps this one from writing.
            case .reading: SQLITE_OPEN_READWRITE
            }
        var opened: OpaquePointer?
        let code = sqlite3_open_v2(path, &opened, mode | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        guard code == SQLITE_OK, let opened else {
            let error = StoreError(path: path, code: code, handle: opened)
            sqlite3_close_v2(opened)
            throw error
        }
        handle = opened
        pageCount = .allocate(capacity: 1)
        pageCount.initialize(to: 0)
        sqlite3_busy_timeout(handle, Int32(busyMilliseconds))
        csqlite_set_defensive(handle)
        if use == .writing && sqlite3_db_readonly(handle, "main") == 1 {
            throw StoreError(.readOnly, path: path, code: SQLITE_READONLY)
        }
        if use == .reading { try execute("PRAGMA query_only = ON") }
    }

    deinit {
        let code = sqlite3_close(handle)
        precondition(code == SQLITE_OK, "a statement outlived its connection")
        pageCount.deallocate()
    }

    /// Runs statements that give no rows.
    func execute(_ sql: String) throws(StoreError) {
        let code = sqlite3_exec(handle, sql, nil, nil, nil)
        guard code == SQLITE_OK else { throw StoreError(path: path, code: code, handle: handle) }
    }

    /// Compiles one statement, to be run many times.
    func prepare(_ sql: String) throws(StoreError) -> Statement {
        var statement: OpaquePointer?
        let code = sqlite3_prepare_v3(handle, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &statement, nil)
        guard code == SQLITE_OK, let statement else { throw StoreError(path: path, code: code, handle: handle) }
        return Statement(statement, of: self)
    }

    /// The number in the first column of the first row; 0 if there is none.
    func number(_ sql: String) throws(StoreError) -> Int64 {
        let statement = try prepare(sql)
        return try statement.step() ? statement.number(0) : 0
    }

    /// The text in the first column of the first row.
    func text(_ sql: String) throws(StoreError) -> String {
        let statement = try prepare(sql)
        return try statement.step() ? statement.text(0) ?? "" : ""
    }

    /// Undoes what is open of a transaction, if one is.
    func rollBack() {
        // A failed rollback leaves the transaction open, which the next BEGIN reports.
        if isInTransaction { sqlite3_exec(handle, "ROLLBACK", nil, nil, nil) }
    }

    /// Rows changed since the connection was opened, those of virtual tables' own tables included.
    var changeCount: Int { Int(sqlite3_total_changes(handle)) }

    var isInTransaction: Bool { sqlite3_get_autocommit(handle) == 0 }

    func failure(_ code: Int32) -> StoreError { StoreError(path: path, code: code, handle: handle) }

    // MARK: Write-ahead log

    /// Leaves checkpoints to ``checkpoint(_:)``, and lets ``logPageCount`` follow the log's length.
    func takeOverCheckpoints() {
        sqlite3_wal_hook(handle, logDidGrow, pageCount)
    }

    /// Pages in the write-ahead log after the last commit of this connection.
    var logPageCount: Int { Int(pageCount.pointee) }

    enum CheckpointMode {
        /// Copies what it can without anybody waiting.
        case passive
        /// Waits for readers, copies everything and empties the log.
        case truncate
    }

    /// Copies pages from the write-ahead log into the database file.
    ///
    /// - Returns: false if somebody was using the log and it was left as it is, or copied in part.
    func checkpoint(_ mode: CheckpointMode) throws(StoreError) -> Bool {
        let number = mode == .passive ? SQLITE_CHECKPOINT_PASSIVE : SQLITE_CHECKPOINT_TRUNCATE
        let code = sqlite3_wal_checkpoint_v2(handle, "main", number, nil, nil)
        if code == SQLITE_OK {
            if mode == .truncate { pageCount.pointee = 0 }
            return true
        }
        guard code & 0xFF == SQLITE_BUSY else { throw failure(code) }
        return false
    }
}

private let logDidGrow: @convention(c) (UnsafeMutableRawPointer?, OpaquePointer?, UnsafePointer<CChar>?, Int32) -> Int32 = {
    context, _, _, count in
    context?.assumingMemoryBound(to: Int32.self).pointee = count
    return SQLITE_OK
}
