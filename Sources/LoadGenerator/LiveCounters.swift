import Synchronization

/// What the progress line shows of one loop: written by the loop once a turn, read by the conductor once in a while.
final class LiveCounters: Sendable {
    private let deliveries = Atomic<UInt64>(0)
    private let publishes = Atomic<UInt64>(0)
    private let connections = Atomic<UInt64>(0)
    private let completed = Atomic<UInt64>(0)
    private let lagged = Atomic<UInt64>(0)
    private let problems = Atomic<UInt64>(0)

    /// The counts of one loop, or of several added up.
    struct Sample: Sendable, Equatable {
        var deliveries: UInt64 = 0
        var publishes: UInt64 = 0
        var connections: UInt64 = 0
        var completed: UInt64 = 0
        var lagged: UInt64 = 0
        /// Deliveries that were not as they should be, and errors.
        var problems: UInt64 = 0
    }

    func store(_ sample: Sample) {
        deliveries.store(sample.deliveries, ordering: .relaxed)
        publishes.store(sample.publishes, ordering: .relaxed)
        connections.store(sample.connections, ordering: .relaxed)
        completed.store(sample.completed, ordering: .relaxed)
        lagged.store(sample.lagged, ordering: .relaxed)
        problems.store(sample.problems, ordering: .relaxed)
    }

    func add(to sum: inout Sample) {
        sum.deliveries += deliveries.load(ordering: .relaxed)
        sum.publishes += publishes.load(ordering: .relaxed)
        sum.connections += connections.load(ordering: .relaxed)
        sum.completed += completed.load(ordering: .relaxed)
        sum.lagged += lagged.load(ordering: .relaxed)
        sum.problems += problems.load(ordering: .relaxed)
    }
}
