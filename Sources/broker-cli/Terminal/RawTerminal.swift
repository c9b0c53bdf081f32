// `termios.h` is not in the module map of the C library, but in what libuv's header includes.
import CLibUV
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
        var attributes = termios()
        guard tcgetattr(STDIN_FILENO, &attributes) == 0 else { return false }
        if !isRaw { savedAttributes = attributes }
        attributes.c_iflag &= ~tcflag_t(BRKINT | ICRNL | INPCK | ISTRIP | IXON)
        attributes.c_lflag &= ~tcflag_t(ECHO | ICANON | IEXTEN | ISIG)
        withUnsafeMutableBytes(of: &attributes.c_cc) { characters in
            characters[Int(VMIN)] = 1
            characters[Int(VTIME)] = 0
        }
        guard tcsetattr(STDIN_FILENO, TCSADRAIN, &attributes) == 0 else { return false }
        isRaw = true
        if !isGuarded {
            isGuarded = true
            atexit(restoreTerminal)
            for signal in [SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS] { guardAgainst(signal) }
        }
        StandardStream.output.write(bracketedPasteOn)
        return true
    }

    /// Leaves raw mode; harmless when it was left.
    static func restore() { restoreTerminal() }

    private static func guardAgainst(_ signal: Int32) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = dieOfFault
        // Taken off before the handler runs: the fault that comes again on return, or is raised again, ends the process as always.
        action.sa_flags = Int32(bitPattern: UInt32(SA_RESETHAND)) | SA_NODEFER
        sigaction(signal, &action, nil)
    }
}

private let bracketedPasteOn = "\u{1B}[?2004h"

// Only the main thread and the handlers of fatal signals touch these.
nonisolated(unsafe) private var savedAttributes = termios()
nonisolated(unsafe) private var isRaw = false
nonisolated(unsafe) private var isGuarded = false

/// Only async-signal-safe calls; `write(2)` and `tcsetattr(3)` are.
private let restoreTerminal: @convention(c) () -> Void = {
    guard isRaw else { return }
    isRaw = false
    // ESC [ ? 2004 l: bracketed paste off. On the stack, since a handler must not allocate.
    var off: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8) = (0x1B, 0x5B, 0x3F, 0x32, 0x30, 0x30, 0x34, 0x6C)
    _ = write(STDOUT_FILENO, &off, 8)
    tcsetattr(STDIN_FILENO, TCSADRAIN, &savedAttributes)
}

private let dieOfFault: @convention(c) (Int32) -> Void = { signal in
    restoreTerminal()
    raise(signal)
}
