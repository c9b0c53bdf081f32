import Credentials
import Glibc
import Logging

/// The file with the keys of tokens, read again whenever it has changed: so an issuer's keys are rotated without a restart.
///
/// A change that makes it faulty is logged, and the keys known before stay in force. Confined to one thread.
struct BearerKeys {
    let path: String
    private(set) var keys: KeySet
    private var stamp: Stamp

    private struct Stamp: Equatable {
        let inode: UInt64
        let seconds: Int
        let nanoseconds: Int
        let byteCount: Int64

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            inode = UInt64(status.st_ino)
            seconds = status.st_mtim.tv_sec
            nanoseconds = status.st_mtim.tv_nsec
            byteCount = Int64(status.st_size)
        }
    }

    init(path: String) throws(ServerError) {
        self.path = path
        guard let stamp = Stamp(path) else { throw ServerError("accounts.bearer_keys_file \(path) cannot be read") }
        self.stamp = stamp
        keys = try Self.read(path)
    }

    mutating func refresh(_ log: Logger) {
        guard let found = Stamp(path), found != stamp else { return }
        stamp = found
        do throws(ServerError) {
            keys = try Self.read(path)
            log.notice("read the keys of tokens again: \(keys.keys.count)")
        } catch {
            log.warning("the keys of tokens stay as they were: \(error)")
        }
    }

    private static func read(_ path: String) throws(ServerError) -> KeySet {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw ServerError("accounts.bearer_keys_file \(path) cannot be read") }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while octets.count <= KeySet.byteCountMax {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw ServerError("accounts.bearer_keys_file \(path) cannot be read") }
            if count == 0 { break }
            octets += part[..<count]
        }
        do throws(KeySet.Fault) {
            return try KeySet(octets)
        } catch {
            throw ServerError("accounts.bearer_keys_file \(path) \(error)")
        }
    }
}
