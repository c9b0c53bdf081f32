// The tables of the protocol, *Fields* and *Frame types* of docs/PROTOCOL.md, as far as they are implemented. Decoder, encoder and the
// gateways read only this. A tag of the document that is not here is an unknown tag.

extension Field {
    public static let room = Field(0x01, "room", .address, isCritical: true, maximum: 80)
    public static let seq = Field(0x02, "seq", .number, isCritical: true)
    public static let timestamp = Field(0x03, "ts", .number)
    public static let from = Field(0x04, "from", .name, isCritical: true, maximum: 32)
    public static let kind = Field(0x05, "kind", .enumeration, isCritical: true, maximum: 255)
    public static let messageID = Field(0x06, "cmid", .bytes, minimum: 8, maximum: 8)
    public static let reference = Field(0x07, "ref", .number, isCritical: true)
    public static let thread = Field(0x08, "thread", .number)
    public static let reply = Field(0x09, "reply", .number)
    public static let mediaType = Field(0x0C, "mime", .text, maximum: 64)
    public static let meta = Field(0x0D, "meta", .bytes, maximum: 1024)
    public static let body = Field(0x10, "body", .text, maximum: 16_384)
    public static let acknowledgement = Field(0x13, "ack", .enumeration, maximum: 3)
    public static let duplicate = Field(0x14, "dup", .flag, maximum: 0)
    public static let age = Field(0x15, "age", .number)
    public static let epoch = Field(0x16, "epoch", .number, isCritical: true)
    public static let head = Field(0x17, "head", .number)
    public static let floor = Field(0x18, "floor", .number)
    public static let next = Field(0x19, "next", .number, isCritical: true)
    public static let fromSeq = Field(0x1A, "from_seq", .number, isCritical: true)
    public static let toSeq = Field(0x1B, "to_seq", .number, isCritical: true)
    public static let limit = Field(0x1C, "limit", .number, maximum: 1000)
    public static let direction = Field(0x1D, "dir", .enumeration, maximum: 1)
    public static let to = Field(0x20, "to", .name, isCritical: true, maximum: 32)
    public static let user = Field(0x21, "user", .name, maximum: 32)
    public static let title = Field(0x22, "title", .text, maximum: 128)
    public static let topic = Field(0x23, "topic", .text, maximum: 512)
    public static let members = Field(0x24, "members", .number)
    public static let role = Field(0x25, "role", .enumeration, maximum: 255)
    public static let policy = Field(0x26, "policy", .number)
    public static let until = Field(0x28, "until", .number)
    public static let reason = Field(0x29, "reason", .text, maximum: 256)
    public static let code = Field(0x2A, "code", .number, isCritical: true, maximum: 999)
    public static let field = Field(0x2B, "field", .number)
    public static let retryMilliseconds = Field(0x2C, "retry_ms", .number)
    public static let items = Field(0x2D, "items", .groups, isCritical: true, maximum: 1000)
    public static let cursor = Field(0x2E, "cursor", .bytes, maximum: 64)
    public static let agent = Field(0x30, "agent", .text, maximum: 64)
    public static let capabilities = Field(0x31, "caps", .texts, maximum: 64)
    public static let mechanisms = Field(0x32, "mechs", .texts, maximum: 16)
    public static let mechanism = Field(0x33, "mech", .text, isCritical: true, maximum: 32)
    public static let sasl = Field(0x34, "sasl", .bytes, isCritical: true, maximum: 8192)
    public static let session = Field(0x35, "session", .bytes, minimum: 16, maximum: 16)
    public static let token = Field(0x36, "token", .bytes, minimum: 32, maximum: 32)
    public static let lifetime = Field(0x37, "ttl", .number)
    public static let heartbeat = Field(0x38, "heartbeat", .number, maximum: 3_600_000)
    public static let frameByteCountMax = Field(0x39, "max_frame", .number, maximum: 1_048_576)
    public static let bodyByteCountMax = Field(0x3A, "max_body", .number, maximum: 16_384)
    public static let requestsInFlightMax = Field(0x3B, "max_inflight", .number, maximum: 65_535)
    public static let server = Field(0x3D, "server", .text, maximum: 64)
    public static let state = Field(0x40, "state", .enumeration, maximum: 255)
    public static let users = Field(0x41, "users", .texts, maximum: 256)
    public static let mark = Field(0x42, "mark", .number)
    public static let unread = Field(0x43, "unread", .number)
    public static let updateNumber = Field(0x44, "usn", .number)
    public static let device = Field(0x49, "device", .bytes, minimum: 16, maximum: 16)
    public static let end = Field(0x4D, "end", .flag, maximum: 0)
    public static let deduplication = Field(0x4E, "dedup", .number)
    public static let channelBindings = Field(0x50, "cb", .texts, maximum: 8)
    public static let detach = Field(0x51, "detach", .flag, maximum: 0)
    public static let redacted = Field(0x52, "redacted", .flag, maximum: 0)
    public static let type = Field(0x53, "type", .number, maximum: 255)
    public static let tail = Field(0x54, "tail", .number, maximum: 1000)
    public static let query = Field(0x55, "query", .text, maximum: 256)
    public static let incomplete = Field(0x56, "incomplete", .flag, maximum: 0)
    public static let since = Field(0x57, "since", .number)
    public static let frames = Field(0x7E, "frames", .frames, isCritical: true, maximum: 65_536)
}

