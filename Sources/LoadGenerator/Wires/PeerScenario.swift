import LibUV

/// `fanout` and `idle` against a peer, on one loop: the same connections, publishes and checks as against the broker, as far as the
/// peer's wire has them. A peer acknowledges nothing but by delivering, so a publish is in flight until it has come back.
final class PeerScenario: LoadScenario {
    let loop: LoadLoop
    let publishing: PublishingPhase<PeerConnection>
    private var connections: [PeerConnection] = []
    private var preparing = 0
    private var subscribing = 0
    private var draining = 0
    private var isFinished = false
    private var deadline: Timer?
    private var heads: [LogHead]?

    init(loop: LoadLoop) {
        self.loop = loop
        publishing = PublishingPhase(loop: loop)
        let plan = loop.plan
        guard let wire = plan.configuration.target.wire else { preconditionFailure("a peer has a wire") }
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
        for connection in connections { publishing.add(connection) }
    }

    // MARK: Steps

    func begin(_ step: RunStep) {
        switch step {
        case .prepare:
            preparing = connections.count
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
        publishing.start(clock)
        for connection in connections { connection.run() }
        publishing.reportIfExhausted()
    }

    func tick() { publishing.tick() }

    // MARK: What connections report

    /// So many publishes have come back.
    func didReturn(_ count: Int) {
        publishing.didAnswer(count)
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
        publishing.didLose(connection)
        addError("connection lost: \(end.description)")
        if wasDraining { didDrain() }
    }

    // MARK: Ends

    func turnDidEnd() { publishing.turnDidEnd() }

    func stop() {
        publishing.stop { [unowned self] in settle(unanswered: $0) }
    }

    private func settle(unanswered: Int) {
        if unanswered > 0 { loop.result.errors.add("publishes that never came back", count: UInt64(unanswered)) }
        var heads = [LogHead](repeating: LogHead(), count: loop.plan.logCount)
        for connection in publishing.publishers {
            guard let room = connection.room, let sent = connection.publisher?.sent else { continue }
            heads[room.index].merge(LogHead(seq: sent, acknowledged: sent))
        }
        loop.report(.settled(loop: loop.index, heads: heads))
    }

    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        self.heads = heads
        draining = connections.count { $0.isOpen }
        deadline = loop.startTimer(atNanoseconds: deadlineNanoseconds) { [unowned self] in finish() }
        guard draining > 0 else { return finish() }
        for connection in connections { connection.drain(count: connection.room.map { heads[$0.index].acknowledged } ?? 0) }
    }

    func didDrain() {
        draining -= 1
        if draining <= 0 { finish() }
    }

    func abort() {
        if !publishing.settle(), heads != nil { finish() }
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
        publishing.close()
        deadline?.close()
        for connection in connections { connection.end(.left) }
    }

    func dismantle() {
        connections = []
        publishing.dismantle()
    }
}
