import Glibc
import LibUV

/// Standard input, read by a thread of its own and handed to the loop piece by piece.
///
/// A thread, because a loop can wait neither for a file nor for `/dev/null` (`epoll_ctl(2)`, EPERM), and because the alternative for the rest,
/// O_NONBLOCK, would change the terminal for every program that shares it. One piece is read at a time: the thread waits for
/// ``resume()`` before the next one, so that a fast writer waits instead of filling memory.
final class InputReader {
    private static let pieceByteCountMax = 4096

    private let mailbox = Mailbox<[UInt8]>()
    private let credit: Int32
    private let thread: LoopThread
    private var isWaiting = true

    /// - Parameter onInput: called on the loop with what was read; nothing means the end of the input. No more comes until ``resume()``.
    init(loop: EventLoop, onInput: @escaping ([UInt8]) -> Void) throws(UVError) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw UVError(systemErrorNumber: errno) }
        credit = ends[1]
        let mailbox = mailbox
        let creditEnd = ends[0]
        thread = try LoopThread(name: "input", stackByteCount: 256 * 1024) { Self.read(credit: creditEnd, into: mailbox) }
        try mailbox.attach(to: loop) { [unowned self] pieces in
            isWaiting = true
            for piece in pieces { onInput(piece) }
        }
    }

    /// Reads the next piece.
    func resume() {
        guard isWaiting else { return }
        isWaiting = false
        var octet: UInt8 = 1
        _ = write(credit, &octet, 1)
    }

    /// Nothing is told any more. A thread that is in a read, which may never end, stays there; it holds nothing but itself.
    func close() {
        mailbox.close()
        _ = Glibc.close(credit)
        if isWaiting { thread.join() }
    }

    private static func read(credit: Int32, into mailbox: Mailbox<[UInt8]>) {
        var piece = [UInt8](repeating: 0, count: pieceByteCountMax)
        while true {
            var octet: UInt8 = 0
            let granted = retrying { Glibc.read(credit, &octet, 1) }
            guard granted == 1 else { break }
            let count = retrying { Glibc.read(STDIN_FILENO, &piece, piece.count) }
            guard mailbox.post([Array(piece.prefix(max(0, count)))]), count > 0 else { break }
        }
        _ = Glibc.close(credit)
    }

    private static func retrying(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }
}
