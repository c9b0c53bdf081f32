/// The lines that were entered, newest last. Kept in memory only: a file would keep what was said in private.
struct History {
    static let entryCountMax = 500

    private var entries: [String] = []
    /// Where up and down have led, counted back from the newest; 0 is the line being written.
    private var age = 0
    /// The line being written, while another one is shown.
    private var draft = ""

    init() {}

    mutating func add(_ entry: String) {
        forgetPosition()
        guard !entry.isEmpty, entry != entries.last else { return }
        if entries.count == Self.entryCountMax { entries.removeFirst() }
        entries.append(entry)
    }

    mutating func forgetPosition() {
        age = 0
        draft = ""
    }

    /// The entry before the one shown, which is `line`; nil at the oldest.
    mutating func older(than line: String) -> String? {
        guard age < entries.count else { return nil }
        if age == 0 { draft = line }
        age += 1
        return entries[entries.count - age]
    }

    /// The entry after the one shown, at last the line being written; nil if that is shown.
    mutating func newer() -> String? {
        guard age > 0 else { return nil }
        age -= 1
        return age == 0 ? draft : entries[entries.count - age]
    }

    /// The newest entry that holds `query` and is at least `age` entries old.
    func search(_ query: String, from age: Int) -> (entry: String, age: Int)? {
        guard !query.isEmpty else { return nil }
        for (index, entry) in entries.reversed().enumerated() where index >= age && Self.holds(entry, query) { return (entry, index) }
        return nil
    }

    private static func holds(_ entry: String, _ query: String) -> Bool {
        let text = Array(entry)
        let wanted = Array(query)
        guard text.count >= wanted.count else { return false }
        return (0...(text.count - wanted.count)).contains { text[$0..<($0 + wanted.count)].elementsEqual(wanted) }
    }
}

/// An incremental search backwards through the history.
struct HistorySearch: Equatable {
    var query = ""
    /// How old an entry must at least be: grows with each further search for the same.
    var age = 0
    var hasFailed = false
    /// The line before the search, which giving up brings back.
    let original: [Character]

    init(original: [Character]) { self.original = original }
}
