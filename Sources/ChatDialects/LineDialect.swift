import Bytes
import ChatProtocol

/// A client of the broker inside the broker, for people with `nc` or `telnet`: lines become commands, native frames become lines (docs/PROTOCOL.md,
/// *Line mode*).
///
/// What is said is sent on at once. Everything else shows an answer, and waits until the lines before it have been answered, as the lines behind it wait
/// for that answer: so answers come in the order typed, and whoever leaves misses none. It holds the unfinished line, one that waits, and what is
/// awaited, all bounded; ``isWaiting`` says when no more is taken.
public struct LineDialect: Sendable {
    enum Phase: Sendable {
        /// A name is asked for.
        case naming
        /// The password of this account is asked for.
        case password(AccountName)
        /// The broker decides about the name.
        case entering
        case ready
        case left
    }

    /// What a reply is awaited for.
    enum Pending: Sendable, Equatable {
        case enter(AccountName?), logIn, unread, rename, say, tell(AccountName, String), join, history, search, create(RoomAddress)
        case leave(RoomAddress), users, who(RoomAddress), rooms, ping
    }

    /// Messages that may wait for their replies; more lines are taken when there are fewer.
    private static let pendingCountMax = 32
    /// Names that are gathered to be shown together.
    static let nameCountMax = 10_000

    var phase = Phase.naming
    var name: AccountName?
    /// Whether the name is that of an account, which has read markers that last.
    var isAccount = false
    /// Where what is said goes.
    var room = RoomAddress.lobby
    var pending: [UInt32: Pending] = [:]
    /// Names of a list of several pages, until the last one comes.
    var names: [AccountName] = []
    /// What `/history` has gathered so far.
    var tail: HistoryTail?
    /// Where the last message of this connection stands that the broker has numbered.
    var lastSaid: (room: RoomAddress, seq: UInt64)?
    /// What `/search` has found so far.
    var found: [Event] = []
    /// What was said to the account before it logged in, until all is known.
    var unread: UnreadMessages?
    /// Rooms that were entered and are still shown what was said before: up to where.
    var replayed: [RoomAddress: UInt64] = [:]
    private var reader = LineReader()
    /// What was typed last, if it waits for the answers to what was typed before.
    private var held: LineReader.Item?
    /// Whether nothing more is typed.
    private var isInputEnded = false
    private var steps: [DialectStep] = []
    private var nextRequestID: UInt32 = 1
    private var nextMessageID: UInt64
    /// Messages of this connection whose event has not come back: a terminal shows them already.
    var ownMessages: Set<MessageID> = []
    private var isFirstLine = true

    /// Octets of what may be said at once.
    let bodyByteCountMax: Int

    /// - Parameters:
    ///   - mark: a random number, from which message ids are counted.
    ///   - bodyByteCountMax: octets of what may be said at once.
    public init(mark: UInt64, bodyByteCountMax: Int = 16_384) {
        nextMessageID = mark
        self.bodyByteCountMax = bodyByteCountMax
    }

    /// What is written before anything is read, and what is asked of the core.
    public mutating func begin() -> [DialectStep] {
        write("Enter your username: ")
        // Its reply decides nothing.
        answer(.hello(Hello(agent: "line", capabilities: ["inbox", "marks"])), requestID: takeRequestID())
        return takeSteps()
    }

    /// Whether lines must wait for answers.
    public var isWaiting: Bool {
        held != nil || pending.count >= Self.pendingCountMax || pending.values.contains { $0 != .say }
    }

    // MARK: What comes in

    /// Takes octets until they make something to be done; nil if all are used up, or it must wait.
    public mutating func next(in octets: RawSpan, used: inout Int) -> DialectStep? {
        while steps.isEmpty {
            if isWaiting { return nil }
            if case .left = phase {
                used = octets.byteCount
                return nil
            }
            guard let item = reader.next(in: octets, used: &used) else { return nil }
            if isInTurn(item) { take(item) } else { held = item }
        }
        return steps.removeFirst()
    }

