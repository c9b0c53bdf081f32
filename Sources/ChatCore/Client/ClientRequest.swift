public import Bytes
public import ChatProtocol

/// What a user asks of a session. Every request ends in exactly one ``ClientOutcome``.
public enum ClientRequest: Sendable, Equatable {
    /// Join and attach; `tail` events from before are wanted first.
    case join(RoomAddress, tail: UInt64)
    /// Attach to a log that the account is in, behind an event of it.
    case attach(RoomAddress, after: LogPosition)
    case leave(RoomAddress)
    /// Create a room; it is not joined by that.
    case create(RoomAddress, title: String?)
    /// Say something in a room. The id is 8 random octets, new for each message.
    case publish(RoomAddress, body: String, id: MessageID)
    /// Say something to an account.
    case directMessage(AccountName, body: String, id: MessageID)
    /// Say something that refers to an event of a room, or change one.
    case refer(RoomAddress, EventDraft, id: MessageID)
    /// Tell a room that the user is writing, or has stopped.
    case typing(RoomAddress, isTyping: Bool)
    /// The state of this connection.
    case presence(PresenceState)
    /// Read up to an event.
    case mark(RoomAddress, seq: UInt64)
    /// All visible rooms, page after page.
    case rooms(filter: String?)
    /// All members of a room, page after page.
    case members(RoomAddress)
    /// The newest events of a room between two seqs, at most 1000; of one thread, if its root is named.
    case history(RoomAddress, from: UInt64, to: UInt64, limit: UInt64, thread: UInt64? = nil)
    /// The newest events in which words occur, of a room or of all that the account may read, at most 1000.
    case search(Search)
    /// All rooms and conversations of the account, page after page.
    case inbox
    /// Another name for this guest.
    case rename(String)
    case ping
    /// Another password for the account, of which the broker keeps this.
    case changePassword(verifier: SharedBytes)
    /// The devices that may come back without the password.
    case devices
    /// A device may not, from now on.
    case revoke(SharedBytes)
}

extension ClientRequest {
    /// What is wrong with the request by itself: the encoder trusts that what a person wrote has been looked at.
    var fault: ResultCode? {
        switch self {
        case .publish(_, let body, _), .directMessage(_, let body, _): Self.fault(body, Field.body)
        case .refer(_, let draft, _): draft.fault
        case .create(let room, let title): room.isConversation ? .badName : title.flatMap { Self.fault($0, Field.title) }
        case .rooms(let filter): filter.flatMap { Self.fault($0, Field.title) }
        case .search(let search): Self.fault(search.query, Field.query)
        case .rename(let wish): wish.utf8.count > Field.sasl.maximum ? .badName : nil
        case .join, .attach, .leave, .members, .history, .inbox, .ping, .typing, .presence, .mark, .changePassword, .devices, .revoke: nil
        }
    }

    fileprivate static func fault(_ text: String, _ field: Field) -> ResultCode? {
        guard text.unicodeScalars.allSatisfy(TextRules.isAcceptable) else { return .badText }
        return text.utf8.count > field.maximum ? .bodyTooLarge : nil
    }

    /// The client message id of a publish or direct message.
    var messageID: MessageID? {
        switch self {
        case .publish(_, _, let id), .directMessage(_, _, let id), .refer(_, _, let id): id
        default: nil
        }
    }
}

/// An event that refers to another: an answer, a message of a thread, or one of the kinds that change events.
public struct EventDraft: Sendable, Equatable {
    public var kind: EventKind
    /// The seq of the event to be changed, for kinds 1 to 6.
    public var reference: UInt64?
    public var thread: UInt64?
    public var reply: UInt64?
    public var body: String?

    public init(kind: EventKind = .message, reference: UInt64? = nil, thread: UInt64? = nil, reply: UInt64? = nil, body: String? = nil) {
        self.kind = kind
        self.reference = reference
        self.thread = thread
        self.reply = reply
        self.body = body
    }

    var fault: ResultCode? {
        for seq in [reference, thread, reply] { if let seq, seq > ProtocolLimits.integerMax { return .noSuchEvent } }
        guard let body else { return nil }
        if kind == .react || kind == .unreact, body.isEmpty || body.utf8.count > ProtocolLimits.reactionByteCountMax { return .badValue }
        return ClientRequest.fault(body, Field.body)
    }

    func content(_ id: MessageID) -> EventContent {
        EventContent(kind: kind, messageID: id, reference: reference, thread: thread, reply: reply, body: body)
    }
}

/// Names a request of one session.
public struct RequestToken: Hashable, Sendable {
    public let number: UInt64

    init(number: UInt64) { self.number = number }
}

/// How a request ended.
public enum ClientOutcome: Sendable, Equatable {
    /// OK.
    case done
    case joined(Joined)
    case published(Published)
    /// The acknowledgement was lost with the connection, but the event was seen in the log: it had been accepted.
    case seenInLog(Event)
    /// `isComplete` is false where the list was longer than the client holds.
    case rooms([RoomRecord], isComplete: Bool)
    case members([MemberRecord], isComplete: Bool)
    /// Events in ascending order; the range that they answer for, and the lowest seq retained.
    case history([Event], fromSeq: UInt64, toSeq: UInt64, floor: UInt64)
    /// Events, the newest first; where the next page begins, nil at the end; whether there was too little time.
    case found([Event], cursor: SharedBytes?, isIncomplete: Bool)
    /// The log that changed last comes last.
    case inbox([InboxRecord])
    case renamed(AccountName)
    case pong
    case devices([DeviceRecord])
    /// The broker said no: the request had no effect.
    case refused(Failure)
    /// The request never left: it had no effect.
    case notSent(NotSent)
    /// The request left, and its answer did not come: whether it had an effect cannot be told.
    case unknown(OutcomeDoubt)
}

/// Why a request never left.
public enum NotSent: Sendable, Equatable {
    /// No connection became ready, or no place in flight free, within the request's time.
    case deadline
    /// Too many requests wait already.
    case queueFull
    /// The session is over.
    case sessionEnded
    /// It breaks the rules of the protocol, so that no broker would take it: 400, 401 or 402.
    case unacceptable(ResultCode)
}

/// Why an outcome is unknown.
public enum OutcomeDoubt: Sendable, Equatable {
    /// The connection stands, but no answer came in time.
    case deadline
    /// The connection was lost, and what the log shows since does not settle it.
    case connectionLost
    /// The broker itself cannot tell (602 RETRY_TOO_OLD, 603 OUTCOME_UNKNOWN).
    case broker(Failure)
}
