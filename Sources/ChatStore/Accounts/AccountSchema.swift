/// The tables of the accounts' file, and how a file of an earlier release becomes one of this release. Migrations are only ever added.
struct AccountSchema {
    /// "CBPA": whose file it is. Source: sqlite.org/pragma.html#pragma_application_id.
    static let applicationID: Int64 = 0x4342_5041

    static let migrations = [version1]

    static func migrate(_ database: Database) throws(StoreError) {
        do throws(StoreError) {
            // The lock first: the broker and its operator's commands may find the file at the same time.
            try database.execute("BEGIN IMMEDIATE")
            let version = Int(try database.number("PRAGMA user_version"))
            let owner = try database.number("PRAGMA application_id")
            let isEmpty = try database.number("SELECT count(*) FROM sqlite_schema") == 0
            guard owner == applicationID || isEmpty && owner == 0 && version == 0 else {
                throw StoreError(.foreign, path: database.path)
            }
            guard version <= migrations.count else {
                throw StoreError(.newerSchema(found: version, known: migrations.count), path: database.path)
            }
            for (index, migration) in migrations.enumerated().dropFirst(version) {
                try database.execute(migration)
                try database.execute("PRAGMA application_id = \(applicationID); PRAGMA user_version = \(index + 1)")
            }
            try database.execute("COMMIT")
        } catch {
            database.rollBack()
            throw error
        }
    }

    private static let version1 = """
        CREATE TABLE account (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            verifier TEXT,
            iterations INTEGER,
            is_suspended INTEGER NOT NULL DEFAULT 0,
            created_at INTEGER NOT NULL,
            password_changed_at INTEGER
        );
        CREATE TABLE device (
            account INTEGER NOT NULL REFERENCES account,
            public_id BLOB NOT NULL,
            nonce BLOB NOT NULL,
            previous_nonce BLOB,
            renewed_at INTEGER NOT NULL,
            expires_at INTEGER NOT NULL,
            agent TEXT NOT NULL,
            PRIMARY KEY (account, public_id)
        ) WITHOUT ROWID;
        CREATE INDEX account_iterations ON account (iterations) WHERE iterations IS NOT NULL;
        CREATE VIEW users AS
            SELECT name, CASE is_suspended WHEN 0 THEN 'active' ELSE 'suspended' END AS state,
                CASE WHEN verifier IS NULL THEN 'no' ELSE 'yes' END AS has_password,
                strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch') AS created_at,
                (SELECT count(*) FROM device WHERE device.account = account.id) AS devices
            FROM account;
        """
}
