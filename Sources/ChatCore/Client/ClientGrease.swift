import Bytes
import ChatProtocol

/// Unused extension points, used at random so that brokers keep ignoring them (docs/PROTOCOL.md, *Grease*; RFC 8701).
enum ClientGrease {
    /// Whether a connection that drew `chance` is greased: about 1 of 16.
    static func isChosen(_ chance: UInt64) -> Bool { chance & 0xF == 0 }

    /// A capability token that nobody knows.
    static func capability(_ chance: UInt64) -> String { "grease-" + String(chance >> 48, radix: 16) }

    /// Appends a field of reserved tag 5F, not critical, to the HELLO frame that is the last thing in `writer` and began at `start`.
    static func appendField(toFrameAt start: Int, chance: UInt64, in writer: inout ByteWriter) {
        let value = octets(chance)
        writer.append(0x5F)
        writer.append(UInt8(value.count))
        writer.append(value.span.bytes)
        let payloadByteCount = writer.count - start - FrameHeader.byteCount
        writer.overwriteBigEndian(UInt64(payloadByteCount), byteCount: 3, at: start)
    }

    /// Appends a frame of a reserved type (`0F`, `1F`, … `FF`, but not the escape) with request id 0 and no flags.
    static func appendFrame(chance: UInt64, to writer: inout ByteWriter) {
        let payload = octets(chance >> 8)
        let type = UInt8(truncatingIfNeeded: (chance >> 16) & 0xF0 | 0x0F)
        writer.appendBigEndian(UInt64(payload.count), byteCount: 3)
        writer.append(type)
        writer.appendBigEndian(0, byteCount: 4)
        writer.append(payload.span.bytes)
    }

    /// Sets the flag bits that every receiver ignores on the frame that began at `start`.
    static func setIgnoredFlags(ofFrameAt start: Int, in writer: inout ByteWriter) {
        writer.overwriteBigEndian(0x0C, byteCount: 1, at: start + 4)
    }

    /// 0 to 7 octets.
    private static func octets(_ chance: UInt64) -> [UInt8] {
        (0..<Int((chance >> 4) & 7)).map { UInt8(truncatingIfNeeded: chance >> UInt64(8 * $0)) }
    }
}
