/// The steps of a run, in order; every loop is through with one before any begins the next.
enum RunStep: Int, Sendable {
    /// Log in, and make what others will join.
    case prepare
    /// Join, so that everyone receives everything that is published afterwards.
    case join
}

/// When what happens counts. Monotonic clock, nanoseconds.
struct RunClock: Sendable, Equatable {
    var startNanoseconds: UInt64
    var measureStartNanoseconds: UInt64
    /// `.max` while nobody knows: the run ends with its messages.
    var measureEndNanoseconds: UInt64
    /// Length of the intervals of a plot over time.
    var intervalNanoseconds: UInt64

    func measures(_ nanoseconds: UInt64) -> Bool {
        nanoseconds >= measureStartNanoseconds && nanoseconds < measureEndNanoseconds
    }
}

/// What the conductor tells a loop.
enum LoopCommand: Sendable {
    case step(RunStep)
    case start(RunClock)
    /// Open loop: something is due.
    case tick
    /// Publish nothing more.
    case stop(atNanoseconds: UInt64)
    /// Receive what was published, until everything has come or the deadline is there.
    case drain(heads: [LogHead], deadlineNanoseconds: UInt64)
    /// Wait for nothing any more.
    case abort
    /// Take leave of the broker and end.
    case close
}

/// What is known of a log from the acknowledgements of its publishes. The empty log is the neutral element of ``merge(_:)``.
struct LogHead: Sendable, Equatable {
    /// The highest sequence number acknowledged.
    var seq: UInt64 = 0
    /// Messages acknowledged.
    var acknowledged: UInt64 = 0

    mutating func merge(_ other: LogHead) {
        seq = max(seq, other.seq)
        acknowledged += other.acknowledged
    }
}

/// What a loop tells the conductor.
enum LoopReport: Sendable {
    case done(loop: Int, step: RunStep)
    /// There is nothing more to publish, or nobody left to do it.
    case exhausted(loop: Int)
    /// Every publish was answered, or the deadline was there.
    case settled(loop: Int, heads: [LogHead])
    case finished(loop: Int, result: LoopResult)
    case failed(loop: Int, failure: LoadFailure)
    /// The loop has ended.
    case closed(loop: Int)
}

/// Why there is no result.
public enum LoadFailure: Error, Sendable, Equatable, CustomStringConvertible {
    /// The broker cannot be reached or does not let us in. Exit status 3.
    case cannotConnect(String)
    /// The broker let us in and refused what the scenario needs. Exit status 1.
    case refused(String)
    /// This machine does not give what the run needs. Exit status 3.
    case system(String)

    public var description: String {
        switch self {
        case .cannotConnect(let reason): "cannot connect: \(reason)"
        case .refused(let reason): "the broker refused: \(reason)"
        case .system(let reason): reason
        }
    }
}

/// What one loop found; the loops' results are added up.
struct LoopResult: Sendable {
    var tally = DeliveryTally()
    /// Deliveries received in the measured time, and in all.
    var deliveriesMeasured: UInt64 = 0
    var deliveries: UInt64 = 0
    /// When the last of those in the measured time came; zero if none did.
    var lastDeliveryNanoseconds: UInt64 = 0
    var publishesMeasured: UInt64 = 0
    var publishes: UInt64 = 0
    var acknowledgedMeasured: UInt64 = 0
    var acknowledged: UInt64 = 0
    /// Publishes of the schedule that were never sent, because too many were in flight already.
    var unsent: UInt64 = 0
    /// Events of the lobby that came although the connection had left, or before it had.
    var lobbyEvents: UInt64 = 0
    var latency = LatencyRecorder()
    var acknowledgementLatency = LatencyRecorder()
    /// Latencies of single steps (`churn`, `idle`): connect, log in, join, leave.
    var steps: [String: LatencyRecorder] = [:]
    /// What went wrong, and how often.
    var errors = ErrorLog()
    var digests: [LogDigest] = []
    var stalled = StalledSummary()
    /// Rounds of `churn` that are complete, connections of `idle` that were ready.
    var completed: UInt64 = 0
    var completedMeasured: UInt64 = 0
}

/// What all complete receivers of a log on one loop have in common.
struct LogDigest: Sendable, Equatable {
    var log: Int
    var digest: UInt64
    /// Whether they all have it.
    var isUniform: Bool
}

/// What became of the connections that had stopped reading.
public struct StalledSummary: Sendable, Equatable {
    public var connections: UInt64 = 0
    /// Those that have everything, or a LAG that names what they have not.
    public var caughtUp: UInt64 = 0
    /// Events that LAG named to them.
    public var lagged: UInt64 = 0
    /// Those that, while the run went on, received what was sent after they had begun to read again.
    public var current: UInt64 = 0
    /// The longest that took, from the moment of reading again.
    public var catchUpMicrosecondsMax: UInt64 = 0

    public init() {}

    static func += (sum: inout StalledSummary, part: StalledSummary) {
        sum.connections += part.connections
        sum.caughtUp += part.caughtUp
        sum.lagged += part.lagged
        sum.current += part.current
        sum.catchUpMicrosecondsMax = max(sum.catchUpMicrosecondsMax, part.catchUpMicrosecondsMax)
    }
}

/// Distinct complaints with their counts; a bounded number of them.
struct ErrorLog: Sendable, Equatable {
    static let distinctCountMax = 50

    private(set) var counts: [String: UInt64] = [:]

    var isEmpty: Bool { counts.isEmpty }

    mutating func add(_ text: String, count: UInt64 = 1) {
        if counts[text] != nil || counts.count < Self.distinctCountMax {
            counts[text, default: 0] += count
        } else {
            counts["further kinds of errors", default: 0] += count
        }
    }

    mutating func merge(_ other: ErrorLog) {
        for (text, count) in other.counts { add(text, count: count) }
    }

    /// The complaints, the most frequent first.
    var lines: [String] {
        counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { $0.value == 1 ? $0.key : "\($0.key) (\($0.value) times)" }
    }
}
