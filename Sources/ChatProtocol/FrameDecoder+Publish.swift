import Bytes

extension FrameDecoder {
    @inline(__always)
    static func publish(_ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int) throws(PayloadError) -> Publish {
        var fields = try FieldReader(payload, .publish)
        try requirePublicationFields(fields, payload)
        let room = try fields.address(.room, in: payload)
        return Publish(room: room, publication: try publication(&fields, header, payload, bodyByteCountMax))
    }

    static func directMessage(
        _ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int
    ) throws(PayloadError) -> DirectMessage {
        var fields = try FieldReader(payload, .directMessage)
        try requirePublicationFields(fields, payload)
        let publication = try publication(&fields, header, payload, bodyByteCountMax)
        return DirectMessage(to: try fields.name(.to, in: payload), publication: publication)
    }

    // Kinds 0, 1, 3, 4 and 7 have a content, kinds 1 to 6 an event that they refer to: docs/PROTOCOL.md, *Publishing*.
    private static let kindsWithContent: UInt64 = 0b1001_1011
    private static let kindsWithReference: UInt64 = 0b0111_1110

    /// Judges presence that depends on the kind, as part of the required fields and hence before any value. A kind that is no kind of
    /// clients requires nothing here: it is refused as a value.
    @inline(__always)
    private static func requirePublicationFields(_ fields: FieldReader, _ payload: RawSpan) throws(PayloadError) {
        var kind: UInt64 = 0
        if let range = fields.octets(of: .kind, in: payload) {
            guard range.count <= 1 else { return }
            kind = payload.bigEndian(at: range.lowerBound, byteCount: range.count)
            guard kind < 8 else { return }
        }
        if kindsWithReference >> kind & 1 != 0, !fields.has(.reference, in: payload) {
            throw PayloadError(.missingField, .reference, "this kind refers to an event")
        }
        if kindsWithContent >> kind & 1 != 0, !fields.has(.body, in: payload), !fields.has(.data, in: payload) {
            throw PayloadError(.missingField, .body, "this kind has a body or data")
        }
    }

    @inline(__always)
    private static func publication(
        _ fields: inout FieldReader, _ header: FrameHeader, _ payload: RawSpan, _ bodyByteCountMax: Int
    ) throws(PayloadError) -> Publication {
        let contentStart = fields.offset
        var kind = EventKind.message
        if let number = try fields.numberIfPresent(.kind, in: payload) {
            guard number < 8 else { throw PayloadError(.badValue, .kind, "not a kind that clients publish") }
            kind = EventKind(rawValue: UInt8(number))
        }
        let messageID = try fields.messageIDIfPresent(in: payload)
        let reference = try fields.numberIfPresent(.reference, in: payload)
        _ = try fields.numberIfPresent(.thread, in: payload)
        _ = try fields.numberIfPresent(.reply, in: payload)
        _ = try fields.textOctetsIfPresent(.mediaType, in: payload)
        _ = try fields.octetsIfPresent(.meta, in: payload)
        if let body = fields.take(.body, in: payload) {
            guard body.count <= min(bodyByteCountMax, Int(Field.body.maximum)) else {
                throw PayloadError(.bodyTooLarge, .body, "a body longer than accepted")
            }
            if kind == .react || kind == .unreact, body.count > ProtocolLimits.reactionByteCountMax {
                throw PayloadError(.badValue, .body, "a reaction longer than accepted")
            }
            guard TextRules.isAcceptable(payload.extracting(body)) else {
                throw PayloadError(.badText, .body, "a text that is not acceptable")
            }
        }
        _ = try fields.octetsIfPresent(.data, in: payload)
        let content = contentFields(fields, from: contentStart, payload)
        let level = try fields.numberIfPresent(.acknowledgement, in: payload)
        if level == 0, header.requestID != 0 {
            throw PayloadError(.badValue, .acknowledgement, "a request with an id is acknowledged")
        }
        let age = try fields.numberIfPresent(.age, in: payload)
        return Publication(
            content: EventContent(
                kind: kind, messageID: messageID, reference: reference, fields: content),
            acknowledgement: level.map { AcknowledgementLevel(rawValue: UInt8($0)) }, ageMilliseconds: age)
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
