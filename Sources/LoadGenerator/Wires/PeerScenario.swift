import LibUV

/// `fanout` and `idle` against a peer, on one loop: the same connections, publishes and checks as against the broker, as far as the
/// peer's wire has them. A peer acknowledges nothing but by delivering, so a publish is in flight until it has come back.
final class PeerScenario: LoadScenario {
    let loop: LoadLoop
    /// Whether new messages are sent.
    private(set) var isPublishing = false
    private var connections: [PeerConnection] = []
    private var publishers: [PeerConnection] = []
    private var preparing = 0
    private var subscribing = 0
    private var draining = 0
    private var openCount = 0
    /// Publishes that have not come back, of all publishers.
    private var unanswered = 0
    private var isSettling = false
    private var isFinished = false
    private var hasReportedExhausted = false
    private var deadline: Timer?
    private var heads: [LogHead]?
    private var schedule: SendSchedule?
    private var pacer: Pacer?
    private var dueTotal: UInt64 = 0

    init(loop: LoadLoop) {
        self.loop = loop
        let plan = loop.plan
        guard let wire = PeerWires.wire(of: plan.configuration.target.url) else { preconditionFailure("a peer has a wire") }
        loop.underwayCountMax = wire.underwayCountMax
        if plan.configuration.scenario == .idle {
            for number in stride(from: loop.index, to: plan.configuration.connections, by: plan.configuration.loops) {
                connections.append(PeerConnection(number: number, room: nil, member: 0, wire: wire, scenario: self))
            }
        }
        for log in 0..<plan.logCount {
            let room = PeerRoom(index: log, wire: wire, plan: plan)
            for member in 0..<plan.membersPerLog {
                let number = plan.account(log: log, member: member)
                guard number % plan.configuration.loops == loop.index else { continue }
                connections.append(PeerConnection(number: number, room: room, member: member, wire: wire, scenario: self))
            }
        }
        publishers = connections.filter { $0.publisher != nil }
            .sorted { ($0.publisher?.number ?? 0) < ($1.publisher?.number ?? 0) }
    }

    // MARK: Steps

    func begin(_ step: RunStep) {
        switch step {
        case .prepare:
            preparing = connections.count
            openCount = connections.count
            guard preparing > 0 else { return loop.report(.done(loop: loop.index, step: .prepare)) }
            loop.dial(connections)
        case .join:
            subscribing = connections.count { $0.room != nil }
            guard subscribing > 0 else { return loop.report(.done(loop: loop.index, step: .join)) }
            for connection in connections { connection.subscribe() }
        }
    }

    func didPrepare() {
        preparing -= 1
        loop.result.completed += 1
        if preparing == 0 { loop.report(.done(loop: loop.index, step: .prepare)) }
    }

    func didSubscribe() {
        subscribing -= 1
        if subscribing == 0 { loop.report(.done(loop: loop.index, step: .join)) }
    }

    func start(_ clock: RunClock) {
        isPublishing = true
        if let rate = loop.plan.configuration.ratePerSecond {
            schedule = SendSchedule(startNanoseconds: clock.startNanoseconds, ratePerSecond: rate)
        }
        for connection in connections { connection.run() }
        if let schedule, !publishers.isEmpty {
            let numbers = publishers.map { UInt64($0.publisher?.number ?? 0) }
            pacer = Pacer(
                schedule: schedule, numbers: numbers, publisherCount: UInt64(loop.plan.publisherCount), mailbox: loop.mailbox,
                index: loop.index)
            if pacer == nil { loop.fail(.system("no thread for the schedule")) }
        }
        reportIfExhausted()
    }

    // MARK: The schedule of the open loop

    func tick() {
        guard isPublishing else { return }
        raiseDueTotal(at: MonotonicClock.nanoseconds)
        for connection in publishers {
            guard let publisher = connection.publisher, publisher.sent < dueCount(of: publisher.number) else { continue }
            loop.markDirty(connection)
        }
    }

    private func raiseDueTotal(at nanoseconds: UInt64) {
        guard let schedule else { return }
        dueTotal = min(schedule.dueCount(at: nanoseconds), loop.plan.configuration.messagesMax ?? .max)
    }

    /// How many messages a publisher should have sent by now.
    func dueCount(of publisherNumber: Int) -> UInt64 {
        guard schedule != nil else { return .max }
        let number = UInt64(publisherNumber)
        return dueTotal > number ? (dueTotal - number - 1) / UInt64(loop.plan.publisherCount) + 1 : 0
    }

    func intendedNanoseconds(of publisherNumber: Int, index: UInt64) -> UInt64? {
        schedule?.nanoseconds(of: index * UInt64(loop.plan.publisherCount) + UInt64(publisherNumber))
    }

    // MARK: What connections report

