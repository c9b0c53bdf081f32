import Bytes
import ChatProtocol
import JSON
import WebSocket

/// A client of the broker inside the broker, for programs that speak one of two small vocabularies of JSON (docs/PROTOCOL.md, *Simple JSON*): their
/// messages become commands, replies become their messages. Events reach them by ``WireEncoding``, encoded once for all that read alike.
///
/// It holds what it waits for, which is bounded; ``isWaiting`` says when no more is taken.
public struct SimpleDialect: Sendable {
    /// What a reply is awaited for.
    enum Pending: Sendable {
        case hello, logIn, unread, join, create, members, history, leave, list, say
    }

    /// What waits until there is an account.
    enum Wish: Sendable {
        case room(RoomAddress)
        case list
    }

    /// A room that is being entered: what it holds is shown before what is said from now on.
    struct Entry: Sendable {
        let room: RoomAddress
        var hasTriedToCreate = false
        /// What was said before; nil as long as the room has not let the client in, and when there is nothing.
        var tail: HistoryTail?
        var isTailComplete = false
        var members: [AccountName] = []
        var areMembersComplete = false
        var isIn = false
    }

    /// Messages that are replayed to who enters a room.
    public static let replayCountMax = 50
    /// Octets of the `text` of `SendMsg`.
    public static let textByteCountMax = 2_048
    /// Requests that may wait for their replies; more messages are taken when there are fewer.
    private static let pendingCountMax = 32
    /// Names that are gathered to be shown together.
    static let nameCountMax = 10_000

    /// How events are to be encoded: as the messages that came last are written.
    public private(set) var encoding = WireEncoding.nicks
    /// Which vocabulary the connection speaks, once a message has shown it.
    private var chosen: SimpleVocabulary?
    var name: AccountName?
    /// Whether the client has been told that the name of its choice is its own.
    var isWelcomed = false
    /// Where what is said goes.
    var room: RoomAddress?
    var pending: [UInt32: Pending] = [:]
    var entry: Entry?
    var wish: Wish?
    /// Whether the log-in that is being decided is one to an account, by password.
    var hasPassword = false
    /// What was said to the account before it logged in, until all is known.
    var unread: UnreadMessages?
    /// Whether a reply decides what the next message means.
    var isBusy = false
    /// Rooms of a list of several pages, until the last one comes.
    var rooms: [String] = []
    /// The message by which others are told that this client came, until it has been kept from it.
    var arrival: SharedBytes?
    private var steps: [DialectStep] = []
    private var nextRequestID: UInt32 = 1
    private var nextMessageID: UInt64

    /// - Parameter mark: a random number, from which message ids are counted.
    public init(mark: UInt64) { nextMessageID = mark }

    var vocabulary: SimpleVocabulary { chosen ?? .nicks }

    /// What is asked of the core before anything is read.
    public mutating func begin() -> [DialectStep] {
        request(.hello(Hello(agent: "simple", capabilities: ["inbox", "marks"])), .hello)
        return takeSteps()
    }

    /// Whether messages must wait: the broker has not decided about the name or the room, or has much to answer.
    public var isWaiting: Bool { isBusy || pending.count >= Self.pendingCountMax }

    /// Whether events must wait, because what was said before them is still being read.
    public var isReplaying: Bool { entry?.isIn == true }

    // MARK: What comes in

    /// Takes a text message.
    ///
    /// - Parameter bodyByteCountMax: octets that what is said may have.
    public mutating func take(_ message: RawSpan, bodyByteCountMax: Int) -> [DialectStep] {
        do throws(JSONError) {
            let text = try SimpleText(message)
            if let choice = text.request.vocabulary {
                if let chosen, chosen != choice {
                    refuse("this connection speaks the other vocabulary: \(chosen.messages)")
                    return takeSteps()
                }
                chosen = choice
            }
            encoding = chosen == .usernames ? .usernames : text.isNested ? .nestedNicks : .nicks
            obey(text.request, bodyByteCountMax)
        } catch {
            refuse(error.reason)
        }
        return takeSteps()
    }

    /// A message was so long that nothing of it was kept.
    public mutating func refuseLongMessage() -> [DialectStep] {
        refuse("a message longer than accepted")
        return takeSteps()
    }

