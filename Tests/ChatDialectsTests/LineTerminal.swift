import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// A terminal and a core around the dialect.
struct LineTerminal {
    var dialect = LineDialect(mark: 100)
    /// Everything written so far.
    var screen = ""
    var commands: [(command: Command, requestID: UInt32)] = []
    var isClosed = false
    private var held: [UInt8] = []

    init() { perform(dialect.begin()) }

    mutating func type(_ text: String) { type(Array(text.utf8)) }

    mutating func type(_ octets: [UInt8]) {
        held += octets
        pull()
    }

    /// Nothing more is typed.
    mutating func end() { perform(dialect.endInput()) }

    /// Somebody logs in to an account; the inbox is asked for then.
    static func atTheInbox() throws -> LineTerminal {
        var terminal = LineTerminal()
        terminal.type("/login ada\nsecret\n")
        _ = terminal.read()
        terminal.reply(
            .authenticated(Authenticated(user: try AccountName("ada"), session: SharedBytes([UInt8](0..<16)))), to: terminal.lastID)
        return terminal
    }

    private mutating func pull() {
        let octets = held
        var used = 0
        while let step = dialect.next(in: octets.span.bytes, used: &used) { perform([step]) }
        held.removeFirst(used)
    }

    mutating func reply(_ reply: Reply, to requestID: UInt32, hasMore: Bool = false) {
        var writer = ByteWriter()
        FrameEncoder.append(reply, requestID: requestID, more: hasMore, to: &writer)
        perform(dialect.take(frames: writer.finish()))
        pull()
    }

    mutating func deliver(_ event: Event) {
        var writer = ByteWriter()
        FrameEncoder.append(event, to: &writer)
        perform(dialect.take(frames: writer.finish()))
    }

    private mutating func perform(_ steps: [DialectStep]) {
        for step in steps {
            switch step {
            case .write(let bytes): screen += String(decoding: bytes.array, as: UTF8.self)
            case .close: isClosed = true
            case .input(.command(let command, let requestID, _)): commands.append((command, requestID))
            case .input(let input): Issue.record("\(input)")
            }
        }
    }

    var lastCommand: Command? { commands.last?.command }
    var lastID: UInt32 { commands.last?.requestID ?? 0 }

    /// What has been written since the last call.
    mutating func read() -> String {
        defer { screen = "" }
        return screen
    }

    mutating func logIn(_ name: String) throws {
        type("\(name)\r\n")
        reply(.authenticated(Authenticated(user: try AccountName(name), session: SharedBytes([UInt8](0..<16)))), to: lastID)
        _ = read()
    }

    static func loggedIn() throws -> LineTerminal {
        var terminal = LineTerminal()
        try terminal.logIn("ada")
        return terminal
    }
}
