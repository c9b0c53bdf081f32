internal import Glibc

/// The right to be the only broker in a data directory, held until the value is released or the process ends in whatever way.
///
/// The lock file also notes that a database was made here, so that one that has vanished is not taken for one that never was. Source:
/// flock(2): the lock belongs to the open file, so a process that died holds none.
final class DirectoryLock {
    private static let madeMark = "database made\n"

    /// Negative once the lock is released.
    private var descriptor: Int32
    private let path: String
    /// Whether a database has been made in this directory before.
    private(set) var hasDatabaseBeenMade: Bool

    /// Takes the lock; the directory is made (mode 0700) if only its last part is missing.
    ///
    /// - Throws: `inUse` if another process, or this one, has the lock; `readOnly` and others as the system reports them.
    init(directory: String) throws(StoreError) {
        if mkdir(directory, 0o700) != 0 && errno != EEXIST {
            throw StoreError(path: directory, errorNumber: errno, doing: "making the directory")
        }
        path = directory + "/broker.lock"
        descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw StoreError(path: path, errorNumber: errno, doing: "opening the lock file") }
        hasDatabaseBeenMade = false
        let text = Self.contents(descriptor)
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let number = errno
            close(descriptor)
            guard number == EWOULDBLOCK else { throw StoreError(path: path, errorNumber: number, doing: "locking the directory") }
            throw StoreError(.inUse(processID: text.split(separator: "\n").first.flatMap { Int($0) }), path: directory)
        }
        hasDatabaseBeenMade = text.hasSuffix(Self.madeMark)
        do throws(StoreError) { try note() } catch {
            close(descriptor)
            throw error
        }
    }

    deinit { release() }

    /// Lets others have the directory.
    func release() {
        guard descriptor >= 0 else { return }
        // Closing alone would leave the lock with a child that has been forked and has not yet become another program.
        flock(descriptor, LOCK_UN)
        close(descriptor)
        descriptor = -1
    }

    /// Notes for later starts that there is a database.
    func noteDatabaseMade() throws(StoreError) {
        hasDatabaseBeenMade = true
        try note()
        guard fsync(descriptor) == 0 else { throw StoreError(path: path, errorNumber: errno, doing: "flushing the lock file") }
    }

    private func note() throws(StoreError) {
        let text = "\(getpid())\n" + (hasDatabaseBeenMade ? Self.madeMark : "")
        let octets = Array(text.utf8)
        // Written before it is cut, so that the mark is never absent from the file.
        guard octets.withUnsafeBytes({ pwrite(descriptor, $0.baseAddress, $0.count, 0) }) == octets.count,
            ftruncate(descriptor, octets.count) == 0
        else { throw StoreError(path: path, errorNumber: errno, doing: "writing the lock file") }
    }

    private static func contents(_ descriptor: Int32) -> String {
        var octets = [UInt8](repeating: 0, count: 64)
        let count = octets.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return String(decoding: octets.prefix(max(count, 0)), as: UTF8.self)
    }
}
