/// What a run has found.
public struct LoadReport: Sendable {
    public var configuration: LoadConfiguration
    /// The number of the run, as in the names of its rooms and accounts.
    public var run = ""
    /// Ended early by the user.
    public var isInterrupted = false
    /// From the first connection dialled until all were ready and had joined.
    public var setupSeconds = 0.0
    /// From the first connection dialled until the last one was logged in.
    public var connectSeconds = 0.0
    /// Length of the measured time.
    public var measuredSeconds = 0.0

    /// Deliveries received in the measured time, and in all.
    public var deliveries: UInt64 = 0
    public var deliveriesTotal: UInt64 = 0
    public var publishes: UInt64 = 0
    public var publishesTotal: UInt64 = 0
    public var acknowledged: UInt64 = 0
    public var acknowledgedTotal: UInt64 = 0
    /// Publishes (or arrivals) of the schedule that were never sent.
    public var unsent: UInt64 = 0
    /// Rounds of `churn`, in the measured time and in all; connections of `idle` that were ready.
    public var completed: UInt64 = 0
    public var completedTotal: UInt64 = 0
    /// Over the whole run, not only the measured time.
    public var tally = DeliveryTally()
    public var lobbyEvents: UInt64 = 0
    public var stalled = StalledSummary()
    public var errors: [String] = []

    /// From the intended send time to the delivery (`churn`: to the end of the round).
    public var latency = LatencySummary()
    /// From the intended send time to PUBLISHED.
    public var acknowledgementLatency = LatencySummary()
    /// Latencies of single steps: connect, log in, join, leave.
    public var steps: [(name: String, latency: LatencySummary)] = []
    /// Latency in microseconds by percentile, finer towards 100.
    public var percentiles: [(percentile: Double, microseconds: UInt64)] = []
    public var series: [SeriesPoint] = []

    public var server: ServerUsage?
    /// Processor time of the load generator itself in the measured time.
    public var ownCPUSeconds = 0.0

    /// Whether everything came that should, once, in order, and nothing else happened.
    public var isClean: Bool { tally.isClean && errors.isEmpty }

    public var deliveriesPerSecond: Double { perSecond(deliveries) }
    public var publishesPerSecond: Double { perSecond(publishes) }
    public var completedPerSecond: Double { perSecond(completed) }
    /// Log-ins per second while the connections were made.
    public var connectionsPerSecond: Double {
        connectSeconds > 0 ? Double(configuration.connectionCount) / connectSeconds : 0
    }

    private func perSecond(_ count: UInt64) -> Double { measuredSeconds > 0 ? Double(count) / measuredSeconds : 0 }
}

/// What the broker's process used.
public struct ServerUsage: Sendable, Equatable {
    public var processID: Int32
    /// User and system time in the measured time.
    public var cpuSeconds: Double
    /// The kernel's part of it.
    public var systemSeconds: Double
    /// nil if nothing was delivered.
    public var cpuSecondsPerMillionDeliveries: Double?
    /// Resident memory before the first connection, when all were ready, at the end of the measured time, and the most it ever was.
    public var residentByteCountBefore: UInt64
    public var residentByteCountReady: UInt64
    public var residentByteCount: UInt64
    public var residentByteCountMax: UInt64
    /// Growth while the connections were made, for each of them.
    public var residentByteCountPerConnection: Double
}

/// An interval of the measured time.
public struct SeriesPoint: Sendable, Equatable {
    /// End of the interval.
    public var seconds: Double
    public var deliveriesPerSecond: Double
    /// Microseconds; zero where nothing was delivered.
    public var p50: UInt64
    public var p99: UInt64
    public var max: UInt64
}

/// What the progress line says.
public struct LoadProgress: Sendable {
    public enum Phase: String, Sendable {
        case connecting, joining, warming = "warming up", measuring, draining
    }

    public var phase: Phase
    /// Since the phase before measuring began.
    public var seconds: Double
    public var connections: UInt64
    public var connectionCount: Int
    public var deliveriesPerSecond: Double
    public var publishesPerSecond: Double
    public var completedPerSecond: Double
    public var deliveries: UInt64
    public var lagged: UInt64
    public var problems: UInt64
}
