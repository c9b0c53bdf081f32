/// The moments at which an open loop should send: evenly spaced, whatever the broker does, so that a stall shows in every message that
/// should have been sent meanwhile. Exact for every index: nothing accumulates.
struct SendSchedule: Sendable, Equatable {
    /// Monotonic clock, nanoseconds.
    let startNanoseconds: UInt64
    private let intervalPicoseconds: UInt64

    init(startNanoseconds: UInt64, ratePerSecond: Double) {
        precondition(ratePerSecond > 0, "a schedule without a rate")
        self.startNanoseconds = startNanoseconds
        intervalPicoseconds = UInt64((1e12 / ratePerSecond).rounded())
    }

    /// When send number `index`, counted from 0, is due.
    func nanoseconds(of index: UInt64) -> UInt64 {
        let (high, low) = intervalPicoseconds.multipliedFullWidth(by: index)
        // A schedule that outlasts the clock is cut off at its end.
        guard high < 1_000 else { return .max }
        let (quotient, remainder) = UInt64(1_000).dividingFullWidth((high, low))
        return startNanoseconds &+ quotient &+ (remainder > 0 ? 1 : 0)
    }

    /// How many sends are due at a moment.
    func dueCount(at nowNanoseconds: UInt64) -> UInt64 {
        guard nowNanoseconds >= startNanoseconds else { return 0 }
        let (high, low) = (nowNanoseconds - startNanoseconds).multipliedFullWidth(by: 1_000)
        guard high < intervalPicoseconds else { return .max }
        return intervalPicoseconds.dividingFullWidth((high, low)).quotient + 1
    }
}
