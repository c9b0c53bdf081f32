import Bytes
import ChatProtocol
import JSON

/// Reads what a JSON client sends: one object for each frame (docs/PROTOCOL.md, *JSON*).
///
/// An object is turned into the payload that it stands for and judged by the decoder of payloads, so that a message is accepted exactly if its
/// binary form is. It holds nothing; messages come whole, out of WebSocket frames.
public enum JSONDialect {
    /// Octets of a text message at most, for each octet that the payload of a frame may have.
    public static let expansion = 4

    /// What a text message says.
    public static func input(_ message: RawSpan, limits: DialectLimits) -> DialectInput {
        do throws(JSONError) {
            guard message.isWellFormedUTF8 else { throw JSONError(reason: "not UTF-8") }
            var scanner = JSONScanner()
            let object = try JSONObject(message, scanner: &scanner)
            guard scanner.peek(message) == nil else { throw JSONError(reason: "more than one object") }
            return try input(object, message, limits)
        } catch {
            // Nothing of the message can be trusted, not even its id.
            return .fault(PayloadError(.malformed, error.reason), type: 0, requestID: 0)
        }
    }

    private static func input(_ object: JSONObject, _ message: RawSpan, _ limits: DialectLimits) throws(JSONError) -> DialectInput {
        guard let typeName = object.header["t"], typeName.kind == .string else { throw JSONError(reason: "no type") }
        var requestID: UInt32 = 0
        if let id = object.header["id"] {
            guard let number = JSONText.number(id, of: message), number <= UInt64(ProtocolLimits.requestIDMax) else {
                throw JSONError(reason: "an id that is none")
            }
            requestID = UInt32(number)
        }
        var flags: FrameFlags = []
        if try object.flag("more") { flags.insert(.more) }
        if try object.flag("retry") { flags.insert(.retry) }
        if try object.flag("critical") { flags.insert(.critical) }

        let name = try JSONText.bytes(typeName, of: message)
        guard let frame = JSONNames.frame(named: name) else {
            if requestID != 0 {
                return .fault(PayloadError(.unknownType, "unknown frame type"), type: 0, requestID: requestID)
            }
            return flags.contains(.critical) ? .fatal(.unknownType, reason: "unknown frame type") : .skipped
        }
        return input(object, frame, flags, requestID, message, limits)
    }

    private static func input(
        _ object: JSONObject, _ frame: FrameSchema, _ flags: FrameFlags, _ requestID: UInt32, _ message: RawSpan, _ limits: DialectLimits
    ) -> DialectInput {
        let type = frame.type.rawValue
        do throws(PayloadError) {
            var payload = ByteWriter(minimumCapacity: message.byteCount)
            do throws(PayloadError) {
                for (field, value) in object.fields {
                    let isExpected = frame.required.contains(field) || frame.optional.contains(field)
                    try JSONPayload.append(field, value, of: message, isExpected: isExpected, to: &payload)
                }
                if object.hasUnknownCriticalMember { throw PayloadError(.unsupportedField, "a critical member that is not known") }
            } catch {
                // What is wrong with the frame as such is said first.
                throw faultWithoutFields(type, flags, requestID) ?? error
            }
            let header = FrameHeader(payloadByteCount: payload.count, type: type, flags: flags, requestID: requestID)
            do throws(FrameError) {
                try header.validate(payloadByteCountMax: limits.payloadByteCountMax)
            } catch {
                return .fatal(error.code, reason: error.reason)
            }
            let command = try payload.withBytes { (octets: RawSpan) throws(PayloadError) in
                try FrameDecoder.command(header, payload: octets, bodyByteCountMax: limits.bodyByteCountMax)
            }
            return .command(command, requestID: requestID, isRetry: flags.contains(.retry))
        } catch {
            return .fault(error, type: type, requestID: requestID)
        }
    }

    /// What is wrong with a frame before its fields are looked at: that only brokers send it, or that it lacks a request id.
    private static func faultWithoutFields(_ type: UInt8, _ flags: FrameFlags, _ requestID: UInt32) -> PayloadError? {
        let header = FrameHeader(payloadByteCount: 0, type: type, flags: flags, requestID: requestID)
        let nothing: [UInt8] = []
        do throws(PayloadError) {
            _ = try FrameDecoder.command(header, payload: nothing.span.bytes, bodyByteCountMax: 0)
            return nil
        } catch {
            return error.field == nil && error.code != .missingField ? error : nil
        }
    }
}

