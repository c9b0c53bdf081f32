import ChatProtocol
import Testing

@testable import broker_cli

@Suite struct ReadingTests {
    private static let tea = try! RoomAddress("tea")

    private func message(_ room: RoomAddress, _ seq: UInt64, kind: EventKind = .message) -> Event {
        var event = Event(room: room, seq: seq, timestamp: 1, from: try! AccountName("bob"))
        event.kind = kind
        return event
    }

    private func marks(_ reading: inout Reading) -> [String] { reading.takeMarks().map { "\($0.room) \($0.seq)" } }

    private let record = InboxRecord(room: tea, epoch: 9, head: 12, mark: 10, unread: 2, updateNumber: 1)

    @Test func whatWasShownIsMarkedOnce() {
        var reading = Reading()
        for event in [message(.lobby, 3), message(.lobby, 5), message(.lobby, 6, kind: .joined), message(Self.tea, 2)] {
            reading.noteShown(event)
        }
        #expect(marks(&reading) == ["lobby 5", "tea 2"])
        #expect(marks(&reading) == [] && !reading.hasMarks)
    }

    @Test func noMarkerPassesWhatWasNotShown() {
        var reading = Reading()
        reading.noteShown(message(Self.tea, 12))
        reading.noteUnread(record)
        reading.noteShown(message(Self.tea, 13))
        #expect(marks(&reading) == [])
        reading.noteShown(record)
        reading.noteShown(message(Self.tea, 14))
        #expect(marks(&reading) == ["tea 14"])
    }

    @Test func whatIsReadElsewhereIsRead() {
        var reading = Reading()
        reading.noteUnread(record)
        reading.noteMarked(ReadMarker(room: Self.tea, mark: 11))
        #expect(reading.unread[Self.tea] == record)
        reading.noteMarked(ReadMarker(room: Self.tea, mark: 12))
        #expect(reading.unread.isEmpty)
    }

    @Test func aLogThatBeganAnewHasNoMarks() {
        var reading = Reading()
        reading.noteShown(message(Self.tea, 13))
        reading.forget(Self.tea)
        #expect(marks(&reading) == [])
    }
}
