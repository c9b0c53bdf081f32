import ChatProtocol

/// What a person types, as a command.
enum LineCommand: Equatable {
    case say(String)
    case tell(String, String)
    case users
    case who(String?)
    case rooms
    case join(String)
    case create(String)
    case leave(String?)
    case history(UInt64)
    case search(String)
    case rename(String)
    case logIn(String)
    case guest
    case ping
    case help
    case quit
    /// Nothing was typed.
    case nothing
    /// A command that lacks what it needs, or has words too many: how it is used.
    case usage(String)
    /// A command that is not known.
    case unknown(String)
    /// A slash behind a blank: neither a command nor something to be said to all, as it may be either.
    case indented

    /// The commands and what they do, one a line.
    static let manual = [
        "/users              who is online", "/who [ROOM]         who is in a room", "/rooms              the rooms",
        "/join ROOM          enter a room, and speak there", "/create ROOM        make a room, and enter it",
        "/leave [ROOM]       leave a room", "/pm USER TEXT       say something to one person (also /msg)",
        "/history [N]        the last N messages of the room", "/search WORDS       messages in which all of these occur",
        "/nick NAME          take another name",
        "/login NAME         log in with a password", "/ping               is the broker there?", "/help               this list",
        "/quit               leave the chat", "//TEXT              say something that begins with a slash",
    ]

    init(_ line: String) {
        guard line.hasPrefix("/") else {
            let text = Self.trimmed(line[...])
            self = text.isEmpty ? .nothing : text.hasPrefix("/") ? .indented : .say(line)
            return
        }
        if line.hasPrefix("//") {
            self = .say(String(line.dropFirst()))
            return
        }
        let words = line.split(maxSplits: 1, whereSeparator: Self.isBlank)
        let name = words[0].lowercased()
        let rest = words.count > 1 ? Self.trimmed(words[1]) : ""
        guard let (usage, wordCounts) = Self.usages[name] else {
            self = Self.command(name, text: rest) ?? .unknown(String(words[0]))
            return
        }
        let arguments = rest.split(whereSeparator: Self.isBlank).map(String.init)
        self = wordCounts.contains(arguments.count) ? Self.command(name, word: arguments.first) ?? .usage(usage) : .usage(usage)
    }

    /// Commands of single words: how they are used, and how many words they take.
    private static let usages: [String: (usage: String, wordCounts: ClosedRange<Int>)] = [
        "/users": ("/users", 0...0), "/who": ("/who [ROOM]", 0...1), "/rooms": ("/rooms", 0...0), "/join": ("/join ROOM", 1...1),
        "/create": ("/create ROOM", 1...1), "/leave": ("/leave [ROOM]", 0...1), "/history": ("/history [N]", 0...1),
        "/nick": ("/nick NAME", 1...1), "/login": ("/login NAME", 1...1), "/guest": ("/guest", 0...0), "/ping": ("/ping", 0...0),
    ]

    /// - Returns: nil if the word is not what the command takes.
    private static func command(_ name: String, word: String?) -> LineCommand? {
        switch name {
        case "/users": .users
        case "/who": .who(word)
        case "/rooms": .rooms
        case "/join": word.map { .join($0) }
        case "/create": word.map { .create($0) }
        case "/leave": .leave(word)
        case "/history": UInt64(word ?? "20").map { .history(max(1, min($0, 1_000))) }
        case "/nick": word.map { .rename($0) }
        case "/login": word.map { .logIn($0) }
        case "/guest": .guest
        case "/ping": .ping
        default: nil
        }
    }

    /// Commands that take a text, or whatever stands behind them.
    ///
    /// - Returns: nil if there is no such command.
    private static func command(_ name: String, text: String) -> LineCommand? {
        switch name {
        case "/pm", "/msg":
            let parts = text.split(maxSplits: 1, whereSeparator: isBlank)
            return parts.count == 2 ? .tell(String(parts[0]), trimmed(parts[1])) : .usage("/pm USER TEXT")
        case "/search": return text.isEmpty ? .usage("/search WORDS") : .search(text)
        case "/help", "/?": return .help
        case "/quit", "/exit": return .quit
        default: return nil
        }
    }

    private static func isBlank(_ character: Character) -> Bool { character == " " || character == "\t" }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while let first = text.first, isBlank(first) { text.removeFirst() }
        while let last = text.last, isBlank(last) { text.removeLast() }
        return String(text)
    }
}
