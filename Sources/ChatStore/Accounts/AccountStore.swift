public import Bytes
public import ChatProtocol
internal import Glibc

/// The accounts of a broker and their devices, in a file of their own beside the history: `accounts.db`.
///
/// For one thread at a time, and every call may wait for the disk: it belongs on a thread of its own. Other programs, such as the
/// operator's commands, may use the file at the same time; ``changeNumber()`` tells when they have.
///
/// What it keeps of a password is a text that it does not understand: how credentials are made and judged is known elsewhere.
public final class AccountStore {
    /// Devices of an account; the one unused for the longest time makes way for one more.
    public static let devicesPerAccountMax = 32

    private let database: Database
    private var statements: [String: Statement] = [:]

    /// Opens the file of a data directory, or makes it.
    ///
    /// - Parameter directory: made (mode 0700) if only its last part is missing.
    public init(directory: String) throws(StoreError) {
        if mkdir(directory, 0o700) != 0 && errno != EEXIST {
            throw StoreError(path: directory, errorNumber: errno, doing: "making the directory")
        }
        let path = Self.path(in: directory)
        if access(path, F_OK) != 0, access(directory + "/accounts.secret", F_OK) == 0 {
            throw StoreError(.damaged, path: path, detail: "the file is gone; to begin without accounts, remove accounts.secret too")
        }
        // Made by us and not by SQLite, which would let everybody read it.
        let descriptor = Glibc.open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(path: path, errorNumber: errno, doing: "making the file") }
        Glibc.close(descriptor)
        database = try Database(path: path, for: .writing, busyMilliseconds: 5_000)
        try database.execute(
            "PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF")
        guard try database.text("PRAGMA journal_mode = WAL") == "wal" else {
            throw StoreError(.other, path: path, detail: "the file system cannot keep a write-ahead log")
        }
        try AccountSchema.migrate(database)
    }

    /// Where the accounts of a data directory are.
    public static func path(in directory: String) -> String { directory + "/accounts.db" }

    private func statement(_ sql: String) throws(StoreError) -> Statement {
        if let known = statements[sql] { return known }
        let statement = try database.prepare(sql)
        statements[sql] = statement
        return statement
    }

    /// Does several things with one commit, or none of them.
    public func together<Result>(_ body: () throws(StoreError) -> Result) throws(StoreError) -> Result {
        precondition(!database.isInTransaction, "transactions are not nested")
        do throws(StoreError) {
            // Nothing is locked before something is written.
            try database.execute("BEGIN")
            let result = try body()
            try database.execute("COMMIT")
            return result
        } catch {
            database.rollBack()
            throw error
        }
    }

    /// Grows whenever another program has changed the file.
    public func changeNumber() throws(StoreError) -> Int64 {
        let statement = try statement("PRAGMA data_version")
        defer { statement.reset() }
        return try statement.step() ? statement.number(0) : 0
    }

    // MARK: Accounts

    public func account(named name: AccountName) throws(StoreError) -> AccountRow? {
        let statement = try statement("SELECT id, verifier, is_suspended, created_at FROM account WHERE name = ?1")
        statement.bind(name.description, at: 1)
        defer { statement.reset() }
        guard try statement.step() else { return nil }
        return AccountRow(
            id: statement.number(0), name: name, verifier: statement.text(1), isSuspended: statement.number(2) != 0,
            createdAt: Timestamp(statement.number(3)))
    }

    /// Number of accounts.
    public func accountCount() throws(StoreError) -> Int { Int(try database.number("SELECT count(*) FROM account")) }

    /// Names of the accounts that must not log in, among all.
    public func suspendedAccounts() throws(StoreError) -> [AccountName] {
        let statement = try statement("SELECT name FROM account WHERE is_suspended <> 0")
        defer { statement.reset() }
        var names: [AccountName] = []
        while try statement.step() {
            if let name = statement.text(0).flatMap({ try? AccountName($0) }) { names.append(name) }
        }
        return names
    }

    /// All accounts, by name.
    public func accounts() throws(StoreError) -> [AccountRow] {
        let statement = try statement("SELECT id, name, verifier, is_suspended, created_at FROM account ORDER BY name")
        defer { statement.reset() }
        var rows: [AccountRow] = []
        while try statement.step() {
            guard let name = statement.text(1).flatMap({ try? AccountName($0) }) else { continue }
            rows.append(
                AccountRow(
                    id: statement.number(0), name: name, verifier: statement.text(2), isSuspended: statement.number(3) != 0,
                    createdAt: Timestamp(statement.number(4))))
        }
        return rows
    }

    /// A new account; nil if the name is taken.
    ///
    /// - Parameters:
    ///   - verifier: nil: the account has no password.
    ///   - iterationCount: what the verifier was made with, for ``iterationCounts()``.
    public func add(_ name: AccountName, verifier: String?, iterationCount: Int?, at now: Timestamp) throws(StoreError) -> AccountRow? {
        let statement = try statement(
            "INSERT INTO account (name, verifier, iterations, created_at, password_changed_at) VALUES (?1, ?2, ?3, ?4, ?5) "
                + "ON CONFLICT (name) DO NOTHING RETURNING id")
        statement.bind(name.description, at: 1).bind(verifier, at: 2).bind(now, at: 4)
        if let iterationCount { statement.bind(Int64(iterationCount), at: 3) } else { statement.bindNull(at: 3) }
        if verifier == nil { statement.bindNull(at: 5) } else { statement.bind(now, at: 5) }
        guard try statement.step() else { return nil }
        let id = statement.number(0)
        while try statement.step() {}
        return AccountRow(id: id, name: name, verifier: verifier, isSuspended: false, createdAt: now)
    }

    /// Another password.
    public func setVerifier(_ verifier: String, iterationCount: Int, of account: Int64, at now: Timestamp) throws(StoreError) {
        let statement = try statement("UPDATE account SET verifier = ?2, iterations = ?3, password_changed_at = ?4 WHERE id = ?1")
        try statement.bind(account, at: 1).bind(verifier, at: 2).bind(Int64(iterationCount), at: 3).bind(now, at: 4).run()
    }

    /// Whether the account may log in.
    public func setSuspended(_ isSuspended: Bool, of account: Int64) throws(StoreError) {
        let statement = try statement("UPDATE account SET is_suspended = ?2 WHERE id = ?1")
        try statement.bind(account, at: 1).bind(Int64(isSuspended ? 1 : 0), at: 2).run()
    }

    /// How many accounts have a password of how many iterations, the fewest iterations first.
    public func iterationCounts() throws(StoreError) -> [(iterations: Int, accounts: Int)] {
        let statement = try statement(
            "SELECT iterations, count(*) FROM account WHERE iterations IS NOT NULL GROUP BY iterations ORDER BY iterations")
        defer { statement.reset() }
        var counts: [(iterations: Int, accounts: Int)] = []
        while try statement.step() { counts.append((Int(statement.number(0)), Int(statement.number(1)))) }
        return counts
    }

    // MARK: Devices

    public func device(_ publicID: SharedBytes, of account: Int64) throws(StoreError) -> DeviceRow? {
        let statement = try statement(
            "SELECT public_id, nonce, previous_nonce, renewed_at, expires_at, agent FROM device WHERE account = ?1 AND public_id = ?2")
        statement.bind(account, at: 1)
        publicID.withBytes { _ = statement.bindBlob($0, at: 2) }
        defer { statement.reset() }
        return try statement.step() ? Self.row(statement) : nil
    }

    /// The devices of an account, the one used last first.
    public func devices(of account: Int64) throws(StoreError) -> [DeviceRow] {
        let statement = try statement(
            "SELECT public_id, nonce, previous_nonce, renewed_at, expires_at, agent FROM device WHERE account = ?1 ORDER BY renewed_at DESC"
        )
        statement.bind(account, at: 1)
        defer { statement.reset() }
        var rows: [DeviceRow] = []
        while try statement.step() { rows.append(Self.row(statement)) }
        return rows
    }

    private static func row(_ statement: Statement) -> DeviceRow {
        DeviceRow(
            publicID: statement.bytes(0), nonce: statement.bytes(1), previousNonce: statement.isNull(2) ? nil : statement.bytes(2),
            renewedAt: Timestamp(statement.number(3)), expiresAt: Timestamp(statement.number(4)), agent: statement.text(5) ?? "")
    }

    /// Keeps a device, in the place of what was kept of it, and forgets those that are expired or too many.
    public func keep(_ device: DeviceRow, of account: Int64, at now: Timestamp) throws(StoreError) {
        let insert = try statement(
            "INSERT OR REPLACE INTO device (account, public_id, nonce, previous_nonce, renewed_at, expires_at, agent) "
                + "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")
        insert.bind(account, at: 1).bind(device.renewedAt, at: 5).bind(device.expiresAt, at: 6).bind(device.agent, at: 7)
        device.publicID.withBytes { _ = insert.bindBlob($0, at: 2) }
        device.nonce.withBytes { _ = insert.bindBlob($0, at: 3) }
        if let previous = device.previousNonce { previous.withBytes { _ = insert.bindBlob($0, at: 4) } } else { insert.bindNull(at: 4) }
        try insert.run()
        let sweep = try statement(
            "DELETE FROM device WHERE account = ?1 AND (expires_at <= ?2 OR public_id NOT IN "
                + "(SELECT public_id FROM device WHERE account = ?1 ORDER BY renewed_at DESC LIMIT \(Self.devicesPerAccountMax)))")
        try sweep.bind(account, at: 1).bind(now, at: 2).run()
    }

    /// Forgets a device: its token is worth nothing from now on. False if there is none.
    public func forgetDevice(_ publicID: SharedBytes, of account: Int64) throws(StoreError) -> Bool {
        let statement = try statement("DELETE FROM device WHERE account = ?1 AND public_id = ?2 RETURNING 1")
        statement.bind(account, at: 1)
        publicID.withBytes { _ = statement.bindBlob($0, at: 2) }
        var wasThere = false
        while try statement.step() { wasThere = true }
        return wasThere
    }

    /// Forgets all devices of an account but one.
    public func forgetDevices(of account: Int64, except kept: SharedBytes?) throws(StoreError) {
        let statement = try statement("DELETE FROM device WHERE account = ?1 AND public_id IS NOT ?2")
        statement.bind(account, at: 1)
        if let kept { kept.withBytes { _ = statement.bindBlob($0, at: 2) } } else { statement.bindNull(at: 2) }
        try statement.run()
    }
}
