/// How often log-ins from an address, or to a name, have failed lately: each failure makes the next one take longer to be told.
///
/// Bounded: of many, those that failed the longest ago are forgotten. Confined to one thread.
struct FailureMemory {
    private static let firstDelayMilliseconds: UInt64 = 200
    private static let delayMillisecondsMax: UInt64 = 2_000
    private static let memoryMilliseconds: UInt64 = 600_000

    private let countMax: Int
    private var failures: [String: (count: UInt64, at: UInt64)] = [:]

    init(countMax: Int = 8_192) { self.countMax = countMax }

    /// Notes a failure.
    ///
    /// - Parameter now: milliseconds of a clock that never steps.
    /// - Returns: for how long the refusal is held back.
    mutating func note(_ keys: [String], at now: UInt64) -> UInt64 {
        var delay = Self.firstDelayMilliseconds
        for key in keys {
            let known = failures[key]
            let count = known.map { now - min($0.at, now) < Self.memoryMilliseconds ? $0.count + 1 : 1 } ?? 1
            if known == nil, failures.count >= countMax { forgetOldest() }
            failures[key] = (count, now)
            delay = max(delay, min(Self.delayMillisecondsMax, Self.firstDelayMilliseconds << min(count - 1, 8)))
        }
        return delay
    }

    /// A log-in has succeeded.
    mutating func forget(_ key: String) { failures[key] = nil }

    /// Forgets a quarter, so that it is seldom done.
    private mutating func forgetOldest() {
        let times = failures.values.map(\.at).sorted()
        let limit = times[times.count / 4]
        failures = failures.filter { $0.value.at > limit }
        if failures.count >= countMax { failures.removeAll() }
    }
}