/// One row of the table of frames: which fields a frame type must and may have. Any other field is unknown there.
public struct FrameSchema: Sendable {
    /// Who sends a frame type.
    public enum Direction: Sendable {
        case client, broker, both
    }

    public let type: FrameType
    /// Name in the document; JSON has it in lower case.
    public let name: String
    public let direction: Direction
    public let required: FieldSet
    public let optional: FieldSet

    init(_ type: FrameType, _ name: String, _ direction: Direction, required: FieldSet = [], optional: FieldSet = []) {
        self.type = type
        self.name = name
        self.direction = direction
        self.required = required
        self.optional = optional
    }
}

/// The tables that decoder, encoder and gateways are driven by.
public enum Schema {
    /// All fields implemented, in ascending order of their tags.
    public static let fields: [Field] = [
        .room, .seq, .timestamp, .from, .kind, .messageID, .reference, .thread, .reply, .mediaType, .meta, .body, .acknowledgement,
        .duplicate, .age, .epoch, .head, .floor, .next, .fromSeq, .toSeq, .limit, .direction, .to, .user, .title, .topic, .members, .role,
        .policy, .until, .reason, .code, .field, .retryMilliseconds, .items, .cursor, .agent, .capabilities, .mechanisms, .mechanism, .sasl,
        .session, .token, .lifetime, .heartbeat, .frameByteCountMax, .bodyByteCountMax, .requestsInFlightMax, .server, .state, .users,
        .mark, .unread, .updateNumber, .device, .end, .deduplication, .channelBindings, .detach, .redacted, .type, .tail,
        .query, .incomplete, .since, .frames,
    ]

