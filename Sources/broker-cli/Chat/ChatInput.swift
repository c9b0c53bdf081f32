import ChatProtocol

/// What a line that a person entered asks for.
enum ChatInput: Equatable {
    case nothing
    /// Something to be said in the current room.
    case text(String)
    case directMessage(AccountName, String)
    case roomMessage(RoomAddress, String)
    case users
    case ping
    case create(RoomAddress)
    case join(RoomAddress)
    /// nil: the current room.
    case leave(RoomAddress?)
    case rooms
    case members(RoomAddress?)
    /// Another current room or conversation; nil asks which one it is.
    case switchTo(LogName?)
    case rename(String)
    /// Change a message of the current room; the body is an edit's or a reaction's.
    case change(EventKind, EventTarget, String?)
    /// Answer a message of the current room, in its thread or by itself.
    case answer(EventTarget, String, inThread: Bool)
    /// List the last messages of the current room with their numbers.
    case last(Int)
    /// What was said before; nil: in the current room.
    case history(LogName?, Int)
    /// Where something is unread.
    case inbox
    case search(String)
    case presence(PresenceState)
    case help
    case quit
    /// The line cannot be understood, and why.
    case problem(String)

    /// Reads a line. A command begins with `:` or `/` and a letter; doubled, the sign is part of the text.
    init(_ line: String) {
        let text = line.last == "\r" ? String(line.dropLast()) : line
        guard let sign = text.first else {
            self = .nothing
            return
        }
        guard sign == ":" || sign == "/" else {
            self = text.allSatisfy(\.isWhitespace) ? .nothing : .text(text)
            return
        }
        let rest = text.dropFirst()
        if rest.first == sign {
            self = .text(String(rest))
        } else if let first = rest.first, first.isLetter || first == "?" {
            self = Self.command(rest, sign: sign)
        } else {
            // `:)` and `/ 2` are no commands.
            self = .text(text)
        }
    }

    private static func command(_ line: Substring, sign: Character) -> ChatInput {
        let parts = line.split(maxSplits: 1, whereSeparator: \.isWhitespace)
        let name = parts.first.map(String.init) ?? ""
        let rest = parts.count > 1 ? parts[1].trimmingWhitespace() : ""
        guard let command = CommandTable.find(name) else {
            return .problem("there is no command \(sign)\(name); \(sign)help lists them, and \(sign)\(sign)\(name) says it as text")
        }
        return command.parse(rest) ?? .problem("usage: \(sign)\(name) \(command.parameters)")
    }
}

extension Substring {
    func trimmingWhitespace() -> String {
        String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }
}

/// The commands, each once: how it is called, what it takes, what it does.
enum CommandTable {
    /// What the word behind a command names, for completion.
    enum Parameter: Equatable {
        case none, room, user
        /// A room, or `@` and a user.
        case log
    }

    struct Command {
        /// The first one is shown in the help.
        let names: [String]
        let parameters: String
        let help: String
        let parameter: Parameter
        /// nil: the parameters do not fit.
        let parse: (String) -> ChatInput?

        init(
            _ names: String, _ parameters: String, _ help: String, _ parameter: Parameter = .none, parse: @escaping (String) -> ChatInput?
        ) {
            self.names = names.split(separator: " ").map(String.init)
            self.parameters = parameters
            self.help = help
            self.parameter = parameter
            self.parse = parse
        }
    }

    static func find(_ name: String) -> Command? { commands.first { $0.names.contains(name) } }

