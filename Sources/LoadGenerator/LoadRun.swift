import Glibc
import Histogram
import LibUV
import TLS

/// One run: starts the loops, leads them through its steps together, watches the broker's process, and adds up what they found.
///
/// It occupies the calling thread until the run is over.
public final class LoadRun {
    private struct Worker {
        let mailbox = Mailbox<LoopCommand>()
        let live = LiveCounters()
        var thread: LoopThread?
        var isDone = false
        var isExhausted = false
        var isClosed = false
    }

    private let configuration: LoadConfiguration
    private let onProgress: (LoadProgress) -> Void
    private let handlesInterrupts: Bool
    private let identity: RunIdentity
    private let reports = Mailbox<LoopReport>()
    private var workers: [Worker] = []
    private var eventLoop: EventLoop?
    private var timers: [Timer] = []
    private var interrupts: InterruptWatcher?
    private var setupTimer: Timer?
    private var endTimer: Timer?
    private var drainTimer: Timer?

    private var phase = LoadProgress.Phase.connecting
    private var failure: LoadFailure?
    private var clock: RunClock?
    private var heads: [LogHead] = []
    private var settledCount = 0
    private var results: [LoopResult] = []
    private var isStopped = false
    private var isAborted = false
    private var interruptedNanoseconds: UInt64?
    private var isClosing = false

    private var beganNanoseconds: UInt64 = 0
    private var report: LoadReport
    private var server: ServerWatch
    private var ownCPUSecondsStart = 0.0
    private var watch = ProgressWatch()

    /// - Parameters:
    ///   - handlesInterrupts: SIGINT or SIGTERM ends the run early, a second one without draining.
    ///   - onProgress: called each second on the calling thread.
    public init(
        _ configuration: LoadConfiguration, handlesInterrupts: Bool = false, onProgress: @escaping (LoadProgress) -> Void = { _ in }
    ) throws(UsageError) {
        self.configuration = try configuration.validated()
        self.handlesInterrupts = handlesInterrupts
        self.onProgress = onProgress
        identity = RunIdentity(number: UInt32.random(in: 0...UInt32.max))
        report = LoadReport(configuration: configuration)
        server = ServerWatch(processID: configuration.serverProcessID)
        report.run = identity.text
    }

    /// Runs to the end. Call it once.
    public func run() throws(LoadFailure) -> LoadReport {
        do throws(UVError) {
            let limit = try ProcessLimits.raiseDescriptorLimit()
            let eventLoop = try EventLoop()
            self.eventLoop = eventLoop
            defer {
                eventLoop.close()
                self.eventLoop = nil
            }
            try reports.attach(to: eventLoop) { [unowned self] batch in
                for report in batch { handle(report) }
            }
            if handlesInterrupts {
                interrupts = try InterruptWatcher(loop: eventLoop) { [unowned self] in interrupt() }
            }
            if let shortage = configuration.shortage(descriptorCountMax: limit.soft) {
                fail(.system(shortage))
            } else {
                resolve(eventLoop)
                eventLoop.run()
            }
        } catch {
            throw .system("event loop: \(error)")
        }
        for worker in workers { worker.thread?.join() }
        if let failure { throw failure }
        return report
    }

    // MARK: Starting

    private func resolve(_ eventLoop: EventLoop) {
        let target = configuration.target
        AddressResolver.resolve(loop: eventLoop, host: target.host, port: target.port) { [unowned self] result in
            switch result {
            case .success(let addresses):
                // Sources are IPv4; and a name of loopback has both, of which a broker may serve one.
                start(addresses.first { $0.isIPv4 } ?? addresses[0])
            case .failure(let error):
                fail(.cannotConnect("\(target.host): \(error)"))
            }
        }
    }

