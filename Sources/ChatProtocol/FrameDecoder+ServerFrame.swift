import Bytes

extension FrameDecoder {
    /// Decodes a frame from the broker, on the client's side.
    ///
    /// Kinds, roles and states that are not in the tables are kept as numbers. 102 is an unknown type (with flag C it must not be
    /// skipped), 106 a frame that only clients send.
    public static func serverFrame(_ header: FrameHeader, payload: RawSpan) throws(PayloadError) -> ServerFrame {
        precondition(header.payloadByteCount == payload.byteCount, "the payload is what its header announces")
        guard let type = FrameType(rawValue: header.type) else { throw PayloadError(.unknownType, "unknown frame type") }
        switch type {
        case .hello, .authenticate, .resume, .join, .leave, .list, .members, .create, .publish, .directMessage, .history, .inbox, .register,
            .search, .changePassword, .listDevices, .revokeDevice:
            throw PayloadError(.badState, "a frame that only clients send")
        case .ping:
            guard header.requestID != 0 else { throw PayloadError(.badValue, "this frame needs a request id") }
        default: break
        }
        if type == .deliver { return .event(try deliver(payload)) }
        var fields = try FieldReader(payload, FieldRules(type))
        switch type {
        case .welcome: return .reply(.welcome(try welcome(&fields, payload)))
        case .authenticateStep: return .reply(.authenticateStep(try fields.bytes(.sasl, in: payload)))
        case .authenticated: return .reply(.authenticated(try authenticated(&fields, payload)))
        case .ping: return .reply(.ping(timestamp: try fields.numberIfPresent(.timestamp, in: payload)))
        case .pong: return .reply(.pong(timestamp: try fields.numberIfPresent(.timestamp, in: payload)))
        case .ok:
            let epoch = try fields.numberIfPresent(.epoch, in: payload)
            let head = try fields.numberIfPresent(.head, in: payload)
            let lifetimeSeconds = try fields.numberIfPresent(.lifetime, in: payload)
            return .reply(.ok(Success(head: head, epoch: epoch, lifetimeSeconds: lifetimeSeconds)))
        case .error: return .reply(.error(try failure(&fields, payload)))
        case .notice: return .reply(.notice(try notice(&fields, payload)))
        case .goodbye: return .reply(.goodbye(try goodbye(&fields, payload)))
        case .joined: return .reply(.joined(try joined(&fields, payload)))
        case .items: return .reply(.items(try items(&fields, payload)))
        case .published: return .reply(.published(try published(&fields, payload)))
        case .resumed: return .reply(.resumed(try resumed(&fields, payload)))
        case .batch: return .reply(.batch(try batch(&fields, payload)))
        case .found: return .reply(.found(try found(&fields, payload)))
        case .lag: return .reply(.lag(try lag(&fields, payload)))
        case .mark: return .reply(.mark(try mark(&fields, payload)))
        case .typing: return .reply(.typing(try typing(&fields, payload)))
        case .presence: return .reply(.presence(try presence(&fields, payload)))
        default: preconditionFailure("every frame of brokers is decoded above")
        }
    }

