public import Bytes

/// What the broker says to one connection: every frame from broker to client but DELIVER, which is an ``Event`` and the same for all.
public enum Reply: Sendable, Equatable {
    case welcome(Welcome)
    case authenticateStep(SharedBytes)
    case authenticated(Authenticated)
    case ping(timestamp: Timestamp?)
    case pong(timestamp: Timestamp?)
    case ok(Success)
    case error(Failure)
    case goodbye(Goodbye)
    case notice(Notice)
    case joined(Joined)
    case items(Items)
    case published(Published)
    case resumed([ResumedRoom])
    case batch(Batch)
    case found(Found)
    case lag(Lag)
    /// MARK: a read marker was moved.
    case mark(ReadMarker)
    case typing(Typing)
    /// PRESENCE: the state of an account.
    case presence(Presence)
}

/// WELCOME: answers HELLO; the limits hold for the connection.
public struct Welcome: Sendable, Equatable {
    /// Name of the node.
    public var server: String
    /// SASL mechanisms offered, in the server's order of preference.
    public var mechanisms: [String]
    /// Greatest silence allowed in each direction.
    public var heartbeatMilliseconds: UInt64
    public var frameByteCountMax: UInt64
    public var bodyByteCountMax: UInt64
    public var requestsInFlightMax: UInt64
    public var deduplicationSeconds: UInt64
    /// Capability tokens in force.
    public var capabilities: [String] = []
    /// TLS channel-binding types.
    public var channelBindings: [String] = []
    public var timestamp: Timestamp?

    public init(
        server: String, mechanisms: [String], heartbeatMilliseconds: UInt64, frameByteCountMax: UInt64, bodyByteCountMax: UInt64,
        requestsInFlightMax: UInt64, deduplicationSeconds: UInt64, timestamp: Timestamp? = nil
    ) {
        self.server = server
        self.mechanisms = mechanisms
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.frameByteCountMax = frameByteCountMax
        self.bodyByteCountMax = bodyByteCountMax
        self.requestsInFlightMax = requestsInFlightMax
        self.deduplicationSeconds = deduplicationSeconds
        self.timestamp = timestamp
    }
}

/// AUTH_OK: the account in force.
public struct Authenticated: Sendable, Equatable {
    public var user: AccountName
    /// 16 octets; not a secret.
    public var session: SharedBytes
    /// Final message of the mechanism.
    public var message: SharedBytes?
    public var role: Role?
    public var timestamp: Timestamp?
    /// Display name of the account.
    public var title: String?
    /// How long the account can be taken up again without its credential.
    public var lifetimeSeconds: UInt64?
    /// 32 octets, a secret: takes the account up again from this device.
    public var token: SharedBytes?
    /// When the credential ends.
    public var until: Timestamp?

    public init(user: AccountName, session: SharedBytes, message: SharedBytes? = nil, role: Role? = nil, timestamp: Timestamp? = nil) {
        self.user = user
        self.session = session
        self.message = message
        self.role = role
        self.timestamp = timestamp
    }
}

/// OK: plain success; the numbers are those that the request's description names.
public struct Success: Sendable, Equatable {
    public var head: UInt64?
    public var epoch: UInt64?
    public var lifetimeSeconds: UInt64?

    public init(head: UInt64? = nil, epoch: UInt64? = nil, lifetimeSeconds: UInt64? = nil) {
        self.head = head
        self.epoch = epoch
        self.lifetimeSeconds = lifetimeSeconds
    }
}

/// ERROR: a request failed, or with request id 0 a notice of a fault.
public struct Failure: Error, Sendable, Equatable {
    public var code: ResultCode
    /// Text for humans.
    public var reason: String?
    /// Tag number of the offending field.
    public var field: UInt64?
    /// Type of the frame that failed, if its request id was 0.
    public var type: UInt8?
    public var room: RoomAddress?
    public var retryMilliseconds: UInt64?
    public var epoch: UInt64?
    public var head: UInt64?
    public var floor: UInt64?

    public init(
        _ code: ResultCode, reason: String? = nil, field: UInt64? = nil, type: UInt8? = nil, room: RoomAddress? = nil,
        retryMilliseconds: UInt64? = nil, epoch: UInt64? = nil, head: UInt64? = nil, floor: UInt64? = nil
    ) {
        self.code = code
        self.reason = reason
        self.field = field
        self.type = type
        self.room = room
        self.retryMilliseconds = retryMilliseconds
        self.epoch = epoch
        self.head = head
        self.floor = floor
    }
}

