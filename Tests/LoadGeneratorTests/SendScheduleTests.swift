import Testing

@testable import LoadGenerator

@Suite struct SendScheduleTests {
    @Test func isExactForEveryIndex() {
        let schedule = SendSchedule(startNanoseconds: 1_000, ratePerSecond: 1_000)
        #expect(schedule.nanoseconds(of: 0) == 1_000)
        #expect(schedule.nanoseconds(of: 1) == 1_001_000)
        #expect(schedule.nanoseconds(of: 3_600_000) == 3_600_000_001_000)
        let thirds = SendSchedule(startNanoseconds: 0, ratePerSecond: 3)
        #expect(thirds.nanoseconds(of: 3) >= 999_999_999 && thirds.nanoseconds(of: 3) <= 1_000_000_001)
    }

    @Test(arguments: [0.1, 1, 3, 500, 7_777, 1_000_000, 10_000_000]) func countsWhatIsDueToTheNanosecond(rate: Double) {
        let schedule = SendSchedule(startNanoseconds: 5_000_000_000, ratePerSecond: rate)
        #expect(schedule.dueCount(at: 0) == 0)
        #expect(schedule.dueCount(at: 4_999_999_999) == 0)
        #expect(schedule.dueCount(at: 5_000_000_000) == 1)
        for index in [1, 2, 3, 10, 999, 123_456_789] as [UInt64] {
            let due = schedule.nanoseconds(of: index)
            #expect(schedule.dueCount(at: due) == index + 1, "index \(index)")
            #expect(schedule.dueCount(at: due - 1) == index, "index \(index)")
        }
    }

    @Test func survivesTheEndOfTheClock() {
        let schedule = SendSchedule(startNanoseconds: 0, ratePerSecond: 0.001)
        #expect(schedule.nanoseconds(of: .max) == .max)
        #expect(SendSchedule(startNanoseconds: 0, ratePerSecond: 10_000_000).dueCount(at: .max) > 1 << 40)
    }
}
