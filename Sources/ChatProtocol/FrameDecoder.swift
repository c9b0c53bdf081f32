import Bytes

/// What the broker sends, decoded.
public enum ServerFrame: Sendable, Equatable {
    case reply(Reply)
    case event(Event)
}

/// Turns payloads into values: strict, bounded and total. Whatever the octets, the result is a value or a ``PayloadError``.
///
/// The order of the checks is that of docs/PROTOCOL.md: unknown type (102), wrong direction (106), request id, framing and C bits (101),
/// unknown critical fields (103), required fields (104), then values in tag order. Values of skipped fields are not examined.
/// Nothing decoded refers to the payload afterwards.
public enum FrameDecoder {
    /// Decodes a frame from a client, on the broker's side.
    ///
    /// - Parameters:
    ///   - header: The frame's header, which has passed ``FrameHeader/validate(payloadByteCountMax:)``.
    ///   - payload: Exactly the octets behind it.
    ///   - bodyByteCountMax: The broker's `max_body`; a longer `body` is 402.
    public static func command(
        _ header: FrameHeader, payload: RawSpan, bodyByteCountMax: Int
    ) throws(PayloadError) -> Command {
        precondition(header.payloadByteCount == payload.byteCount, "the payload is what its header announces")
        // PUBLISH is by far the most frequent frame, and goes first.
        if header.type == FrameType.publish.rawValue {
            return .publish(try publish(header, payload, bodyByteCountMax))
        }
        guard let type = FrameType(rawValue: header.type) else { throw PayloadError(.unknownType, "unknown frame type") }
        let rules = FieldRules(type)
        switch type {
        case .hello, .authenticate, .authenticateStep, .ping, .register, .changePassword, .listDevices, .revokeDevice:
            guard header.requestID != 0 else { throw PayloadError(.badValue, "this frame needs a request id") }
        case .welcome, .authenticated, .ok, .resumed, .notice, .joined, .items, .published, .deliver, .batch, .lag, .found:
            throw PayloadError(.badState, "a frame that only brokers send")
        default: break
        }
        if type == .directMessage { return .directMessage(try directMessage(header, payload, bodyByteCountMax)) }
        var fields = try FieldReader(payload, rules)
        switch type {
        case .hello: return .hello(try hello(&fields, payload))
        case .authenticate:
            return .authenticate(
                Authenticate(
                    mechanism: try fields.text(.mechanism, in: payload), message: try fields.bytesIfPresent(.sasl, in: payload)))
        case .authenticateStep: return .authenticateStep(try fields.bytes(.sasl, in: payload))
        case .ping: return .ping(timestamp: try fields.numberIfPresent(.timestamp, in: payload))
        case .pong: return .pong(timestamp: try fields.numberIfPresent(.timestamp, in: payload))
        case .error: return .error(try failure(&fields, payload))
        case .goodbye: return .goodbye(try goodbye(&fields, payload))
        case .resume: return .resume(try resume(&fields, payload))
        case .history: return .history(try history(&fields, payload))
        case .search: return .search(try search(&fields, payload))
        case .join: return .join(try join(&fields, payload))
        case .leave:
            let room = try fields.address(.room, in: payload)
            let reason = try fields.textIfPresent(.reason, in: payload)
            return .leave(Leave(room: room, detachesOnly: try fields.flag(.detach, in: payload), reason: reason))
        case .list:
            let limit = try fields.numberIfPresent(.limit, in: payload)
            let filter = try fields.textIfPresent(.title, in: payload)
            return .list(ListRooms(limit: limit, cursor: try fields.bytesIfPresent(.cursor, in: payload), filter: filter))
        case .members:
            return .members(
                ListMembers(
                    room: try fields.address(.room, in: payload), limit: try fields.numberIfPresent(.limit, in: payload),
                    cursor: try fields.bytesIfPresent(.cursor, in: payload)))
        case .create: return .create(try create(&fields, payload))
        case .mark: return .mark(try mark(&fields, payload))
        case .typing: return .typing(try typing(&fields, payload))
        case .presence: return .presence(try presence(&fields, payload))
        case .inbox: return .inbox(try inbox(&fields, payload))
        case .register:
            return .register(Register(user: try fields.name(.user, in: payload), verifier: try fields.bytes(.sasl, in: payload)))
        case .changePassword: return .changePassword(verifier: try fields.bytes(.sasl, in: payload))
        case .listDevices: return .listDevices
        case .revokeDevice: return .revokeDevice(try fields.bytes(.session, in: payload))
        default: preconditionFailure("every frame of clients is decoded above")
        }
    }

