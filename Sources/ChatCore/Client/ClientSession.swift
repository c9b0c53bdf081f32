import Bytes
public import ChatProtocol

/// The client's end of the protocol (docs/PROTOCOL.md) as a pure state machine: it outlives connections, keeps a cursor per room and
/// brings every request to exactly one outcome.
///
/// It does no I/O and has neither clock nor chance of its own: the caller passes in milliseconds of a monotonic clock, random numbers
/// and the octets received, and carries out the returned effects in order. One owner, one thread.
public struct ClientSession {
    /// Where the session stands.
    public enum Phase: Sendable, Equatable {
        /// There is no transport.
        case disconnected
        /// Preface, HELLO and AUTH were sent.
        case handshaking
        /// The name was refused; another one is awaited.
        case nameless
        /// Authenticated.
        case ready
        /// GOODBYE was sent; replies to earlier requests still come.
        case leaving
        /// The transport is being closed.
        case closing
        /// Nothing happens any more.
        case ended
    }

    /// Longest time between the client's GOODBYE and the end of the transport.
    static let leavingMillisecondsMax: UInt64 = 2_000

    public internal(set) var phase: Phase = .disconnected
    /// The account in force, or the last one while there is no connection.
    public internal(set) var account: AccountName?
    /// What the broker announced on the present or last connection.
    public internal(set) var welcome: Welcome?
    /// What the session was made with; the wish follows a change of name.
    public internal(set) var settings: ClientSettings

    var wire = ClientWire()
    var requests = RequestTable()
    var rooms: [RoomAddress: RoomState] = [:]
    /// The events that told of this connection's own coming, where the broker attached it by itself.
    var arrivals: [RoomAddress: UInt64] = [:]
    var recovery: RecoveryProgress?
    var policy = ReconnectPolicy()
    /// Why the session itself ended the connection that is being closed.
    var loss: ConnectionLoss?
    /// The connection that is being closed makes way for one as another device.
    var startsOver = false
    /// The log-in to an account that is under way.
    var logIn: ClientLogIn?
    var hasBeenReady = false
    var openedAt: UInt64 = 0
    var readyAt: UInt64?
    var receivedAt: UInt64 = 0
    var leavingSince: UInt64?
    var isGreased = false
    /// Requests in flight when the last connection was lost, whose outcome the log may yet show.
    var undecided: [PendingRequest] = []
    var effects: [ClientEffect] = []

    public init(settings: ClientSettings) {
        self.settings = settings
    }

    /// Requests of the user without an outcome.
    public var openRequestCount: Int { requests.userCount + undecided.count }

    /// Rooms and conversations whose events this session receives or, while there is no connection, will ask for again; ascending.
    public var attachedRooms: [RoomAddress] { rooms.filter { $0.value.isWanted }.keys.sorted() }

    /// The last event had of a room.
    public func position(in room: RoomAddress) -> LogPosition? { rooms[room]?.cursor?.position }

    /// Whether an event tells no more than that this connection came, to a room that the broker attached by itself.
    public func isOwnArrival(_ event: Event) -> Bool { event.kind == .joined && arrivals[event.room] == event.seq }

    // MARK: What happens to the transport

    /// A transport is open (and encrypted, where it is to be): says HELLO and logs in, in one go.
    ///
    /// - Parameter chance: 64 random bits; they decide about grease.
    public mutating func connectionOpened(at now: UInt64, chance: UInt64) -> [ClientEffect] {
        precondition(phase == .disconnected, "one transport at a time")
        phase = .handshaking
        wire = ClientWire()
        loss = nil
        openedAt = now
        receivedAt = now
        readyAt = nil
        isGreased = ClientGrease.isChosen(chance)
        sendOpening(at: now, chance: chance)
        return takeEffects()
    }

    /// Octets came: all that they complete is handled.
    public mutating func receive(_ bytes: RawSpan, at now: UInt64) -> [ClientEffect] {
        append(bytes, at: now)
        var all: [ClientEffect] = []
        while let effects = handleNext(at: now) { all += effects }
        return all
    }

    /// Octets came; ``handleNext(at:)`` handles the frames that they complete.
    public mutating func append(_ bytes: RawSpan, at now: UInt64) {
        guard isListening else { return }
        receivedAt = now
        wire.append(bytes)
    }

    /// Handles one frame; nil if there is none. A caller that carries out the effects of each frame before it asks for the next one never
    /// sees ``account`` or ``attachedRooms`` ahead of what its user was told.
    public mutating func handleNext(at now: UInt64) -> [ClientEffect]? {
        guard isListening else { return nil }
        do throws(FrameError) {
            guard let input = try wire.next() else { return nil }
            switch input {
            case .frame(.reply(let reply), let id, let hasMore): handle(reply, requestID: id, hasMore: hasMore, at: now)
            case .frame(.event(let event), _, _): deliver(event, at: now)
            case .unreadable(let header, let error): handleUnreadable(header, error, at: now)
            }
        } catch {
            breakOff(error.code, error.reason)
        }
        pump(at: now)
        return takeEffects()
    }

