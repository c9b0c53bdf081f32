import Bytes
import ChatCore
import ChatProtocol
import Testing

/// A client session with a scripted broker in front of it: frames in, effects out, no sockets and no clock but ``now``.
struct ClientHarness {
    struct Sent: Equatable {
        var command: Command
        var id: UInt32
        var isRetry: Bool
    }

    var session: ClientSession
    var now: UInt64 = 1_000
    /// Everything the session has sent on this connection, decoded.
    private(set) var sent: [Sent] = []
    private(set) var notices: [ClientNotice] = []
    /// The other effects, in order.
    private(set) var actions: [ClientEffect] = []
    /// Type and flags of frames that are no command of this version.
    private(set) var strangers: [FrameHeader] = []
    private var received = ReadBuffer()
    private var isPrefaced = false

    init(wish: String = "alice", _ change: (inout ClientSettings) -> Void = { _ in }) {
        var settings = ClientSettings(agent: "test", device: SharedBytes([UInt8](repeating: 7, count: 16)), wish: wish)
        change(&settings)
        session = ClientSession(settings: settings)
    }

    static func name(_ text: String) -> AccountName { try! AccountName(text) }
    static func room(_ text: String) -> RoomAddress { try! RoomAddress(text) }

    static func welcome(heartbeat: UInt64 = 30_000, inFlight: UInt64 = 64) -> Welcome {
        Welcome(
            server: "n1", mechanisms: ["ANONYMOUS"], heartbeatMilliseconds: heartbeat, frameByteCountMax: 65_536, bodyByteCountMax: 4096,
            requestsInFlightMax: inFlight, deduplicationSeconds: 86_400)
    }

    static func event(_ room: String, _ seq: UInt64, from: String = "bob", _ body: String = "hi", id: UInt64? = nil) -> Event {
        var event = Event(room: Self.room(room), seq: seq, timestamp: 5, from: name(from))
        event.body = body
        event.messageID = id.map { MessageID($0) }
        return event
    }

    static func joined(_ room: String, epoch: UInt64 = 9, head: UInt64, next: UInt64) -> Joined {
        Joined(room: Self.room(room), epoch: epoch, head: head, floor: 1, next: next)
    }

    // MARK: The transport

    /// - Parameter chance: 1 is a connection without grease.
    mutating func open(chance: UInt64 = 1) {
        sent = []
        received = ReadBuffer()
        isPrefaced = false
        take(session.connectionOpened(at: now, chance: chance))
        receive(octets: { Preface.broker(answering: .client).append(to: &$0) })
    }

    mutating func close(_ cause: ConnectionLoss = .endOfStream, chance: UInt64 = .max) {
        take(session.connectionClosed(cause, at: now, chance: chance))
    }

    /// Preface, WELCOME and AUTH_OK.
    mutating func logIn(as user: String = "alice", heartbeat: UInt64 = 30_000, inFlight: UInt64 = 64) {
        open()
        reply(.welcome(Self.welcome(heartbeat: heartbeat, inFlight: inFlight)), to: 1)
        reply(.authenticated(Authenticated(user: Self.name(user), session: SharedBytes([UInt8](repeating: 1, count: 16)))), to: 2)
    }

    /// The broker attaches this connection to a room without being asked.
    mutating func attach(_ room: String, epoch: UInt64 = 9, next: UInt64) {
        reply(.joined(Self.joined(room, epoch: epoch, head: next - 1, next: next)), to: 0)
    }

    mutating func reply(_ reply: Reply, to id: UInt32, more: Bool = false) {
        receive(octets: { FrameEncoder.append(reply, requestID: id, more: more, to: &$0) })
    }

    mutating func deliver(_ event: Event) {
        receive(octets: { FrameEncoder.append(event, to: &$0) })
    }

    mutating func receive(octets body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter()
        body(&writer)
        let bytes = writer.finish()
        take(bytes.withBytes { session.receive($0, at: now) })
    }

    mutating func pass(_ milliseconds: UInt64) {
        now += milliseconds
        take(session.timePassed(at: now))
    }

    // MARK: The user

    @discardableResult
    mutating func ask(_ request: ClientRequest, deadline: UInt64? = nil) -> RequestToken {
        let (token, effects) = session.request(request, at: now, deadlineMilliseconds: deadline)
        take(effects)
        return token
    }

    @discardableResult
    mutating func say(_ body: String, in room: String = "lobby", id: UInt64 = 77) -> RequestToken {
        ask(.publish(Self.room(room), body: body, id: MessageID(id)))
    }

    mutating func chooseName(_ wish: String) { take(session.chooseName(wish, at: now)) }
    mutating func answerLogIn(_ answer: LogInAnswer) { take(session.answerLogIn(answer, at: now)) }
    mutating func leave() { take(session.leave(at: now)) }

    // MARK: What was seen

    /// Outcomes of a request so far; exactly one is right.
    func outcomes(_ token: RequestToken) -> [ClientOutcome] {
        notices.compactMap { if case .completed(token, let outcome) = $0 { outcome } else { nil } }
    }

    var events: [UInt64] { notices.compactMap { if case .event(let event) = $0 { event.seq } else { nil } } }

    var recoveries: [Recovery] { notices.compactMap { if case .recovered(let recovery) = $0 { recovery } else { nil } } }

    /// The last request id under which a command of this kind was sent.
    func id(_ isWanted: (Command) -> Bool) -> UInt32 { sent.last { isWanted($0.command) }?.id ?? 0 }

    func joinID(_ room: String) -> UInt32 { id { if case .join(let join) = $0 { join.room == Self.room(room) } else { false } } }
    var publishID: UInt32 { id { if case .publish = $0 { true } else { false } } }
    var publishes: [Sent] { sent.filter { if case .publish = $0.command { true } else { false } } }

    mutating func forgetNotices() { notices = [] }

    private mutating func take(_ effects: [ClientEffect]) {
        for effect in effects {
            switch effect {
            case .send(let bytes): decode(bytes)
            case .notify(let notice): notices.append(notice)
            default: actions.append(effect)
            }
        }
    }

    private mutating func decode(_ bytes: SharedBytes) {
        bytes.withBytes { received.append($0) }
        if !isPrefaced {
            isPrefaced = true
            received.consume(Preface.byteCount)
        }
        while true {
            let frame: (FrameHeader, Command?)? = received.withBytes { octets in
                guard let header = FrameHeader(octets), octets.byteCount >= header.frameByteCount else { return nil }
                let payload = octets.extracting(8..<header.frameByteCount)
                return (header, try? FrameDecoder.command(header, payload: payload, bodyByteCountMax: 16_384))
            }
            guard let (header, command) = frame else { return }
            received.consume(header.frameByteCount)
            if let command {
                sent.append(Sent(command: command, id: header.requestID, isRetry: header.flags.contains(.retry)))
            } else {
                strangers.append(header)
            }
        }
    }
}
