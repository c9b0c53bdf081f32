import Bytes
import ChatProtocol
import LibUV
import TLS

/// What the connections of one loop do, beyond being connections. Confined to its loop's thread.
protocol LoadScenario: AnyObject {
    /// Ends with ``LoopReport/done(loop:step:)``.
    func begin(_ step: RunStep)
    func start(_ clock: RunClock)
    /// Open loop: something is due.
    func tick()
    /// Begins nothing more. Ends with ``LoopReport/settled(loop:heads:)``.
    func stop()
    /// Ends with ``LoadLoop/finish()``.
    func drain(heads: [LogHead], deadlineNanoseconds: UInt64)
    /// Waits for nothing any more: what has not come is judged as it stands.
    func abort()
    /// Takes leave with all connections.
    func close()
    /// Lets go of the connections, which hold on to the scenario.
    func dismantle()
    func turnDidEnd()
}

/// A connection as its loop sees it: whatever it speaks, and to whom.
protocol LoopConnection: AnyObject {
    /// Whether it is among those that are written at the end of the turn.
    var isDirty: Bool { get set }
    func dial()
    /// Called at the end of a turn in which the connection was marked dirty, before what is queued is written.
    func fill()
    /// Writes what is queued as far as the kernel takes it. One call a turn.
    func flush()
}

/// One event loop of the generator: its connections, its counts and its clock. Nothing of it is shared with other loops; the conductor
/// tells it what to do and gets its result at the end.
final class LoadLoop {

    let index: Int
    let plan: LoadPlan
    let eventLoop: EventLoop
    let mailbox: Mailbox<LoopCommand>
    let live: LiveCounters
    /// The buffers that the loop's connections share.
    let tlsScratch = TLSScratch()
    private let reports: Mailbox<LoopReport>
    private var scenario: (any LoadScenario)?
    var result = LoopResult()

    /// Known from the start of the run on.
    private(set) var clock: RunClock?
    /// When the octets now being handled were read.
    private(set) var receiveNanoseconds: UInt64 = 0
    /// Whether that was in the measured time.
    private(set) var isMeasuring = false
    private var measureStartNanoseconds = UInt64.max
    private var measureEndNanoseconds: UInt64 = 0
    private var intervalEndNanoseconds = UInt64.max

    private var dirty: [any LoopConnection] = []
    private var flushing: [any LoopConnection] = []
    private var waiting: [any LoopConnection] = []
    private var waitingHead = 0
    private var underwayCount = 0
    /// Connections that are between dialling and the end of their log-in at a time.
    var underwayCountMax = 64
    private var dialSchedule: SendSchedule?
    private var dialCount: UInt64 = 0
    private var dialTimer: Timer?
    private var heartbeat: Timer?
    private var openCount = 0
    private var readyCount: UInt64 = 0
    private var lagged: UInt64 = 0
    private var problems: UInt64 = 0
    private var hasFailed = false
    private var isClosing = false

    /// Runs on the calling thread until the conductor closes it.
    static func run(
        index: Int, plan: LoadPlan, mailbox: Mailbox<LoopCommand>, reports: Mailbox<LoopReport>, live: LiveCounters
    ) {
        do throws(UVError) {
            let eventLoop = try EventLoop()
            defer { eventLoop.close() }
            let loop = LoadLoop(index: index, plan: plan, eventLoop: eventLoop, mailbox: mailbox, reports: reports, live: live)
            try mailbox.attach(to: eventLoop) { commands in
                for command in commands { loop.handle(command) }
            }
            eventLoop.onTurnEnd = { [unowned loop] in loop.turnDidEnd() }
            eventLoop.run()
            loop.dismantle()
        } catch {
            reports.post([.failed(loop: index, failure: .system("event loop \(index): \(error)"))])
        }
        mailbox.close()
        reports.post([.closed(loop: index)])
    }

