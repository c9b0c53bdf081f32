import ChatProtocol

/// A prompt and a line broken into the rows of a terminal, with the place of the cursor. Pure: the terminal's own wrapping plays no part.
struct LineLayout: Equatable {
    /// Text of each row, escape sequences of the prompt included.
    private(set) var rows: [String] = [""]
    private(set) var cursorRow = 0
    private(set) var cursorColumn = 0

    /// Cells that each row takes.
    private(set) var rowWidths: [Int] = [0]

    private var column: Int {
        get { rowWidths[rowWidths.count - 1] }
        set { rowWidths[rowWidths.count - 1] = newValue }
    }
    let columnCount: Int

    /// - Parameters:
    ///   - prompt: pieces in front of the line: what is written, and the text whose cells it takes.
    ///   - cursor: characters of the line before the cursor.
    ///   - rowCountMax: if there are more rows, those around the cursor are shown.
    init(prompt: [(written: String, text: String)], line: [Character], cursor: Int, columnCount: Int, rowCountMax: Int = .max) {
        self.columnCount = max(columnCount, 4)
        for piece in prompt {
            // A prompt is short; one that does not fit is simply broken like text.
            if column + CharacterWidth.of(piece.text) <= self.columnCount {
                rows[rows.count - 1] += piece.written
                column += CharacterWidth.of(piece.text)
            } else {
                for character in piece.text { put(character) }
            }
        }
        for (index, character) in line.enumerated() {
            if index == cursor { markCursor(before: character) }
            for cell in Self.cells(character) { put(cell) }
        }
        if cursor >= line.count { markCursor(before: " ") }
        if rows.count > max(rowCountMax, 1) { clip(to: max(rowCountMax, 1)) }
    }

    /// What a character of the line looks like: line feeds and tabs as signs, whatever cannot be seen as an escape.
    private static func cells(_ character: Character) -> String {
        switch character {
        case "\n": "↵"
        case "\t": "⇥"
        default: VisibleText.escape(String(character))
        }
    }

    private mutating func put(_ character: Character) {
        let width = CharacterWidth.of(character)
        if column + width > columnCount { newRow() }
        rows[rows.count - 1].append(character)
        column += width
    }

    /// The cursor stands where the next character will be, which may be the next row.
    private mutating func markCursor(before character: Character) {
        let width = max(1, Self.cells(character).first.map { CharacterWidth.of($0) } ?? 1)
        if column + width > columnCount { newRow() }
        cursorRow = rows.count - 1
        cursorColumn = column
    }

    private mutating func newRow() {
        rows.append("")
        rowWidths.append(0)
    }

    private mutating func clip(to count: Int) {
        let first = min(max(0, cursorRow - count / 2), rows.count - count)
        rows = Array(rows[first..<(first + count)])
        rowWidths = Array(rowWidths[first..<(first + count)])
        cursorRow -= first
    }
}

/// The rows of the edited line as they stand on the terminal, and the sequences (ECMA-48) that change them.
struct LineDisplay {
    private var shown: LineLayout?

    /// What takes the line off the screen and leaves the cursor at its first column.
    ///
    /// - Parameter columnCount: columns of the terminal now, which may be fewer than when the line was drawn.
    mutating func erase(columnCount: Int) -> String {
        guard let layout = shown else { return "" }
        shown = nil
        return Self.toStart(of: layout, columnCount: max(1, columnCount)) + "\u{1B}[J"
    }

    /// What puts a line on the screen in place of the one before.
    mutating func draw(_ layout: LineLayout) -> String {
        var output = erase(columnCount: layout.columnCount) + layout.rows.joined(separator: "\r\n")
        let below = layout.rows.count - 1 - layout.cursorRow
        if below > 0 { output += "\u{1B}[\(below)A" }
        output += "\r"
        if layout.cursorColumn > 0 { output += "\u{1B}[\(layout.cursorColumn)C" }
        shown = layout
        return output
    }

    /// What moves the cursor behind the line, which then stays as it is.
    mutating func leave() -> String {
        guard let layout = shown else { return "" }
        shown = nil
        let below = layout.rows.count - 1 - layout.cursorRow
        return (below > 0 ? "\u{1B}[\(below)B" : "") + "\r\n"
    }

    /// The screen was cleared or belongs to somebody else: nothing is shown.
    mutating func forget() { shown = nil }

    /// A terminal that became narrower has broken the rows it shows once more; one that became wider leaves them.
    private static func toStart(of layout: LineLayout, columnCount: Int) -> String {
        let above = layout.rowWidths[..<layout.cursorRow].reduce(0) { $0 + max(1, ($1 + columnCount - 1) / columnCount) }
        let up = above + layout.cursorColumn / columnCount
        return (up > 0 ? "\u{1B}[\(up)A" : "") + "\r"
    }
}
