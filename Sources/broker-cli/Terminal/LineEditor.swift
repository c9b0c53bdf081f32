/// What the word at the cursor can become.
struct Completion: Equatable {
    /// Characters of the line that a candidate replaces.
    var range: Range<Int>
    /// Ascending.
    var candidates: [String]
    /// Added behind the only candidate.
    var suffix = " "
}

/// One line being edited, as a pure state machine: keys in, line, cursor and an action out. The keys are those of Emacs and readline.
struct LineEditor {
    /// What is to be done after a key.
    enum Action: Equatable {
        /// Nothing changed.
        case none
        case redraw
        case submit(String)
        /// Control-D on an empty line.
        case endOfInput
        /// Control-C: the line was dropped.
        case interrupt
        /// Control-Z.
        case suspend
        case clearScreen
        /// The key means nothing here.
        case bell
        /// Several candidates: to be shown above the line.
        case offer([String])
    }

    /// Characters in a line at most.
    static let characterCountMax = 16_384

    private(set) var line: [Character] = []
    /// Characters before the cursor.
    private(set) var cursor = 0
    private(set) var history = History()
    /// The incremental search under way: what is looked for.
    private(set) var search: HistorySearch?
    private var killed: [Character] = []
    private var lastKeyWasTab = false

    var text: String { String(line) }

    /// What stands before the line while searching, instead of the prompt.
    var searchPrompt: String? {
        search.map { ($0.hasFailed ? "(no match) `" : "(search) `") + $0.query + "`: " }
    }

    mutating func handle(_ key: Key, completion: ([Character], Int) -> Completion? = { _, _ in nil }) -> Action {
        if search != nil, let action = handleSearch(key) { return action }
        let wasTab = lastKeyWasTab
        lastKeyWasTab = key == .tab
        switch key {
        case .text(let character): return insert([character])
        case .paste(let text): return insert(text.filter(Self.isAllowed))
        case .enter: return submit()
        case .tab: return complete(completion(line, cursor), isSecond: wasTab)
        case .backspace, .control("h"): return remove((cursor - 1)..<cursor)
        case .delete: return remove(cursor..<(cursor + 1))
        case .control("d"): return line.isEmpty ? .endOfInput : remove(cursor..<(cursor + 1))
        case .left, .control("b"): return move(to: cursor - 1)
        case .right, .control("f"): return move(to: cursor + 1)
        case .home, .control("a"): return move(to: 0)
        case .end, .control("e"): return move(to: line.count)
        case .wordLeft, .alt("b"): return move(to: wordStart)
        case .wordRight, .alt("f"): return move(to: wordEnd)
        case .control("k"): return kill(cursor..<line.count)
        case .control("u"): return kill(0..<cursor)
        case .control("w"), .alt("\u{7F}"): return kill(wordStart..<cursor)
        case .alt("d"): return kill(cursor..<wordEnd)
        case .control("y"): return insert(killed)
        case .control("t"): return transpose()
        case .up, .control("p"): return recall(history.older(than: text))
        case .down, .control("n"): return recall(history.newer())
        case .control("r"):
            search = HistorySearch(original: line)
            return .redraw
        case .control("l"): return .clearScreen
        case .control("c"):
            set([])
            history.forgetPosition()
            return .interrupt
        case .control("z"): return .suspend
        case .escape, .unknown: return .none
        case .control, .alt: return .bell
        }
    }

    /// Replaces the line, for example with one that was not accepted.
    mutating func set(_ characters: [Character]) {
        line = characters
        cursor = line.count
    }

    // MARK: Changing

    /// What the protocol lets into a message: no control characters but TAB and LF.
    private static func isAllowed(_ character: Character) -> Bool {
        character.unicodeScalars.allSatisfy { scalar in
            scalar == "\n" || scalar == "\t" || scalar.properties.generalCategory != .control
        }
    }

    private mutating func insert(_ characters: some Collection<Character>) -> Action {
        guard !characters.isEmpty, line.count + characters.count <= Self.characterCountMax else { return .bell }
        // Joined as text: a mark that is typed after its letter becomes one character with it.
        let start = max(0, cursor - 1)
        let joined = Array(String(line[start..<cursor]) + String(characters))
        line.replaceSubrange(start..<cursor, with: joined)
        cursor = start + joined.count
        return .redraw
    }

    private mutating func submit() -> Action {
        let text = text
        set([])
        history.add(text)
        return .submit(text)
    }

    private mutating func remove(_ range: Range<Int>) -> Action {
        guard range.lowerBound >= 0, range.upperBound <= line.count, !range.isEmpty else { return .bell }
        line.removeSubrange(range)
        cursor = range.lowerBound
        return .redraw
    }

    private mutating func kill(_ range: Range<Int>) -> Action {
        guard !range.isEmpty else { return .none }
        killed = Array(line[range])
        return remove(range)
    }

    private mutating func transpose() -> Action {
        guard cursor > 0, line.count > 1 else { return .bell }
        let right = min(cursor, line.count - 1)
        line.swapAt(right - 1, right)
        cursor = right + 1
        return .redraw
    }

    private mutating func move(to position: Int) -> Action {
        guard (0...line.count).contains(position) else { return .bell }
        cursor = position
        return .redraw
    }

    private mutating func recall(_ entry: String?) -> Action {
        guard let entry else { return .bell }
        set(Array(entry))
        return .redraw
    }

    private var wordStart: Int {
        var position = cursor
        while position > 0, line[position - 1].isWhitespace { position -= 1 }
        while position > 0, !line[position - 1].isWhitespace { position -= 1 }
        return position
    }

    private var wordEnd: Int {
        var position = cursor
        while position < line.count, line[position].isWhitespace { position += 1 }
        while position < line.count, !line[position].isWhitespace { position += 1 }
        return position
    }

    // MARK: Completion

    private mutating func complete(_ completion: Completion?, isSecond: Bool) -> Action {
        guard let completion, let first = completion.candidates.first else { return .bell }
        if completion.candidates.count == 1 {
            return replace(completion.range, with: Array(first + completion.suffix))
        }
        let common = completion.candidates.dropFirst().reduce(Array(first)) { common, candidate in
            zip(common, candidate).prefix { $0 == $1 }.map(\.0)
        }
        if common.count > completion.range.count { return replace(completion.range, with: common) }
        return isSecond ? .offer(completion.candidates) : .bell
    }

    private mutating func replace(_ range: Range<Int>, with characters: [Character]) -> Action {
        line.replaceSubrange(range, with: characters)
        cursor = range.lowerBound + characters.count
        return .redraw
    }

    // MARK: Searching

    /// nil: the key ends the search and is then handled as usual.
    private mutating func handleSearch(_ key: Key) -> Action? {
        guard var search else { return nil }
        switch key {
        case .text(let character): search.query.append(character)
        case .backspace, .control("h"):
            if !search.query.isEmpty { search.query.removeLast() }
            search.age = 0
        case .control("r"): search.age += 1
        case .control("g"), .control("c"), .escape:
            set(search.original)
            self.search = nil
            return .redraw
        default:
            self.search = nil
            return nil
        }
        let match = history.search(search.query, from: search.age)
        search.hasFailed = match == nil && !search.query.isEmpty
        if let match {
            search.age = match.age
            set(Array(match.entry))
        } else if search.age > 0 {
            search.age -= 1
        }
        self.search = search
        return .redraw
    }
}
