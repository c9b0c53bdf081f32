import LibUV

/// A connection that may publish, whatever it speaks.
protocol PublishingConnection: LoopConnection {
    /// Number among all publishers of the run; nil for those who only receive.
    var publisherNumber: Int? { get }
    /// nil before a publisher has logged in.
    var publisher: Publisher? { get }
    /// Logged in, and not gone.
    var isOpen: Bool { get }
}

/// What one loop publishes, from the start of a run until every publish is answered or given up: what is due, what is on its way, what
/// was never sent. What an answer is depends on the wire, so those who read it say so here.
final class PublishingPhase<Connection: PublishingConnection> {
    private let loop: LoadLoop
    /// From the start on ascending by number.
    private(set) var publishers: [Connection] = []
    /// Whether new messages are sent.
    private(set) var isPublishing = false
    /// Connections of the loop that are not gone, those included that only receive.
    private var openCount = 0
    /// Publishes without an answer, of all publishers.
    private var unanswered = 0
    private var schedule: SharedSchedule?
    private var pacer: Pacer?
    /// The place in the rounds over all publishers up to which those who are due were told so.
    private var cursor: UInt64 = 0
    private var hasReportedExhausted = false
    private var onSettled: ((_ unanswered: Int) -> Void)?
    private var deadline: Timer?

    init(loop: LoadLoop) {
        self.loop = loop
    }

    /// Makes a connection known, one that only receives too. Before the start.
    func add(_ connection: Connection) {
        openCount += 1
        if connection.publisherNumber != nil { publishers.append(connection) }
    }

    private static func number(_ connection: Connection) -> Int { connection.publisherNumber ?? 0 }

    /// Connections may publish; with a schedule, when the first message is due.
    func start(_ clock: RunClock) {
        isPublishing = true
        publishers.sort { Self.number($0) < Self.number($1) }
        let plan = loop.plan
        guard let rate = plan.configuration.ratePerSecond else { return }
        let moments = SendSchedule(startNanoseconds: clock.startNanoseconds, ratePerSecond: rate)
        schedule = SharedSchedule(moments, publisherCount: plan.publisherCount, messagesMax: plan.configuration.messagesMax ?? .max)
        guard !publishers.isEmpty else { return }
        pacer = Pacer(
            schedule: moments, numbers: publishers.map { UInt64(Self.number($0)) }, publisherCount: UInt64(plan.publisherCount),
            mailbox: loop.mailbox, index: loop.index)
        if pacer == nil { loop.fail(.system("no thread for the schedule")) }
    }

    // MARK: The open loop

    /// Something is due: only those are told for whom it is.
    func tick() {
        guard isPublishing, !publishers.isEmpty, schedule?.advance(to: MonotonicClock.nanoseconds) != nil, let schedule else { return }
        var marked = 0
        while marked < publishers.count {
            let (round, position) = cursor.quotientAndRemainder(dividingBy: UInt64(publishers.count))
            let publisher = publishers[Int(position)]
            guard schedule.isDue(round: round, publisherNumber: Self.number(publisher)) else { break }
            loop.markDirty(publisher)
            cursor += 1
            marked += 1
        }
        if marked == publishers.count { cursor = max(cursor, schedule.roundsDue * UInt64(publishers.count)) }
    }

    /// How many messages a publisher should have sent by now; in a closed loop, as many as it can.
    func dueCount(of publisherNumber: Int) -> UInt64 {
        schedule?.dueCount(of: publisherNumber) ?? .max
    }

    /// When a publisher's message should be sent; nil in a closed loop.
    func intendedNanoseconds(of publisherNumber: Int, index: UInt64) -> UInt64? {
        schedule?.nanoseconds(of: publisherNumber, index: index)
    }

    // MARK: What connections report

    func didPublish(_ count: UInt64, at nanoseconds: UInt64) {
        loop.result.publishes += count
        unanswered += Int(count)
        if loop.clock?.measures(nanoseconds) == true { loop.result.publishesMeasured += count }
    }

    /// So many publishes were answered, accepted or not.
    func didAnswer(_ count: Int) { unanswered -= count }

    /// A connection is gone: nothing is answered on it any more.
    func didLose(_ connection: Connection) {
        openCount -= 1
        unanswered -= connection.publisher?.unanswered ?? 0
    }

    // MARK: Ends

    func turnDidEnd() {
        if unanswered == 0 { settle() }
        if isPublishing { reportIfExhausted() }
    }

    /// Tells the conductor once that there is nothing more to publish, or nobody left to do it.
    func reportIfExhausted() {
        guard !hasReportedExhausted else { return }
        let isBounded = loop.plan.configuration.messagesMax != nil
        guard openCount == 0 || (isBounded && publishers.allSatisfy { !$0.isOpen || $0.publisher?.isExhausted != false }) else { return }
        hasReportedExhausted = true
        loop.report(.exhausted(loop: loop.index))
    }

    /// Publishes nothing more.
    ///
    /// - Parameter onSettled: called once, with the number of publishes that were never answered: when there is none left, or the time
    ///   for draining is over.
    func stop(onSettled: @escaping (_ unanswered: Int) -> Void) {
        // What became due up to the end is still sent, as far as the limits let it; what is due later is not of this run.
        let end = loop.clock.map { min($0.measureEndNanoseconds, MonotonicClock.nanoseconds) } ?? 0
        if schedule?.advance(to: end) != nil {
            for connection in publishers {
                connection.fill()
                guard let publisher = connection.publisher else { continue }
                let due = min(dueCount(of: publisher.number), publisher.messageCountMax)
                loop.result.unsent += due > publisher.sent ? due - publisher.sent : 0
            }
        }
        isPublishing = false
        pacer?.stop()
        self.onSettled = onSettled
        deadline = loop.startTimer(seconds: max(1, loop.plan.configuration.drainSeconds)) { [unowned self] in settle() }
        if unanswered == 0 { settle() }
    }

    /// Waits for answers no longer. False if it was not waiting.
    @discardableResult
    func settle() -> Bool {
        guard let onSettled else { return false }
        self.onSettled = nil
        deadline?.close()
        deadline = nil
        onSettled(unanswered)
        return true
    }

    /// Lets go of the publishers.
    func dismantle() { publishers = [] }

    func close() {
        pacer?.stop()
        deadline?.close()
        deadline = nil
        onSettled = nil
    }
}
