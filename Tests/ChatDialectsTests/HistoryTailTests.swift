import Bytes
import ChatProtocol
import Testing

@testable import ChatDialects

@Suite struct HistoryTailTests {
    private static func page(_ events: [Event], _ range: ClosedRange<UInt64>) throws -> Batch {
        SimpleClient.batch(try RoomAddress("general"), range, events)
    }

    @Test func pagesAreAskedForUntilThereAreEnough() throws {
        var tail = HistoryTail(of: try RoomAddress("general"), countMax: 3, through: 20)
        guard case .history(let first) = tail.query else { return }
        #expect(first.fromSeq == 1 && first.toSeq == 20 && first.direction == .newest)
        tail.take(
            try Self.page([try said("a", "18", seq: 18), try said("a", nil, seq: 19, .joined), try said("a", "20", seq: 20)], 18...20))
        let hasMore1 = tail.finishPage()
        #expect(hasMore1)
        guard case .history(let second) = tail.query else { return }
        #expect(second.toSeq == 17)
        tail.take(try Self.page((10...17).map { try said("a", "\($0)", seq: $0) }, 10...17))
        let hasMore2 = tail.finishPage()
        #expect(!hasMore2)
        #expect(tail.messages.map(\.body) == ["17", "18", "20"])
    }

    @Test func theBeginningOfTheLogIsTheEnd() throws {
        var tail = HistoryTail(of: try RoomAddress("general"), countMax: 50)
        tail.take(try Self.page([try said("a", "1")], 1...1))
        let hasMore3 = tail.finishPage()
        #expect(!hasMore3)
        #expect(tail.messages.count == 1)
    }

    @Test func messagesSayWhatTheySaidLast() throws {
        var tail = HistoryTail(of: try RoomAddress("general"), countMax: 50)
        var gone = try said("a", nil, seq: 2)
        gone.isRedacted = true
        tail.take(
            try Self.page(
                [
                    try said("a", "old", seq: 1), gone, try said("a", "newer", seq: 3, .edit), try said("a", "newest", seq: 4, .edit),
                    try said("a", "👍", seq: 5, .react),
                ], 1...5))
        let hasMore4 = tail.finishPage()
        #expect(!hasMore4)
        #expect(tail.messages.map(\.body) == ["newest"])
    }

    @Test func anAnswerInPartsIsOnePage() throws {
        var tail = HistoryTail(of: try RoomAddress("general"), countMax: 50, through: 2)
        tail.take(try Self.page([try said("a", "1", seq: 1)], 1...1))
        tail.take(try Self.page([try said("a", "2", seq: 2)], 2...2))
        let hasMore5 = tail.finishPage()
        #expect(!hasMore5)
        #expect(tail.messages.map(\.body) == ["1", "2"])
    }

    @Test func itIsBounded() throws {
        var tail = HistoryTail(of: try RoomAddress("general"), countMax: 1_000)
        let text = String(repeating: "x", count: 16_384)
        tail.take(try Self.page((1...100).map { try said("a", text, seq: $0) }, 1...100))
        let hasMore6 = tail.finishPage()
        #expect(!hasMore6)
        #expect(tail.messages.count == HistoryTail.byteCountMax / 16_384)
        // Nothing but comings and goings: somewhere it ends.
        var empty = HistoryTail(of: try RoomAddress("general"), countMax: 50)
        var pages = 0
        repeat {
            pages += 1
            guard case .history(let query) = empty.query else { return }
            let last = min(query.toSeq, 1_000_000)
            empty.take(try Self.page([], (last - 199)...last))
        } while empty.finishPage()
        #expect(pages < 10)
    }
}
