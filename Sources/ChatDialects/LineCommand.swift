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
    /// A command that is not known, or lacks what it needs: how it is used.
    case usage(String)

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
            self = line.allSatisfy { $0 == " " || $0 == "\t" } ? .nothing : .say(line)
            return
        }
        if line.hasPrefix("//") {
            self = .say(String(line.dropFirst()))
            return
        }
        let words = line.split(separator: " ", maxSplits: 1)
        let rest = words.count > 1 ? Self.trimmed(words[1]) : ""
        let first = rest.isEmpty ? nil : String(rest.split(separator: " ")[0])
        switch words[0].lowercased() {
        case "/pm", "/msg":
            let parts = rest.split(separator: " ", maxSplits: 1)
            self = parts.count == 2 ? .tell(String(parts[0]), Self.trimmed(parts[1])) : .usage("/pm USER TEXT")
        case "/users": self = .users
        case "/who": self = .who(first)
        case "/rooms": self = .rooms
        case "/join": self = first.map { .join($0) } ?? .usage("/join ROOM")
        case "/create": self = first.map { .create($0) } ?? .usage("/create ROOM")
        case "/leave": self = .leave(first)
        case "/history":
            guard let first else {
                self = .history(20)
                return
            }
            self = UInt64(first).map { .history(max(1, min($0, 1_000))) } ?? .usage("/history [N]")
        case "/search": self = rest.isEmpty ? .usage("/search WORDS") : .search(rest)
        case "/nick": self = first.map { .rename($0) } ?? .usage("/nick NAME")
        case "/login": self = first.map { .logIn($0) } ?? .usage("/login NAME")
        case "/guest": self = .guest
        case "/ping": self = .ping
        case "/help", "/?": self = .help
        case "/quit", "/exit": self = .quit
        default: self = .usage("/help")
        }
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return String(text)
    }
}