/// Turns the values of a JSON object into fields as they stand in a payload. Bounds are left to the decoder of payloads.
enum JSONPayload {
    /// The greatest number that a field's 7 octets hold: whatever is above is out of every field's bounds.
    private static let numberMax: UInt64 = 1 << 56 - 1

    /// - Parameter isExpected: a field that is not is there without its value, which nobody examines.
    static func append(
        _ field: Field, _ value: JSONToken, of message: RawSpan, isExpected: Bool, to writer: inout ByteWriter
    ) throws(PayloadError) {
        do throws(JSONError) {
            guard isExpected else { return writer.appendHead(of: field, valueByteCount: 0) }
            try append(field, value, message, isGroup: false, to: &writer)
        } catch {
            throw PayloadError(.malformed, field: UInt64(field.tag), error.reason)
        }
    }

    private static func append(
        _ field: Field, _ value: JSONToken, _ message: RawSpan, isGroup: Bool, to writer: inout ByteWriter
    ) throws(JSONError) {
        switch field.type {
        case .number, .enumeration:
            guard let number = JSONText.number(value, of: message) else { throw JSONError(reason: "not a number in plain decimal form") }
            let wire = min(number, numberMax)
            let byteCount = (71 - wire.leadingZeroBitCount) / 8
            writer.appendHead(of: field, valueByteCount: byteCount)
            writer.appendBigEndian(wire, byteCount: byteCount)
        case .flag:
            guard value.kind == .yes else { throw JSONError(reason: "a flag that is not true") }
            writer.appendHead(of: field, valueByteCount: 0)
        case .text, .name, .address:
            let text = try string(value, message)
            writer.appendHead(of: field, valueByteCount: text.count)
            writer.append(text)
        case .bytes:
            let text = try string(value, message)
            guard let octets = text.withBytes({ Base64.url.octets($0) }) else {
                throw JSONError(reason: "not base64url in its canonical form")
            }
            writer.appendHead(of: field, valueByteCount: octets.count)
            writer.append(octets.span.bytes)
        case .texts:
            var list = ByteWriter(minimumCapacity: value.range.count)
            try forEach(value, message) { (element, _) throws(JSONError) in
                let text = try string(element, message)
                list.appendVariableLength(text.count)
                list.append(text)
            }
            append(field, list: list.finish(), to: &writer)
        case .groups:
            // Groups do not nest; one within a group is not expected there, and not examined.
            guard !isGroup else { return writer.appendHead(of: field, valueByteCount: 0) }
            var list = ByteWriter(minimumCapacity: value.range.count)
            try forEach(value, message) { (element, start) throws(JSONError) in
                guard element.kind == .object else { throw JSONError(reason: "not a list of objects") }
                var scanner = JSONScanner(at: start)
                let object = try JSONObject(message, scanner: &scanner)
                guard !object.hasUnknownCriticalMember else { throw JSONError(reason: "a critical member that is not known") }
                var group = ByteWriter(minimumCapacity: element.range.count)
                for (field, value) in object.fields { try append(field, value, message, isGroup: true, to: &group) }
                list.appendVariableLength(group.count)
                list.append(group.finish())
            }
            append(field, list: list.finish(), to: &writer)
        case .frames:
            // Only brokers send it.
            throw JSONError(reason: "frames are not sent by clients")
        }
    }

    private static func append(_ field: Field, list: SharedBytes, to writer: inout ByteWriter) {
        writer.appendHead(of: field, valueByteCount: list.count)
        writer.append(list)
    }

    private static func string(_ value: JSONToken, _ message: RawSpan) throws(JSONError) -> SharedBytes {
        guard value.kind == .string else { throw JSONError(reason: "not a string") }
        return try JSONText.bytes(value, of: message)
    }

    /// Hands over the elements of an array and where each begins; the scanner has been over it before.
    private static func forEach(
        _ value: JSONToken, _ message: RawSpan, _ body: (JSONToken, Int) throws(JSONError) -> Void
    ) throws(JSONError) {
        guard value.kind == .array else { throw JSONError(reason: "not a list") }
        var scanner = JSONScanner(at: value.range.lowerBound)
        try scanner.elements(message) { (scanner) throws(JSONError) in
            _ = scanner.peek(message)
            let start = scanner.offset
            try body(try scanner.value(message), start)
        }
    }
}
