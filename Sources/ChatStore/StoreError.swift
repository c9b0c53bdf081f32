internal import CSQLite
internal import Glibc

/// Why the history cannot be opened, written or read.
///
/// Thrown while opening, it ends the program: ``description`` is one line that says what to do. Given as the reason of a failed write, it
/// is the state of the store until space or the disk is back.
public struct StoreError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is the matter.
    public enum Kind: Sendable, Equatable {
        /// The file was written by a later release: its schema has that number, this program knows up to the other.
        case newerSchema(found: Int, known: Int)
        /// The file is a database of another program.
        case foreign
        /// Another broker works in the directory; its process id, if it could be read.
        case inUse(processID: Int?)
        /// Another program, such as a `sqlite3` shell within a transaction, keeps the file locked.
        case locked
        /// The file or its directory must not be written.
        case readOnly
        /// The file is not what was written to it, or parts of it are missing.
        case damaged
        /// No space is left.
        case full
        /// The system refused to read, write or flush the file.
        case inputOutput
        /// The store is closed.
        case closed
        /// Anything else; ``StoreError/code`` and ``StoreError/detail`` tell.
        case other
    }

    public let kind: Kind
    /// The file or directory concerned.
    public let path: String
    /// SQLite's extended result code (sqlite.org/rescode.html), or the `errno` of a system call; 0 if neither failed.
    public let code: Int32
    /// What SQLite or the system said.
    public let detail: String

    init(_ kind: Kind, path: String, code: Int32 = 0, detail: String = "") {
        self.kind = kind
        self.path = path
        self.code = code
        self.detail = detail
    }

    /// The error of a system call, by its `errno`.
    init(path: String, errorNumber: Int32, doing action: String) {
        let kind: Kind =
            switch errorNumber {
            case EACCES, EROFS, EPERM: .readOnly
            case ENOSPC, EDQUOT: .full
            case EIO: .inputOutput
            default: .other
            }
        let words = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 128) { buffer in
            buffer.initialize(repeating: 0)
            _ = strerror_r(errorNumber, buffer.baseAddress!, buffer.count)
            return String(cString: buffer.baseAddress!)
        }
        self.init(kind, path: path, code: errorNumber, detail: "\(action): \(words)")
    }

    /// The error that a connection reports. `handle` is nil where there is no connection.
    init(path: String, code: Int32, handle: OpaquePointer?) {
        let kind: Kind =
            switch code & 0xFF {
            case SQLITE_BUSY, SQLITE_LOCKED: .locked
            case SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH: .readOnly
            case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT: .damaged
            case SQLITE_FULL: .full
            case SQLITE_IOERR: .inputOutput
            default: .other
            }
        let message = handle.map { String(cString: sqlite3_errmsg($0)) } ?? String(cString: sqlite3_errstr(code))
        self.init(kind, path: path, code: code, detail: "SQLite \(code): \(message)")
    }

    public var description: String {
        let advice =
            switch kind {
            case .newerSchema(let found, let known):
                "was written by a later release (schema \(found), this one knows \(known)): run that release, or name another data directory"
            case .foreign: "is a database of another program: name another data directory"
            case .inUse(let processID):
                "is in use by another broker\(processID.map { " (process \($0))" } ?? ""): stop that one, or name another data directory"
            case .locked: "is locked by another program: end the sqlite3 shell or backup that holds it, then start again"
            case .readOnly: "cannot be written: give this user the right to write the directory and its files, or name another"
            case .damaged: "is damaged: put a backup in its place, or save what is left with `sqlite3 FILE .recover`"
            case .full: "has no space left: make room on its disk"
            case .inputOutput: "cannot be read or written: look at the disk and the system's log"
            case .closed: "is closed"
            case .other: "failed"
            }
        return detail.isEmpty ? "\(path) \(advice)" : "\(path) \(advice) (\(detail))"
    }
}
