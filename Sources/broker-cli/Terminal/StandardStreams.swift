import Glibc

/// Unbuffered writing to the standard streams.
enum StandardStream {
    case output
    case error

    private var descriptor: Int32 { self == .output ? STDOUT_FILENO : STDERR_FILENO }

    /// Whether it is a terminal.
    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Writes everything, waiting if it must. False if nobody reads it any more (EPIPE) or it cannot be written.
    @discardableResult
    func write(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { octets in
            var left = UnsafeRawBufferPointer(octets)
            while !left.isEmpty {
                let written = Glibc.write(descriptor, left.baseAddress, left.count)
                if written > 0 {
                    left = UnsafeRawBufferPointer(rebasing: left[written...])
                } else if errno == EAGAIN {
                    // Somebody who shares the terminal made it non-blocking: wait until it takes more.
                    var poll = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = Glibc.poll(&poll, 1, -1)
                } else if errno != EINTR {
                    return false
                }
            }
            return true
        }
    }

    /// One line.
    @discardableResult
    func writeLine(_ text: String) -> Bool { write(text + "\n") }
}