    private init(
        index: Int, plan: LoadPlan, eventLoop: EventLoop, mailbox: Mailbox<LoopCommand>, reports: Mailbox<LoopReport>, live: LiveCounters
    ) {
        self.index = index
        self.plan = plan
        self.eventLoop = eventLoop
        self.mailbox = mailbox
        self.reports = reports
        self.live = live
        if let rate = plan.configuration.connectRatePerSecond {
            dialSchedule = SendSchedule(
                startNanoseconds: MonotonicClock.nanoseconds, ratePerSecond: rate / Double(plan.configuration.loops))
        }
        scenario =
            switch plan.configuration.scenario {
            case _ where plan.configuration.target.peer != nil: PeerScenario(loop: self)
            case .fanout, .directMessages: LogScenario(loop: self)
            case .churn: ChurnScenario(loop: self)
            case .idle: IdleScenario(loop: self)
            }
    }

    /// Lets go of the connections, which hold on to the loop: a reference that is counted weakly would cost more than all the checks
    /// of a delivery.
    private func dismantle() {
        scenario?.dismantle()
        scenario = nil
        waiting = []
        dirty = []
        flushing = []
        eventLoop.onTurnEnd = nil
    }

    // MARK: Commands and reports

    private func handle(_ command: LoopCommand) {
        switch command {
        case .step(let step): scenario?.begin(step)
        case .start(let clock):
            self.clock = clock
            measureStartNanoseconds = clock.measureStartNanoseconds
            measureEndNanoseconds = clock.measureEndNanoseconds
            intervalEndNanoseconds = clock.measureStartNanoseconds + clock.intervalNanoseconds
            // A loop that hears nothing still ends its intervals.
            let timer = Timer(loop: eventLoop)
            timer.start(afterMilliseconds: 100, repeatMilliseconds: 100) {}
            heartbeat = timer
            scenario?.start(clock)
        case .tick: scenario?.tick()
        case .stop(let nanoseconds):
            // A run of so many messages is over when they have arrived, not when the last one was sent.
            if plan.configuration.messagesMax == nil {
                measureEndNanoseconds = min(measureEndNanoseconds, nanoseconds)
                clock?.measureEndNanoseconds = measureEndNanoseconds
                isMeasuring = false
            }
            scenario?.stop()
        case .drain(let heads, let deadline): scenario?.drain(heads: heads, deadlineNanoseconds: deadline)
        case .abort: scenario?.abort()
        case .close:
            isClosing = true
            heartbeat?.close()
            dialTimer?.close()
            _ = startTimer(seconds: 2) { [unowned self] in eventLoop.stop() }
            scenario?.close()
            stopIfClosed()
        }
    }

    func report(_ report: LoopReport) { reports.post([report]) }

    /// There will be no result.
    func fail(_ failure: LoadFailure) {
        guard !hasFailed, !isClosing else { return }
        hasFailed = true
        report(.failed(loop: index, failure: failure))
    }

    /// The result is complete.
    func finish() {
        report(.finished(loop: index, result: result))
    }

    private func stopIfClosed() {
        if isClosing, openCount == 0 { eventLoop.stop() }
    }

    // MARK: Time

    /// A timer that is the caller's to close.
    func startTimer(seconds: Double, _ handler: @escaping () -> Void) -> Timer {
        let timer = Timer(loop: eventLoop)
        timer.start(afterMilliseconds: UInt64((max(0, seconds) * 1_000).rounded(.up)), handler)
        return timer
    }

    /// The same for a moment of the monotonic clock: at once if it has passed.
    func startTimer(atNanoseconds moment: UInt64, _ handler: @escaping () -> Void) -> Timer {
        let now = MonotonicClock.nanoseconds
        return startTimer(seconds: moment > now ? Double(moment - now) / 1e9 : 0, handler)
    }

    /// Reads the clock once for all that one read has brought.
    func beginReceiving() {
        receiveNanoseconds = MonotonicClock.nanoseconds
        isMeasuring = receiveNanoseconds >= measureStartNanoseconds && receiveNanoseconds < measureEndNanoseconds
    }

