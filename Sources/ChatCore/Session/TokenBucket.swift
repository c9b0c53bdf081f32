/// Allows an action so many times a second on average, and a burst of them at once.
struct TokenBucket {
    /// Below zero while an action that came too early is still owed for.
    private var thousandths: Int64 = 0
    private var filledAt: UInt64 = 0

    /// Takes one token, if need be one that is owed.
    ///
    /// - Parameter perSecond: tokens a second; 0 means no limit.
    /// - Returns: nil if the token was there, otherwise for how many milliseconds there will be none.
    mutating func take(perSecond: Int, burst: Int, now: UInt64) -> UInt64? {
        guard perSecond > 0 else { return nil }
        let capacity = Int64(max(burst, 1)) * 1_000
        // An idle bucket fills up in a bounded time, so the product cannot overflow.
        let elapsed = Int64(min(now - filledAt, 1_000_000))
        thousandths = filledAt == 0 ? capacity : min(capacity, thousandths + elapsed * Int64(perSecond))
        filledAt = now
        thousandths -= 1_000
        return thousandths >= 0 ? nil : UInt64((-thousandths + Int64(perSecond) - 1) / Int64(perSecond))
    }
}
