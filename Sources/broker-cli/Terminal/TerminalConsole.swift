import Glibc
import LibUV

/// A line being edited at the bottom of a terminal, and what is shown above it.
final class TerminalConsole: Console {
    /// How long an escape may be the beginning of a sequence.
    private static let escapeMilliseconds: UInt64 = 50

    var onLine: ((String) -> Void)?
    /// The line being edited has changed.
    var onEdit: ((String) -> Void)?
    var onEnd: (() -> Void)?
    /// What the word at the cursor can become.
    var completion: ([Character], Int) -> Completion? = { _, _ in nil }
    let isInteractive = true
    /// A person is never made to wait: lines are told as they are entered.
    var isPaused = false

    private let isColoured: Bool
    private var reader: InputReader?
    private let escapeTimer: Timer
    private var watchers: [SignalWatcher] = []
    private var decoder = KeyDecoder()
    private var editor = LineEditor()
    private var display = LineDisplay()
    private var prompt = StyledText("> ")
    /// Raw mode was entered. A prompt before that would invite keys that the terminal itself still obeys.
    private var isStarted = false
    /// The line was left for a stop by control-Z; what was drawn since is known.
    private var isSuspended = false

    /// Enters raw mode.
    init(loop: EventLoop, isColoured: Bool) throws(UVError) {
        self.isColoured = isColoured
        escapeTimer = Timer(loop: loop)
        reader = try InputReader(loop: loop) { [unowned self] in didRead($0) }
        watchers = [
            try SignalWatcher(loop: loop, signal: SIGWINCH) { [unowned self] in redraw() },
            try SignalWatcher(loop: loop, signal: SIGCONT) { [unowned self] in didContinue() },
        ]
    }

    func start() {
        guard RawTerminal.enable() else { return end() }
        isStarted = true
        redraw()
        reader?.resume()
    }

    func show(_ line: StyledText) {
        write(line.rendered(isColoured: isColoured))
    }

    /// Above the line being edited, which is drawn again below. One write, as one synchronised update where the terminal knows that.
    func write(_ line: String) {
        guard reader != nil else {
            StandardStream.output.writeLine(line)
            return
        }
        let text = line.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
        put(display.erase(columnCount: layout.columnCount) + text + "\r\n" + display.draw(layout))
    }

    func setPrompt(_ prompt: StyledText) {
        guard prompt != self.prompt else { return }
        self.prompt = prompt
        redraw()
    }

    func close() {
        guard reader != nil else { return }
        onLine = nil
        onEdit = nil
        onEnd = nil
        put(display.erase(columnCount: layout.columnCount))
        reader?.close()
        reader = nil
        escapeTimer.close()
        for watcher in watchers { watcher.close() }
        watchers = []
        RawTerminal.restore()
    }

    // MARK: Keys

    private func didRead(_ octets: [UInt8]) {
        guard !octets.isEmpty else { return end() }
        escapeTimer.stop()
        handle(decoder.feed(octets))
        if decoder.isWaiting {
            escapeTimer.start(afterMilliseconds: Self.escapeMilliseconds) { [unowned self] in handle(decoder.flush()) }
        }
        reader?.resume()
    }

    private func handle(_ keys: [Key]) {
        var needsRedraw = false
        for key in keys {
            guard reader != nil else { return }
            let wasEmpty = editor.line.isEmpty
            switch editor.handle(key, completion: completion) {
            case .none: break
            case .redraw: needsRedraw = true
            case .submit(let line):
                needsRedraw = true
                // What was entered is not left standing: it comes back as a message, or as the answer to a command.
                onLine?(line)
            case .endOfInput: return end()
            case .interrupt:
                needsRedraw = true
                if wasEmpty { show(StyledText("-- control-D leaves", .dim)) }
            case .suspend: suspend()
            case .clearScreen:
                display.forget()
                put("\u{1B}[H\u{1B}[2J" + display.draw(layout))
            case .bell: put("\u{7}")
            case .offer(let candidates): write(candidates.joined(separator: "  "))
            }
        }
        if needsRedraw {
            redraw()
            onEdit?(String(editor.line))
        }
    }

    private func end() {
        let told = onEnd
        onEnd = nil
        told?()
    }

    // MARK: Drawing

    private var layout: LineLayout {
        let size = RawTerminal.size
        let pieces: [(written: String, text: String)] =
            if let searchPrompt = editor.searchPrompt {
                [(searchPrompt, searchPrompt)]
            } else {
                [(prompt.rendered(isColoured: isColoured), prompt.rendered(isColoured: false))]
            }
        return LineLayout(
            prompt: pieces, line: editor.line, cursor: editor.cursor, columnCount: size.columnCount,
            rowCountMax: max(1, size.rowCount - 1))
    }

    private func redraw() {
        guard reader != nil, isStarted else { return }
        put(display.draw(layout))
    }

    private func put(_ sequence: String) {
        guard !sequence.isEmpty else { return }
        if !StandardStream.output.write("\u{1B}[?2026h" + sequence + "\u{1B}[?2026l") { end() }
    }

    private func suspend() {
        put(display.leave())
        isSuspended = true
        RawTerminal.restore()
        // The whole job stops, as the shell expects; SIGCONT brings it back.
        kill(0, SIGTSTP)
    }

    private func didContinue() {
        guard reader != nil, RawTerminal.enable() else { return }
        // After a stop by others the line stands somewhere above what the shell has written.
        if !isSuspended { display.forget() }
        isSuspended = false
        redraw()
    }
}