    private func start(_ address: SocketAddress) {
        let plan: LoadPlan
        switch makePlan(address) {
        case .success(let made): plan = made
        case .failure(let failure): return fail(failure)
        }
        if !server.sample(.before), let processID = configuration.serverProcessID {
            return fail(.system("--server-pid \(processID): no such process, or no /proc"))
        }
        beganNanoseconds = MonotonicClock.nanoseconds
        for index in 0..<configuration.loops {
            var worker = Worker()
            let (mailbox, live, reports) = (worker.mailbox, worker.live, reports)
            do throws(UVError) {
                worker.thread = try LoopThread(name: "load-\(index)", stackByteCount: 1_024 * 1_024) {
                    LoadLoop.run(index: index, plan: plan, mailbox: mailbox, reports: reports, live: live)
                }
            } catch {
                return fail(.system("thread: \(error)"))
            }
            workers.append(worker)
        }
        var seconds = configuration.setupSeconds
        if let rate = configuration.connectRatePerSecond { seconds += Double(configuration.connectionCount) / rate }
        setupTimer = startTimer(seconds: seconds) { [unowned self] in
            let ready = live.connections
            fail(.cannotConnect("after \(Int(seconds)) s only \(ready) of \(configuration.connectionCount) connections were ready"))
        }
        watch.begin(at: beganNanoseconds)
        _ = startTimer(seconds: 1, repeats: true) { [unowned self] in showProgress() }
        begin(.prepare)
    }

    private func makePlan(_ address: SocketAddress) -> Result<LoadPlan, LoadFailure> {
        let context: TLSContext?
        do throws(TLSError) {
            context = try configuration.target.makeTLSContext()
        } catch {
            return .failure(.system("\(error)"))
        }
        do throws(UVError) {
            return .success(
                try LoadPlan(configuration: configuration, identity: identity, address: address, tlsContext: context))
        } catch {
            return .failure(.system("source address: \(error)"))
        }
    }

    // MARK: Steps

    private func post(_ command: LoopCommand) {
        for worker in workers { worker.mailbox.post([command]) }
    }

    private func begin(_ step: RunStep) {
        for index in workers.indices { workers[index].isDone = false }
        phase = step == .prepare ? .connecting : .joining
        post(.step(step))
    }

    private func handle(_ loopReport: LoopReport) {
        switch loopReport {
        case .failed(_, let failure):
            fail(failure)
        case .closed(let index):
            workers[index].isClosed = true
            if workers.allSatisfy({ $0.isClosed }) { end() }
        case _ where isClosing:
            break
        case .done(let index, let step):
            workers[index].isDone = true
            guard workers.allSatisfy({ $0.isDone }) else { return }
            if step == .prepare {
                report.connectSeconds = secondsSince(beganNanoseconds)
                begin(.join)
            } else {
                startMeasuring()
            }
        case .exhausted(let index):
            workers[index].isExhausted = true
            if workers.allSatisfy({ $0.isExhausted }) { stop() }
        case .settled(_, let part):
            if heads.isEmpty { heads = part } else { for index in part.indices { heads[index].merge(part[index]) } }
            settledCount += 1
            if settledCount == workers.count { drain() }
        case .finished(_, let result):
            results.append(result)
            if results.count == workers.count { finish() }
        }
    }

    private func startMeasuring() {
        setupTimer?.close()
        report.setupSeconds = secondsSince(beganNanoseconds)
        server.sample(.ready)
        let isBoundByMessages = configuration.messagesMax != nil
        let start = MonotonicClock.nanoseconds
        let measureStart = start + UInt64(nanosecondsFrom: configuration.warmupSeconds)
        let measureEnd = isBoundByMessages ? UInt64.max : measureStart + UInt64(nanosecondsFrom: configuration.durationSeconds)
        let intervalSeconds = max(0.25, isBoundByMessages ? 1 : configuration.durationSeconds / 240)
        let clock = RunClock(
            startNanoseconds: start, measureStartNanoseconds: measureStart, measureEndNanoseconds: measureEnd,
            intervalNanoseconds: UInt64(nanosecondsFrom: intervalSeconds))
        self.clock = clock
        phase = .warming
        // Without a warm-up, what the broker has used must be read before the first message is sent.
        if configuration.warmupSeconds == 0 { beginMeasuring(clock) }
        post(.start(clock))
        if phase == .warming {
            _ = startTimer(seconds: secondsUntil(measureStart)) { [unowned self] in
                if !isStopped { beginMeasuring(clock) }
            }
        }
        if !isBoundByMessages {
            endTimer = startTimer(seconds: secondsUntil(measureEnd)) { [unowned self] in stop() }
        }
    }

    private func beginMeasuring(_ clock: RunClock) {
        phase = .measuring
        server.sample(.start)
        ownCPUSecondsStart = OwnProcess.cpuSeconds
        watch.beginPlot(live, at: MonotonicClock.nanoseconds)
        _ = startTimer(seconds: Double(clock.intervalNanoseconds) / 1e9, repeats: true) { [unowned self] in sampleSeries() }
    }

