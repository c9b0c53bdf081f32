/// What the broker's process used, from samples at the turning points of a run. Without a process there is nothing to say.
struct ServerWatch {
    enum Moment: Int, CaseIterable {
        /// The first connection has not been dialled; all are ready; the measured time begins; it ends.
        case before, ready, start, end
    }

    private let processID: Int32?
    private var samples = [ProcessSample?](repeating: nil, count: Moment.allCases.count)

    init(processID: Int32?) {
        self.processID = processID
    }

    /// False if there should be a process, and is none.
    @discardableResult
    mutating func sample(_ moment: Moment) -> Bool {
        guard let processID else { return true }
        samples[moment.rawValue] = ProcessSample(processID: processID)
        return samples[moment.rawValue] != nil
    }

    /// Adds what was found to a report whose other figures are complete.
    func add(to report: inout LoadReport) {
        guard let processID, let before = samples[Moment.before.rawValue], let ready = samples[Moment.ready.rawValue] else { return }
        guard let start = samples[Moment.start.rawValue], let end = samples[Moment.end.rawValue] else {
            if !report.isInterrupted { report.errors.append("the broker's process \(processID) has gone") }
            return
        }
        let cpuSeconds = end.cpuSeconds - start.cpuSeconds
        let growth = Double(ready.residentByteCount) - Double(before.residentByteCount)
        report.server = ServerUsage(
            processID: processID, cpuSeconds: cpuSeconds, systemSeconds: end.systemSeconds - start.systemSeconds,
            cpuSecondsPerMillionDeliveries: report.deliveries > 0 ? cpuSeconds / (Double(report.deliveries) / 1e6) : nil,
            residentByteCountBefore: before.residentByteCount, residentByteCountReady: ready.residentByteCount,
            residentByteCount: end.residentByteCount, residentByteCountMax: end.residentByteCountMax,
            residentByteCountPerConnection: growth / Double(max(1, report.configuration.connectionCount)))
    }
}
