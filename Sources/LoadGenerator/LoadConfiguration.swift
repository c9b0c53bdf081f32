/// Everything that determines a run. ``validated()`` must have accepted it before a run begins.
public struct LoadConfiguration: Sendable, Equatable {
    /// What the connections do.
    public enum Scenario: String, Sendable, CaseIterable {
        /// Members of rooms; some of them publish, all of them verify what they receive.
        case fanout
        /// Pairs that send each other direct messages.
        case directMessages = "dm"
        /// Connections that come, join, leave and go.
        case churn
        /// Connections that only exist.
        case idle
    }

    /// The shortest body: its stamp.
    public static let bodyByteCountMin = BodyStamp.byteCount

    public var scenario: Scenario
    public var target: LoadTarget
    /// Rooms of `fanout` and `churn`.
    public var rooms = 10
    /// Members of each room of `fanout`, publishers included.
    public var members = 100
    /// Members of each room of `fanout` that publish.
    public var publishers = 1
    /// Pairs of `dm`.
    public var pairs = 10
    /// Connections of `idle`; connections that exist at a time in `churn`.
    public var connections = 100
    /// Rooms that the connections of `idle` create and join, shared evenly among them.
    public var createdRooms = 0
    /// Octets of every body.
    public var bodyByteCount = 128
    /// Closed loop: publishes in flight in each room (`fanout`), or from each side of a pair (`dm`).
    public var window = 32
    /// Open loop: publishes (or, in `churn`, arrivals) per second overall; nil means closed loop.
    public var ratePerSecond: Double?
    /// The measured time, after the warm-up.
    public var durationSeconds = 10.0
    /// What happens in this time is verified and not measured.
    public var warmupSeconds = 1.0
    /// Ends the run after so many publishes (`churn`: arrivals) instead of after a time.
    public var messagesMax: UInt64?
    /// How long deliveries may come after the last publish before they are lost.
    public var drainSeconds = 10.0
    /// Members of `fanout` that stop reading when the run begins.
    public var stalled = 0
    /// How long those do not read, warm-up included; nil means until the last publish.
    public var stallSeconds: Double?
    /// Event loops, each with its own thread and connections.
    public var loops = 1
    /// Connections begun per second; nil means as fast as the broker accepts them.
    public var connectRatePerSecond: Double?
    /// Loopback source addresses used, from 127.0.0.2 up; 0 leaves the choice to the system.
    public var sources = 0
    /// The broker's process, whose processor time and memory are measured.
    public var serverProcessID: Int32?
    /// How long the connections may take to be ready, beyond the time that ``connectRatePerSecond`` needs.
    public var setupSeconds = 30.0

    public init(scenario: Scenario, target: LoadTarget) {
        self.scenario = scenario
        self.target = target
    }

    /// Connections that the scenario needs at a time.
    public var connectionCount: Int {
        switch scenario {
        case .fanout: rooms * members
        case .directMessages: pairs * 2
        case .churn, .idle: connections
        }
    }

    /// What is wrong with a limit of so many open descriptors; nil if it is enough.
    func shortage(descriptorCountMax: UInt64) -> String? {
        // The observers of churn; epoll, wake-ups and signals of each loop; standard streams and what the runtime keeps open.
        let others = (scenario == .churn ? rooms : 0) + 8 * (loops + 1) + 16
        let needed = UInt64(connectionCount + others)
        guard descriptorCountMax < needed else { return nil }
        return "\(connectionCount) connections need \(needed) open files, "
            + "and this process may have \(descriptorCountMax): raise `ulimit -n`"
    }

    /// The same configuration if it makes sense; else the first reason why not.
    public func validated() throws(UsageError) -> LoadConfiguration {
        try bound("--loops", loops, 1...64)
        try bound("--sources", sources, 0...250)
        if sources > 0, !target.host.hasPrefix("127."), target.host != "localhost" {
            throw UsageError("--sources needs a broker on IPv4 loopback, not '\(target.host)'")
        }
        try positive("--duration", durationSeconds, below: 86_401)
        try positive("--setup", setupSeconds, below: 86_401)
        if let connectRatePerSecond { try positive("--connect-rate", connectRatePerSecond, below: 10_000_001) }
        if let ratePerSecond { try positive("--rate", ratePerSecond, below: 10_000_001) }
        guard warmupSeconds >= 0, warmupSeconds <= 3_600 else { throw UsageError("--warmup must be from 0 to 3600 seconds") }
        guard drainSeconds >= 0, drainSeconds <= 3_600 else { throw UsageError("--drain must be from 0 to 3600 seconds") }
        if let messagesMax, messagesMax == 0 { throw UsageError("--messages must be at least 1") }
        if messagesMax != nil, warmupSeconds > 0 { throw UsageError("--messages measures from the first message on: leave --warmup out") }
        if let serverProcessID, serverProcessID <= 0 { throw UsageError("--server-pid must be the number of a process") }
        if let peer = target.peer, stalled > 0 || createdRooms > 0 || (scenario != .fanout && scenario != .idle) {
            throw UsageError("\(peer)://: only fanout without --stalled, and idle without --rooms, can be asked of a peer")
        }
        switch scenario {
        case .fanout, .directMessages: try validateMessages()
        case .churn:
            try bound("--rooms", rooms, 1...100_000)
            try bound("--connections", connections, 1...1_000_000)
        case .idle:
            try bound("--connections", connections, 1...2_000_000)
            try bound("--rooms", createdRooms, 0...10_000_000)
        }
        return self
    }

    private func validateMessages() throws(UsageError) {
        if scenario == .fanout {
            try bound("--rooms", rooms, 1...100_000)
            try bound("--members", members, 1...1_000_000)
            try bound("--publishers", publishers, 1...members)
            guard connectionCount <= 2_000_000 else { throw UsageError("--rooms × --members must be at most 2000000 connections") }
            try bound("--stalled", stalled, 0...(rooms * (members - publishers)))
            try validateStall()
        } else {
            try bound("--pairs", pairs, 1...500_000)
        }
        try bound("--body", bodyByteCount, BodyStamp.byteCount...16_384)
        try bound("--window", window, 1...65_535)
        if scenario == .fanout, ratePerSecond == nil, window < publishers {
            throw UsageError("--window \(window) is shared by the \(publishers) publishers of a room: it must be at least as many")
        }
    }

    private func validateStall() throws(UsageError) {
        guard let stallSeconds else { return }
        try positive("--stall-seconds", stallSeconds, below: 86_401)
        guard stalled > 0 else { throw UsageError("--stall-seconds says how long the readers of --stalled do not read: give both") }
        if messagesMax == nil, stallSeconds >= warmupSeconds + durationSeconds {
            throw UsageError("--stall-seconds must end before the run does, which takes --warmup and --duration together")
        }
    }

    private func bound(_ option: String, _ value: Int, _ range: ClosedRange<Int>) throws(UsageError) {
        guard range.contains(value) else {
            throw UsageError("\(option) must be from \(range.lowerBound) to \(range.upperBound), not \(value)")
        }
    }

    private func positive(_ option: String, _ value: Double, below limit: Double) throws(UsageError) {
        guard value > 0, value < limit else { throw UsageError("\(option) must be above 0 and below \(Int(limit)), not \(value)") }
    }
}
