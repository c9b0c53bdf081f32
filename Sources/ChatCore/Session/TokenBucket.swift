/// Allows an action so many times a second on average, and a burst of them at once.
struct TokenBucket {
    private var thousandths: UInt64 = 0
    private var filledAt: UInt64 = 0

    /// Takes one token, or says how many milliseconds are left until there is one.
    ///
    /// - Parameter perSecond: tokens a second; 0 means no limit.
    mutating func take(perSecond: Int, burst: Int, now: UInt64) -> UInt64? {
        guard perSecond > 0 else { return nil }
        let capacity = UInt64(max(burst, 1)) * 1_000
        // An idle bucket fills up in a bounded time, so the product cannot overflow.
        let elapsed = min(now - filledAt, 1_000_000)
        thousandths = filledAt == 0 ? capacity : min(capacity, thousandths + elapsed * UInt64(perSecond))
        filledAt = now
        guard thousandths >= 1_000 else { return (1_000 - thousandths + UInt64(perSecond) - 1) / UInt64(perSecond) }
        thousandths -= 1_000
        return nil
    }
}