    private static func hello(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Hello {
        var hello = Hello(
            agent: try fields.text(.agent, in: payload), capabilities: try fields.texts(.capabilities, in: payload),
            frameByteCountMax: try fields.numberIfPresent(.frameByteCountMax, in: payload))
        hello.device = try fields.bytesIfPresent(.device, in: payload)
        return hello
    }

    private static func join(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Join {
        guard fields.has(.epoch, in: payload) == fields.has(.seq, in: payload) else {
            throw PayloadError(.missingField, fields.has(.seq, in: payload) ? .epoch : .seq, "epoch and seq come together")
        }
        let room = try fields.address(.room, in: payload)
        let seq = try fields.numberIfPresent(.seq, in: payload)
        let epoch = try fields.numberIfPresent(.epoch, in: payload)
        var cursor: LogPosition?
        if let epoch, let seq { cursor = LogPosition(epoch: epoch, seq: seq) }
        return Join(room: room, cursor: cursor, tail: try fields.numberIfPresent(.tail, in: payload))
    }

    private static func create(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> CreateRoom {
        let room = try fields.address(.room, in: payload)
        guard !room.isConversation else { throw PayloadError(.badName, .room, "a conversation is not created by name") }
        let title = try fields.textIfPresent(.title, in: payload)
        let topic = try fields.textIfPresent(.topic, in: payload)
        let policy = try fields.numberIfPresent(.policy, in: payload).map { RoomPolicy(rawValue: $0) }
        if let policy, !policy.isSubset(of: .settable) {
            throw PayloadError(.badValue, .policy, "policy bits that nobody may set")
        }
        return CreateRoom(room: room, title: title, topic: topic, policy: policy)
    }

    static func goodbye(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Goodbye {
        let reason = try fields.textIfPresent(.reason, in: payload)
        var goodbye = Goodbye(try code(&fields, payload), reason: reason)
        goodbye.retryMilliseconds = try fields.numberIfPresent(.retryMilliseconds, in: payload)
        goodbye.endsSession = try fields.flag(.end, in: payload)
        return goodbye
    }

    static func failure(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Failure {
        let room = try fields.addressIfPresent(.room, in: payload)
        let epoch = try fields.numberIfPresent(.epoch, in: payload)
        let head = try fields.numberIfPresent(.head, in: payload)
        let floor = try fields.numberIfPresent(.floor, in: payload)
        let reason = try fields.textIfPresent(.reason, in: payload)
        var failure = Failure(try code(&fields, payload), reason: reason, room: room, epoch: epoch, head: head, floor: floor)
        failure.field = try fields.numberIfPresent(.field, in: payload)
        failure.retryMilliseconds = try fields.numberIfPresent(.retryMilliseconds, in: payload)
        failure.type = try fields.octetNumberIfPresent(.type, in: payload)
        return failure
    }

    static func code(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> ResultCode {
        ResultCode(rawValue: UInt16(try fields.number(.code, in: payload)))
    }
}

extension FieldReader {
    /// A number of a field whose bound is 255 or less.
    mutating func octetNumberIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> UInt8? {
        guard let value = try numberIfPresent(field, in: payload) else { return nil }
        return UInt8(value)
    }
}