    static var commands: [Command] {
        [
            Command("pm msg dm", "USER TEXT", "say something to one user only", .user) { rest in
                withTwo(rest) { user, text in withName(user) { .directMessage($0, text) } }
            },
            Command("rm", "ROOM TEXT", "say something in a room", .room) { rest in
                withTwo(rest) { room, text in withRoom(room) { .roomMessage($0, text) } }
            },
            Command("users", "", "names of all connected users") { plain($0, .users) },
            Command("rooms lrs", "", "list the rooms") { plain($0, .rooms) },
            Command("members lru who", "[ROOM]", "list the users of a room", .room) { optionalRoom($0) { .members($0) } },
            Command("create cr", "ROOM", "create a room and enter it", .room) { rest in rest.isEmpty ? nil : withRoom(rest) { .create($0) }
            },
            Command("join jr", "ROOM", "enter a room", .room) { rest in rest.isEmpty ? nil : withRoom(rest) { .join($0) } },
            Command("leave lr", "[ROOM]", "leave a room", .room) { optionalRoom($0) { .leave($0) } },
            Command("room", "[ROOM]", "make a room the one that plain lines go to; @bob is the conversation with bob", .log) { rest in
                rest.isEmpty ? .switchTo(nil) : withLog(rest) { .switchTo($0) }
            },
            Command("nick", "NAME", "take another name") { rest in
                rest.isEmpty || rest.contains(where: \.isWhitespace) ? nil : .rename(rest)
            },
            Command("reply re", "[MESSAGE] TEXT", "answer a message: #17 is one by its number, ^ the last one, ^bob the last one of bob") {
                rest in
                withTarget(rest, .last) { .answer($0, $1, inThread: false) }
            },
            Command("thread", "[MESSAGE] TEXT", "answer in the thread of a message") { rest in
                withTarget(rest, .last) { .answer($0, $1, inThread: true) }
            },
            Command("edit", "[MESSAGE] TEXT", "say something else instead of your last message, or of another one") { rest in
                withTarget(rest, .own) { .change(.edit, $0, $1) }
            },
            Command("delete del", "[MESSAGE]", "delete your last message, or another one") { optionalTarget($0, .own, .delete) },
            Command("react", "[MESSAGE] SIGN", "react to the last message, or to another one") { rest in
                withTarget(rest, .last) { .change(.react, $0, $1) }
            },
            Command("unreact", "[MESSAGE] SIGN", "take a reaction back") { rest in withTarget(rest, .last) { .change(.unreact, $0, $1) } },
            Command("pin", "[MESSAGE]", "pin a message") { optionalTarget($0, .last, .pin) },
            Command("unpin", "MESSAGE", "unpin a message") { $0.isEmpty ? nil : optionalTarget($0, .last, .unpin) },
            Command("last", "[COUNT]", "the last messages of the room with their numbers") { rest in
                rest.isEmpty ? .last(10) : Int(rest).flatMap { (1...RecentMessages.countMaxPerRoom).contains($0) ? .last($0) : nil }
            },
            Command("history", "[ROOM] [COUNT]", "what was said before in a room, or in a conversation: @bob", .log) { history($0) },
            Command("inbox", "", "where something is unread") { plain($0, .inbox) },
            Command("search find", "WORDS", "messages in which all of these words occur") { $0.isEmpty ? nil : .search($0) },
            Command("away", "", "be away") { plain($0, .presence(.away)) },
            Command("busy dnd", "", "do not want to be disturbed") { plain($0, .presence(.doNotDisturb)) },
            Command("back", "", "be there again") { plain($0, .presence(.online)) },
            Command("ping", "", "measure the round trip") { plain($0, .ping) },
            Command("help h ?", "", "this list") { plain($0, .help) },
            Command("quit q exit", "", "leave (control-D does the same)") { plain($0, .quit) },
        ]
    }

    private static func plain(_ rest: String, _ input: ChatInput) -> ChatInput? { rest.isEmpty ? input : nil }

    private static func withTwo(_ rest: String, _ make: (String, String) -> ChatInput) -> ChatInput? {
        guard let space = rest.firstIndex(where: \.isWhitespace) else { return nil }
        let text = rest[space...].drop(while: \.isWhitespace)
        return text.isEmpty ? nil : make(String(rest[..<space]), String(text))
    }

    private static func withName(_ text: String, _ make: (AccountName) -> ChatInput) -> ChatInput {
        guard let name = try? AccountName(text) else { return .problem("\(text) is no name: \(FailureText.nameRule)") }
        return make(name)
    }

    private static func withRoom(_ text: String, _ make: (RoomAddress) -> ChatInput) -> ChatInput {
        guard let room = try? RoomAddress(text), !room.isConversation else {
            return .problem("\(text) is no name of a room: \(FailureText.roomRule)")
        }
        return make(room)
    }

    private static func withLog(_ text: String, _ make: (LogName) -> ChatInput) -> ChatInput {
        LogName(text).map(make) ?? .problem(LogName.isNone(text))
    }

    /// A word alone that is a number is a count.
    private static func history(_ rest: String) -> ChatInput? {
        var words = rest.split(whereSeparator: \.isWhitespace)
        var count = 20
        if let last = words.last, let number = Int(last) {
            guard (1...1_000).contains(number) else { return nil }
            count = number
            words.removeLast()
        }
        guard let name = words.first else { return .history(nil, count) }
        return words.count > 1 ? nil : withLog(String(name)) { .history($0, count) }
    }

    /// A text behind the message that it concerns, which may be left out.
    private static func withTarget(_ rest: String, _ usual: EventTarget, _ make: (EventTarget, String) -> ChatInput) -> ChatInput? {
        guard !rest.isEmpty else { return nil }
        let word = rest.prefix { !$0.isWhitespace }
        guard let target = EventTarget(word) else { return make(usual, rest) }
        let text = rest[word.endIndex...].trimmingWhitespace()
        return text.isEmpty ? nil : make(target, text)
    }

    private static func optionalTarget(_ rest: String, _ usual: EventTarget, _ kind: EventKind) -> ChatInput? {
        if rest.isEmpty { return .change(kind, usual, nil) }
        return EventTarget(rest).map { .change(kind, $0, nil) }
    }

    private static func optionalRoom(_ rest: String, _ make: (RoomAddress?) -> ChatInput) -> ChatInput? {
        rest.isEmpty ? make(nil) : withRoom(rest, make)
    }
}
