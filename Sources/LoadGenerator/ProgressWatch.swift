/// What the counters of a run's loops say from second to second: the progress line, the plot over time, and whether anything moves.
struct ProgressWatch {
    private var shown = (nanoseconds: UInt64(0), live: LiveCounters.Sample())
    /// When something last came or went in the measured time.
    private var movedNanoseconds: UInt64 = 0
    private var plottedDeliveries: UInt64 = 0
    private var plottedNanoseconds: UInt64 = 0

    mutating func begin(at nanoseconds: UInt64) { shown.nanoseconds = nanoseconds }

    /// The measured time begins.
    mutating func beginPlot(_ live: LiveCounters.Sample, at nanoseconds: UInt64) {
        (plottedDeliveries, plottedNanoseconds) = (live.deliveries, nanoseconds)
    }

    /// The interval that ends now, without latencies; nil if it is so short that it says little.
    mutating func plot(_ live: LiveCounters.Sample, at now: UInt64, measureStartNanoseconds: UInt64) -> SeriesPoint? {
        let seconds = Double(now - plottedNanoseconds) / 1e9
        guard seconds > 0.1 else { return nil }
        let perSecond = Double(live.deliveries - plottedDeliveries) / seconds
        (plottedDeliveries, plottedNanoseconds) = (live.deliveries, now)
        return SeriesPoint(
            seconds: Double(now - measureStartNanoseconds) / 1e9, deliveriesPerSecond: perSecond, p50: 0, p99: 0, max: 0)
    }

    /// What has happened since it was last asked.
    ///
    /// - Parameter beganNanoseconds: when the phase began, or the one before measuring.
    mutating func progress(
        _ live: LiveCounters.Sample, at now: UInt64, phase: LoadProgress.Phase, beganNanoseconds: UInt64, _ configuration: LoadConfiguration
    ) -> LoadProgress? {
        let seconds = Double(now - shown.nanoseconds) / 1e9
        guard seconds > 0 else { return nil }
        let before = shown.live
        if live != before || phase != .measuring { movedNanoseconds = now }
        shown = (now, live)
        return LoadProgress(
            phase: phase, seconds: Double(now &- beganNanoseconds) / 1e9, connections: live.connections,
            connectionCount: configuration.connectionCount,
            deliveriesPerSecond: Double(live.deliveries - before.deliveries) / seconds,
            publishesPerSecond: Double(live.publishes - before.publishes) / seconds,
            completedPerSecond: configuration.scenario != .churn ? 0 : Double(live.completed - before.completed) / seconds,
            deliveries: live.deliveries, lagged: live.lagged, problems: live.problems)
    }

    /// For how many seconds nothing moved, if that is too long for a run that ends with its messages: it would never end if the broker
    /// fell silent.
    func stuckSeconds(at now: UInt64, phase: LoadProgress.Phase, _ configuration: LoadConfiguration) -> Double? {
        guard configuration.messagesMax != nil, phase == .measuring else { return nil }
        // An open loop is quiet between two moments of its schedule.
        let seconds = max(1, configuration.drainSeconds) + (configuration.ratePerSecond.map { 1 / $0 } ?? 0)
        return now - movedNanoseconds > UInt64(nanosecondsFrom: seconds) ? seconds : nil
    }
}
