/// Where a conversation is shown and where its lines come from. Confined to the loop.
protocol Console: AnyObject {
    /// A line was entered.
    var onLine: ((String) -> Void)? { get set }
    /// No more lines come: the end of the input, or control-D.
    var onEnd: (() -> Void)? { get set }
    /// Whether a person can be asked.
    var isInteractive: Bool { get }
    /// While true, lines are not told.
    var isPaused: Bool { get set }

    /// Begins to read.
    func start()
    /// Shows a line.
    func show(_ line: StyledText)
    /// Writes a line that is no text for people.
    func write(_ line: String)
    /// What stands before the line being edited.
    func setPrompt(_ prompt: StyledText)
    /// Gives the terminal back.
    func close()
}
