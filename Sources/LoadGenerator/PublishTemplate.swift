import Bytes
import ChatProtocol

/// The frame by which a publisher publishes, encoded once. All frames of a publisher have the same length and differ in their request
/// id, message id and body only, so a publish is a copy and a few words.
struct PublishTemplate {
    private let frame: SharedBytes
    private let messageIDOffset: Int
    private let bodyOffset: Int
    private let bodyByteCount: Int

    /// - Parameter makeCommand: PUBLISH or DM with the given content.
    init(bodyByteCount: Int, makeCommand: (EventContent) -> Command) {
        // A placeholder that nothing else in the frame resembles shows where the values are.
        let messageID = MessageID(0xA5C3_96E1_7B2D_58F4)
        let body = String(repeating: "~", count: bodyByteCount)
        var writer = ByteWriter(minimumCapacity: bodyByteCount + 160)
        FrameEncoder.append(makeCommand(EventContent(messageID: messageID, body: body)), requestID: 1, to: &writer)
        frame = writer.finish()
        self.bodyByteCount = bodyByteCount
        let octets = frame.array
        messageIDOffset = Self.offset(of: (0..<8).map { UInt8(truncatingIfNeeded: messageID.value >> UInt64(56 - 8 * $0)) }, in: octets)
        bodyOffset = Self.offset(of: Array(body.utf8), in: octets)
    }

    var byteCount: Int { frame.count }

    /// Appends the frame that publishes the message of a stamp.
    func append(_ stamp: BodyStamp, requestID: UInt32, filler: BodyFiller, to writer: inout ByteWriter) {
        let start = writer.count
        writer.append(frame)
        writer.overwriteBigEndian(UInt64(requestID), byteCount: 3, at: start + 5)
        writer.overwriteBigEndian(stamp.messageNumber, byteCount: 8, at: start + messageIDOffset)
        stamp.write(to: &writer, at: start + bodyOffset, bodyByteCount: bodyByteCount)
        var position = start + bodyOffset + BodyStamp.byteCount
        for octet in filler.octets(counter: stamp.counter, bodyByteCount: bodyByteCount) {
            writer.overwriteBigEndian(UInt64(octet), byteCount: 1, at: position)
            position += 1
        }
    }

    private static func offset(of pattern: [UInt8], in octets: [UInt8]) -> Int {
        for offset in 0...(octets.count - pattern.count) where octets[offset..<(offset + pattern.count)].elementsEqual(pattern) {
            return offset
        }
        preconditionFailure("an encoded frame holds what it was made from")
    }
}
