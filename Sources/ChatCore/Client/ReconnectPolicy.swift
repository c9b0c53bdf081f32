/// How long a client waits before it connects again: full-jitter exponential back-off (docs/PROTOCOL.md, *GOODBYE*).
///
/// The wait is drawn evenly from 0 to a ceiling that doubles with each failure from ``ceilingMilliseconds`` to
/// ``ceilingMillisecondsMax``, so that the clients of a broker that died do not return in step; it is never below what the broker asked for.
public struct ReconnectPolicy: Sendable, Equatable {
    /// Ceiling of the first wait.
    public static let ceilingMilliseconds: UInt64 = 500
    /// Ceiling of every later wait.
    public static let ceilingMillisecondsMax: UInt64 = 60_000
    /// The longest wait that a broker's `retry_ms` can impose: a wish beyond it is taken for a mistake.
    public static let retryMillisecondsMax: UInt64 = 3_600_000

    /// Failures since the last connection that held.
    public private(set) var failureCount = 0

    public init() {}

    /// Counts one more failure and returns the wait before the next attempt, in milliseconds.
    ///
    /// - Parameters:
    ///   - retryMilliseconds: the broker's `retry_ms`, if it said one.
    ///   - chance: 64 random bits.
    public mutating func nextDelay(retryMilliseconds: UInt64?, chance: UInt64) -> UInt64 {
        let ceiling = min(Self.ceilingMillisecondsMax, Self.ceilingMilliseconds << UInt64(min(failureCount, 7)))
        failureCount += 1
        let jitter = chance.multipliedFullWidth(by: ceiling + 1).high
        return max(min(retryMilliseconds ?? 0, Self.retryMillisecondsMax), jitter)
    }

    /// A connection has held: the next failure starts from the first ceiling again.
    public mutating func reset() {
        failureCount = 0
    }
}
