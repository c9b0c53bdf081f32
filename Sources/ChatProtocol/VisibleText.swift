/// Makes text of others harmless: what a terminal would obey, or what nobody can see, is shown instead.
///
/// C0 controls and DEL become `^X`, C1 controls, bidirectional controls and other invisible characters `\u{…}`. TAB becomes spaces.
/// What remains are characters that occupy cells, marks on them, and the joiners inside emoji.
public enum VisibleText {
    /// What becomes of a line feed, which the protocol allows in a message.
    public enum LineFeed {
        /// `^J`, so that one text stays one line.
        case shown
        /// Kept; the caller indents what follows, so that no text can pass for another one.
        case kept
    }

    /// Marks on one character beyond this are shown as escapes: piled up, they paint over other lines.
    private static let markCountMax = 4

    public static func escape(_ text: String, lineFeed: LineFeed = .shown) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        var markCount = 0
        for (index, scalar) in scalars.enumerated() {
            if scalar == "\n", lineFeed == .kept {
                result.append(scalar)
            } else if scalar == "\t" {
                result.append(contentsOf: "    ".unicodeScalars)
            } else if isVisible(at: index, in: scalars, markCount: &markCount) {
                result.append(scalar)
            } else {
                result.append(contentsOf: name(scalar).unicodeScalars)
            }
        }
        return String(result)
    }

    private static func isVisible(at index: Int, in scalars: [Unicode.Scalar], markCount: inout Int) -> Bool {
        let scalar = scalars[index]
        let properties = scalar.properties
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
            // A zero-width joiner between two emoji makes one of them.
            return scalar.value == 0x200D && index > 0 && isEmojiPart(scalars[index - 1]) && index + 1 < scalars.count
                && isEmojiPart(scalars[index + 1])
        case .nonspacingMark, .enclosingMark:
            markCount += 1
            // A variation selector means something only behind what it varies.
            let isSelector = scalar.value == 0xFE0E || scalar.value == 0xFE0F
            if properties.isDefaultIgnorableCodePoint && !(isSelector && index > 0) { return false }
            return index > 0 && markCount <= markCountMax
        default:
            markCount = 0
            return !properties.isDefaultIgnorableCodePoint
        }
    }

    private static func isEmojiPart(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value == 0xFE0F || (scalar.value > 0xFF && scalar.properties.isEmoji)
    }

    private static func name(_ scalar: Unicode.Scalar) -> String {
        switch scalar.value {
        case 0x00...0x1F: "^" + String(Unicode.Scalar(UInt8(scalar.value) + 0x40))
        case 0x7F: "^?"
        default: "\\u{" + String(scalar.value, radix: 16, uppercase: true) + "}"
        }
    }
}