    /// Whether a message that should have been sent then belongs to the measured time: it does whenever it arrives.
    @inline(__always)
    func isIntended(_ nanoseconds: UInt64) -> Bool {
        nanoseconds >= measureStartNanoseconds && nanoseconds < measureEndNanoseconds
    }

    /// A message has come. `counts`: whether its latency is of interest.
    @inline(__always)
    func didDeliver(_ stamp: BodyStamp, counts: Bool) {
        result.deliveries += 1
        if isMeasuring {
            result.deliveriesMeasured += 1
            result.lastDeliveryNanoseconds = receiveNanoseconds
        }
        if counts, isIntended(stamp.intendedNanoseconds) {
            result.latency.record(nanoseconds: receiveNanoseconds &- stamp.intendedNanoseconds)
        }
    }

    // MARK: Turns

    func markDirty(_ connection: any LoopConnection) {
        guard !connection.isDirty else { return }
        connection.isDirty = true
        dirty.append(connection)
    }

    private func turnDidEnd() {
        while !dirty.isEmpty {
            swap(&dirty, &flushing)
            for connection in flushing {
                connection.fill()
                connection.isDirty = false
                connection.flush()
            }
            flushing.removeAll(keepingCapacity: true)
        }
        scenario?.turnDidEnd()
        if clock != nil { endIntervals() }
        live.store(
            LiveCounters.Sample(
                deliveries: result.deliveries, publishes: result.publishes, connections: readyCount, completed: result.completed,
                lagged: lagged, problems: problems))
    }

    private func endIntervals() {
        let now = min(MonotonicClock.nanoseconds, measureEndNanoseconds)
        while now >= intervalEndNanoseconds, let clock {
            result.latency.closeInterval()
            intervalEndNanoseconds += clock.intervalNanoseconds
        }
    }

    func addLagged(_ count: UInt64) { lagged += count }
    func addProblem() { problems += 1 }

    // MARK: Dialling

    /// Connects, not all at once and not faster than the rate asked for.
    func dial(_ connections: [some LoopConnection]) {
        if waitingHead == waiting.count {
            waiting = []
            waitingHead = 0
        }
        waiting += connections as [any LoopConnection]
        pumpDials()
    }

    private func pumpDials() {
        while !isClosing, waitingHead < waiting.count, underwayCount < underwayCountMax {
            if let dialSchedule {
                let now = MonotonicClock.nanoseconds
                let due = dialSchedule.nanoseconds(of: dialCount)
                if due > now {
                    let timer = dialTimer ?? Timer(loop: eventLoop)
                    dialTimer = timer
                    return timer.start(afterMilliseconds: (due - now) / 1_000_000 + 1) { [unowned self] in pumpDials() }
                }
            }
            let connection = waiting[waitingHead]
            waitingHead += 1
            dialCount += 1
            underwayCount += 1
            openCount += 1
            connection.dial()
        }
    }

    /// AUTH_OK has come.
    func didLogIn(_ connection: any LoopConnection, dialed: UInt64, connected: UInt64) {
        underwayCount -= 1
        readyCount += 1
        recordStep("connect", nanoseconds: connected - dialed)
        recordStep("log in", nanoseconds: MonotonicClock.nanoseconds - connected)
        pumpDials()
    }

    func recordStep(_ name: String, nanoseconds: UInt64) {
        result.steps[name, default: LatencyRecorder()].record(nanoseconds: nanoseconds)
    }

    /// The connection is no more.
    func didEnd(_ connection: any LoopConnection, wasReady: Bool, wasDialed: Bool) {
        guard wasDialed else { return }
        openCount -= 1
        if wasReady {
            readyCount -= 1
        } else {
            underwayCount -= 1
            pumpDials()
        }
        stopIfClosed()
    }
}