    private func stop() {
        guard !isStopped, let clock else { return }
        isStopped = true
        endTimer?.close()
        sampleSeries()
        let now = min(MonotonicClock.nanoseconds, clock.measureEndNanoseconds)
        server.sample(.end)
        if phase == .measuring { report.ownCPUSeconds = OwnProcess.cpuSeconds - ownCPUSecondsStart }
        report.measuredSeconds = now > clock.measureStartNanoseconds ? Double(now - clock.measureStartNanoseconds) / 1e9 : 0
        phase = .draining
        post(.stop(atNanoseconds: now))
    }

    private func drain() {
        let seconds = isAborted ? 0 : configuration.drainSeconds
        post(.drain(heads: heads, deadlineNanoseconds: MonotonicClock.nanoseconds + UInt64(nanosecondsFrom: seconds)))
    }

    private func finish() {
        ReportBuilder(configuration: configuration).add(results, to: &report)
        if configuration.messagesMax != nil, let clock {
            let last = results.map(\.lastDeliveryNanoseconds).max() ?? 0
            if last > clock.measureStartNanoseconds { report.measuredSeconds = Double(last - clock.measureStartNanoseconds) / 1e9 }
            server.sample(.end)
        }
        server.add(to: &report)
        close()
    }

    // MARK: Ending

    private func interrupt() {
        // timeout(1), for one, signals both its child and the group that the child is in: that is not a second wish.
        let now = MonotonicClock.nanoseconds
        guard interruptedNanoseconds.map({ now - $0 > 500_000_000 }) ?? true else { return }
        interruptedNanoseconds = now
        report.isInterrupted = true
        if clock == nil {
            fail(.system("interrupted before the connections were ready"))
        } else if !isStopped {
            stop()
        } else {
            // The second time: do not wait for what is still to come.
            isAborted = true
            post(.abort)
        }
    }

    private func fail(_ failure: LoadFailure) {
        guard self.failure == nil, !isClosing else { return }
        self.failure = failure
        close()
    }

    private func close() {
        guard !isClosing else { return }
        isClosing = true
        guard !workers.isEmpty else { return end() }
        post(.close)
    }

    private func end() {
        for timer in timers { timer.close() }
        timers = []
        interrupts?.close()
        reports.close()
        eventLoop?.stop()
    }

    // MARK: Watching

    private func startTimer(seconds: Double, repeats: Bool = false, _ handler: @escaping () -> Void) -> Timer? {
        guard let eventLoop else { return nil }
        let timer = Timer(loop: eventLoop)
        let milliseconds = UInt64((max(0, seconds) * 1_000).rounded(.up))
        timer.start(afterMilliseconds: milliseconds, repeatMilliseconds: repeats ? milliseconds : 0, handler)
        timers.append(timer)
        return timer
    }

    private func secondsSince(_ nanoseconds: UInt64) -> Double { Double(MonotonicClock.nanoseconds &- nanoseconds) / 1e9 }

    private func secondsUntil(_ nanoseconds: UInt64) -> Double {
        let now = MonotonicClock.nanoseconds
        return nanoseconds > now ? Double(nanoseconds - now) / 1e9 : 0
    }

    private var live: LiveCounters.Sample {
        var sum = LiveCounters.Sample()
        for worker in workers { worker.live.add(to: &sum) }
        return sum
    }

    private func sampleSeries() {
        guard phase == .measuring, let clock else { return }
        let start = clock.measureStartNanoseconds
        if let point = watch.plot(live, at: MonotonicClock.nanoseconds, measureStartNanoseconds: start) { report.series.append(point) }
    }

    private func showProgress() {
        guard !isClosing else { return }
        let now = MonotonicClock.nanoseconds
        let began = phase == .measuring ? clock?.measureStartNanoseconds ?? beganNanoseconds : beganNanoseconds
        guard let progress = watch.progress(live, at: now, phase: phase, beganNanoseconds: began, configuration) else { return }
        onProgress(progress)
        guard let seconds = watch.stuckSeconds(at: now, phase: phase, configuration) else { return }
        report.errors.append("nothing was sent or received for \(DecimalText.trimmed(seconds, decimals: 1)) s: ended before all was sent")
        stop()
    }
}
