import CSQLite

/// What a person, or another program, does to the file with the `sqlite3` shell.
final class Shell {
    private let handle: OpaquePointer

    init(_ path: String) throws {
        var opened: OpaquePointer?
        guard sqlite3_open(path, &opened) == SQLITE_OK, let opened else { throw Failure(text: "cannot open \(path)") }
        handle = opened
    }

    deinit { sqlite3_close_v2(handle) }

    /// The rows as the shell prints them: columns parted by `|`.
    @discardableResult
    func run(_ sql: String) throws -> [String] {
        var rows: [String] = []
        var rest: UnsafePointer<CChar>?
        var statement: OpaquePointer?
        guard sqlite3_prepare_v2(handle, sql, -1, &statement, &rest) == SQLITE_OK else { throw failure }
        defer { sqlite3_finalize(statement) }
        while true {
            switch sqlite3_step(statement) {
            case SQLITE_ROW:
                let columns = (0..<sqlite3_column_count(statement)).map { column in
                    sqlite3_column_text(statement, column).map { String(cString: $0) } ?? ""
                }
                rows.append(columns.joined(separator: "|"))
            case SQLITE_DONE: return rows
            default: throw failure
            }
        }
    }

    private var failure: Failure { Failure(text: String(cString: sqlite3_errmsg(handle))) }

    struct Failure: Error {
        let text: String
    }
}
