import Histogram

/// Adds up what the loops found.
struct ReportBuilder {
    let configuration: LoadConfiguration

    func add(_ results: [LoopResult], to report: inout LoadReport) {
        var latency = LatencyRecorder.makeHistogram()
        var acknowledgementLatency = LatencyRecorder.makeHistogram()
        var steps: [String: Histogram<UInt64>] = [:]
        var intervals: [Histogram<UInt32>] = []
        var errors = ErrorLog()
        for result in results {
            report.deliveries += result.deliveriesMeasured
            report.deliveriesTotal += result.deliveries
            report.publishes += result.publishesMeasured
            report.publishesTotal += result.publishes
            report.acknowledged += result.acknowledgedMeasured
            report.acknowledgedTotal += result.acknowledged
            report.unsent += result.unsent
            report.completed += result.completedMeasured
            report.completedTotal += result.completed
            report.lobbyEvents += result.lobbyEvents
            report.tally += result.tally
            report.stalled += result.stalled
            errors.merge(result.errors)
            latency.add(result.latency.total)
            acknowledgementLatency.add(result.acknowledgementLatency.total)
            for (name, recorder) in result.steps {
                steps[name, default: LatencyRecorder.makeHistogram()].add(recorder.total)
            }
            for (index, interval) in result.latency.intervals.enumerated() {
                if index < intervals.count { intervals[index].add(interval) } else { intervals.append(interval) }
            }
        }
        let diverged = Self.divergedLogs(results.flatMap(\.digests))
        if diverged > 0 { errors.add("logs whose receivers did not all receive the same messages under the same numbers", count: diverged) }
        if report.tally.contradictions > 0 {
            errors.add("acknowledgements, positions or LAGs that contradict what was delivered", count: report.tally.contradictions)
        }
        report.errors += errors.lines
        report.latency = LatencySummary(latency)
        report.acknowledgementLatency = LatencySummary(acknowledgementLatency)
        report.percentiles = Self.percentiles(latency)
        report.steps = ["connect", "log in", "join", "leave"].compactMap { name in
            steps[name].map { (name: name, latency: LatencySummary($0)) }
        }
        for index in report.series.indices where index < intervals.count {
            let interval = intervals[index]
            guard interval.totalCount > 0 else { continue }
            report.series[index].p50 = interval.valueAtPercentile(50)
            report.series[index].p99 = interval.valueAtPercentile(99)
            report.series[index].max = interval.maxRecorded
        }
    }

    /// Logs of which two complete receivers did not receive the same.
    static func divergedLogs(_ digests: [LogDigest]) -> UInt64 {
        var known: [Int: UInt64] = [:]
        var diverged: Set<Int> = []
        for digest in digests {
            if !digest.isUniform || known[digest.log].map({ $0 != digest.digest }) ?? false { diverged.insert(digest.log) }
            known[digest.log] = digest.digest
        }
        return UInt64(diverged.count)
    }

    /// The curve of latency over percentile: ten steps between each 0, 90, 99, 99.9 … per cent, as far as there are values for it.
    static func percentiles(_ histogram: Histogram<UInt64>) -> [(percentile: Double, microseconds: UInt64)] {
        guard histogram.totalCount > 0 else { return [] }
        var points: [(percentile: Double, microseconds: UInt64)] = []
        var rest = 100.0
        while rest * Double(histogram.totalCount) >= 100, points.count < 80 {
            for step in 0..<9 {
                let percentile = 100 - rest + rest * Double(step) / 10
                points.append((percentile, min(histogram.valueAtPercentile(percentile), histogram.maxRecorded)))
            }
            rest /= 10
        }
        points.append((100, histogram.maxRecorded))
        return points
    }
}
