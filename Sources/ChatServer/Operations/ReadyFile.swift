import Glibc
import LibUV

/// What a broker tells its supervisor once it accepts connections (docs/OPERATIONS.md, *The ready file*).
struct ReadyFile {
    struct Listener {
        let address: String
        let kinds: [String]
    }

    let version: String
    let listeners: [Listener]

    /// One JSON object. Nothing in it needs escaping: addresses, versions and kinds are plain ASCII without quotes.
    var json: String {
        let listeners = listeners.map { listener in
            let kinds = listener.kinds.map { "\"\($0)\"" }.joined(separator: ",")
            return "{\"address\":\"\(listener.address)\",\"kinds\":[\(kinds)]}"
        }
        return "{\"version\":\"\(version)\",\"pid\":\(getpid()),\"listeners\":[\(listeners.joined(separator: ","))]}\n"
    }

    /// Writes the file as a whole: whoever sees it sees all of it.
    static func write(_ file: ReadyFile, to path: String) throws(UVError) {
        let draft = path + ".tmp"
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw UVError(systemErrorNumber: errno) }
        let octets = Array(file.json.utf8)
        let written = octets.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let failure: Int32 = written == octets.count ? 0 : errno
        close(descriptor)
        guard failure == 0, rename(draft, path) == 0 else { throw UVError(systemErrorNumber: failure == 0 ? errno : failure) }
    }

    static func remove(_ path: String) { _ = unlink(path) }
}

/// The signals that a broker obeys.
enum SignalNumber {
    /// From the terminal, from the system, and because the terminal has gone.
    static let endings = [SIGINT, SIGTERM, SIGHUP]
    /// Asks for a report.
    static let report = SIGUSR1
}
