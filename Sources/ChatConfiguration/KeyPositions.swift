/// Where the keys of a TOML file stand, for messages.
///
/// The TOML library tells places only for syntax errors. This reads a text that it has already accepted, line by line: table headers, and bare or
/// dotted keys before `=`. It need not be complete: a key it does not find (inside an inline table, say) is reported at its table, or at the file.
struct KeyPositions {
    /// A place in a text; both count from 1, columns in characters.
    struct Position: Equatable {
        var line: Int
        var column: Int
    }

    private var positions: [String: Position] = [:]

    init(text: String) {
        var table = ""
        // A carriage return and a line feed are one character of Swift.
        let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in lines.enumerated() {
            let content = line.drop { $0 == " " || $0 == "\t" }
            let position = Position(line: index + 1, column: line.count - content.count + 1)
            if content.first == "[" {
                table = Self.bareKey(content.drop { $0 == "[" }.prefix { $0 != "]" })
                note(table, position)
            } else if let equals = content.firstIndex(of: "="), content.first != "#" {
                let key = Self.bareKey(content[..<equals])
                note(table.isEmpty ? key : table + "." + key, position)
            }
        }
    }

    /// Where `key` stands, or else the table it belongs to.
    subscript(key: String) -> Position? {
        var key = Substring(key)
        while true {
            if let position = positions[String(key)] { return position }
            guard let dot = key.lastIndex(of: ".") else { return nil }
            key = key[..<dot]
        }
    }

    private mutating func note(_ key: String, _ position: Position) {
        guard !key.isEmpty, positions[key] == nil else { return }
        positions[key] = position
    }

    private static func bareKey(_ text: Substring) -> String {
        String(text.filter { $0 != " " && $0 != "\t" && $0 != "\"" && $0 != "'" })
    }
}
