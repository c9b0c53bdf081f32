import Glibc
import LoadGenerator

/// Says each second on standard error how the run goes: on a terminal as one line that is drawn anew, else as a line each time.
final class ProgressLine {
    private let isQuiet: Bool
    private let isTerminal: Bool
    private var isDrawn = false

    init(isQuiet: Bool) {
        self.isQuiet = isQuiet
        isTerminal = isatty(STDERR_FILENO) == 1
    }

    func show(_ progress: LoadProgress) {
        guard !isQuiet else { return }
        let line = progress.line
        if isTerminal {
            OutputText.writeError("\r\u{1B}[K\(line)")
            isDrawn = true
        } else {
            OutputText.writeError(line + "\n")
        }
    }

    /// Clears the line, so that what follows begins at its start.
    func end() {
        if isDrawn { OutputText.writeError("\r\u{1B}[K") }
        isDrawn = false
    }
}
