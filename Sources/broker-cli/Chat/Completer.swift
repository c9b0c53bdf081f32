/// Completes commands, rooms and names from what has been seen. Pure.
struct Completer {
    /// Names of rooms seen.
    private(set) var rooms = NameSet()
    /// Names of users seen.
    private(set) var users = NameSet()

    mutating func noteRoom(_ name: String) { rooms.insert(name) }
    mutating func noteUser(_ name: String) { users.insert(name) }
    mutating func forgetUser(_ name: String) { users.remove(name) }
    mutating func forgetRoom(_ name: String) { rooms.remove(name) }

    /// What the word in front of the cursor can become; nil if it is nothing that is known.
    func complete(_ line: [Character], cursor: Int) -> Completion? {
        let start = (line[..<cursor].lastIndex(where: \.isWhitespace) ?? -1) + 1
        let word = String(line[start..<cursor])
        let range = start..<cursor
        let isCommand = line.first == ":" || line.first == "/"
        if start == 0, isCommand { return command(word, range) }
        guard isCommand else {
            // At the beginning of a line, a name addresses somebody.
            guard !word.isEmpty else { return nil }
            return completion(users.matching(word), range, suffix: start == 0 ? ": " : " ")
        }
        let words = String(line[..<start]).split(whereSeparator: \.isWhitespace)
        guard let name = words.first, let command = CommandTable.find(String(name.dropFirst())) else { return nil }
        if words.count > 1 { return word.isEmpty ? nil : completion(users.matching(word), range) }
        switch command.parameter {
        case .room: return completion(rooms.matching(word), range)
        case .log:
            let isUser = word.first == "@"
            return completion(isUser ? users.matching(String(word.dropFirst())).map { "@" + $0 } : rooms.matching(word), range)
        case .user: return completion(users.matching(word), range)
        case .none: return nil
        }
    }

    private func command(_ word: String, _ range: Range<Int>) -> Completion? {
        let sign = String(word.prefix(1))
        let names = CommandTable.commands.flatMap(\.names).filter { $0.hasPrefix(word.dropFirst()) && $0 != "?" }
        return completion(names.sorted().map { sign + $0 }, range)
    }

    private func completion(_ candidates: [String], _ range: Range<Int>, suffix: String = " ") -> Completion? {
        candidates.isEmpty ? nil : Completion(range: range, candidates: candidates, suffix: suffix)
    }
}

/// Names in order, a bounded number of them: the one not seen for longest goes first.
struct NameSet {
    static let countMax = 2000

    private var lastSeen: [String: Int] = [:]
    private var clock = 0

    mutating func insert(_ name: String) {
        clock += 1
        lastSeen[name] = clock
        guard lastSeen.count > Self.countMax, let oldest = lastSeen.min(by: { $0.value < $1.value }) else { return }
        lastSeen[oldest.key] = nil
    }

    mutating func remove(_ name: String) { lastSeen[name] = nil }

    /// Ascending.
    func matching(_ prefix: String) -> [String] { lastSeen.keys.filter { $0.hasPrefix(prefix) }.sorted() }
}
