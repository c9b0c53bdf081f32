/// The tables, and how a file of an earlier release becomes one of this release.
///
/// Migration n brings a file from `user_version` n−1 to n, in one transaction with the number itself. Migrations are only ever added.
///
/// - `event` is append-only: its key counts up in the order of commits, whatever the log, so that inserting touches one page. The events
///   of a log are linked by `previous`, from the newest to the oldest.
/// - `segment` is the sparse index into those chains: the first event of each 64 seqs of a log (``LogIndex``).
/// - `log.head` and `log.last_event` stand as of event `noted_event` of `state`; later events are looked through when a file is opened,
///   so that a commit need not touch one page for each log.
/// - `log.removed_through` is the latest timestamp of an event that retention has removed: of publishes until then nothing is known.
/// - `event.author` is who said it (``EventAuthors``); `event.target` is the message that an edit changes, `event.thread` the root of the thread.
/// - `reaction` and `pin` are what is in force, made of the events as they are appended.
/// - `messages` counts those of kind 0 since the log began, up to the head, the first event of a segment, or a member's read marker;
///   `log.removed_messages` those below the floor.
/// - `log.reserved` is the last seq that may have been given to an event (docs/PROTOCOL.md, *Rooms and logs*).
///
/// - `erasure.changes` counts, for each block of events, the commits that took something out of it (``SearchIndex``).
///
/// The views are for people at the `sqlite3` shell.
struct Schema: Sendable {
    /// "CBP1": whose file it is. Source: sqlite.org/pragma.html#pragma_application_id.
    static let applicationID: Int64 = 0x4342_5031

    static let current = Schema(migrations: [version1, SchemaVersion2.tables, searching], steps: [2: SchemaVersion2.fill])

    let migrations: [String]
    /// What is done behind a migration and SQL cannot say, by its number.
    var steps: [Int: @Sendable (Database) throws(StoreError) -> Void] = [:]

    /// Brings a file to this schema. Nothing is written to one that is up to date.
    func migrate(_ database: Database) throws(StoreError) {
        let version = Int(try database.number("PRAGMA user_version"))
        let owner = try database.number("PRAGMA application_id")
        let isEmpty = try database.number("SELECT count(*) FROM sqlite_schema") == 0
        guard owner == Self.applicationID || isEmpty && owner == 0 && version == 0 else {
            throw StoreError(.foreign, path: database.path)
        }
        guard version <= migrations.count else {
            throw StoreError(.newerSchema(found: version, known: migrations.count), path: database.path)
        }
        for (index, migration) in migrations.enumerated().dropFirst(version) {
            do throws(StoreError) {
                try database.execute("BEGIN IMMEDIATE")
                try database.execute(migration)
                try steps[index + 1]?(database)
                try database.execute("PRAGMA application_id = \(Self.applicationID); PRAGMA user_version = \(index + 1); COMMIT")
            } catch {
                database.rollBack()
                throw error
            }
        }
    }

    /// A number that no other history has, by which the index knows what it was made of, and what has to leave it.
    private static let searching = """
        CREATE TABLE erasure (block INTEGER PRIMARY KEY, changes INTEGER NOT NULL);
        INSERT INTO state VALUES ('history', random() & 9223372036854775807);
        """

    private static let version1 = """
        CREATE TABLE log (
            id INTEGER PRIMARY KEY,
            address TEXT NOT NULL,
            epoch INTEGER NOT NULL,
            created_at INTEGER NOT NULL,
            policy INTEGER NOT NULL,
            title TEXT,
            topic TEXT,
            owner TEXT,
            head INTEGER NOT NULL DEFAULT 0,
            last_event INTEGER NOT NULL DEFAULT 0,
            floor INTEGER NOT NULL DEFAULT 1,
            removed_through INTEGER NOT NULL DEFAULT 0,
            reserved INTEGER NOT NULL DEFAULT 0,
            is_ended INTEGER NOT NULL DEFAULT 0,
            UNIQUE (address, epoch)
        );
        CREATE TABLE event (
            id INTEGER PRIMARY KEY,
            log INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            previous INTEGER NOT NULL,
            timestamp INTEGER NOT NULL,
            kind INTEGER NOT NULL,
            sender TEXT NOT NULL,
            message_id INTEGER,
            body_start INTEGER,
            body_count INTEGER,
            frame BLOB NOT NULL
        );
        CREATE TABLE segment (
            log INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            event INTEGER NOT NULL,
            PRIMARY KEY (log, seq)
        ) WITHOUT ROWID;
        CREATE TABLE membership (
            log INTEGER NOT NULL,
            account TEXT NOT NULL,
            role INTEGER NOT NULL,
            since INTEGER NOT NULL,
            PRIMARY KEY (log, account)
        ) WITHOUT ROWID;
        CREATE TABLE state (
            name TEXT PRIMARY KEY,
            value INTEGER NOT NULL
        ) WITHOUT ROWID;
        INSERT INTO state VALUES ('noted_event', 0), ('last_epoch', 0), ('probe', 0);
        CREATE VIEW messages AS
            SELECT event.id AS id, log.address AS room, event.sender AS username,
                CAST(substr(event.frame, event.body_start + 1, event.body_count) AS TEXT) AS content,
                strftime('%Y-%m-%dT%H:%M:%fZ', event.timestamp / 1000.0, 'unixepoch') AS timestamp,
                substr(log.address, 1, 1) = '@' AS is_private
            FROM event JOIN log ON log.id = event.log
            WHERE event.kind IN (0, 7) AND log.is_ended = 0;
        CREATE VIEW rooms AS
            SELECT address AS name, strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at
            FROM log WHERE is_ended = 0 AND substr(address, 1, 1) <> '@';
        """
}