    private mutating func obey(_ request: SimpleRequest, _ bodyByteCountMax: Int) {
        switch request {
        case .setUsername(let username, let password): logIn(username, password)
        case .joinRoom(let text):
            guard name != nil else { return refuse("no name yet: SetUsername comes first") }
            if let room = address(text) { enter(room) }
        case .sendMessage(let content):
            guard name != nil else { return refuse("no name yet: SetUsername comes first") }
            guard let room else { return refuse("no room yet: JoinRoom comes first") }
            say(content, in: room, byteCountMax: bodyByteCountMax)
        case .privateMessage(let to, let content):
            guard name != nil else { return refuse("no name yet: SetUsername comes first") }
            guard let to = accountName(to), let publication = publication(content, byteCountMax: bodyByteCountMax) else { return }
            self.request(.directMessage(DirectMessage(to: to, publication: publication)), .say)
        case .join(let text, let nick, let password):
            if let room { return refuse("you are in \(room): Leave comes first") }
            guard let room = address(text), let wished = accountName(nick) else { return }
            if wished == name { enter(room) } else { logIn(nick, password, then: .room(room)) }
        case .sendText(let text):
            guard let room else { return refuse("you are in no room: Join comes first") }
            say(text, in: room, byteCountMax: min(bodyByteCountMax, Self.textByteCountMax))
        case .leave:
            guard let room else { return refuse("you are in no room: Join comes first") }
            isBusy = true
            // Everybody is in the lobby; it is only heard or not.
            self.request(.leave(Leave(room: room, detachesOnly: room == .lobby)), .leave)
        case .listRooms:
            if name != nil { return list(cursor: nil) }
            guard chosen != .usernames else { return refuse("no name yet: SetUsername comes first") }
            wish = .list
            authenticate(Authenticate(mechanism: "ANONYMOUS"))
        case .ping: write(SimpleMessage("Pong"))
        }
    }

    // MARK: Names and rooms

    private mutating func logIn(_ text: String, _ password: String?, then wish: Wish? = nil) {
        guard let wished = accountName(text) else { return }
        self.wish = wish
        hasPassword = password != nil
        guard let password else {
            return authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: wished.description)))
        }
        // RFC 4616: an authorisation identity, which is not given, the name and the password.
        authenticate(Authenticate(mechanism: "PLAIN", message: SharedBytes(utf8: "\0\(wished)\0\(password)")))
    }

    private mutating func authenticate(_ wish: Authenticate) {
        isBusy = true
        request(.authenticate(wish), .logIn)
    }

    private mutating func accountName(_ text: String) -> AccountName? {
        if let name = try? AccountName(text.lowercased()) { return name }
        refuse("a name has 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit")
        return nil
    }

    private mutating func address(_ text: String) -> RoomAddress? {
        if let address = try? RoomAddress(text.lowercased()), !address.isConversation { return address }
        refuse("a room has a name of 1 to 64 of a-z 0-9 . _ - / that begins with a letter or digit")
        return nil
    }

    mutating func enter(_ room: RoomAddress) {
        isBusy = true
        entry = Entry(room: room)
        request(.join(Join(room: room)), .join)
    }

    mutating func list(cursor: SharedBytes?) { request(.list(ListRooms(limit: 1_000, cursor: cursor)), .list) }

    // MARK: What is said

    private mutating func say(_ text: String, in room: RoomAddress, byteCountMax: Int) {
        guard let publication = publication(text, byteCountMax: byteCountMax) else { return }
        request(.publish(Publish(room: room, publication: publication)), .say)
    }

    private mutating func publication(_ text: String, byteCountMax: Int) -> Publication? {
        // Lines of a Windows program.
        let text = text.contains("\r\n") ? text.split(separator: "\r\n", omittingEmptySubsequences: false).joined(separator: "\n") : text
        let octets = Array(text.utf8)
        guard !octets.isEmpty else {
            refuse("nothing was said")
            return nil
        }
        guard octets.count <= byteCountMax else {
            refuse("a text of more than \(byteCountMax) octets")
            return nil
        }
        guard TextRules.isAcceptable(octets.span.bytes) else {
            refuse("a text with control characters")
            return nil
        }
        nextMessageID &+= 1
        return Publication(content: EventContent(messageID: MessageID(nextMessageID), body: text))
    }

    // MARK: Helpers

    mutating func request(_ command: Command, _ purpose: Pending) {
        let id = nextRequestID
        nextRequestID = nextRequestID % ProtocolLimits.requestIDMax + 1
        pending[id] = purpose
        send(command, requestID: id)
    }

    mutating func send(_ command: Command, requestID: UInt32) {
        steps.append(.input(.command(command, requestID: requestID, isRetry: false)))
    }

    mutating func refuse(_ reason: String) { write(.fault(reason, vocabulary)) }

    mutating func write(_ message: SimpleMessage) { write([message]) }

    mutating func write(_ messages: [SimpleMessage]) {
        var writer = ByteWriter(minimumCapacity: 256)
        for message in messages { message.append(isNested: encoding == .nestedNicks, to: &writer) }
        steps.append(.write(writer.finish()))
    }

    mutating func write(_ octets: SharedBytes) { steps.append(.write(octets)) }

    mutating func takeSteps() -> [DialectStep] {
        defer { steps = [] }
        return steps
    }
}
