/// The text of a Swift file, as far as the rules of the house look at it.
struct SwiftText {
    /// The text without comments and without the contents of string literals; line breaks stay, so that lines keep their numbers.
    let code: String

    init(_ text: String) {
        var code = ""
        var rest = Substring(text)
        var commentDepth = 0
        while let character = rest.first {
            if commentDepth > 0 {
                if rest.hasPrefix("/*") {
                    commentDepth += 1
                    rest = rest.dropFirst(2)
                } else if rest.hasPrefix("*/") {
                    commentDepth -= 1
                    rest = rest.dropFirst(2)
                } else {
                    if character.isNewline { code.append("\n") }
                    rest = rest.dropFirst()
                }
            } else if rest.hasPrefix("//") {
                rest = rest.drop { !$0.isNewline }
            } else if rest.hasPrefix("/*") {
                commentDepth = 1
                rest = rest.dropFirst(2)
            } else if character == "\"" || (character == "#" && rest.drop { $0 == "#" }.first == "\"") {
                rest = Self.afterLiteral(rest, breaks: &code)
            } else {
                code.append(character.isNewline ? "\n" : String(character))
                rest = rest.dropFirst()
            }
        }
        self.code = code
    }

    /// The modules imported, whatever attribute, access level or kind of declaration the import has.
    var imports: [String] {
        code.split(separator: "\n").compactMap { line in
            var words = line.split { $0 == " " || $0 == "\t" || $0 == ";" }[...]
            while let word = words.first, word.hasPrefix("@") || Self.accessLevels.contains(word) { words = words.dropFirst() }
            guard words.first == "import" else { return nil }
            words = words.dropFirst()
            if let kind = words.first, Self.kinds.contains(kind) { words = words.dropFirst() }
            return words.first.map { String($0.prefix { $0 != "." }) }
        }
    }

    /// The numbers of the lines of code that contain `name` as a whole word, followed by `suffix`.
    func lines(using name: String, followedBy suffix: String = "") -> [Int] {
        code.split(separator: "\n", omittingEmptySubsequences: false).enumerated().compactMap { index, line in
            line.containsWord(name, followedBy: suffix) ? index + 1 : nil
        }
    }

    private static let accessLevels: Set<Substring> = ["public", "package", "internal", "fileprivate", "private"]
    private static let kinds: Set<Substring> = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]

    /// What follows the string literal at the beginning of `text`. An interpolation counts as part of the literal.
    private static func afterLiteral(_ text: Substring, breaks: inout String) -> Substring {
        let hashes = text.prefix { $0 == "#" }
        var rest = text.dropFirst(hashes.count)
        let quotes = rest.hasPrefix("\"\"\"") ? "\"\"\"" : "\""
        rest = rest.dropFirst(quotes.count)
        var parentheses = 0
        while let character = rest.first {
            if parentheses == 0, rest.hasPrefix(quotes + hashes) { return rest.dropFirst(quotes.count + hashes.count) }
            if parentheses == 0, rest.hasPrefix("\\" + hashes) {
                rest = rest.dropFirst(1 + hashes.count)
                if rest.first == "(" { parentheses = 1 }
            } else if parentheses > 0 {
                if character == "(" { parentheses += 1 }
                if character == ")" { parentheses -= 1 }
                if character == "\"" {
                    rest = afterLiteral(rest, breaks: &breaks)
                    continue
                }
            }
            if character.isNewline { breaks.append("\n") }
            rest = rest.dropFirst()
        }
        return rest
    }
}

extension StringProtocol {
    /// Whether `name` stands in the text as a whole word, with `suffix` right after it.
    func containsWord(_ name: String, followedBy suffix: String = "") -> Bool {
        var start = startIndex
        while let found = self[start...].firstRange(of: name) {
            let before = found.lowerBound == startIndex ? nil : self[index(before: found.lowerBound)]
            let after = self[found.upperBound...]
            if !Self.isWord(before), suffix.isEmpty ? !Self.isWord(after.first) : after.hasPrefix(suffix) { return true }
            start = found.upperBound
        }
        return false
    }

    private static func isWord(_ character: Character?) -> Bool {
        guard let character else { return false }
        return character.isLetter || character.isNumber || character == "_"
    }
}
