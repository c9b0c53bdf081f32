import ChatCore
import ChatProtocol
import Testing

@Suite struct RoomCursorTests {
    @Test func deliversWhatIsNextAndDropsWhatWasHad() {
        var cursor = RoomCursor(epoch: 9, next: 5)
        #expect(cursor.position == LogPosition(epoch: 9, seq: 4))
        #expect(cursor.judge(ClientHarness.event("lobby", 4)) == .duplicate)
        #expect(cursor.judge(ClientHarness.event("lobby", 5)) == .deliver)
        #expect(cursor.judge(ClientHarness.event("lobby", 5)) == .duplicate)
        #expect(cursor.position.seq == 5)
    }

    @Test func namesAHole() {
        var cursor = RoomCursor(epoch: 9, next: 5)
        #expect(cursor.judge(ClientHarness.event("lobby", 8)) == .deliverAfterHole(5...7))
        #expect(cursor.judge(ClientHarness.event("lobby", 9)) == .deliver)
    }

    @Test(arguments: [(UInt64(5), UInt64(7), true), (4, 8, true), (6, 7, false), (5, 6, false)])
    func voidEventExplainsAJumpOnlyIfItCoversIt(from: UInt64, to: UInt64, explains: Bool) {
        var cursor = RoomCursor(epoch: 9, next: 5)
        var event = ClientHarness.event("lobby", 8)
        event.kind = .void
        event.fromSeq = from
        event.toSeq = to
        #expect(cursor.judge(event) == (explains ? .deliver : .deliverAfterHole(5...7)))
    }

    @Test func lagNamesWhatIsSkipped() {
        var cursor = RoomCursor(epoch: 9, next: 5)
        let lag = Lag(room: .lobby, epoch: 9, fromSeq: 5, toSeq: 20, next: 21)
        #expect(cursor.skip(lag) == RoomCursor.Skip(skipped: 5...20, hole: nil, isNewEpoch: false))
        #expect(cursor.judge(ClientHarness.event("lobby", 21)) == .deliver)
    }

    @Test func lagThatBeginsLaterLeavesAHole() {
        var cursor = RoomCursor(epoch: 9, next: 5)
        let lag = Lag(room: .lobby, epoch: 9, fromSeq: 8, toSeq: 20, next: 21)
        #expect(cursor.skip(lag) == RoomCursor.Skip(skipped: 8...20, hole: 5...7, isNewEpoch: false))
    }

    @Test func lagOfWhatWasHadSkipsNothing() {
        var cursor = RoomCursor(epoch: 9, next: 21)
        let lag = Lag(room: .lobby, epoch: 9, fromSeq: 5, toSeq: 20, next: 21)
        #expect(cursor.skip(lag) == RoomCursor.Skip(skipped: nil, hole: nil, isNewEpoch: false))
        #expect(cursor.position.seq == 20)
    }

    @Test func lagOfANewEpochReplacesThePositionAsAWhole() {
        var cursor = RoomCursor(epoch: 9, next: 500)
        #expect(cursor.skip(Lag(room: .lobby, epoch: 10, fromSeq: 1, toSeq: 3, next: 4)).isNewEpoch)
        #expect(cursor.position == LogPosition(epoch: 10, seq: 3))
    }
}

@Suite struct ReconnectPolicyTests {
    @Test func ceilingDoublesUpToAMinute() {
        var policy = ReconnectPolicy()
        let waits = (0..<10).map { _ in policy.nextDelay(retryMilliseconds: nil, chance: .max) }
        #expect(waits == [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
        policy.reset()
        #expect(policy.nextDelay(retryMilliseconds: nil, chance: .max) == 500)
    }

    @Test func jitterIsFull() {
        var policy = ReconnectPolicy()
        #expect(policy.nextDelay(retryMilliseconds: nil, chance: 0) == 0)
        #expect(policy.nextDelay(retryMilliseconds: nil, chance: .max / 2) == 500)
    }

    @Test func neverSoonerThanTheBrokerAsks() {
        var policy = ReconnectPolicy()
        #expect(policy.nextDelay(retryMilliseconds: 2500, chance: 0) == 2500)
        #expect(policy.nextDelay(retryMilliseconds: 10, chance: .max) == 1000)
        #expect(policy.nextDelay(retryMilliseconds: .max, chance: 0) == ReconnectPolicy.retryMillisecondsMax)
    }
}
