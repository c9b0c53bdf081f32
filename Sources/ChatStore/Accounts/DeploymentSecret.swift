public import Bytes
internal import Glibc

/// 32 random octets that belong to a data directory for as long as it lives, in a file apart from the database: whoever gets the one
/// without the other has no token of any device.
public enum DeploymentSecret {
    public static let byteCount = 32

    /// Reads the secret, or keeps the one given if there is none yet. The file is this user's alone.
    ///
    /// - Parameter fresh: ``byteCount`` random octets.
    public static func load(directory: String, orKeep fresh: SharedBytes) throws(StoreError) -> SharedBytes {
        precondition(fresh.count == byteCount, "the secret has \(byteCount) octets")
        let path = directory + "/accounts.secret"
        if let kept = try read(path) { return kept }
        // Written whole under another name, then linked: of two programs that begin at once, one wins and both read the same.
        let unfinished = path + ".\(getpid())"
        let descriptor = Glibc.open(unfinished, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StoreError(path: unfinished, errorNumber: errno, doing: "making the file") }
        let written = fresh.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        let isFlushed = fsync(descriptor) == 0
        let number = errno
        Glibc.close(descriptor)
        defer { unlink(unfinished) }
        guard written == byteCount, isFlushed else { throw StoreError(path: unfinished, errorNumber: number, doing: "writing the file") }
        guard link(unfinished, path) == 0 || errno == EEXIST else {
            throw StoreError(path: path, errorNumber: errno, doing: "naming the file")
        }
        guard let kept = try read(path) else { throw StoreError(.damaged, path: path, detail: "the file vanished") }
        return kept
    }

    private static func read(_ path: String) throws(StoreError) -> SharedBytes? {
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw StoreError(path: path, errorNumber: errno, doing: "opening the file")
        }
        defer { Glibc.close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw StoreError(path: path, errorNumber: errno, doing: "looking at the file") }
        guard status.st_mode & 0o077 == 0 else {
            throw StoreError(.other, path: path, detail: "others may read it; chmod 600 it, or remove it if they have")
        }
        var octets = [UInt8](repeating: 0, count: byteCount + 1)
        let count = octets.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
        guard count == byteCount else { throw StoreError(.damaged, path: path, detail: "\(count) octets instead of \(byteCount)") }
        return SharedBytes(Array(octets.prefix(byteCount)))
    }
}
