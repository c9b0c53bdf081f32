import Glibc

/// Why a password is not taken, in a few words.
public struct PasswordRefusal: Error, Sendable, Equatable {
    public let reason: String
}

/// Asks for a password: at the terminal without showing it, else as the next line of standard input. Never from an argument, which other
/// users of the machine can see.
///
/// What every program takes is the same, so that whoever makes an account can log in to it.
public enum PasswordPrompt {
    /// Octets of a password at most.
    static let byteCountMax = 1_024
    /// Characters of a new password at least.
    static let newCharacterCountMin = 8

    /// - Throws: if there is none, or one that cannot be used.
    public static func ask(_ prompt: String) throws(PasswordRefusal) -> String {
        try accepted(isatty(STDIN_FILENO) == 1 ? HiddenInput.line(prompt) : InputLine.read())
    }

    /// Asks for a new password; a person types it twice.
    public static func askForNew(_ prompt: String) throws(PasswordRefusal) -> String {
        let password = try ask(prompt)
        guard password.count >= newCharacterCountMin else {
            throw PasswordRefusal(reason: "a password has at least \(newCharacterCountMin) characters")
        }
        guard isatty(STDIN_FILENO) == 1 else { return password }
        guard try ask("The same again: ") == password else { throw PasswordRefusal(reason: "the two passwords differ") }
        return password
    }

    /// The octets as a password; UTF-8 without control characters (docs/PROTOCOL.md, *SCRAM*).
    static func accepted(_ octets: [UInt8]) throws(PasswordRefusal) -> String {
        guard !octets.isEmpty else { throw PasswordRefusal(reason: "no password was given") }
        guard octets.count <= byteCountMax else { throw PasswordRefusal(reason: "a password has at most \(byteCountMax) octets") }
        guard let password = String(validating: octets, as: UTF8.self) else { throw PasswordRefusal(reason: "a password is text in UTF-8") }
        guard password.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }) else {
            throw PasswordRefusal(reason: "a password has no control characters")
        }
        return password
    }
}

/// Lines of standard input, of which nothing is taken in advance: somebody else may want what follows.
private enum InputLine {
    /// The octets up to the line's end or the input's; of a line that is too long, enough to see that.
    static func read() -> [UInt8] {
        var line: [UInt8] = []
        var octet: UInt8 = 0
        while true {
            let count = Glibc.read(STDIN_FILENO, &octet, 1)
            if count < 0, errno == EINTR { continue }
            guard count == 1, octet != UInt8(ascii: "\n") else { break }
            if line.count <= PasswordPrompt.byteCountMax { line.append(octet) }
        }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return line
    }
}

/// A line from a terminal that does not show it. Its signals go on working, as they do not with getpass(3): control-C ends the program and
/// control-Z stops it, either way with the terminal as it was.
private enum HiddenInput {
    static func line(_ prompt: String) -> [UInt8] {
        promptByteCount = min(prompt.utf8.count, promptByteCountMax)
        for (index, octet) in prompt.utf8.prefix(promptByteCountMax).enumerated() { promptText[index] = octet }
        guard tcgetattr(STDIN_FILENO, shownAttributes) == 0 else { return [] }
        hiddenAttributes.update(from: shownAttributes, count: 1)
        hiddenAttributes.pointee.c_lflag &= ~tcflag_t(ECHO)
        hiddenAttributes.pointee.c_lflag |= tcflag_t(ECHONL)
        for number in endings { signal(number, giveTerminalBack) }
        signal(SIGCONT, takeTerminalAgain)
        takeTerminalAgain(SIGCONT)
        let line = InputLine.read()
        tcsetattr(STDIN_FILENO, TCSADRAIN, shownAttributes)
        for number in endings { signal(number, SIG_DFL) }
        signal(SIGCONT, SIG_DFL)
        return line
    }

    private static let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP]
}

private let promptByteCountMax = 256

// Only the thread that asks and its handlers touch these, and only async-signal-safe calls are made of them (signal-safety(7)).
nonisolated(unsafe) private let shownAttributes = UnsafeMutablePointer<termios>.allocate(capacity: 1)
nonisolated(unsafe) private let hiddenAttributes = UnsafeMutablePointer<termios>.allocate(capacity: 1)
nonisolated(unsafe) private let promptText = UnsafeMutablePointer<UInt8>.allocate(capacity: promptByteCountMax)
nonisolated(unsafe) private var promptByteCount = 0

/// The signal is blocked while it is handled, and raised again with its usual effect.
private let giveTerminalBack: @convention(c) (Int32) -> Void = { number in
    // Half a password is not left to the shell.
    tcsetattr(STDIN_FILENO, TCSAFLUSH, shownAttributes)
    var lineFeed = UInt8(ascii: "\n")
    _ = write(STDIN_FILENO, &lineFeed, 1)
    signal(number, SIG_DFL)
    raise(number)
}

/// The program begins to ask, or goes on after a stop.
private let takeTerminalAgain: @convention(c) (Int32) -> Void = { _ in
    signal(SIGTSTP, giveTerminalBack)
    tcsetattr(STDIN_FILENO, TCSADRAIN, hiddenAttributes)
    // To the terminal that is read, wherever the output goes.
    if write(STDIN_FILENO, promptText, promptByteCount) < 0 { _ = write(STDERR_FILENO, promptText, promptByteCount) }
}
