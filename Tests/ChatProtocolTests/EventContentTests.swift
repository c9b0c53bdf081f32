import Bytes
import ChatProtocol
import Testing

/// What of a PUBLISH becomes part of the event.
struct EventContentTests {
    private func content(_ fields: [[UInt8]], flags: UInt8 = 0, requestID: UInt32 = 1) throws -> EventContent {
        let frame = Frame(type: FrameType.publish.rawValue, flags: flags, requestID: requestID, payload: Array(fields.joined()))
        guard case .publish(let publish) = try frame.command() else { preconditionFailure("a PUBLISH") }
        return publish.publication.content
    }

    private let room: [UInt8] = [0x81, 1, 0x61]
    private let body: [UInt8] = [0x10, 2, 0x68, 0x69]

    @Test func itsFieldsAreCopiedOctetForOctet() throws {
        let event: [[UInt8]] = [
            [0x85, 1, 1], [0x06, 8, 1, 2, 3, 4, 5, 6, 7, 8], [0x87, 1, 4], [0x08, 1, 5], [0x09, 2, 1, 0], [0x0C, 1, 0x78],
            [0x0D, 2, 0xFF, 0], body,
        ]
        let content = try content([room] + event + [[0x13, 1, 2], [0x15, 0]])
        #expect(content.fields.array == Array(event.joined()))
        #expect(content.kind == .edit)
        #expect(content.reference == 4)
        #expect(content.messageID == MessageID(0x0102_0304_0506_0708))
        #expect(content.thread == 5)
        #expect(content.reply == 256)
    }

    @Test func fieldsThatAreNotKnownAreNotForwarded() throws {
        let skipped: [[UInt8]] = [
            [0x03, 1, 9], [0x0A, 1, 1], [0x0B, 0], [0x0E, 1, 0xFF], [0x0F, 2, 1, 2], [0x11, 3, 1, 2, 3], [0x12, 0],
            [0x22, 1, 0x74], [0x7D, 0], [0x7F, 0x10, 1, 0],
        ]
        let id: [UInt8] = [0x06, 8, 1, 2, 3, 4, 5, 6, 7, 8]
        for field in skipped {
            let fields = ([room, id, body, field]).sorted { $0[0] & 0x7F < $1[0] & 0x7F }
            #expect(try content(fields).fields.array == id + body, "\(field)")
        }
        let all = ([room, id, body] + skipped).sorted { $0[0] & 0x7F < $1[0] & 0x7F }
        #expect(try content(all).fields.array == id + body)
    }

    @Test func aKindOfZeroIsLeftOut() throws {
        #expect(try content([room, [0x85, 0], body]).fields.array == body)
        #expect(try content([room, [0x03, 0], [0x85, 0], [0x0B, 0], body]).fields.array == body)
        #expect(try content([room, [0x85, 0], body]) == EventContent(body: "hi"))
    }

    @Test func whatIsRedactedKeepsItsPlace() throws {
        var frames = RandomFrames(seed: 22)
        for _ in 0..<100 {
            let event = frames.event()
            let redacted = Event(frame: event.redacted.frame)
            #expect(redacted.isRedacted)
            #expect(redacted.body == nil && redacted.meta == nil && redacted.mediaType == nil)
            #expect(redacted.seq == event.seq && redacted.timestamp == event.timestamp && redacted.from == event.from)
            #expect(redacted.kind == event.kind && redacted.messageID == event.messageID && redacted.reference == event.reference)
            #expect(redacted.thread == event.thread && redacted.reply == event.reply)
            #expect(Event(frame: event.frame) == event)
        }
    }

    @Test func aRetryHasAMessageID() throws {
        let id: [UInt8] = [0x06, 8, 1, 2, 3, 4, 5, 6, 7, 8]
        _ = try content([room, id, body], flags: 2)
        let error = #expect(throws: PayloadError.self) { try content([room, body], flags: 2) }
        #expect(error?.code == .missingField)
        #expect(error?.field == 6)
    }

    @Test func acknowledgementNoneIsOnlyForRequestsWithoutID() throws {
        _ = try content([room, body, [0x13, 0]], requestID: 0)
        _ = try content([room, body, [0x13, 1, 3]], requestID: 0)
        let error = #expect(throws: PayloadError.self) { try content([room, body, [0x13, 0]]) }
        #expect(error?.code == .badValue)
    }

    @Test func theDeliverIsThatOfTheEventInParts() throws {
        var frames = RandomFrames(seed: 21)
        for _ in 0..<300 {
            let event = frames.event()
            let content = EventContent(event)
            #expect(Event(room: event.room, seq: event.seq, timestamp: event.timestamp, from: event.from, content: content) == event)
            var writer = ByteWriter()
            FrameEncoder.appendDeliver(
                room: event.room, seq: event.seq, timestamp: event.timestamp, from: event.from, content: content, to: &writer)
            #expect(writer.finish().array == Frame(.server(.event(event)), requestID: 0).octets)
        }
    }

    @Test func theBrokersOwnEventsSayWhoAndWhat() throws {
        let alice = try AccountName("alice")
        func event(_ content: EventContent) -> Event { Event(room: .lobby, seq: 1, timestamp: 2, from: alice, content: content) }
        #expect(event(.joined(alice)).user == alice)
        #expect(event(.joined(alice)).kind == .joined)
        #expect(event(.left(alice)).kind == .left)
        #expect(event(.left(alice, reason: "late")).reason == "late")
        #expect(event(.renamed(from: alice)).user == alice)
        #expect(event(.renamed(from: alice)).kind == .renamed)
        #expect(event(.created(title: "a/b")).title == "a/b")
        #expect(event(.created(title: nil, topic: "t")).topic == "t")
        #expect(event(.created(title: nil)).kind == .created)
    }
}
