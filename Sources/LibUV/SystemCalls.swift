import Glibc

/// The calling thread's `errno`, which is valid only directly after a system call that failed.
func currentSystemErrorNumber() -> Int32 { errno }

/// Closes a descriptor for good. On Linux it is released even when `close(2)` reports an error, so there is nothing to repeat.
func closeDescriptor(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
}

/// Makes writing to a connection that its peer has reset an error (`EPIPE`) instead of the death of the process.
///
/// `uv_write` uses `write(2)`, which has no `MSG_NOSIGNAL`; see `signal(7)`. Evaluated once in a process.
let brokenPipeSignalIsIgnored: Bool = {
    _ = signal(SIGPIPE, SIG_IGN)
    return true
}()

/// What a program that uses this library does first.
public enum ProcessStart {
    /// Gives standard input, output and error something to be, if the parent closed them, so that no other file gets their numbers; and takes
    /// what writing to somebody who is gone brings as an error, not as the end of the process.
    public static func prepare() {
        _ = brokenPipeSignalIsIgnored
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 {
            // The lowest free number is given: this one.
            _ = open("/dev/null", O_RDWR)
        }
    }
}