/// JOINED: the connection is attached; or with request id 0, the position of a log attached without asking.
public struct Joined: Sendable, Equatable {
    public var room: RoomAddress
    public var epoch: UInt64
    /// Highest seq assigned so far.
    public var head: UInt64
    /// Lowest seq still retained; head + 1 if none is.
    public var floor: UInt64
    /// Seq of the next event that this connection will be sent.
    public var next: UInt64
    public var title: String?
    public var topic: String?
    public var members: UInt64?
    public var role: Role?
    public var policy: RoomPolicy?
    /// The account's read marker; nil if it never set one.
    public var mark: UInt64?

    public init(
        room: RoomAddress, epoch: UInt64, head: UInt64, floor: UInt64, next: UInt64, title: String? = nil, topic: String? = nil,
        members: UInt64? = nil, role: Role? = nil, policy: RoomPolicy? = nil
    ) {
        self.room = room
        self.epoch = epoch
        self.head = head
        self.floor = floor
        self.next = next
        self.title = title
        self.topic = topic
        self.members = members
        self.role = role
        self.policy = policy
    }
}

/// ITEMS: a page of records. The records of one page are all of one kind.
public struct Items: Sendable, Equatable {
    public var records: [Record]
    /// Where the next page begins; nil at the end.
    public var cursor: SharedBytes?
    public var room: RoomAddress?
    /// In the answer to INBOX, what to ask from next time.
    public var updateNumber: UInt64?

    public init(records: [Record], cursor: SharedBytes? = nil, room: RoomAddress? = nil, updateNumber: UInt64? = nil) {
        self.records = records
        self.cursor = cursor
        self.room = room
        self.updateNumber = updateNumber
    }
}

/// One group of the list field `items`.
public enum Record: Sendable, Equatable {
    case room(RoomRecord)
    case member(MemberRecord)
    case inbox(InboxRecord)
    case device(DeviceRecord)
}

/// A device in the answer to DEVICES.
public struct DeviceRecord: Sendable, Equatable {
    /// 16 octets that name the device, and are no secret.
    public var id: SharedBytes
    /// The software it logged in with.
    public var agent: String
    /// When it last logged in.
    public var lastLogIn: Timestamp
    /// Until when it may come back without the password.
    public var until: Timestamp
    /// Whether it is connected.
    public var state: PresenceState

    public init(id: SharedBytes, agent: String, lastLogIn: Timestamp, until: Timestamp, state: PresenceState) {
        self.id = id
        self.agent = agent
        self.lastLogIn = lastLogIn
        self.until = until
        self.state = state
    }
}

/// A room in the answer to LIST.
public struct RoomRecord: Sendable, Equatable {
    public var room: RoomAddress
    public var title: String?
    public var topic: String?
    public var members: UInt64
    public var policy: RoomPolicy
    public var head: UInt64

    public init(room: RoomAddress, title: String? = nil, topic: String? = nil, members: UInt64, policy: RoomPolicy, head: UInt64) {
        self.room = room
        self.title = title
        self.topic = topic
        self.members = members
        self.policy = policy
        self.head = head
    }
}

/// A member in the answer to MEMBERS.
public struct MemberRecord: Sendable, Equatable {
    public var user: AccountName
    public var role: Role
    public var state: PresenceState

    public init(user: AccountName, role: Role, state: PresenceState) {
        self.user = user
        self.role = role
        self.state = state
    }
}

/// PUBLISHED: acknowledges PUBLISH and DM with the level reached, which is never higher than the truth.
public struct Published: Sendable, Equatable {
    public var room: RoomAddress
    public var seq: UInt64
    public var timestamp: Timestamp
    public var acknowledgement: AcknowledgementLevel
    /// The publish was a retry of one that had its effect; seq and timestamp are those of the original.
    public var isDuplicate: Bool
    public var epoch: UInt64?

    public init(
        room: RoomAddress, seq: UInt64, timestamp: Timestamp, acknowledgement: AcknowledgementLevel, isDuplicate: Bool = false,
        epoch: UInt64? = nil
    ) {
        self.room = room
        self.seq = seq
        self.timestamp = timestamp
        self.acknowledgement = acknowledgement
        self.isDuplicate = isDuplicate
        self.epoch = epoch
    }
}

/// LAG: the events `fromSeq...toSeq` were skipped for this connection.
public struct Lag: Sendable, Equatable {
    public var room: RoomAddress
    public var epoch: UInt64
    public var fromSeq: UInt64
    public var toSeq: UInt64
    /// Seq of the next event that this connection will be sent.
    public var next: UInt64
    public var reason: String?

    public init(room: RoomAddress, epoch: UInt64, fromSeq: UInt64, toSeq: UInt64, next: UInt64, reason: String? = nil) {
        self.room = room
        self.epoch = epoch
        self.fromSeq = fromSeq
        self.toSeq = toSeq
        self.next = next
        self.reason = reason
    }
}
