public import Bytes

/// What a frame is (RFC 6455 section 11.8).
public enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    /// Control frames are never fragmented, and may stand between the fragments of a message.
    public var isControl: Bool { rawValue >= 0x8 }
}

/// Writes frames as a server does: whole messages in one frame, unmasked, so that the octets serve every recipient.
public enum WebSocketEncoder {
    /// Octets of a control frame's payload at most.
    public static let controlByteCountMax = 125
    /// Octets of an unmasked header at most.
    public static let headerByteCountMax = 10

    /// Octets of an unmasked header before a payload of that size.
    public static func headerByteCount(payloadByteCount: Int) -> Int {
        payloadByteCount <= 125 ? 2 : payloadByteCount <= 0xFFFF ? 4 : 10
    }

    /// Appends the header of an unmasked frame; the caller appends its payload.
    ///
    /// - Parameter isCompressed: sets RSV1 (RFC 7692 section 6): the first frame of a compressed message.
    public static func appendHeader(
        _ opcode: WebSocketOpcode, payloadByteCount: Int, isFinal: Bool = true, isCompressed: Bool = false, to writer: inout ByteWriter
    ) {
        precondition(!opcode.isControl || (payloadByteCount <= controlByteCountMax && isFinal && !isCompressed), "a control frame is small")
        writer.append((isFinal ? 0x80 : 0) | (isCompressed ? 0x40 : 0) | opcode.rawValue)
        switch payloadByteCount {
        case ...125: writer.append(UInt8(payloadByteCount))
        case ...0xFFFF:
            writer.append(126)
            writer.appendBigEndian(UInt64(payloadByteCount), byteCount: 2)
        default:
            writer.append(127)
            writer.appendBigEndian(UInt64(payloadByteCount), byteCount: 8)
        }
    }

    /// Appends an unmasked frame.
    public static func append(
        _ opcode: WebSocketOpcode, _ payload: RawSpan, isFinal: Bool = true, isCompressed: Bool = false, to writer: inout ByteWriter
    ) {
        writer.reserve(headerByteCountMax + payload.byteCount)
        appendHeader(opcode, payloadByteCount: payload.byteCount, isFinal: isFinal, isCompressed: isCompressed, to: &writer)
        writer.append(payload)
    }

    /// A Close frame.
    ///
    /// - Parameter reason: text for humans, cut to what fits a control frame.
    public static func close(_ code: WebSocketCloseCode, reason: String = "") -> SharedBytes {
        var clipped = ""
        for character in reason where clipped.utf8.count + character.utf8.count <= controlByteCountMax - 2 { clipped.append(character) }
        var payload = ByteWriter(minimumCapacity: controlByteCountMax)
        payload.appendBigEndian(UInt64(code.rawValue), byteCount: 2)
        payload.append(utf8: clipped)
        var writer = ByteWriter(minimumCapacity: controlByteCountMax + 2)
        payload.withBytes { append(.close, $0, to: &writer) }
        return writer.finish()
    }

    /// A Ping frame without payload, which the peer answers by a Pong (RFC 6455 section 5.5.2).
    public static func ping() -> SharedBytes { SharedBytes([0x80 | WebSocketOpcode.ping.rawValue, 0]) }

    /// A Pong frame that answers a Ping (RFC 6455 section 5.5.3).
    public static func pong(_ payload: SharedBytes) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: 2 + payload.count)
        payload.withBytes { append(.pong, $0, to: &writer) }
        return writer.finish()
    }
}
