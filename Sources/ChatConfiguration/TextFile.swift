import Glibc

/// Reads small text files.
enum TextFile {
    /// A file larger than this is not a configuration.
    static let byteCountMax = 1 << 20

    /// Why a file could not be read, in words.
    struct Failure: Error {
        let reason: String
    }

    /// The text of the file at `path`.
    ///
    /// A zero octet is refused, because the TOML parser would take it for the end of the text.
    static func read(_ path: String) throws(Failure) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemFailure("open") }
        defer { close(descriptor) }
        var octets: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = Glibc.read(descriptor, &part, part.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw systemFailure("read") }
            if count == 0 { break }
            octets += part[..<count]
            guard octets.count <= byteCountMax else { throw Failure(reason: "larger than \(byteCountMax) octets: not a configuration") }
        }
        guard !octets.contains(0), let text = String(validating: octets, as: UTF8.self) else {
            throw Failure(reason: "not UTF-8 text")
        }
        return text
    }

    /// Why `path` cannot be read by this process, or nil if it can (access(2)).
    static func whyUnreadable(_ path: String) -> String? {
        access(path, R_OK) == 0 ? nil : systemFailure("read").reason
    }

    private static func systemFailure(_ verb: String) -> Failure {
        let code = errno
        return Failure(reason: "cannot \(verb) it: \(String(cString: strerror(code))) (errno \(code))")
    }
}