    private static func welcome(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Welcome {
        let timestamp = try fields.numberIfPresent(.timestamp, in: payload)
        let capabilities = try fields.texts(.capabilities, in: payload)
        let mechanisms = try fields.texts(.mechanisms, in: payload)
        let heartbeat = try fields.number(.heartbeat, in: payload)
        let frameByteCountMax = try fields.number(.frameByteCountMax, in: payload)
        let bodyByteCountMax = try fields.number(.bodyByteCountMax, in: payload)
        let requestsInFlightMax = try fields.number(.requestsInFlightMax, in: payload)
        let server = try fields.text(.server, in: payload)
        var welcome = Welcome(
            server: server, mechanisms: mechanisms, heartbeatMilliseconds: heartbeat, frameByteCountMax: frameByteCountMax,
            bodyByteCountMax: bodyByteCountMax, requestsInFlightMax: requestsInFlightMax,
            deduplicationSeconds: try fields.number(.deduplication, in: payload), timestamp: timestamp)
        welcome.capabilities = capabilities
        welcome.channelBindings = try fields.texts(.channelBindings, in: payload)
        return welcome
    }

    private static func authenticated(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Authenticated {
        let timestamp = try fields.numberIfPresent(.timestamp, in: payload)
        let user = try fields.name(.user, in: payload)
        let title = try fields.textIfPresent(.title, in: payload)
        let role = try fields.octetNumberIfPresent(.role, in: payload).map { Role(rawValue: $0) }
        let until = try fields.numberIfPresent(.until, in: payload)
        let message = try fields.bytesIfPresent(.sasl, in: payload)
        var authenticated = Authenticated(
            user: user, session: try fields.bytes(.session, in: payload), message: message, role: role, timestamp: timestamp)
        authenticated.title = title
        authenticated.until = until
        authenticated.token = try fields.bytesIfPresent(.token, in: payload)
        authenticated.lifetimeSeconds = try fields.numberIfPresent(.lifetime, in: payload)
        return authenticated
    }

    private static func joined(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Joined {
        var joined = Joined(
            room: try fields.address(.room, in: payload), epoch: try fields.number(.epoch, in: payload),
            head: try fields.number(.head, in: payload), floor: try fields.number(.floor, in: payload),
            next: try fields.number(.next, in: payload), title: try fields.textIfPresent(.title, in: payload),
            topic: try fields.textIfPresent(.topic, in: payload), members: try fields.numberIfPresent(.members, in: payload),
            role: try fields.octetNumberIfPresent(.role, in: payload).map { Role(rawValue: $0) },
            policy: try fields.numberIfPresent(.policy, in: payload).map { RoomPolicy(rawValue: $0) })
        joined.mark = try fields.numberIfPresent(.mark, in: payload)
        return joined
    }

    private static func published(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Published {
        Published(
            room: try fields.address(.room, in: payload), seq: try fields.number(.seq, in: payload),
            timestamp: try fields.number(.timestamp, in: payload),
            acknowledgement: AcknowledgementLevel(rawValue: UInt8(try fields.number(.acknowledgement, in: payload))),
            isDuplicate: try fields.flag(.duplicate, in: payload), epoch: try fields.numberIfPresent(.epoch, in: payload))
    }

    private static func lag(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Lag {
        let room = try fields.address(.room, in: payload)
        let epoch = try fields.number(.epoch, in: payload)
        let next = try fields.number(.next, in: payload)
        return Lag(
            room: room, epoch: epoch, fromSeq: try fields.number(.fromSeq, in: payload),
            toSeq: try fields.number(.toSeq, in: payload), next: next, reason: try fields.textIfPresent(.reason, in: payload))
    }

    private static func items(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Items {
        let room = try fields.addressIfPresent(.room, in: payload)
        var records: [Record] = []
        try fields.groups(.items, in: payload) { (group: Range<Int>) throws(PayloadError) in
            records.append(try record(payload.extracting(group)))
        }
        let cursor = try fields.bytesIfPresent(.cursor, in: payload)
        return Items(
            records: records, cursor: cursor, room: room, updateNumber: try fields.numberIfPresent(.updateNumber, in: payload))
    }

    static func deviceRecord(_ group: RawSpan) throws(PayloadError) -> DeviceRecord {
        var fields = try FieldReader(group, .deviceRecord)
        let lastLogIn = try fields.number(.timestamp, in: group)
        let until = try fields.number(.until, in: group)
        let agent = try fields.text(.agent, in: group)
        let id = try fields.bytes(.session, in: group)
        let state = PresenceState(rawValue: UInt8(try fields.number(.state, in: group)))
        return DeviceRecord(id: id, agent: agent, lastLogIn: lastLogIn, until: until, state: state)
    }

    private static func deliver(_ payload: RawSpan) throws(PayloadError) -> Event {
        var fields = try FieldReader(payload, .deliver)
        var event = Event(
            room: try fields.address(.room, in: payload), seq: try fields.number(.seq, in: payload),
            timestamp: try fields.number(.timestamp, in: payload), from: try fields.name(.from, in: payload))
        try event.read(&fields, payload)
        return event
    }
}

extension Event {
    /// The event that a DELIVER frame with these arguments would carry.
    public init(room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName, content: EventContent) {
        self.init(room: room, seq: seq, timestamp: timestamp, from: from)
        do throws(PayloadError) {
            try content.fields.withBytes { (payload: RawSpan) throws(PayloadError) in
                var fields = try FieldReader(payload, .event)
                try read(&fields, payload)
            }
        } catch {
            preconditionFailure("the fields of a content were checked when it was made")
        }
    }

    fileprivate mutating func read(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) {
        kind = EventKind(rawValue: try fields.octetNumberIfPresent(.kind, in: payload) ?? 0)
        messageID = try fields.messageIDIfPresent(in: payload)
        reference = try fields.numberIfPresent(.reference, in: payload)
        thread = try fields.numberIfPresent(.thread, in: payload)
        reply = try fields.numberIfPresent(.reply, in: payload)
        mediaType = try fields.textIfPresent(.mediaType, in: payload)
        meta = try fields.bytesIfPresent(.meta, in: payload)
        body = try fields.textIfPresent(.body, in: payload)
        fromSeq = try fields.numberIfPresent(.fromSeq, in: payload)
        toSeq = try fields.numberIfPresent(.toSeq, in: payload)
        user = try fields.nameIfPresent(.user, in: payload)
        title = try fields.textIfPresent(.title, in: payload)
        topic = try fields.textIfPresent(.topic, in: payload)
        role = try fields.octetNumberIfPresent(.role, in: payload).map { Role(rawValue: $0) }
        reason = try fields.textIfPresent(.reason, in: payload)
        isRedacted = try fields.flag(.redacted, in: payload)
    }
}
