internal import Bytes
internal import CSQLite

/// A compiled statement of one connection. Parameters count from 1, columns from 0, as in SQLite.
///
/// `run` and the last `step` leave the statement ready for new parameters.
final class Statement {
    private let handle: OpaquePointer
    private let database: Database

    init(_ handle: OpaquePointer, of database: Database) {
        self.handle = handle
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    // MARK: Parameters

    @discardableResult
    @inline(__always)
    func bind(_ number: Int64, at index: Int32) -> Statement {
        check(sqlite3_bind_int64(handle, index, number))
        return self
    }

    @discardableResult
    @inline(__always)
    func bind(_ number: UInt64, at index: Int32) -> Statement { bind(Int64(number), at: index) }

    @discardableResult
    @inline(__always)
    func bind(_ number: UInt64?, at index: Int32) -> Statement { number.map { bind($0, at: index) } ?? bindNull(at: index) }

    @discardableResult
    @inline(__always)
    func bindNull(at index: Int32) -> Statement {
        check(sqlite3_bind_null(handle, index))
        return self
    }

    @discardableResult
    @inline(__always)
    func bind(_ text: String?, at index: Int32) -> Statement {
        guard var text else { return bindNull(at: index) }
        text.withUTF8 { octets in
            octets.withMemoryRebound(to: CChar.self) { check(csqlite_bind_text_copy(handle, index, $0.baseAddress, Int32($0.count))) }
        }
        return self
    }

    /// Binds octets that are known to be UTF-8 as text.
    @discardableResult
    @inline(__always)
    func bindText(_ octets: RawSpan, at index: Int32) -> Statement {
        octets.withUnsafeBytes { octets in
            octets.withMemoryRebound(to: CChar.self) { check(csqlite_bind_text_copy(handle, index, $0.baseAddress, Int32($0.count))) }
        }
        return self
    }

    @discardableResult
    @inline(__always)
    func bindBlob(_ octets: RawSpan, at index: Int32) -> Statement {
        octets.withUnsafeBytes { check(csqlite_bind_blob_copy(handle, index, $0.baseAddress, Int32($0.count))) }
        return self
    }

    /// Binds octets that are known to be UTF-8 as text, without a copy: they must stay until the statement has run.
    func bindText(lent octets: RawSpan, at index: Int32) {
        octets.withUnsafeBytes { octets in
            octets.withMemoryRebound(to: CChar.self) { check(csqlite_bind_text_lent(handle, index, $0.baseAddress, Int32($0.count))) }
        }
    }

    /// Binds octets without a copy: they must stay until the statement has run.
    func bindBlob(lent octets: RawSpan, at index: Int32) {
        octets.withUnsafeBytes { check(csqlite_bind_blob_lent(handle, index, $0.baseAddress, Int32($0.count))) }
    }

    @inline(__always)
    private func check(_ code: Int32) {
        // Besides lack of memory these fail only for a parameter that the statement has not: our own mistake.
        precondition(code == SQLITE_OK, "a parameter cannot be bound: \(code)")
    }

    // MARK: Running

    /// Goes to the next row. False if there is none; the statement is then reset.
    func step() throws(StoreError) -> Bool {
        let code = sqlite3_step(handle)
        if code == SQLITE_ROW { return true }
        let error = code == SQLITE_DONE ? nil : database.failure(code)
        sqlite3_reset(handle)
        if let error { throw error }
        return false
    }

    /// Runs a statement that gives no rows.
    func run() throws(StoreError) {
        while try step() {}
    }

    /// Leaves the rows that have not been read.
    func reset() { sqlite3_reset(handle) }

    // MARK: Columns

    func number(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func text(_ column: Int32) -> String? {
        guard !isNull(column) else { return nil }
        return withOctets(column) { span in span.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
    }

    /// Lends the octets of a text or blob for the length of the call.
    func withOctets<Result>(_ column: Int32, _ body: (RawSpan) -> Result) -> Result {
        let start = sqlite3_column_blob(handle, column)
        let count = Int(sqlite3_column_bytes(handle, column))
        return body(UnsafeRawBufferPointer(start: start, count: start == nil ? 0 : count).bytes)
    }

    /// A copy of the octets of a blob.
    func bytes(_ column: Int32) -> SharedBytes { withOctets(column) { SharedBytes(copying: $0) } }
}
