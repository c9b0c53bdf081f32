internal import CSQLite
internal import Glibc

/// Opens the file of a data directory, or makes it, and refuses whatever is not as it should be.
struct StoreOpening {
    /// Octets of a page of the file. Most pages are filled by one commit and written twice, to the write-ahead log and from there:
    /// half as many pages are half as many writes.
    static let pageByteCount = 8_192

    let lock: DirectoryLock
    let database: Database

    init(_ settings: StoreSettings, schema: Schema = .current) throws(StoreError) {
        lock = try DirectoryLock(directory: settings.directory)
        try Self.refuseRemains(settings, hasBeenMade: lock.hasDatabaseBeenMade)
        if access(settings.path, F_OK) != 0 {
            try Self.make(settings, schema)
        }
        database = try Self.writingConnection(settings)
        // Takes the write lock for a moment, so that a file that somebody else holds is refused now and not at the first publish.
        try database.execute("BEGIN IMMEDIATE; ROLLBACK")
        try schema.migrate(database)
        try Self.check(database)
        if !lock.hasDatabaseBeenMade { try lock.noteDatabaseMade() }
    }

    /// A connection that overwrites what is deleted, and that writes through to the disk: with `synchronous = FULL` a commit in the write-ahead log is flushed before it returns
    /// (sqlite.org/pragma.html#pragma_synchronous).
    static func writingConnection(_ settings: StoreSettings) throws(StoreError) -> Database {
        let database = try Database(
            path: settings.path, for: .writing, vfs: settings.fileSystem, busyMilliseconds: settings.busyMilliseconds)
        try database.execute(
            """
            PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -16384;
            PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON
            """)
        return database
    }

    static func readingConnection(_ settings: StoreSettings) throws(StoreError) -> Database {
        let database = try Database(
            path: settings.path, for: .reading, vfs: settings.fileSystem, busyMilliseconds: settings.busyMilliseconds)
        try database.execute("PRAGMA cache_size = -16384; PRAGMA wal_autocheckpoint = 0; PRAGMA trusted_schema = OFF")
        return database
    }

    // MARK: Making

    /// Makes the file under another name, so that one of this name is always whole.
    private static func make(_ settings: StoreSettings, _ schema: Schema) throws(StoreError) {
        let unfinished = settings.path + ".new"
        for suffix in ["", "-wal", "-shm", "-journal"] { unlink(unfinished + suffix) }
        // Made by us and not by SQLite, which would let everybody read it.
        let descriptor = Glibc.open(unfinished, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(path: settings.directory, errorNumber: errno, doing: "making the file") }
        Glibc.close(descriptor)
        do {
            let database = try Database(path: unfinished, for: .creating, vfs: settings.fileSystem)
            try database.execute("PRAGMA page_size = \(pageByteCount)")
            _ = try database.text("PRAGMA journal_mode = WAL")
            try schema.migrate(database)
            _ = try database.checkpoint(.truncate)
        }
        guard rename(unfinished, settings.path) == 0 else {
            throw StoreError(path: settings.path, errorNumber: errno, doing: "naming the file")
        }
        let directory = Glibc.open(settings.directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0, fsync(directory) == 0 else {
            throw StoreError(path: settings.directory, errorNumber: errno, doing: "flushing the directory")
        }
        Glibc.close(directory)
    }

    // MARK: Refusing

    /// SQLite takes an empty or absent file for a new database; here it is one that has lost everything.
    private static func refuseRemains(_ settings: StoreSettings, hasBeenMade: Bool) throws(StoreError) {
        var status = stat()
        if stat(settings.path, &status) == 0 {
            guard status.st_size > 0 else {
                throw StoreError(.damaged, path: settings.path, detail: "the file is empty")
            }
        } else if errno != ENOENT {
            throw StoreError(path: settings.path, errorNumber: errno, doing: "looking for the file")
        } else if hasBeenMade || access(settings.path + "-wal", F_OK) == 0 {
            throw StoreError(
                .damaged, path: settings.path, detail: "the file is gone; to begin anew, remove broker.lock from the directory too")
        }
    }

    /// Looks at the small tables whole, and at both ends of the large one. All of it would take time with the number of events.
    private static func check(_ database: Database) throws(StoreError) {
        guard try database.text("PRAGMA journal_mode = WAL") == "wal" else {
            throw StoreError(.other, path: database.path, detail: "the file system cannot keep a write-ahead log")
        }
        for table in ["log", "membership", "state"] {
            let report = try database.text("PRAGMA quick_check('\(table)')")
            guard report == "ok" else {
                let line = report.split(separator: "\n").joined(separator: "; ")
                throw StoreError(.damaged, path: database.path, code: SQLITE_CORRUPT, detail: line)
            }
        }
        _ = try database.number("SELECT (SELECT length(frame) FROM event ORDER BY id LIMIT 1)")
        _ = try database.number("SELECT (SELECT length(frame) FROM event ORDER BY id DESC LIMIT 1)")
    }
}