    /// All frames implemented, in ascending order of their types.
    public static let frames: [FrameSchema] = [
        FrameSchema(.hello, "HELLO", .client, required: [.agent], optional: [.capabilities, .frameByteCountMax, .device]),
        FrameSchema(
            .welcome, "WELCOME", .broker,
            required: [
                .server, .mechanisms, .heartbeat, .frameByteCountMax, .bodyByteCountMax, .requestsInFlightMax, .deduplication,
            ], optional: [.capabilities, .channelBindings, .timestamp]),
        FrameSchema(.authenticate, "AUTH", .client, required: [.mechanism], optional: [.sasl]),
        FrameSchema(.authenticateStep, "AUTH_STEP", .both, required: [.sasl]),
        FrameSchema(
            .authenticated, "AUTH_OK", .broker, required: [.user, .session],
            optional: [.timestamp, .title, .role, .until, .sasl, .token, .lifetime]),
        FrameSchema(.ping, "PING", .both, optional: [.timestamp]),
        FrameSchema(.pong, "PONG", .both, optional: [.timestamp]),
        FrameSchema(.ok, "OK", .broker, optional: [.epoch, .head, .lifetime]),
        FrameSchema(
            .error, "ERROR", .both, required: [.code],
            optional: [.reason, .field, .type, .room, .retryMilliseconds, .epoch, .head, .floor]),
        FrameSchema(.goodbye, "GOODBYE", .both, required: [.code], optional: [.reason, .retryMilliseconds, .end]),
        FrameSchema(.resume, "RESUME", .client, required: [.items], optional: [.tail]),
        FrameSchema(.resumed, "RESUMED", .broker, required: [.items]),
        FrameSchema(.notice, "NOTICE", .broker, required: [.code], optional: [.timestamp, .until, .reason]),
        FrameSchema(.join, "JOIN", .client, required: [.room], optional: [.epoch, .seq, .tail]),
        FrameSchema(
            .joined, "JOINED", .broker, required: [.room, .epoch, .head, .floor, .next],
            optional: [.title, .topic, .members, .role, .policy, .mark]),
        FrameSchema(.leave, "LEAVE", .client, required: [.room], optional: [.detach, .reason]),
        FrameSchema(.list, "LIST", .client, optional: [.limit, .cursor, .title]),
        FrameSchema(.items, "ITEMS", .broker, required: [.items], optional: [.cursor, .room, .updateNumber]),
        FrameSchema(.members, "MEMBERS", .client, required: [.room], optional: [.limit, .cursor]),
        FrameSchema(.create, "CREATE", .client, required: [.room], optional: [.title, .topic, .policy]),
        FrameSchema(
            .publish, "PUBLISH", .client, required: [.room],
            optional: [.kind, .messageID, .reference, .thread, .reply, .mediaType, .meta, .body, .acknowledgement, .age]),
        FrameSchema(
            .published, "PUBLISHED", .broker, required: [.room, .seq, .timestamp, .acknowledgement], optional: [.duplicate, .epoch]),
        FrameSchema(.deliver, "DELIVER", .broker, required: [.room, .seq, .timestamp, .from], optional: eventFields),
        FrameSchema(
            .directMessage, "DM", .client, required: [.to],
            optional: [.kind, .messageID, .reference, .thread, .reply, .mediaType, .meta, .body, .acknowledgement, .age]),
        FrameSchema(.history, "HISTORY", .client, required: [.room, .fromSeq, .toSeq], optional: [.epoch, .limit, .direction, .thread]),
        FrameSchema(
            .batch, "BATCH", .broker, required: [.room, .epoch, .floor, .fromSeq, .toSeq, .frames], optional: [.head]),
        FrameSchema(.lag, "LAG", .broker, required: [.room, .epoch, .fromSeq, .toSeq, .next], optional: [.reason]),
        FrameSchema(.mark, "MARK", .both, required: [.room, .mark], optional: [.timestamp, .epoch, .user]),
        FrameSchema(.typing, "TYPING", .both, required: [.room, .state], optional: [.user]),
        FrameSchema(.presence, "PRESENCE", .both, optional: [.user, .state, .users]),
        FrameSchema(.inbox, "INBOX", .client, required: [.updateNumber], optional: [.limit]),
        FrameSchema(.search, "SEARCH", .client, required: [.query], optional: [.room, .from, .limit, .until, .cursor, .since]),
        FrameSchema(.found, "FOUND", .broker, required: [.frames], optional: [.cursor, .incomplete]),
        FrameSchema(.register, "REGISTER", .client, required: [.user, .sasl]),
        FrameSchema(.changePassword, "PASSWORD", .client, required: [.sasl]),
        FrameSchema(.listDevices, "DEVICES", .client),
        FrameSchema(.revokeDevice, "REVOKE", .client, required: [.session]),
    ]

    /// The fields of an event behind `from` in a DELIVER frame.
    public static let eventFields: FieldSet = [
        .kind, .messageID, .reference, .thread, .reply, .mediaType, .meta, .body, .fromSeq, .toSeq, .user, .title, .topic, .role, .reason,
        .redacted,
    ]

    /// The row of a frame type; nil if the type is not implemented.
    public static func frame(_ type: UInt8) -> FrameSchema? { framesByType[Int(type)] }

    /// The field of that name in JSON; nil if it is not implemented.
    public static func field(named name: String) -> Field? { fields.first { $0.name == name } }

    // The sets over all fields.

    static let assigned = fields.reduce(into: FieldSet(bits: 0)) { set, field in set.bits |= 1 << UInt128(field.tag) }
    static let critical = fields.reduce(into: FieldSet(bits: 0)) { set, field in
        if field.isCritical { set.bits |= 1 << UInt128(field.tag) }
    }

    private static let framesByType: [FrameSchema?] = {
        var table = [FrameSchema?](repeating: nil, count: 256)
        for frame in frames { table[Int(frame.type.rawValue)] = frame }
        return table
    }()
}
