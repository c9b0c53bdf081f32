import LibUV

/// `churn` on one loop: guests that come, join a room, leave it and go, as fast as they can or at a rate; and an observer in each room who
/// sees at the end that nobody was forgotten there.
final class ChurnScenario: LoadScenario {
    /// After so many failures one after another the broker is taken to be gone.
    private static let failureCountMax = 20

    let loop: LoadLoop
    private var observers: [ObserverConnection] = []
    private var guests: [Int: ChurnConnection] = [:]
    private var preparing = 0
    private var draining = 0
    private var begun: UInt64 = 0
    private var begunMax = UInt64.max
    private var guestCountMax = 0
    private var failuresInARow = 0
    private var isRunning = false
    private var isSettling = false
    private var isFinished = false
    private var hasReportedExhausted = false
    private var schedule: SendSchedule?
    private var pacer: Pacer?
    private var deadline: Timer?

    init(loop: LoadLoop) {
        self.loop = loop
        let configuration = loop.plan.configuration
        for room in stride(from: loop.index, to: configuration.rooms, by: configuration.loops) {
            observers.append(ObserverConnection(room: room, scenario: self))
        }
        guestCountMax = configuration.connections / configuration.loops
        if loop.index < configuration.connections % configuration.loops { guestCountMax += 1 }
        if let total = configuration.messagesMax {
            begunMax = total / UInt64(configuration.loops) + (UInt64(loop.index) < total % UInt64(configuration.loops) ? 1 : 0)
        }
    }

    func begin(_ step: RunStep) {
        guard step == .prepare, !observers.isEmpty else { return loop.report(.done(loop: loop.index, step: step)) }
        preparing = observers.count
        loop.dial(observers)
    }

    func didPrepare() {
        preparing -= 1
        if preparing == 0 { loop.report(.done(loop: loop.index, step: .prepare)) }
    }

    func start(_ clock: RunClock) {
        isRunning = true
        if let rate = loop.plan.configuration.ratePerSecond {
            let schedule = SendSchedule(startNanoseconds: clock.startNanoseconds, ratePerSecond: rate)
            self.schedule = schedule
            pacer = Pacer(
                schedule: schedule, numbers: [UInt64(loop.index)], publisherCount: UInt64(loop.plan.configuration.loops),
                mailbox: loop.mailbox, index: loop.index)
            if pacer == nil { loop.fail(.system("no thread for the schedule")) }
        }
        pump()
    }

    func tick() { pump() }

    /// Lets so many guests come as are due and there is room for.
    private func pump() {
        guard isRunning else { return }
        let loops = UInt64(loop.plan.configuration.loops)
        while guests.count < guestCountMax, begun < begunMax, failuresInARow < Self.failureCountMax {
            var intended = MonotonicClock.nanoseconds
            if let schedule {
                let due = schedule.nanoseconds(of: begun * loops + UInt64(loop.index))
                guard due <= intended else { return }
                intended = due
            }
            let number = loop.plan.configuration.rooms + Int(begun) * Int(loops) + loop.index
            begun += 1
            let guest = ChurnConnection(number: number, intendedNanoseconds: intended, scenario: self)
            guests[number] = guest
            loop.result.publishes += 1
            loop.dial([guest])
        }
        if guests.isEmpty, begun >= begunMax || failuresInARow >= Self.failureCountMax, !hasReportedExhausted {
            hasReportedExhausted = true
            loop.report(.exhausted(loop: loop.index))
        }
    }

    func didEnd(_ guest: ChurnConnection, _ end: ConnectionEnd) {
        guests[guest.number] = nil
        if end == .left, guest.isComplete {
            failuresInARow = 0
            loop.result.completed += 1
            loop.beginReceiving()
            if loop.isMeasuring { loop.result.completedMeasured += 1 }
            if loop.isIntended(guest.intendedNanoseconds) {
                loop.result.latency.record(nanoseconds: loop.receiveNanoseconds - guest.intendedNanoseconds)
            }
        } else if !isFinished {
            failuresInARow += 1
            addError("guest lost: \(end.description)")
        }
        // Not at once: the caller is still ending this connection.
        needsPump = true
        loop.markDirty(guest)
    }

    private var needsPump = false

    func turnDidEnd() {
        if needsPump {
            needsPump = false
            pump()
        }
        if isSettling, guests.isEmpty { settle() }
    }

    func addError(_ text: String) {
        loop.result.errors.add(text)
        loop.addProblem()
    }

    func stop() {
        isRunning = false
        pacer?.stop()
        if let schedule {
            let loops = UInt64(loop.plan.configuration.loops)
            let due = schedule.dueCount(at: loop.clock.map { min($0.measureEndNanoseconds, MonotonicClock.nanoseconds) } ?? 0)
            let own = due > UInt64(loop.index) ? (due - UInt64(loop.index) - 1) / loops + 1 : 0
            loop.result.unsent += min(own, begunMax) > begun ? min(own, begunMax) - begun : 0
        }
        isSettling = true
        deadline = loop.startTimer(seconds: max(1, loop.plan.configuration.drainSeconds)) { [unowned self] in settle() }
        if guests.isEmpty { settle() }
    }

    private func settle() {
        guard isSettling else { return }
        isSettling = false
        deadline?.close()
        deadline = nil
        if !guests.isEmpty { addError("guests that did not get away: \(guests.count)") }
        loop.report(.settled(loop: loop.index, heads: []))
    }

    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        deadline = loop.startTimer(atNanoseconds: deadlineNanoseconds) { [unowned self] in finish() }
        draining = observers.count { $0.isOpen }
        guard draining > 0 else { return finish() }
        for observer in observers where observer.isOpen { observer.askForMembers() }
    }

    func didDrain() {
        draining -= 1
        if draining == 0 { finish() }
    }

    func abort() {
        if isSettling { settle() } else if draining > 0 { finish() }
    }

    func didEnd(_ observer: ObserverConnection, _ end: ConnectionEnd) {
        guard end != .left else { return }
        guard loop.clock != nil else { return loop.fail(.cannotConnect(end.description)) }
        addError("observer lost: \(end.description)")
        if observer.isDraining { didDrain() }
    }

    private func finish() {
        guard !isFinished else { return }
        isFinished = true
        deadline?.close()
        deadline = nil
        if draining > 0 { addError("rooms whose members could not be read: \(draining)") }
        for observer in observers { loop.result.tally += observer.checker.tally }
        loop.finish()
    }

    func close() {
        isRunning = false
        pacer?.stop()
        deadline?.close()
        for observer in observers { observer.leave() }
        for guest in Array(guests.values) { guest.leave() }
    }

    func dismantle() {
        observers = []
        guests = [:]
    }
}
