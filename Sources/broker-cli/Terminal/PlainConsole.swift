import LibUV

/// Plain lines in, plain lines out: for pipes, files and terminals that understand no sequences.
final class PlainConsole: Console {
    /// Octets of a line at most; what is longer is no message and is dropped.
    static let lineByteCountMax = 65_536

    var onLine: ((String) -> Void)?
    var onEnd: (() -> Void)?
    /// A line was dropped, and why.
    var onBadLine: ((String) -> Void)?
    let isInteractive = false
    var isPaused = false { didSet { if !isPaused { tellLines() } } }

    private let isColoured: Bool
    private var reader: InputReader?
    private var pending: [UInt8] = []
    private var hasEnded = false
    private var isTelling = false

    init(loop: EventLoop, isColoured: Bool) throws(UVError) {
        self.isColoured = isColoured
        reader = try InputReader(loop: loop) { [unowned self] in didRead($0) }
    }

    func start() { reader?.resume() }

    func show(_ line: StyledText) {
        write(line.rendered(isColoured: isColoured))
    }

    func write(_ line: String) {
        // Nobody reads any more: as good as the end of the input.
        if !StandardStream.output.writeLine(line) { end() }
    }

    func setPrompt(_ prompt: StyledText) {}

    func close() {
        onLine = nil
        onEnd = nil
        onBadLine = nil
        reader?.close()
        reader = nil
    }

    private func didRead(_ octets: [UInt8]) {
        if octets.isEmpty {
            hasEnded = true
        } else {
            pending += octets
        }
        tellLines()
    }

    private func tellLines() {
        guard !isTelling else { return }
        isTelling = true
        while !isPaused, let end = pending.firstIndex(of: 0x0A) {
            let line = pending[..<end]
            pending.removeFirst(end + 1)
            tell(line.last == 0x0D ? line.dropLast().count : line.count, of: Array(line))
        }
        isTelling = false
        guard !isPaused else { return }
        if hasEnded {
            let rest = pending
            pending = []
            if !rest.isEmpty { tell(rest.count, of: rest) }
            end()
        } else {
            if pending.count > Self.lineByteCountMax { pending = Array(pending.prefix(Self.lineByteCountMax + 1)) }
            reader?.resume()
        }
    }

    private func tell(_ count: Int, of line: [UInt8]) {
        guard count <= Self.lineByteCountMax else {
            onBadLine?("a line of more than \(Self.lineByteCountMax) octets was dropped")
            return
        }
        guard let text = String(validating: line.prefix(count), as: UTF8.self) else {
            onBadLine?("a line that is not text in UTF-8 was dropped")
            return
        }
        onLine?(text)
    }

    private func end() {
        let told = onEnd
        onEnd = nil
        told?()
    }
}
