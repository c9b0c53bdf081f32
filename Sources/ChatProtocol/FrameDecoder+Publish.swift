import Bytes

extension FrameDecoder {
    @inline(__always)
    static func publish(_ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int) throws(PayloadError) -> Publish {
        var fields = try FieldReader(payload, .publish)
        try requirePublicationFields(fields, header, payload)
        let room = try fields.address(.room, in: payload)
        return Publish(room: room, publication: try publication(&fields, header, payload, bodyByteCountMax))
    }

    static func directMessage(
        _ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int
    ) throws(PayloadError) -> DirectMessage {
        var fields = try FieldReader(payload, .directMessage)
        try requirePublicationFields(fields, header, payload)
        let publication = try publication(&fields, header, payload, bodyByteCountMax)
        return DirectMessage(to: try fields.name(.to, in: payload), publication: publication)
    }

    /// Judges presence that depends on a flag or on the kind, as part of the required fields and hence before any value: a retry has a
    /// `cmid`, kinds 1 to 6 have a `ref`, kinds 0, 1, 3, 4 and 7 a `body`. A kind that is no kind of clients requires nothing here: it is refused as a value.
    @inline(__always)
    private static func requirePublicationFields(
        _ fields: FieldReader, _ header: FrameHeader, _ payload: RawSpan
    ) throws(PayloadError) {
        if header.flags.contains(.retry), !fields.has(.messageID, in: payload) {
            throw PayloadError(.missingField, .messageID, "a retry needs the client message id")
        }
        var kind: UInt64 = 0
        if let range = fields.octets(of: .kind, in: payload) {
            guard range.count <= 1 else { return }
            kind = payload.bigEndian(at: range.lowerBound, byteCount: range.count)
        }
        if kind >= 1, kind <= 6, !fields.has(.reference, in: payload) {
            throw PayloadError(.missingField, .reference, "this kind refers to an event")
        }
        switch kind {
        case 0, 1, 3, 4, 7:
            guard fields.has(.body, in: payload) else { throw PayloadError(.missingField, .body, "this kind has a body") }
        default: break
        }
    }

    @inline(__always)
    private static func publication(
        _ fields: inout FieldReader, _ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int
    ) throws(PayloadError) -> Publication {
        var contentStart = fields.offset
        var kind = EventKind.message
        if let number = try fields.numberIfPresent(.kind, in: payload) {
            guard number <= 7 else { throw PayloadError(.badValue, .kind, "not a kind that clients publish") }
            kind = EventKind(rawValue: UInt8(number))
            // A kind of 0 is left out of DELIVER, even where the publisher wrote it.
            if number == 0 { contentStart = fields.offset }
        }
        let messageID = try fields.messageIDIfPresent(in: payload)
        let reference = try fields.numberIfPresent(.reference, in: payload)
        guard reference == nil || kind.isChange else {
            throw PayloadError(.badValue, .reference, "this kind refers to no event")
        }
        let thread = try fields.numberIfPresent(.thread, in: payload)
        let reply = try fields.numberIfPresent(.reply, in: payload)
        _ = try fields.textOctetsIfPresent(.mediaType, in: payload)
        _ = try fields.octetsIfPresent(.meta, in: payload)
        if let body = fields.take(.body, in: payload) {
            guard body.count <= min(bodyByteCountMax, Int(Field.body.maximum)) else {
                throw PayloadError(.bodyTooLarge, .body, "a body longer than accepted")
            }
            if kind.isChange { try requireBody(of: body.count, for: kind) }
            guard TextRules.isAcceptable(payload.extracting(body)) else {
                throw PayloadError(.badText, .body, "a text that is not acceptable")
            }
        }
        let content = contentFields(fields, from: contentStart, payload)
        let level = try fields.numberIfPresent(.acknowledgement, in: payload)
        if level == 0, header.requestID != 0 {
            throw PayloadError(.badValue, .acknowledgement, "a request with an id is acknowledged")
        }
        let age = try fields.numberIfPresent(.age, in: payload)
        return Publication(
            content: EventContent(
                kind: kind, messageID: messageID, reference: reference, thread: thread, reply: reply, fields: content),
            acknowledgement: level.map { AcknowledgementLevel(rawValue: UInt8($0)) }, ageMilliseconds: age)
    }

    private static func requireBody(of byteCount: Int, for kind: EventKind) throws(PayloadError) {
        switch kind {
        case .edit: return
        case .react, .unreact:
            guard byteCount >= 1, byteCount <= ProtocolLimits.reactionByteCountMax else {
                throw PayloadError(.badValue, .body, "a reaction has 1 to \(ProtocolLimits.reactionByteCountMax) octets")
            }
        default: throw PayloadError(.badValue, .body, "this kind has no body")
        }
    }

    /// The content's octets as they will stand in DELIVER: copied at once, unless there are fields among them that are not expected.
    /// Those are left out, because the broker never forwards a field that it does not know.
    @inline(__always)
    private static func contentFields(_ fields: FieldReader, from start: Int, _ payload: RawSpan) -> SharedBytes {
        if !fields.hasUnexpectedFields { return SharedBytes(copying: payload.extracting(start..<fields.offset)) }
        var writer = ByteWriter(minimumCapacity: fields.offset - start)
        fields.copyExpectedFields(from: start, of: payload, .publish, to: &writer)
        return writer.finish()
    }
}
