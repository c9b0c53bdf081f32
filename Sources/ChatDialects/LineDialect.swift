import Bytes
import ChatProtocol

/// A client of the broker inside the broker, for people with `nc` or `telnet`: lines become commands, native frames become lines (docs/PROTOCOL.md,
/// *Line mode*).
///
/// It holds the unfinished line and what it waits for, both bounded; ``isWaiting`` says when no more is taken.
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
        case hello, logIn, rename, say, join, history, search, create(RoomAddress), leave(RoomAddress), users, who(RoomAddress), rooms, ping

        /// Whether the reply says where the next line goes.
        var decidesWhatFollows: Bool {
            switch self {
            case .join, .create, .leave, .history: true
            default: false
            }
        }
    }

    /// Requests that may wait for their replies; more lines are taken when there are fewer.
    private static let pendingCountMax = 32
    /// Names that are gathered to be shown together.
    static let nameCountMax = 10_000

    var phase = Phase.naming
    var name: AccountName?
    /// Where what is said goes.
    var room = RoomAddress.lobby
    var pending: [UInt32: Pending] = [:]
    /// Names of a list of several pages, until the last one comes.
    var names: [AccountName] = []
    /// What `/history` has gathered so far.
    var tail: HistoryTail?
    /// Messages that `/history` wants, as long as it waits for what was said before it.
    private var historyCountWanted: Int?
    /// Where the last message of this connection stands that the broker has numbered.
    var lastSaid: (room: RoomAddress, seq: UInt64)?
    /// What `/search` has found so far.
    var found: [Event] = []
    private var reader = LineReader()
    private var steps: [DialectStep] = []
    private var nextRequestID: UInt32 = 1
    private var nextMessageID: UInt64
    /// Messages of this connection whose event has not come back: a terminal shows them already.
    var ownMessages: Set<MessageID> = []
    private var isFirstLine = true

    /// Octets of what may be said at once.
    private let bodyByteCountMax: Int

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
        request(.hello(Hello(agent: "line")), .hello)
        return takeSteps()
    }

    /// Whether lines must wait: the broker has not decided about the name or the room, or has much to answer.
    public var isWaiting: Bool {
        if case .entering = phase { return true }
        if historyCountWanted != nil { return true }
        return pending.count >= Self.pendingCountMax || pending.values.contains { $0.decidesWhatFollows }
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
            take(item)
        }
        return steps.removeFirst()
    }

    private mutating func take(_ item: LineReader.Item) {
        switch item {
        case .answer(let octets): steps.append(.write(SharedBytes(octets)))
        case .tooLong: refuse(.bodyTooLarge, "a line of more than \(LineReader.byteCountMax) octets")
        case .notText: refuse(.badText, "a line that is not text in UTF-8")
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

    // MARK: Coming in

    private mutating func enter(_ line: String) {
        let command = LineCommand(line)
        switch command {
        case .say(let text):
            guard let wish = Self.name(text) else {
                write(LineText.failure(.badName, "a name has 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit"))
                return askForName()
            }
            authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: wish.description)))
        case .guest: authenticate(Authenticate(mechanism: "ANONYMOUS"))
        case .logIn(let text): askForPassword(text)
        case .help:
            writeHelp()
            askForName()
        case .quit: quit()
        case .nothing: askForName()
        default:
            write(LineText.failure(.authRequired, "a name first, please; or /guest, /login NAME, /quit"))
            askForName()
        }
    }

    mutating func askForName() {
        phase = .naming
        write("Enter your username: ")
    }

    private mutating func askForPassword(_ text: String) {
        guard let account = Self.name(text) else {
            write(LineText.failure(.badName, "not a name"))
            return askForName()
        }
        phase = .password(account)
        write("Password: ")
        // A Telnet client leaves the echo to us, and there is none (RFC 857).
        if reader.isTelnet { steps.append(.write(SharedBytes([0xFF, 0xFB, 0x01]))) }
    }

    private mutating func logIn(_ account: AccountName, password: String) {
        if reader.isTelnet { steps.append(.write(SharedBytes([0xFF, 0xFC, 0x01, 0x0D, 0x0A]))) }
        // RFC 4616: an authorisation identity, which is not given, the name and the password.
        var message = ByteWriter()
        message.append(0)
        account.append(to: &message)
        message.append(0)
        message.append(utf8: password)
        authenticate(Authenticate(mechanism: "PLAIN", message: message.finish()))
    }

    private mutating func authenticate(_ wish: Authenticate) {
        phase = .entering
        request(.authenticate(wish), .logIn)
    }

    private static func name(_ text: String) -> AccountName? {
        let words = text.split(separator: " ")
        return words.count == 1 ? try? AccountName(words[0].lowercased()) : nil
    }

    // MARK: Commands

    private mutating func obey(_ command: LineCommand) {
        switch command {
        case .nothing: break
        case .say(let text): say(text)
        case .tell(let user, let text):
            guard let to = Self.name(user) else { return refuse(.badName, "\(user) is no name") }
            guard fits(text) else { return }
            let id = takeMessageID()
            request(.directMessage(DirectMessage(to: to, publication: Publication(content: EventContent(messageID: id, body: text)))), .say)
        case .users: request(.members(ListMembers(room: .lobby, limit: 1_000)), .users)
        case .who(let text):
            guard let room = address(text) else { return }
            request(.members(ListMembers(room: room, limit: 1_000)), .who(room))
        case .rooms: request(.list(ListRooms(limit: 1_000)), .rooms)
        case .join(let text):
            guard let room = address(text) else { return }
            request(.join(Join(room: room, tail: 20)), .join)
        case .create(let text):
            guard let room = address(text) else { return }
            guard !room.isConversation else { return refuse(.badName, "not a name of a room") }
            request(.create(CreateRoom(room: room)), .create(room))
        case .leave(let text):
            guard let room = address(text) else { return }
            request(.leave(Leave(room: room)), .leave(room))
        case .history(let count):
            historyCountWanted = Int(count)
            beginHistory()
        case .search(let words): search(words)
        case .rename(let text):
            guard let wish = Self.name(text) else { return refuse(.badName, "\(text) is no name") }
            request(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: wish.description))), .rename)
        case .logIn: refuse(.badState, "you are logged in; /quit first")
        case .guest: refuse(.badState, "you are here already; /nick NAME gives you another name")
        case .ping: request(.ping(timestamp: nil), .ping)
        case .help: writeHelp()
        case .usage(let usage): refuse(.badValue, "that is used like this: \(usage)")
        case .quit: quit()
        }
    }

    /// Begins to read back, unless something that was said before has not been answered.
    mutating func beginHistory() {
        guard let count = historyCountWanted, !pending.values.contains(.say) else { return }
        historyCountWanted = nil
        let tail = HistoryTail(of: room, countMax: count, reaching: lastSaid?.room == room ? lastSaid?.seq ?? 0 : 0)
        self.tail = tail
        request(tail.query, .history)
    }

    private mutating func fits(_ text: String) -> Bool {
        if text.utf8.count <= bodyByteCountMax { return true }
        refuse(.bodyTooLarge, "a message of more than \(bodyByteCountMax) octets")
        return false
    }

    private mutating func say(_ text: String) {
        guard fits(text) else { return }
        let id = takeMessageID()
        // Those of messages that were refused stay behind, and go with the others when there are many.
        if ownMessages.count > 256 { ownMessages = [] }
        ownMessages.insert(id)
        request(.publish(Publish(room: room, publication: Publication(content: EventContent(messageID: id, body: text)))), .say)
    }

    /// The room named; the present one if none is.
    private mutating func address(_ text: String?) -> RoomAddress? {
        guard let text else { return room }
        if let address = try? RoomAddress(text.lowercased()) { return address }
        refuse(.badName, "\(text) is no name of a room")
        return nil
    }

    private mutating func quit() {
        phase = .left
        write("Goodbye!" + LineText.lineEnd)
        steps.append(.input(.command(.goodbye(Goodbye(.ok)), requestID: 0, isRetry: false)))
    }

    private mutating func writeHelp() {
        for line in LineCommand.manual { write(LineText.line(line)) }
    }

    // MARK: Helpers

    mutating func request(_ command: Command, _ purpose: Pending) {
        let id = nextRequestID
        nextRequestID = nextRequestID % ProtocolLimits.requestIDMax + 1
        pending[id] = purpose
        steps.append(.input(.command(command, requestID: id, isRetry: false)))
    }

    private mutating func takeMessageID() -> MessageID {
        nextMessageID &+= 1
        return MessageID(nextMessageID)
    }

    mutating func write(_ text: String) { steps.append(.write(SharedBytes(utf8: text))) }

    mutating func refuse(_ code: ResultCode, _ reason: String) {
        write(LineText.failure(code, reason))
        switch phase {
        case .naming, .password: askForName()
        default: break
        }
    }

    mutating func answer(_ command: Command, requestID: UInt32) {
        steps.append(.input(.command(command, requestID: requestID, isRetry: false)))
    }

    mutating func takeSteps() -> [DialectStep] {
        defer { steps = [] }
        return steps
    }
}
