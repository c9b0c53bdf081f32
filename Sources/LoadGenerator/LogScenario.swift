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
    private var openCount = 0
    /// Publishes without an answer, of all publishers.
    private var unanswered = 0
    private var isSettling = false
    private var isFinished = false
    private var hasReportedExhausted = false
    private var publishers: [LogConnection] = []
    private var deadline: Timer?
    private var stallEnd: Timer?
    private var heads: [LogHead] = []

    // Open loop
    private var schedule: SendSchedule?
    private var pacer: Pacer?
    private var dueTotal: UInt64 = 0
    private var dueCursor: UInt64 = 0

    /// Whether new messages are sent.
    private(set) var isPublishing = false

    init(loop: LoadLoop) {
        self.loop = loop
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
                if member < plan.publishersPerLog { publishers.append(connection) }
            }
        }
        publishers.sort { number($0) < number($1) }
    }

    private func number(_ connection: LogConnection) -> Int {
        loop.plan.publisherNumber(log: connection.context.index, publisher: connection.member)
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
        isPublishing = true
        if let rate = loop.plan.configuration.ratePerSecond {
            schedule = SendSchedule(startNanoseconds: clock.startNanoseconds, ratePerSecond: rate)
        }
        for connection in connections { connection.run() }
        if let seconds = loop.plan.configuration.stallSeconds {
            stallEnd = loop.startTimer(seconds: seconds) { [unowned self] in
                for connection in connections where connection.isStalled { connection.resumeReading() }
            }
        }
        if let schedule, !publishers.isEmpty {
            let numbers = publishers.map { UInt64(number($0)) }
            pacer = Pacer(
                schedule: schedule, numbers: numbers, publisherCount: UInt64(loop.plan.publisherCount), mailbox: loop.mailbox,
                index: loop.index)
            if pacer == nil { loop.fail(.system("no thread for the schedule")) }
        }
        reportIfExhausted()
    }

    // MARK: The schedule of the open loop

    func tick() {
        guard isPublishing, let schedule, !publishers.isEmpty else { return }
        let total = UInt64(loop.plan.publisherCount)
        dueTotal = min(schedule.dueCount(at: MonotonicClock.nanoseconds), loop.plan.configuration.messagesMax ?? .max)
        // Only those are looked at for whom something new is due.
        var marked = 0
        while marked < publishers.count {
            let (round, position) = dueCursor.quotientAndRemainder(dividingBy: UInt64(publishers.count))
            let publisher = publishers[Int(position)]
            guard round * total + UInt64(number(publisher)) < dueTotal else { break }
            loop.markDirty(publisher)
            dueCursor += 1
            marked += 1
        }
        if marked == publishers.count {
            let rounds = dueTotal / total
            dueCursor = max(dueCursor, rounds * UInt64(publishers.count))
        }
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
    func didDeliver(_ stamp: BodyStamp, counts: Bool) {
        loop.result.deliveries += 1
        if loop.isMeasuring {
            loop.result.deliveriesMeasured += 1
            loop.result.lastDeliveryNanoseconds = loop.receiveNanoseconds
        }
        if counts, loop.isIntended(stamp.intendedNanoseconds) {
            loop.result.latency.record(nanoseconds: loop.receiveNanoseconds &- stamp.intendedNanoseconds)
        }
    }

    func didAcknowledge(intendedNanoseconds: UInt64) {
        unanswered -= 1
        loop.result.acknowledged += 1
        if loop.isMeasuring { loop.result.acknowledgedMeasured += 1 }
        if loop.isIntended(intendedNanoseconds) {
            loop.result.acknowledgementLatency.record(nanoseconds: loop.receiveNanoseconds &- intendedNanoseconds)
        }
    }

    func didRefuse() { unanswered -= 1 }

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
        openCount -= 1
        let forgotten = connection.publisher?.unanswered ?? 0
        unanswered -= forgotten
        if forgotten > 0 { loop.result.errors.add("publishes never answered", count: UInt64(forgotten)) }
        addError("\(connection.isStalled ? "stalled " : "")connection lost: \(end.description)")
        if connection.isDraining { didDrain() }
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
        if let schedule {
            // What became due up to the end is still sent, as far as the limits let it; what is due later is not of this run.
            let end = loop.clock.map { min($0.measureEndNanoseconds, MonotonicClock.nanoseconds) } ?? 0
            dueTotal = min(schedule.dueCount(at: end), loop.plan.configuration.messagesMax ?? .max)
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
        if unanswered > 0 { loop.result.errors.add("publishes never answered", count: UInt64(unanswered)) }
        var heads = [LogHead](repeating: LogHead(), count: loop.plan.logCount)
        for connection in publishers {
            if let head = connection.publisher?.head { heads[connection.context.index].merge(head) }
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
        for connection in connections { connection.drain(head: heads[connection.context.index].seq) }
    }

    func didDrain() {
        draining -= 1
        if draining <= 0 { finish() }
    }

    func abort() {
        if isSettling { settle() } else if !heads.isEmpty { finish() }
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
        pacer?.stop()
        deadline?.close()
        stallEnd?.close()
        for connection in connections { connection.leave() }
    }

    func dismantle() {
        connections = []
        publishers = []
    }
}
