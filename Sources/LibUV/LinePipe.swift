import Glibc
import Synchronization

/// Lines of text on their way to a descriptor that may take them as slowly as it likes: whoever writes never waits.
///
/// A line goes into a pipe of the process's own, whole or not at all, from any thread, and a thread of its own copies it out (`pipe(7)`: up
/// to `PIPE_BUF` octets are written at once or not). While the pipe is full, lines are dropped, and their number is said as soon as there is
/// room. It holds 64 KiB, as a rule.
public final class LinePipe: Sendable {
    /// Octets of a line, its end included; the rest of a longer one is cut off.
    public static let lineByteCountMax = 4_096

    private let entrance: Int32
    /// Becomes readable, at its end, when everything has been copied.
    private let finish: Int32
    private let droppedCount = Atomic<Int>(0)
    private let isClosed = Atomic<Bool>(false)

    /// - Parameter descriptor: where the lines go; it stays the caller's.
    public init(to descriptor: Int32) throws(UVError) {
        let (exit, entrance) = try Self.pipe()
        let (finish, finished) = try Self.pipe()
        _ = fcntl(entrance, F_SETFL, O_NONBLOCK)
        (self.entrance, self.finish) = (entrance, finish)
        _ = try LoopThread(name: "log", stackByteCount: 256 * 1_024) {
            Self.copy(from: exit, to: descriptor)
            closeDescriptor(exit)
            closeDescriptor(finished)
        }
    }

    deinit {
        close()
        closeDescriptor(finish)
    }

    /// Writes a line, or drops it. From any thread.
    ///
    /// - Parameter line: without the line end, which is added.
    public func write(_ line: String) {
        guard !isClosed.load(ordering: .relaxed) else { return }
        let dropped = droppedCount.exchange(0, ordering: .relaxed)
        if dropped > 0, !send("\(dropped) \(dropped == 1 ? "line was" : "lines were") dropped here, because nobody took them") {
            droppedCount.add(dropped + 1, ordering: .relaxed)
        } else if !send(line) {
            droppedCount.add(1, ordering: .relaxed)
        }
    }

    /// Ends the copying, and waits until what has been written is through or the time is up. Nobody else may be writing; later lines go
    /// nowhere.
    ///
    /// - Returns: whether it is through. If not, the descriptor is still written to.
    @discardableResult
    public func close(waitingMilliseconds: Int = 1_000) -> Bool {
        if !isClosed.exchange(true, ordering: .relaxed) { closeDescriptor(entrance) }
        var awaited = pollfd(fd: finish, events: Int16(POLLIN), revents: 0)
        return poll(&awaited, 1, Int32(clamping: waitingMilliseconds)) > 0
    }

    private func send(_ line: String) -> Bool {
        var octets = Array(line.utf8.prefix(Self.lineByteCountMax - 1))
        octets.append(UInt8(ascii: "\n"))
        return Glibc.write(entrance, octets, octets.count) == octets.count
    }

    private static func pipe() throws(UVError) -> (exit: Int32, entrance: Int32) {
        var ends: [Int32] = [-1, -1]
        guard Glibc.pipe(&ends) == 0 else { throw UVError(systemErrorNumber: currentSystemErrorNumber()) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }

    private static func copy(from exit: Int32, to descriptor: Int32) {
        let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 1)
        defer { chunk.deallocate() }
        while true {
            let count = read(exit, chunk.baseAddress, chunk.count)
            if count < 0 && currentSystemErrorNumber() == EINTR { continue }
            guard count > 0 else { return }
            var start = 0
            while start < count {
                let written = Glibc.write(descriptor, chunk.baseAddress! + start, count - start)
                if written > 0 {
                    start += written
                } else if currentSystemErrorNumber() == EAGAIN {
                    var awaited = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                    _ = poll(&awaited, 1, -1)
                } else if currentSystemErrorNumber() != EINTR {
                    // Nobody will ever read it.
                    break
                }
            }
        }
    }
}
