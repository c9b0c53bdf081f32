import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

struct RecentEventsTests {
    private func ring(_ sizes: [Int], countMax: Int, byteCountMax: Int = 1 << 20) -> RecentEvents {
        var ring = RecentEvents()
        for (index, size) in sizes.enumerated() {
            let note = EventNote(author: UInt64(index + 1), messageCount: UInt32(index + 1), kind: .message)
            ring.append(
                SharedBytes([UInt8](repeating: UInt8(index & 255), count: size)), note, countMax: countMax, byteCountMax: byteCountMax)
        }
        return ring
    }

    @Test(arguments: [0, 1, 2, 4, 5, 7, 9, 10, 11])
    func holdsTheNewestByNumber(countMax: Int) {
        for length in 0...25 {
            let ring = ring(Array(repeating: 3, count: length), countMax: countMax)
            #expect(ring.count == min(length, countMax))
            #expect(ring.byteCount == 3 * ring.count)
            #expect(ring.lastSeq == UInt64(length))
            #expect(ring.floor == UInt64(length + 1 - ring.count))
            guard ring.count > 0 else { continue }
            for seq in ring.floor...ring.lastSeq {
                #expect(ring.event(seq).array == [UInt8](repeating: UInt8(seq - 1), count: 3))
                #expect(ring.note(seq).author == seq)
            }
        }
    }

    @Test(arguments: [(9, 0), (10, 1), (19, 1), (20, 2), (25, 2), (30, 3), (1_000, 5)])
    func holdsTheNewestByOctets(byteCountMax: Int, count: Int) {
        let ring = ring([10, 10, 10, 10, 10], countMax: 100, byteCountMax: byteCountMax)
        #expect(ring.count == count)
        #expect(ring.floor == UInt64(6 - count))
        #expect(ring.byteCount <= byteCountMax)
    }

    @Test func largeEventDrivesOutSeveral() {
        let ring = ring([10, 10, 10, 25], countMax: 100, byteCountMax: 35)
        #expect(ring.count == 2)
        #expect(ring.event(4).count == 25)
        let empty = self.ring([10, 10, 36, 10], countMax: 100, byteCountMax: 35)
        #expect(empty.count == 1)
        #expect(empty.floor == 4)
    }

    @Test func whatIsRedactedIsCountedAsItIs() {
        var ring = ring([10, 10, 10], countMax: 3)
        ring.redact(2, SharedBytes([1, 2, 3]))
        #expect(ring.byteCount == 23)
        #expect(ring.event(2).array == [1, 2, 3])
        #expect(ring.note(2).isRedacted && ring.note(2).author == 2)
        #expect(!ring.note(1).isRedacted && !ring.note(3).isRedacted)
        #expect(ring.event(1).count == 10 && ring.event(3).count == 10)
    }

    /// Every third event is no message.
    @Test(arguments: 1...12)
    func countsTheMessagesItHolds(countMax: Int) {
        var ring = RecentEvents()
        var messages: [UInt64] = []
        for seq in UInt64(1)...20 {
            if seq % 3 != 0 { messages.append(seq) }
            let note = EventNote(author: 1, messageCount: UInt32(messages.count), kind: seq % 3 == 0 ? .notice : .message)
            ring.append(SharedBytes([1]), note, countMax: countMax, byteCountMax: 100)
            for mark in 0...(seq + 1) {
                #expect(ring.messageCount(after: mark) == UInt64(messages.count { $0 > mark && $0 >= ring.floor }))
            }
        }
    }

    @Test func holdsNothingAtFirst() {
        let ring = RecentEvents()
        #expect(ring.count == 0)
        #expect(ring.floor == 1)
        #expect(ring.lastSeq == 0)
    }
}