    func didPublish(_ count: UInt64, at nanoseconds: UInt64) {
        loop.result.publishes += count
        unanswered += Int(count)
        if loop.clock?.measures(nanoseconds) == true { loop.result.publishesMeasured += count }
    }

    @inline(__always)
    func didDeliver(_ stamp: BodyStamp) {
        loop.result.deliveries += 1
        if loop.isMeasuring {
            loop.result.deliveriesMeasured += 1
            loop.result.lastDeliveryNanoseconds = loop.receiveNanoseconds
        }
        if loop.isIntended(stamp.intendedNanoseconds) {
            loop.result.latency.record(nanoseconds: loop.receiveNanoseconds &- stamp.intendedNanoseconds)
        }
    }

    /// So many publishes have come back.
    func didReturn(_ count: Int) {
        unanswered -= count
        loop.result.acknowledged += UInt64(count)
        if loop.isMeasuring { loop.result.acknowledgedMeasured += UInt64(count) }
    }

    func addForeign() {
        loop.result.tally.addForeign()
        loop.addProblem()
    }

    func addError(_ text: String) {
        loop.result.errors.add(text)
        loop.addProblem()
    }

    func didEnd(_ connection: PeerConnection, _ end: ConnectionEnd, wasDraining: Bool) {
        guard end != .left else { return }
        guard loop.clock != nil else {
            if case .refused(let reason) = end { return loop.fail(.refused(reason)) }
            return loop.fail(.cannotConnect(end.description))
        }
        openCount -= 1
        unanswered -= connection.publisher?.unanswered ?? 0
        addError("connection lost: \(end.description)")
        if wasDraining { didDrain() }
    }

    // MARK: Ends

    func turnDidEnd() {
        if isSettling, unanswered == 0 { settle() }
        if isPublishing { reportIfExhausted() }
    }

    private func reportIfExhausted() {
        guard !hasReportedExhausted else { return }
        let isBounded = loop.plan.configuration.messagesMax != nil
        guard openCount == 0 || (isBounded && publishers.allSatisfy { !$0.isOpen || $0.publisher?.isExhausted != false }) else { return }
        hasReportedExhausted = true
        loop.report(.exhausted(loop: loop.index))
    }

    func stop() {
        if schedule != nil {
            // What became due up to the end is still sent, as far as the limits let it; what is due later is not of this run.
            raiseDueTotal(at: loop.clock.map { min($0.measureEndNanoseconds, MonotonicClock.nanoseconds) } ?? 0)
            for connection in publishers {
                connection.fill()
                guard let publisher = connection.publisher else { continue }
                let due = min(dueCount(of: publisher.number), publisher.messageCountMax)
                loop.result.unsent += due > publisher.sent ? due - publisher.sent : 0
            }
        }
        isPublishing = false
        pacer?.stop()
        isSettling = true
        deadline = loop.startTimer(seconds: max(1, loop.plan.configuration.drainSeconds)) { [unowned self] in settle() }
        if unanswered == 0 { settle() }
    }

    private func settle() {
        guard isSettling else { return }
        isSettling = false
        deadline?.close()
        deadline = nil
        if unanswered > 0 { loop.result.errors.add("publishes that never came back", count: UInt64(unanswered)) }
        var heads = [LogHead](repeating: LogHead(), count: loop.plan.logCount)
        for connection in publishers {
            guard let room = connection.room, let sent = connection.publisher?.sent else { continue }
            heads[room.index].merge(LogHead(seq: sent, acknowledged: sent))
        }
        loop.report(.settled(loop: loop.index, heads: heads))
    }

    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        self.heads = heads
        draining = connections.count { $0.isOpen }
        let now = MonotonicClock.nanoseconds
        let left = deadlineNanoseconds > now ? Double(deadlineNanoseconds - now) / 1e9 : 0
        deadline = loop.startTimer(seconds: left) { [unowned self] in finish() }
        guard draining > 0 else { return finish() }
        for connection in connections { connection.drain(count: connection.room.map { heads[$0.index].acknowledged } ?? 0) }
    }

    func didDrain() {
        draining -= 1
        if draining <= 0 { finish() }
    }

    func abort() {
        if isSettling { settle() } else if heads != nil { finish() }
    }

    private func finish() {
        guard !isFinished, let heads else { return }
        isFinished = true
        deadline?.close()
        deadline = nil
        let silent = connections.count { $0.isDraining }
        if silent > 0 { loop.result.errors.add("connections that did not get everything and an answer to a ping", count: UInt64(silent)) }
        // Also for those whose connection is gone: what was published should have reached them.
        for connection in connections {
            guard let room = connection.room else { continue }
            loop.result.tally += connection.finish(sent: heads[room.index].acknowledged)
        }
        loop.finish()
    }

    func close() {
        pacer?.stop()
        deadline?.close()
        for connection in connections { connection.end(.left) }
    }

    func dismantle() {
        connections = []
        publishers = []
    }
}
