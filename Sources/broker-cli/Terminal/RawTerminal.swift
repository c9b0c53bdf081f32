import Glibc

/// The terminal in raw mode: every key at once, nothing echoed. It is put back on every way out: by ``restore()``, at exit, and when the
/// process dies of a fault of its own (`termios(3)`, `signal-safety(7)`).
enum RawTerminal {
    /// Whether a person sits at both ends, at a terminal that understands sequences.
    static var isUsable: Bool {
        guard isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1 else { return false }
        let kind = getenv("TERM").map { String(cString: $0) }
        return kind != nil && kind != "dumb" && kind != ""
    }

    /// Columns and rows; 80 × 24 where the terminal does not say.
    static var size: (columnCount: Int, rowCount: Int) {
        var size = winsize()
        guard ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return (80, 24) }
        return (Int(size.ws_col), Int(size.ws_row))
    }

    /// Enters raw mode. False if the terminal refuses.
    static func enable() -> Bool {
        if !isRaw { guard tcgetattr(STDIN_FILENO, savedAttributes) == 0 else { return false } }
        // Made from what was saved by functions of the C library alone: the members of `termios` belong to another module here.
        let isEntered = withUnsafeTemporaryAllocation(of: termios.self, capacity: 1) { buffer in
            let attributes = buffer.baseAddress!
            attributes.initialize(to: savedAttributes.pointee)
            cfmakeraw(attributes)
            return tcsetattr(STDIN_FILENO, TCSADRAIN, attributes) == 0
        }
        guard isEntered else { return false }
        isRaw = true
        if !isGuarded {
            isGuarded = true
            atexit(restoreTerminal)
            for number in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { signal(number, dieOfFault) }
        }
        StandardStream.output.write(bracketedPasteOn)
        return true
    }

    /// Leaves raw mode; harmless when it was left.
    static func restore() { restoreTerminal() }
}

private let bracketedPasteOn = "\u{1B}[?2004h"

// Only the main thread and the handlers of fatal signals touch these.
nonisolated(unsafe) private let savedAttributes = UnsafeMutablePointer<termios>.allocate(capacity: 1)
nonisolated(unsafe) private var isRaw = false
nonisolated(unsafe) private var isGuarded = false

/// Only async-signal-safe calls; `write(2)` and `tcsetattr(3)` are.
private let restoreTerminal: @convention(c) () -> Void = {
    guard isRaw else { return }
    isRaw = false
    // ESC [ ? 2004 l: bracketed paste off. On the stack, since a handler must not allocate.
    var off: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0x1B, 0x5B, 0x3F, 0x32, 0x30, 0x30, 0x34, 0x6C)
    _ = write(STDOUT_FILENO, &off, 8)
    tcsetattr(STDIN_FILENO, TCSADRAIN, savedAttributes)
}

/// The signal is blocked while it is handled, and raised again with its usual effect: it ends the process on return, as always.
private let dieOfFault: @convention(c) (Int32) -> Void = { number in
    restoreTerminal()
    signal(number, SIG_DFL)
    raise(number)
}
