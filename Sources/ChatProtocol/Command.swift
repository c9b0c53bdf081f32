public import Bytes

/// What a client asks of the broker: one frame from client to broker, decoded (docs/PROTOCOL.md, *Frame types*).
public indirect enum Command: Sendable, Equatable {
    case hello(Hello)
    case authenticate(Authenticate)
    /// AUTH_STEP: a further SASL message.
    case authenticateStep(SharedBytes)
    case ping(timestamp: Timestamp?)
    case pong(timestamp: Timestamp?)
    case goodbye(Goodbye)
    /// ERROR: the client says that something the broker sent was wrong.
    case error(Failure)
    case resume(Resume)
    case join(Join)
    case leave(Leave)
    case list(ListRooms)
    case members(ListMembers)
    case create(CreateRoom)
    case publish(Publish)
    case directMessage(DirectMessage)
    /// MARK: the account has read up to an event.
    case mark(ReadMarker)
    case typing(Typing)
    /// PRESENCE: the connection's own state, and whose state it wants to be told.
    case presence(Presence)
    case inbox(ReadInbox)
    case history(ReadHistory)
    case search(Search)
    case register(Register)
    /// PASSWORD: what the broker is to keep of the account's new password.
    case changePassword(verifier: SharedBytes)
    /// DEVICES: which devices may come back without the password.
    case listDevices
    /// REVOKE: a device may not, from now on.
    case revokeDevice(SharedBytes)
}

/// REGISTER: a new account.
public struct Register: Sendable, Equatable {
    public var user: AccountName
    /// What the broker is to keep of the password.
    public var verifier: SharedBytes

    public init(user: AccountName, verifier: SharedBytes) {
        self.user = user
        self.verifier = verifier
    }
}

/// HELLO: the first frame of a connection.
public struct Hello: Sendable, Equatable {
    /// Software name and version.
    public var agent: String
    /// Capability tokens offered.
    public var capabilities: [String] = []
    /// The largest payload the client accepts, in octets; nil means 65 536.
    public var frameByteCountMax: UInt64?
    /// 16 octets chosen once by the client, a secret of the client.
    public var device: SharedBytes?

    public init(agent: String, capabilities: [String] = [], frameByteCountMax: UInt64? = nil, device: SharedBytes? = nil) {
        self.agent = agent
        self.capabilities = capabilities
        self.frameByteCountMax = frameByteCountMax
        self.device = device
    }
}

/// AUTH: starts an authentication exchange, or in READY renews it or changes a guest's name.
public struct Authenticate: Sendable, Equatable {
    /// SASL mechanism (RFC 4422), for example `ANONYMOUS`.
    public var mechanism: String
    /// First client message of the mechanism; for ANONYMOUS the name wished for.
    public var message: SharedBytes?

    public init(mechanism: String, message: SharedBytes? = nil) {
        self.mechanism = mechanism
        self.message = message
    }
}

/// GOODBYE: the last frame of a side.
public struct Goodbye: Sendable, Equatable {
    public var code: ResultCode
    public var reason: String?
    /// The client should not reconnect sooner than this.
    public var retryMilliseconds: UInt64?
    /// The session is over, not only the connection.
    public var endsSession: Bool = false

    public init(_ code: ResultCode, reason: String? = nil, retryMilliseconds: UInt64? = nil, endsSession: Bool = false) {
        self.code = code
        self.reason = reason
        self.retryMilliseconds = retryMilliseconds
        self.endsSession = endsSession
    }
}

/// JOIN: become a member of a room and attach this connection.
public struct Join: Sendable, Equatable {
    public var room: RoomAddress
    /// The last event the client has.
    public var cursor: LogPosition?
    /// Events wanted before live delivery starts.
    public var tail: UInt64?

    public init(room: RoomAddress, cursor: LogPosition? = nil, tail: UInt64? = nil) {
        self.room = room
        self.cursor = cursor
        self.tail = tail
    }
}

/// LEAVE: end the membership, or only stop delivery to this connection.
public struct Leave: Sendable, Equatable {
    public var room: RoomAddress
    /// Stay a member; only this connection stops receiving.
    public var detachesOnly: Bool
    public var reason: String?

    public init(room: RoomAddress, detachesOnly: Bool = false, reason: String? = nil) {
        self.room = room
        self.detachesOnly = detachesOnly
        self.reason = reason
    }
}

/// LIST: a page of the visible rooms.
public struct ListRooms: Sendable, Equatable {
    /// Items wanted; nil or 0 means 100.
    public var limit: UInt64?
    /// Where the last page ended.
    public var cursor: SharedBytes?
    /// Only rooms whose name or title contains this.
    public var filter: String?

    public init(limit: UInt64? = nil, cursor: SharedBytes? = nil, filter: String? = nil) {
        self.limit = limit
        self.cursor = cursor
        self.filter = filter
    }
}

/// MEMBERS: a page of the members of a room.
public struct ListMembers: Sendable, Equatable {
    public var room: RoomAddress
    /// Items wanted; nil or 0 means 100.
    public var limit: UInt64?
    /// Where the last page ended.
    public var cursor: SharedBytes?

    public init(room: RoomAddress, limit: UInt64? = nil, cursor: SharedBytes? = nil) {
        self.room = room
        self.limit = limit
        self.cursor = cursor
    }
}

/// CREATE: a new room, owned by its creator.
public struct CreateRoom: Sendable, Equatable {
    public var room: RoomAddress
    public var title: String?
    public var topic: String?
    /// nil: the default policy.
    public var policy: RoomPolicy?

    public init(room: RoomAddress, title: String? = nil, topic: String? = nil, policy: RoomPolicy? = nil) {
        self.room = room
        self.title = title
        self.topic = topic
        self.policy = policy
    }
}

/// What PUBLISH and DM have in common: an event to be appended to a log.
public struct Publication: Sendable, Equatable {
    /// The event's fields, encoded as they will stand in the DELIVER frame.
    public var content: EventContent
    /// Acknowledgement level asked for; nil means `accepted`, or `none` if the request id is 0.
    public var acknowledgement: AcknowledgementLevel?
    /// On a retry: milliseconds since the first attempt, by the client's monotonic clock.
    public var ageMilliseconds: UInt64?

    public init(content: EventContent, acknowledgement: AcknowledgementLevel? = nil, ageMilliseconds: UInt64? = nil) {
        self.content = content
        self.acknowledgement = acknowledgement
        self.ageMilliseconds = ageMilliseconds
    }
}

/// PUBLISH: append one event to a log.
public struct Publish: Sendable, Equatable {
    public var room: RoomAddress
    public var publication: Publication

    public init(room: RoomAddress, publication: Publication) {
        self.room = room
        self.publication = publication
    }
}

/// DM: append one event to the conversation with an account.
public struct DirectMessage: Sendable, Equatable {
    public var to: AccountName
    public var publication: Publication

    public init(to: AccountName, publication: Publication) {
        self.to = to
        self.publication = publication
    }
}
