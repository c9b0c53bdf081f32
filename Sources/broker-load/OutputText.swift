import Glibc

/// Writes text to descriptors and files.
enum OutputText {
    static func writeError(_ text: String) { write(text, to: STDERR_FILENO) }

    /// False, with `errno`, if it could not be written.
    @discardableResult
    static func writeResult(_ text: String) -> Bool { write(text, to: STDOUT_FILENO) }

    /// Makes or replaces a file; nil, or why that failed.
    static func writeFile(_ path: String, _ text: String) -> String? {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { return String(cString: strerror(errno)) }
        let isWritten = write(text, to: descriptor)
        let errorNumber = errno
        return close(descriptor) == 0 && isWritten ? nil : String(cString: strerror(errorNumber))
    }

    /// False if the reader has gone or the disk is full.
    @discardableResult
    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        let octets = Array(text.utf8)
        var offset = 0
        while offset < octets.count {
            let count = octets.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress! + offset, octets.count - offset) }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            offset += count
        }
        return true
    }
}
