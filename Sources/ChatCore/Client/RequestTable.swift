import ChatProtocol

/// One request of a session, from the wish to its outcome.
struct PendingRequest: Sendable {
    enum Purpose: Sendable, Equatable {
        case user(RequestToken)
        /// JOIN of a room that was attached before the connection was lost.
        case rejoin
        case hello
        case login
        case heartbeat
        /// REGISTER, before the log-in.
        case registration
    }

    var purpose: Purpose
    /// What is asked; nil for the session's own frames.
    var request: ClientRequest?
    /// When the user no longer waits; nil: no limit of its own.
    var deadline: UInt64?
    /// When it was first sent, and as whom.
    var firstSentAt: UInt64?
    var sentAs: AccountName?
    /// The cursor a JOIN was sent with.
    var cursor: LogPosition?
    /// Sent again after the same account came back.
    var isRetry = false
    /// The user has been told that no answer came; the reply, if it still comes, is ignored.
    var isAbandoned = false
    /// The echo of a publish, if it came before the acknowledgement.
    var echo: Event?
    /// Pages of a list that have come so far.
    var records: [Record] = []
    /// Of these, the ones of the page that is coming.
    var pageRecordCount = 0
    /// Events of a history that have come so far, and where it begins.
    var events: [Event] = []
    var historyFromSeq: UInt64?

    init(_ purpose: Purpose, _ request: ClientRequest? = nil, deadline: UInt64? = nil) {
        self.purpose = purpose
        self.request = request
        self.deadline = deadline
    }

    var token: RequestToken? {
        if case .user(let token) = purpose { token } else { nil }
    }

    /// The log that a publish goes to.
    func log(account: AccountName) -> RoomAddress? {
        switch request {
        case .publish(let room, _, _), .refer(let room, _, _): room
        case .directMessage(let user, _, _): RoomAddress(conversationOf: account, and: user)
        default: nil
        }
    }

    /// Whether an event is what this publish became: matched by author and id, never by the id alone. `account` is the name in force,
    /// which a change of name can put on a message sent before its AUTH_OK came.
    func isEcho(_ event: Event, account: AccountName?) -> Bool {
        guard let id = request?.messageID, event.messageID == id else { return false }
        return event.from == sentAs || event.from == account
    }
}

/// The requests that wait and those in flight; request ids and their correlation.
struct RequestTable: Sendable {
    private(set) var inFlight: [UInt32: PendingRequest] = [:]
    /// The session's own requests and those sent again: they go before what waits, and also while a recovery is under way.
    var urgent: [PendingRequest] = []
    /// The user's requests in the order asked.
    var waiting: [PendingRequest] = []
    /// Greatest number in flight.
    var inFlightMax = 2
    private var lastID: UInt32 = 0
    private var lastToken: UInt64 = 0

    var hasRoom: Bool { inFlight.count < inFlightMax }

    /// Requests of the user without an outcome.
    var userCount: Int {
        waiting.count + urgent.count { $0.token != nil } + inFlight.values.count { $0.token != nil && !$0.isAbandoned }
    }

    mutating func makeToken() -> RequestToken {
        lastToken += 1
        return RequestToken(number: lastToken)
    }

    /// Puts a request in flight and returns its id, which no request in flight has.
    mutating func launch(_ request: PendingRequest) -> UInt32 {
        repeat {
            lastID = lastID == ProtocolLimits.requestIDMax ? 1 : lastID + 1
        } while inFlight[lastID] != nil
        inFlight[lastID] = request
        return lastID
    }

    /// Puts a request whose reply asked for more in flight again, under the same id.
    mutating func goOn(_ request: PendingRequest, _ id: UInt32) { inFlight[id] = request }

    /// The request that a reply answers; it leaves the table unless more frames of the reply follow.
    mutating func answer(_ id: UInt32, hasMore: Bool) -> PendingRequest? {
        hasMore ? inFlight[id] : inFlight.removeValue(forKey: id)
    }

    mutating func update(_ id: UInt32, _ body: (inout PendingRequest) -> Void) {
        guard var request = inFlight[id] else { return }
        body(&request)
        inFlight[id] = request
    }

    /// The id of the first request in flight, lowest id first, for which `condition` holds.
    func firstID(where condition: (PendingRequest) -> Bool) -> UInt32? {
        inFlight.filter { condition($0.value) }.keys.min()
    }

    /// Takes out all that is in flight, in the order sent, and starts the ids anew: the connection is gone.
    mutating func connectionLost() -> [PendingRequest] {
        // Ids wrap only after 2^24 requests; the time of sending settles the order then.
        let sent = inFlight.sorted { ($0.value.firstSentAt ?? 0, $0.key) < ($1.value.firstSentAt ?? 0, $1.key) }.map(\.value)
        inFlight = [:]
        lastID = 0
        inFlightMax = 2
        return sent
    }

    /// The earliest deadline of a request of the user.
    var nextDeadline: UInt64? {
        var earliest: UInt64?
        for request in inFlight.values where !request.isAbandoned { earliest = Self.earlier(earliest, request.deadline) }
        for request in urgent { earliest = Self.earlier(earliest, request.deadline) }
        for request in waiting { earliest = Self.earlier(earliest, request.deadline) }
        return earliest
    }

    /// Takes the requests whose deadline has come: those not sent leave the table, those in flight stay in it as abandoned.
    mutating func expire(at now: UInt64) -> (unsent: [PendingRequest], unanswered: [PendingRequest]) {
        let isDue: (PendingRequest) -> Bool = { $0.deadline.map { $0 <= now } ?? false }
        let unsent = (urgent + waiting).filter(isDue)
        urgent.removeAll(where: isDue)
        waiting.removeAll(where: isDue)
        var unanswered: [PendingRequest] = []
        for (id, request) in inFlight.sorted(by: { $0.key < $1.key }) where !request.isAbandoned && isDue(request) {
            inFlight[id]?.isAbandoned = true
            unanswered.append(request)
        }
        return (unsent, unanswered)
    }

    static func earlier(_ left: UInt64?, _ right: UInt64?) -> UInt64? {
        guard let left else { return right }
        guard let right else { return left }
        return min(left, right)
    }
}
