import Testing

@testable import LoadGenerator

@Suite struct SharedScheduleTests {
    /// Ten messages a second, three publishers.
    private func makeSchedule(messagesMax: UInt64 = .max) -> SharedSchedule {
        SharedSchedule(SendSchedule(startNanoseconds: 0, ratePerSecond: 10), publisherCount: 3, messagesMax: messagesMax)
    }

    @Test func publishersTakeTurns() {
        var schedule = makeSchedule()
        #expect((0..<3).map { schedule.dueCount(of: $0) } == [0, 0, 0])
        // Messages 0 to 7: two rounds, and two of the third.
        schedule.advance(to: 700_000_000)
        #expect((0..<3).map { schedule.dueCount(of: $0) } == [3, 3, 2])
        #expect(schedule.roundsDue == 2)
        #expect(schedule.isDue(round: 2, publisherNumber: 1))
        #expect(!schedule.isDue(round: 2, publisherNumber: 2))
    }

    @Test func aMessageIsDueAtTheMomentThatIsSaid() {
        var schedule = makeSchedule()
        for publisher in 0..<3 {
            for index in [0, 1, 5, 1_000] as [UInt64] {
                let moment = schedule.nanoseconds(of: publisher, index: index)
                schedule.advance(to: moment)
                #expect(schedule.dueCount(of: publisher) == index + 1)
                guard moment > 0 else { continue }
                schedule.advance(to: moment - 1)
                #expect(schedule.dueCount(of: publisher) == index)
            }
        }
    }

    @Test func noMoreIsDueThanIsSentInAll() {
        var schedule = makeSchedule(messagesMax: 4)
        schedule.advance(to: 3_600_000_000_000)
        #expect((0..<3).map { schedule.dueCount(of: $0) } == [2, 1, 1])
    }
}
