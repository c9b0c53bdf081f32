import Testing

@testable import ChatCore

struct TokenBucketTests {
    @Test func noLimitNeverWaits() {
        var bucket = TokenBucket()
        for _ in 0..<1_000 { #expect(bucket.take(perSecond: 0, burst: 0, now: 5) == nil) }
    }

    @Test(arguments: [(10, 1), (10, 3), (3, 0), (1_000_000, 2)])
    func burstIsFreeAndTheNextWaits(perSecond: Int, burst: Int) {
        var bucket = TokenBucket()
        for _ in 0..<max(burst, 1) { #expect(bucket.take(perSecond: perSecond, burst: burst, now: 5_000) == nil) }
        let wait = bucket.take(perSecond: perSecond, burst: burst, now: 5_000)
        #expect(wait == UInt64((1_000 + perSecond - 1) / perSecond))
    }

    /// Who waits as long as it is told acts at the rate allowed, and no faster.
    @Test(arguments: [1, 3, 10, 1_000])
    func waitingKeepsTheRate(perSecond: Int) {
        var bucket = TokenBucket()
        var now: UInt64 = 1_000
        var count = 0
        while now < 11_000 {
            now += bucket.take(perSecond: perSecond, burst: 1, now: now) ?? 0
            count += 1
        }
        #expect((10 * perSecond - perSecond / 10...10 * perSecond + 2).contains(count))
    }

    @Test func idlenessFillsNoMoreThanTheBurst() {
        var bucket = TokenBucket()
        _ = bucket.take(perSecond: 1_000_000, burst: 2, now: 1)
        for index in 0..<3 { #expect((bucket.take(perSecond: 1_000_000, burst: 2, now: .max - 1) == nil) == (index < 2)) }
    }
}
