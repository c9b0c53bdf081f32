import Synchronization

/// What the progress line shows of one loop: written by the loop once a turn, read by the conductor once a second.
final class LiveCounters: Sendable {
    let deliveries = Atomic<UInt64>(0)
    let publishes = Atomic<UInt64>(0)
    let connections = Atomic<UInt64>(0)
    let completed = Atomic<UInt64>(0)
    let lagged = Atomic<UInt64>(0)
    /// Deliveries that were not as they should be, and errors.
    let problems = Atomic<UInt64>(0)
}
