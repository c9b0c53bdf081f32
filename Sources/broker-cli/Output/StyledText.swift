import ChatProtocol

/// One thing to be shown: text with its looks, safe by construction. Whatever is appended is made harmless first (``VisibleText``); escape
/// sequences come from ``rendered(isColoured:)`` alone.
struct StyledText: Equatable {
    enum Style: Equatable {
        case plain
        case dim
        case bold
        case warning
        case error
        /// The colour that a name always has.
        case name(String)
        /// The same, for one's own.
        case ownName(String)
    }

    private(set) var pieces: [(text: String, style: Style)] = []

    init() {}

    init(_ text: String, _ style: Style = .plain) {
        append(text, style)
    }

    mutating func append(_ text: String, _ style: Style = .plain) {
        pieces.append((VisibleText.escape(text), style))
    }

    /// Text that may have several lines: each further one stands behind a bar, so that it cannot pass for a message of its own.
    mutating func appendLines(_ text: String, _ style: Style = .plain, isOneLine: Bool) {
        guard !isOneLine, text.contains("\n") else { return append(text, style) }
        for (index, line) in VisibleText.escape(text, lineFeed: .kept).split(separator: "\n", omittingEmptySubsequences: false).enumerated()
        {
            if index > 0 { pieces.append(("\n    | ", .dim)) }
            pieces.append((String(line), style))
        }
    }

    /// The text for a terminal or a file, without a line end.
    func rendered(isColoured: Bool) -> String {
        guard isColoured else { return pieces.map(\.text).joined() }
        return pieces.map { piece in
            let code = Self.code(piece.style)
            return code.isEmpty || piece.text.isEmpty ? piece.text : "\u{1B}[\(code)m\(piece.text)\u{1B}[0m"
        }.joined()
    }

    static func == (left: StyledText, right: StyledText) -> Bool {
        left.pieces.elementsEqual(right.pieces) { $0.text == $1.text && $0.style == $1.style }
    }

    private static func code(_ style: Style) -> String {
        switch style {
        case .plain: ""
        case .dim: "2"
        case .bold: "1"
        case .warning: "33"
        case .error: "31"
        case .name(let name): "38;5;\(colour(of: name))"
        case .ownName(let name): "1;4;38;5;\(colour(of: name))"
        }
    }

    /// Colours of the 256 that can be read on dark and on light ground.
    private static let palette: [Int] = [31, 33, 35, 64, 70, 97, 99, 127, 130, 133, 136, 161, 166, 167, 172, 205]

    /// The same in every run (FNV-1a).
    static func colour(of name: String) -> Int {
        let hash = name.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        return palette[Int(hash ^ hash >> 16) % palette.count]
    }
}
