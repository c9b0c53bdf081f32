import ChatProtocol
import LibUV

/// `fanout` and `dm` on one loop: the connections, their publishes and their checks.
final class LogScenario: LoadScenario {
    let loop: LoadLoop
    let isConversation: Bool
    private var connections: [LogConnection] = []
    private var preparing = 0
    private var joining = 0
    private var draining = 0
    private var isFinished = false
    let publishing: PublishingPhase<LogConnection>
    private var deadline: Timer?
    private var stallEnd: Timer?
    private var heads: [LogHead] = []

    init(loop: LoadLoop) {
        self.loop = loop
        publishing = PublishingPhase(loop: loop)
        isConversation = loop.plan.configuration.scenario == .directMessages
        let plan = loop.plan
        var contexts: [Int: LogContext] = [:]
        for log in 0..<plan.logCount {
            for member in 0..<plan.membersPerLog {
                let number = plan.account(log: log, member: member)
                guard number % plan.configuration.loops == loop.index else { continue }
                let context = contexts[log] ?? LogContext(index: log, plan: plan)
                contexts[log] = context
                let isStalled = !isConversation && plan.isStalled(log: log, member: member)
                let connection = LogConnection(
                    number: number, member: member, context: context, isStalled: isStalled, scenario: self)
                connections.append(connection)
                publishing.add(connection)
            }
        }
    }

    // MARK: Steps

    func begin(_ step: RunStep) {
        switch step {
        case .prepare:
            preparing = connections.count
            guard preparing > 0 else { return loop.report(.done(loop: loop.index, step: .prepare)) }
            loop.dial(connections)
        case .join:
            joining = isConversation ? 0 : connections.count
            guard joining > 0 else { return loop.report(.done(loop: loop.index, step: .join)) }
            for connection in connections { connection.join() }
        }
    }

    func didPrepare() {
        preparing -= 1
        if preparing == 0 { loop.report(.done(loop: loop.index, step: .prepare)) }
    }

    func didJoin() {
        joining -= 1
        if joining == 0 { loop.report(.done(loop: loop.index, step: .join)) }
    }

    func start(_ clock: RunClock) {
        publishing.start(clock)
        for connection in connections { connection.run() }
        if let seconds = loop.plan.configuration.stallSeconds {
            stallEnd = loop.startTimer(seconds: seconds) { [unowned self] in
                for connection in connections where connection.isStalled { connection.resumeReading() }
            }
        }
        publishing.reportIfExhausted()
    }

    func tick() { publishing.tick() }

    // MARK: What connections report

    func didAcknowledge(intendedNanoseconds: UInt64) {
        publishing.didAnswer(1)
        loop.result.acknowledged += 1
        if loop.isMeasuring { loop.result.acknowledgedMeasured += 1 }
        if loop.isIntended(intendedNanoseconds) {
            loop.result.acknowledgementLatency.record(nanoseconds: loop.receiveNanoseconds &- intendedNanoseconds)
        }
    }

    func didRefuse() { publishing.didAnswer(1) }

    /// A stalled reader has what was sent after it had begun to read again.
    func didCatchUp(afterNanoseconds nanoseconds: UInt64) {
        loop.result.stalled.current += 1
        loop.result.stalled.catchUpMicrosecondsMax = max(loop.result.stalled.catchUpMicrosecondsMax, nanoseconds / 1_000)
    }

    func didLag(_ count: UInt64) { loop.addLagged(count) }

    func addForeign() {
        loop.result.tally.addForeign()
        loop.addProblem()
    }

    func addContradiction() {
        loop.result.tally.contradictions += 1
        loop.addProblem()
    }

    func addProblem() { loop.addProblem() }

    func addError(_ text: String) {
        loop.result.errors.add(text)
        loop.addProblem()
    }

    func didEnd(_ connection: LogConnection, _ end: ConnectionEnd) {
        guard end != .left else { return }
        if loop.clock == nil {
            return loop.fail(.cannotConnect(end.description))
        }
        publishing.didLose(connection)
        let forgotten = connection.publisher?.unanswered ?? 0
        if forgotten > 0 { loop.result.errors.add("publishes never answered", count: UInt64(forgotten)) }
        addError("\(connection.isStalled ? "stalled " : "")connection lost: \(end.description)")
        if connection.isDraining { didDrain() }
    }

    // MARK: Ends

    func turnDidEnd() { publishing.turnDidEnd() }

    func stop() {
        publishing.stop { [unowned self] in settle(unanswered: $0) }
    }

    private func settle(unanswered: Int) {
        if unanswered > 0 { loop.result.errors.add("publishes never answered", count: UInt64(unanswered)) }
        var heads = [LogHead](repeating: LogHead(), count: loop.plan.logCount)
        for connection in publishing.publishers {
            if let head = connection.publisher?.head { heads[connection.context.index].merge(head) }
        }
        loop.report(.settled(loop: loop.index, heads: heads))
    }

    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        self.heads = heads
        draining = connections.count { $0.isOpen }
        deadline = loop.startTimer(atNanoseconds: deadlineNanoseconds) { [unowned self] in finish() }
        guard draining > 0 else { return finish() }
        for connection in connections { connection.drain(head: heads[connection.context.index].seq) }
    }

    func didDrain() {
        draining -= 1
        if draining <= 0 { finish() }
    }

    func abort() {
        if !publishing.settle(), !heads.isEmpty { finish() }
    }

    private func finish() {
        guard !isFinished else { return }
        isFinished = true
        deadline?.close()
        deadline = nil
        var digests: [Int: LogDigest] = [:]
        for connection in connections {
            let head = heads[connection.context.index]
            // Also for those whose connection is gone: what was acknowledged should have reached them.
            connection.finish(head)
            let tally = connection.checker.tally
            loop.result.tally += tally
            if connection.isStalled {
                loop.result.stalled.connections += 1
                loop.result.stalled.lagged += tally.lagged
                if connection.isOpen, tally.isClean { loop.result.stalled.caughtUp += 1 }
            }
            // Only those who should have everything can be compared.
            if connection.isOpen, tally.isClean, tally.lagged == 0 {
                let log = connection.context.index
                var entry = digests[log] ?? LogDigest(log: log, digest: connection.checker.digest, isUniform: true)
                if entry.digest != connection.checker.digest { entry.isUniform = false }
                digests[log] = entry
            }
        }
        loop.result.digests = digests.values.sorted { $0.log < $1.log }
        loop.finish()
    }

    func close() {
        publishing.close()
        deadline?.close()
        stallEnd?.close()
        for connection in connections { connection.leave() }
    }

    func dismantle() {
        connections = []
        publishing.dismantle()
    }
}