    /// The transport could not be opened, or is gone.
    ///
    /// - Parameters:
    ///   - cause: what the transport knows; what the session itself found before counts more.
    ///   - chance: 64 random bits, for the back-off.
    public mutating func connectionClosed(_ cause: ConnectionLoss, at now: UInt64, chance: UInt64) -> [ClientEffect] {
        guard phase != .ended else { return [] }
        let cause = phase == .leaving ? .left : loss ?? cause
        suspendRequests(at: now)
        if startsOver {
            startsOver = false
            phase = .disconnected
            effects.append(.connect(afterMilliseconds: 0))
            return takeEffects()
        }
        guard cause.isCurable, settings.reconnects, hasBeenReady else {
            end(cause)
            return takeEffects()
        }
        if let readyAt, now - readyAt >= settings.steadyMilliseconds { policy.reset() }
        let delay = policy.nextDelay(retryMilliseconds: cause.retryMilliseconds, chance: chance)
        phase = .disconnected
        readyAt = nil
        notify(.connectionLost(cause, retryAfterMilliseconds: delay))
        effects.append(.connect(afterMilliseconds: delay))
        return takeEffects()
    }

    /// Time has passed: heartbeats and deadlines. To be called when ``nextDeadline`` has come; more often does no harm.
    public mutating func timePassed(at now: UInt64) -> [ClientEffect] {
        keepTime(at: now)
        pump(at: now)
        return takeEffects()
    }

    // MARK: What the user wants

    /// Asks for something; it is sent as soon as a connection is ready and has a place in flight.
    ///
    /// - Parameter deadlineMilliseconds: how long the user waits; nil: as the settings say.
    public mutating func request(
        _ request: ClientRequest, at now: UInt64, deadlineMilliseconds: UInt64? = nil
    ) -> (RequestToken, [ClientEffect]) {
        let token = requests.makeToken()
        if let fault = request.fault {
            complete(token, .notSent(.unacceptable(fault)))
        } else if phase == .ended || phase == .leaving {
            complete(token, .notSent(.sessionEnded))
        } else if requests.waiting.count >= settings.requestsWaitingMax {
            complete(token, .notSent(.queueFull))
        } else {
            let deadline = now + (deadlineMilliseconds ?? settings.requestMillisecondsMax)
            requests.waiting.append(PendingRequest(.user(token), request, deadline: deadline))
            pump(at: now)
        }
        return (token, takeEffects())
    }

    /// Another wish for the log-in. Where the present connection waits for one, it is sent at once.
    public mutating func chooseName(_ wish: String, at now: UInt64) -> [ClientEffect] {
        settings.wish = wish
        if phase == .nameless {
            phase = .handshaking
            openedAt = now
            sendLogin(at: now)
        }
        return takeEffects()
    }

    /// Leaves: GOODBYE, then the rest of the replies, then the end.
    public mutating func leave(at now: UInt64) -> [ClientEffect] {
        switch phase {
        case .disconnected: end(.left)
        case .handshaking, .nameless, .ready:
            abandonUnsent()
            send(.goodbye(Goodbye(.ok, endsSession: true)), requestID: 0)
            phase = .leaving
            leavingSince = now
        case .closing where startsOver:
            startsOver = false
            loss = .left
        case .leaving, .closing, .ended: break
        }
        return takeEffects()
    }

    // MARK: Inside

    var isListening: Bool {
        switch phase {
        case .handshaking, .nameless, .ready, .leaving: true
        case .disconnected, .closing, .ended: false
        }
    }

    mutating func notify(_ notice: ClientNotice) {
        effects.append(.notify(notice))
    }

    mutating func complete(_ token: RequestToken?, _ outcome: ClientOutcome) {
        guard let token else { return }
        notify(.completed(token, outcome))
    }

    mutating func send(_ command: Command, requestID: UInt32, isRetry: Bool = false) {
        var writer = ByteWriter()
        FrameEncoder.append(command, requestID: requestID, isRetry: isRetry, to: &writer)
        if isGreased, case .ping = command { ClientGrease.setIgnoredFlags(ofFrameAt: 0, in: &writer) }
        effects.append(.send(writer.finish()))
    }

    /// Ends the connection because the peer broke the protocol; a later connection resumes.
    mutating func breakOff(_ code: ResultCode, _ reason: String) {
        // A peer that is no broker is not talked to.
        if code != .badPreface, phase != .leaving { send(.goodbye(Goodbye(code)), requestID: 0) }
        loss = .brokenProtocol(code, reason)
        phase = .closing
        effects.append(.close)
    }

    mutating func end(_ cause: ConnectionLoss) {
        for request in undecided { complete(request.token, .unknown(.connectionLost)) }
        undecided = []
        abandonUnsent()
        recovery = nil
        phase = .ended
        notify(.ended(cause))
    }

    private mutating func abandonUnsent() {
        let unsent = requests.urgent + requests.waiting
        requests.urgent = []
        requests.waiting = []
        for request in unsent { complete(request.token, request.isRetry ? .unknown(.connectionLost) : .notSent(.sessionEnded)) }
    }

    mutating func takeEffects() -> [ClientEffect] {
        defer { effects = [] }
        return effects
    }
}
