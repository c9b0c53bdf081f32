import Bytes
import ChatProtocol

/// The message that all benchmarks are about: 128 octets of text into a room with a name of usual length.
enum Samples {
    static let room = must { try RoomAddress("load/0123abcd/7") }
    static let sender = must { try AccountName("load-0123abcd-700") }
    static let body = String(repeating: "All that is said here is heard. ", count: 4)

    static func content(_ number: Int) -> EventContent {
        EventContent(messageID: MessageID(0x9E37_79B9_7F4A_7C15 &* UInt64(number + 1)), body: body)
    }

    static func publish(_ number: Int) -> Publish { Publish(room: room, publication: Publication(content: content(number))) }

    static func publishFrame(_ number: Int) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: 256)
        FrameEncoder.append(.publish(publish(number)), requestID: 1, to: &writer)
        return writer.finish()
    }

    static func deliverFrame(_ number: Int) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: 256)
        appendDeliver(seq: UInt64(number + 1), content(number), to: &writer)
        return writer.finish()
    }

    static func appendDeliver(seq: UInt64, _ content: EventContent, to writer: inout ByteWriter) {
        FrameEncoder.appendDeliver(
            room: room, seq: seq, timestamp: 1_700_000_000_000, from: sender, content: content, to: &writer)
    }
}
