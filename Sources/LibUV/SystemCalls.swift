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