    /// Nothing more is typed: whoever did leaves as with `/quit`, once all that was typed has been answered.
    public mutating func endInput() -> [DialectStep] {
        isInputEnded = true
        goOn()
        return takeSteps()
    }

    /// Does what has waited for answers, if these have come.
    mutating func goOn() {
        if let item = held {
            guard isInTurn(item) else { return }
            held = nil
            take(item)
        } else if isInputEnded, mayLeave {
            quit()
        }
    }

    /// Whether what was typed can be done before what was said in front of it has been answered, or all has been.
    private func isInTurn(_ item: LineReader.Item) -> Bool {
        switch item {
        case .answer: return true
        case .line(let line):
            switch (phase, LineCommand(line)) {
            case (.ready, .say(let text)): return fits(text) || pending.isEmpty
            case (.ready, .nothing): return true
            case (.ready, .quit): return mayLeave
            default: return pending.isEmpty
            }
        default: return pending.isEmpty
        }
    }

    private var mayLeave: Bool {
        if case .left = phase { return false }
        return pending.isEmpty && replayed.isEmpty
    }

    private mutating func take(_ item: LineReader.Item) {
        switch item {
        case .answer(let octets): write(SharedBytes(octets))
        case .tooLong: refuse(.bodyTooLarge, "a line of more than \(LineReader.byteCountMax) octets")
        case .notText: refuse(.badText, "a line that is not text in UTF-8")
        case .controlCharacters: refuse(.badText, "a line with control characters, such as cursor keys type")
        case .line(let line):
            defer { isFirstLine = false }
            if isCrossTalk(line) {
                phase = .left
                return steps.append(.close)
            }
            switch phase {
            case .naming: enter(line)
            case .password(let account): logIn(account, password: line)
            default: obey(LineCommand(line))
            }
        }
    }

    /// Whether the line is that of an HTTP client, which a web page may have made to come here.
    private func isCrossTalk(_ line: String) -> Bool {
        if line.lowercased().hasPrefix("host:") { return true }
        return isFirstLine && line.split(separator: " ").count >= 2 && line.contains(" HTTP/")
    }

    // MARK: Helpers

    var isTelnet: Bool { reader.isTelnet }

    static func name(_ text: String) -> AccountName? {
        let words = text.split(separator: " ")
        return words.count == 1 ? try? AccountName(words[0].lowercased()) : nil
    }

    func fits(_ text: String) -> Bool { text.utf8.count <= bodyByteCountMax }

    mutating func request(_ command: Command, _ purpose: Pending) {
        let id = takeRequestID()
        pending[id] = purpose
        answer(command, requestID: id)
    }

    private mutating func takeRequestID() -> UInt32 {
        defer { nextRequestID = nextRequestID % ProtocolLimits.requestIDMax + 1 }
        return nextRequestID
    }

    /// The id of a message of this connection, whose event is not shown.
    mutating func takeMessageID() -> MessageID {
        nextMessageID &+= 1
        let id = MessageID(nextMessageID)
        // Those of messages that were refused stay behind, and go with the others when there are many.
        if ownMessages.count > 256 { ownMessages = [] }
        ownMessages.insert(id)
        return id
    }

    mutating func write(_ text: String) { write(SharedBytes(utf8: text)) }

    mutating func write(_ octets: SharedBytes) { steps.append(.write(octets)) }

    mutating func refuse(_ code: ResultCode, _ reason: String) {
        write(LineText.failure(code, reason))
        switch phase {
        case .naming, .password: askForName()
        default: break
        }
    }

    /// Sends what has no reply to wait for.
    mutating func answer(_ command: Command, requestID: UInt32) {
        steps.append(.input(.command(command, requestID: requestID, isRetry: false)))
    }

    mutating func takeSteps() -> [DialectStep] {
        defer { steps = [] }
        return steps
    }
}
