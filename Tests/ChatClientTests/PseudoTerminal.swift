import Foundation
import Glibc

/// `broker-cli` on a pseudo-terminal (`pty(7)`): what a person types goes in, what the screen gets comes out.
final class PseudoTerminal {
    struct Failed: Error, CustomStringConvertible {
        let description: String
    }

    private static let deadlineMilliseconds: Int32 = 20_000
    /// TIOCSPTLCK and TIOCGPTN of Linux.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    let process = Process()
    private let master: Int32
    private let slave: FileHandle
    private var octets: [UInt8] = []
    /// How much of it has been waited for.
    private var seen = 0
    /// The terminal's attributes before the program began.
    let attributesBefore: [UInt8]

    init(_ arguments: [String], environment: [String: String] = [:], columns: UInt16 = 80, rows: UInt16 = 24) throws {
        // The functions of `pty(7)` are not in the module map of the C library; what they do is (`ioctl_tty(2)`).
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var lock: Int32 = 0
        var number: Int32 = 0
        guard master >= 0, ioctl(master, Self.setLock, &lock) == 0, ioctl(master, Self.getNumber, &number) == 0 else {
            throw Failed(description: "no pseudo-terminal")
        }
        let descriptor = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        guard descriptor >= 0 else { throw Failed(description: "no slave of the pseudo-terminal") }
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(descriptor, UInt(TIOCSWINSZ), &size)
        slave = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        attributesBefore = Self.attributes(of: descriptor)
        process.executableURL = Program.url("broker-cli")
        process.arguments = arguments
        process.environment = environment.merging(["TERM": "xterm-256color", "TZ": "UTC", "SWIFT_BACKTRACE": "enable=no"]) { given, _ in
            given
        }
        process.standardInput = slave
        process.standardOutput = slave
        process.standardError = slave
        try process.run()
    }

    deinit {
        if process.isRunning { process.terminate() }
        close(master)
    }

    /// All that has come out so far.
    var output: String { String(decoding: octets, as: UTF8.self) }

    func resize(columns: UInt16, rows: UInt16) {
        var size = winsize(ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0)
        _ = ioctl(slave.fileDescriptor, UInt(TIOCSWINSZ), &size)
        // Only the terminal's own session is told by the kernel, and this program is of another one.
        kill(process.processIdentifier, SIGWINCH)
    }

    func type(_ keys: String) {
        let octets = Array(keys.utf8)
        _ = write(master, octets, octets.count)
    }

    /// Waits until a text comes out that has not been waited for before.
    func wait(for text: String) throws {
        let wanted = Array(text.utf8)
        while true {
            if let range = octets[seen...].firstRange(of: wanted) {
                seen = range.upperBound
                return
            }
            guard read() else { throw Failed(description: "\"\(text)\" did not come in: \(output.debugDescription)") }
        }
    }

    /// Waits for the end of the program; how it ended, and the terminal's attributes then. One that does not end is ended, and fails by that.
    func end() -> (status: Int32, isSignal: Bool, attributes: [UInt8]) {
        let deadline = ContinuousClock.now + .milliseconds(Int(Self.deadlineMilliseconds))
        // Its last words are read meanwhile: a full terminal would keep it from ending.
        while process.isRunning {
            if ContinuousClock.now > deadline { kill(process.processIdentifier, SIGKILL) }
            _ = read(waitingMilliseconds: 10)
        }
        process.waitUntilExit()
        while read(waitingMilliseconds: 0) {}
        return (process.terminationStatus, process.terminationReason == .uncaughtSignal, Self.attributes(of: slave.fileDescriptor))
    }

    /// False at the end or when nothing comes for too long.
    private func read(waitingMilliseconds: Int32 = PseudoTerminal.deadlineMilliseconds) -> Bool {
        var poll = pollfd(fd: master, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, waitingMilliseconds) == 1 else { return false }
        var piece = [UInt8](repeating: 0, count: 4096)
        let count = Glibc.read(master, &piece, piece.count)
        guard count > 0 else { return false }
        octets += piece[..<count]
        return true
    }

    private static func attributes(of descriptor: Int32) -> [UInt8] {
        withUnsafeTemporaryAllocation(byteCount: MemoryLayout<termios>.size, alignment: MemoryLayout<termios>.alignment) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            tcgetattr(descriptor, buffer.baseAddress!.assumingMemoryBound(to: termios.self))
            return Array(buffer)
        }
    }
}
