public import Bytes

/// What kind of event a log entry is (docs/PROTOCOL.md, table K). Kinds 0 to 31 are published by clients, 32 and above by the broker.
public struct EventKind: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let message = EventKind(rawValue: 0)
    public static let edit = EventKind(rawValue: 1)
    public static let delete = EventKind(rawValue: 2)
    public static let react = EventKind(rawValue: 3)
    public static let unreact = EventKind(rawValue: 4)
    public static let pin = EventKind(rawValue: 5)
    public static let unpin = EventKind(rawValue: 6)
    /// Like a message; automated clients must not answer it.
    public static let notice = EventKind(rawValue: 7)
    public static let joined = EventKind(rawValue: 32)
    public static let left = EventKind(rawValue: 33)
    public static let roomSet = EventKind(rawValue: 34)
    public static let moderated = EventKind(rawValue: 35)
    public static let created = EventKind(rawValue: 36)
    public static let void = EventKind(rawValue: 37)
    public static let renamed = EventKind(rawValue: 38)

    /// Whether events of this kind change another, which they name in `ref`.
    public var isChange: Bool { rawValue >= 1 && rawValue <= 6 }
    /// Whether events of this kind can be changed: what people say.
    public var isChangeable: Bool { self == .message || self == .notice }
}

/// The fields of an event that its author determines, encoded once in canonical order, as they stand behind `from` in a DELIVER frame.
///
/// A PUBLISH payload carries the same run of fields, so the broker copies octets and never takes a message apart.
public struct EventContent: Sendable, Equatable {
    public let kind: EventKind
    /// The client message id, by which a retry is known.
    public let messageID: MessageID?
    /// The seq of the event that this one changes; there is one for each kind that changes another, and for no other.
    public let reference: UInt64?
    /// The seq of the root of the thread.
    public let thread: UInt64?
    /// The seq of the event answered.
    public let reply: UInt64?
    /// Encoded fields, `kind` first (absent for a message), in ascending tag order.
    public let fields: SharedBytes

    init(kind: EventKind, messageID: MessageID?, reference: UInt64?, thread: UInt64?, reply: UInt64?, fields: SharedBytes) {
        self.kind = kind
        self.messageID = messageID
        self.reference = reference
        self.thread = thread
        self.reply = reply
        self.fields = fields
    }
}

/// One event of a log, as a DELIVER frame carries it: equal for every recipient.
public struct Event: Sendable, Equatable {
    public var room: RoomAddress
    public var seq: UInt64
    public var timestamp: Timestamp
    /// The account that caused the event.
    public var from: AccountName
    public var kind: EventKind = .message
    public var messageID: MessageID?
    /// The seq of the event that this one changes (kinds 1 to 6).
    public var reference: UInt64?
    public var thread: UInt64?
    public var reply: UInt64?
    public var mediaType: String?
    public var meta: SharedBytes?
    public var body: String?
    /// The account concerned (kinds 32, 33, 38).
    public var user: AccountName?
    public var title: String?
    public var topic: String?
    public var role: Role?
    public var reason: String?
    /// The range of a void event (kind 37).
    public var fromSeq: UInt64?
    public var toSeq: UInt64?
    /// What the event said was deleted.
    public var isRedacted = false

    public init(room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName) {
        self.room = room
        self.seq = seq
        self.timestamp = timestamp
        self.from = from
    }
}
