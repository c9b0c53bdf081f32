import TOMLKit

/// The settings of one TOML file, as plain values with their places. The only file that knows the TOML library.
struct TOMLSource {
    /// What a file says about one key.
    struct Entry {
        let key: String
        /// Nil where the file has a value no setting takes, such as a date.
        let value: SettingValue?
        /// The value, or its type, for a message.
        let given: String
        let source: SettingSource
    }

    /// The settings found, in the order of their places in the file.
    private(set) var entries: [Entry] = []
    private let path: String
    private let positions: KeyPositions

    /// Reads TOML 1.0. A duplicate key is a syntax error.
    init(text: String, path: String) throws(ConfigurationError) {
        self.path = path
        positions = KeyPositions(text: text)
        let root: TOMLTable
        do {
            root = try TOMLTable(string: text)
        } catch let error as TOMLParseError {
            let place = SettingSource.file(path: path, line: error.source.begin.line, column: error.source.begin.column)
            let description = error.description.split(whereSeparator: \.isNewline).joined(separator: " ")
            throw ConfigurationError([ConfigurationProblem(source: place, key: nil, message: description)])
        } catch {
            let place = SettingSource.file(path: path, line: 0, column: 0)
            throw ConfigurationError([ConfigurationProblem(source: place, key: nil, message: "\(error)")])
        }
        // Every value below is a view into `root`, which owns the memory.
        withExtendedLifetime(root) { collect(root, under: "", depth: 0) }
        entries.sort { Self.place($0.source) < Self.place($1.source) }
    }

    private mutating func collect(_ table: TOMLTable, under prefix: String, depth: Int) {
        for (name, node) in table {
            let key = prefix + name
            // Tables of tables have no meaning here; what lies deeper than a setting is reported at the depth of one.
            if let inner = node.table, depth < 1 {
                if inner.isEmpty, !Setting.all.contains(where: { $0.table == key }) { append(key, nil, "an empty table") }
                collect(inner, under: key + ".", depth: depth + 1)
            } else {
                let (value, given) = Self.plain(node)
                append(key, value, given)
            }
        }
    }

    private mutating func append(_ key: String, _ value: SettingValue?, _ given: String) {
        let position = positions[key]
        let source = SettingSource.file(path: path, line: position?.line ?? 0, column: position?.column ?? 0)
        entries.append(Entry(key: key, value: value, given: given, source: source))
    }

    private static func plain(_ node: any TOMLValueConvertible) -> (SettingValue?, given: String) {
        var value: SettingValue?
        if let number = node.int { value = .integer(number) }
        if let isTrue = node.bool { value = .boolean(isTrue) }
        if let text = node.string { value = .text(text) }
        if let array = node.array {
            let texts = array.compactMap { $0.string }
            if texts.count == array.count { value = .texts(texts) }
        }
        return (value, value.map(\.description) ?? "a value of type \(node.type)")
    }

    private static func place(_ source: SettingSource) -> Int {
        guard case .file(_, let line, let column) = source else { return 0 }
        return line << 20 + column
    }
}
