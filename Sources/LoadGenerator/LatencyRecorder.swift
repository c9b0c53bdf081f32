import Histogram

/// Latencies of one loop: all of them, and those of each interval of the run for a plot over time.
///
/// Recording touches one histogram; it is added to the whole at the end of an interval, so that a delivery is recorded once.
struct LatencyRecorder: Sendable {
    /// An hour: nothing that this program waits for takes longer.
    private static let microsecondsMax: UInt64 = 3_600_000_000

    private var current = LatencyRecorder.makeHistogram()
    private var past = LatencyRecorder.makeHistogram()
    /// The intervals ended so far, to two significant digits.
    private(set) var intervals: [Histogram<UInt32>] = []

    static func makeHistogram() -> Histogram<UInt64> {
        Histogram<UInt64>(highestTrackableValue: microsecondsMax, numberOfSignificantValueDigits: .three)
    }

    static func makeIntervalHistogram() -> Histogram<UInt32> {
        Histogram<UInt32>(highestTrackableValue: microsecondsMax, numberOfSignificantValueDigits: .two)
    }

    @inline(__always)
    mutating func record(nanoseconds: UInt64) {
        current.record(min(nanoseconds / 1_000, Self.microsecondsMax))
    }

    /// Ends an interval.
    mutating func closeInterval() {
        var interval = Self.makeIntervalHistogram()
        for bucket in current.recordedValues() {
            interval.record(bucket.value, count: UInt32(clamping: bucket.count))
        }
        intervals.append(interval)
        past.add(current)
        current.reset()
    }

    /// Everything recorded, in microseconds.
    var total: Histogram<UInt64> {
        var sum = past
        sum.add(current)
        return sum
    }
}

/// What is said of a distribution of latencies.
public struct LatencySummary: Sendable, Equatable {
    /// Values recorded.
    public var count: UInt64 = 0
    /// Microseconds.
    public var p50: UInt64 = 0
    public var p90: UInt64 = 0
    public var p99: UInt64 = 0
    public var p999: UInt64 = 0
    public var max: UInt64 = 0
    public var mean: Double = 0

    public init() {}

    init(_ histogram: Histogram<UInt64>) {
        count = histogram.totalCount
        guard count > 0 else { return }
        // The end of a bucket, which a percentile gives, may lie above the largest value that there was.
        let largest = histogram.maxRecorded
        func percentile(_ value: Double) -> UInt64 { Swift.min(histogram.valueAtPercentile(value), largest) }
        p50 = percentile(50)
        p90 = percentile(90)
        p99 = percentile(99)
        p999 = percentile(99.9)
        max = largest
        mean = histogram.mean
    }
}
