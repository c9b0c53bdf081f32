import Bytes
import ChatProtocol

/// A member of one log, of a room or of a conversation: verifies what it receives, and publishes if it is a publisher.
final class LogConnection: LoadConnection, PublishingConnection {
    /// How far the connection is.
    private enum Step {
        case loggingIn, creating, idle, joining, running, draining, flushing, drained
    }

    private let scenario: LogScenario
    let context: LogContext
    let member: Int
    /// Stops reading when the run begins.
    let isStalled: Bool
    private(set) var checker: DeliveryChecker
    private(set) var publisher: Publisher?
    private var template: PublishTemplate?
    private var step = Step.loggingIn
    private var drainHead: UInt64 = 0
    private var isReading = true
    /// When a stalled connection began to read again; zero before, and once it has caught up.
    private var resumedNanoseconds: UInt64 = 0

    init(number: Int, member: Int, context: LogContext, isStalled: Bool, scenario: LogScenario) {
        self.scenario = scenario
        self.context = context
        self.member = member
        self.isStalled = isStalled
        checker = DeliveryChecker(publisherCount: context.publisherCount)
        super.init(number: number, loop: scenario.loop)
    }

    private var isConversation: Bool { scenario.isConversation }

    /// The first members of a log publish.
    var publisherNumber: Int? {
        member < context.publisherCount ? loop.plan.publisherNumber(log: context.index, publisher: member) : nil
    }

    // MARK: Getting ready

    override func didLogIn() {
        let plan = loop.plan
        let bodyByteCount = plan.configuration.bodyByteCount
        guard bodyByteCount <= bodyByteCountMax else {
            return loop.fail(.refused("bodies of \(bodyByteCount) octets: the broker accepts at most \(bodyByteCountMax)"))
        }
        if let number = publisherNumber {
            publisher = Publisher(
                number: number, index: member, messageCountMax: plan.messageCountMax(publisherNumber: number),
                window: plan.configuration.ratePerSecond == nil ? plan.window(publisher: member) : nil, requestsMax: requestsInFlightMax)
            let peer = plan.identity.account(plan.account(log: context.index, member: 1 - min(member, 1)))
            template = PublishTemplate(bodyByteCount: bodyByteCount) { content in
                let publication = Publication(content: content)
                return isConversation
                    ? .directMessage(DirectMessage(to: peer, publication: publication))
                    : .publish(Publish(room: context.address, publication: publication))
            }
        }
        if !isConversation, member == 0 {
            step = .creating
            send(.create(CreateRoom(room: context.address, policy: .unlisted)), requestID: Self.createRequestID)
        } else {
            step = .idle
            scenario.didPrepare()
        }
    }

    func join() {
        guard isOpen else { return }
        step = .joining
        send(.join(Join(room: context.address)), requestID: Self.joinRequestID)
    }

    func run() {
        guard isOpen else { return }
        step = .running
        if isStalled { pauseReading() }
        if publisher != nil { loop.markDirty(self) }
    }

    private func pauseReading() {
        isReading = false
        stopReading()
    }

    func resumeReading() {
        guard isOpen, !isReading else { return }
        isReading = true
        resumedNanoseconds = MonotonicClock.nanoseconds
        startReading()
    }

    // MARK: Publishing

    override func fill() {
        guard step == .running, scenario.publishing.isPublishing, var publisher, let template else { return }
        let due = scenario.publishing.dueCount(of: publisher.number)
        guard publisher.maySend, publisher.sent < due else { return }
        // With one reference left, the slots are changed where they are.
        self.publisher = nil
        let plan = loop.plan
        let now = MonotonicClock.nanoseconds
        var writer = ByteWriter(minimumCapacity: template.byteCount * 8)
        var count: UInt64 = 0
        while publisher.maySend, publisher.sent < due {
            let intended = scenario.publishing.intendedNanoseconds(of: publisher.number, index: publisher.sent) ?? now
            let (counter, requestID) = publisher.send(intendedNanoseconds: intended)
            let stamp = BodyStamp(
                run: plan.identity.number, room: UInt32(context.index), publisher: UInt32(publisher.index), counter: counter,
                intendedNanoseconds: intended)
            template.append(stamp, requestID: requestID, filler: plan.filler, to: &writer)
            count += 1
        }
        self.publisher = publisher
        scenario.publishing.didPublish(count, at: now)
        send(writer.finish())
    }

    // MARK: Receiving

    override func receive(_ header: FrameHeader, _ payload: RawSpan) {
        if header.type == FrameType.deliver.rawValue {
            deliver(payload)
        } else {
            receiveRare(header, payload)
        }
    }

    private func deliver(_ payload: RawSpan) {
        let view: DeliverView
        do throws(PayloadError) {
            view = try DeliverView(payload)
        } catch {
            return end(.violation("DELIVER: \(error.code) \(error.reason)"))
        }
        guard context.isAddress(payload.extracting(view.roomRange)) else {
            if view.isIn(.lobby, in: payload) {
                loop.result.lobbyEvents += 1
            } else {
                scenario.addForeign()
            }
            return
        }
        guard view.kind == .message else {
            if checker.deliverNotice(seq: view.seq) != .expected { scenario.addProblem() }
            return didAdvance()
        }
        guard let bodyRange = view.bodyRange else { return scenario.addForeign() }
        let body = payload.extracting(bodyRange)
        guard let stamp = BodyStamp(body), stamp.run == loop.plan.identity.number, stamp.room == UInt32(context.index),
            Int(stamp.publisher) < context.publisherCount, view.messageID?.value == stamp.messageNumber,
            context.isPublisher(Int(stamp.publisher), payload.extracting(view.fromRange)),
            loop.plan.filler.matches(body, counter: stamp.counter)
        else { return scenario.addForeign() }
        let publisherIndex = Int(stamp.publisher)
        let verdict = checker.deliver(
            seq: view.seq, publisher: publisherIndex, counter: stamp.counter, signature: stamp.messageNumber)
        if verdict != .expected { didDeviate(verdict) }
        if isStalled { didReadAgain(stamp) }
        let isOwn = publisherIndex == member
        loop.didDeliver(stamp, counts: !isStalled && !(isOwn && isConversation))
        if isOwn, publisher != nil {
            if publisher?.deliver(counter: stamp.counter, seq: view.seq) == false { scenario.addContradiction() }
            if scenario.publishing.isPublishing { loop.markDirty(self) }
        }
        if step == .draining { didAdvance() }
    }

    private func didDeviate(_ verdict: DeliveryChecker.Verdict) {
        scenario.addProblem()
        // Own deliveries that were jumped over must not keep their places in the window, or the loop would stand still.
        if case .afterGap = verdict, let next = checker.next { publisher?.skip(below: next) }
    }

    private func didReadAgain(_ stamp: BodyStamp) {
        guard resumedNanoseconds > 0, stamp.intendedNanoseconds >= resumedNanoseconds else { return }
        scenario.didCatchUp(afterNanoseconds: loop.receiveNanoseconds - resumedNanoseconds)
        resumedNanoseconds = 0
    }

    private func receiveRare(_ header: FrameHeader, _ payload: RawSpan) {
        guard FrameType(rawValue: header.type) != nil, let frame = decode(header, payload) else { return }
        if handleLobby(frame, requestID: header.requestID) { return }
        switch frame {
        case .reply(.published(let published)):
            didAcknowledge(published, requestID: header.requestID)
        case .reply(.error(let failure)):
            didFail(failure, requestID: header.requestID)
        case .reply(.lag(let lag)):
            guard lag.room == context.address else { return scenario.addForeign() }
            checker.lag(epoch: lag.epoch, from: lag.fromSeq, to: lag.toSeq, next: lag.next)
            scenario.didLag(lag.toSeq &- lag.fromSeq &+ 1)
            publisher?.skip(below: lag.next)
            if publisher != nil { loop.markDirty(self) }
            didAdvance()
        case .reply(.joined(let joined)):
            didJoin(joined, requestID: header.requestID)
        case .reply(.ok) where header.requestID == Self.createRequestID && step == .creating:
            step = .idle
            scenario.didPrepare()
        case .reply(.pong) where header.requestID == Self.flushRequestID:
            step = .drained
            scenario.didDrain()
        default:
            scenario.addError("unexpected frame of type \(header.type)")
        }
    }

    private func didJoin(_ joined: Joined, requestID: UInt32) {
        let isExpected = isConversation ? requestID == 0 : requestID == Self.joinRequestID && step == .joining
        guard joined.room == context.address, isExpected, checker.next == nil else { return scenario.addForeign() }
        checker.position(epoch: joined.epoch, next: joined.next)
        if !isConversation {
            step = .idle
            scenario.didJoin()
        }
    }

    private func didAcknowledge(_ published: Published, requestID: UInt32) {
        guard published.room == context.address, publisher != nil, !published.isDuplicate else { return scenario.addContradiction() }
        let isPassed = checker.next.map { published.seq < $0 } ?? false
        switch publisher?.acknowledge(requestID: requestID, seq: published.seq, isPassed: isPassed) {
        case .intended(let nanoseconds): scenario.didAcknowledge(intendedNanoseconds: nanoseconds)
        case .contradicts(let nanoseconds):
            scenario.didAcknowledge(intendedNanoseconds: nanoseconds)
            scenario.addContradiction()
        case .unknown, nil: scenario.addContradiction()
        }
        loop.markDirty(self)
    }

    private func didFail(_ failure: Failure, requestID: UInt32) {
        switch requestID {
        case Self.createRequestID: loop.fail(.refused("CREATE \(context.address): \(failure.text)"))
        case Self.joinRequestID: loop.fail(.refused("JOIN \(context.address): \(failure.text)"))
        case Self.leaveLobbyRequestID: break
        default:
            scenario.addError("ERROR \(failure.text)")
            if publisher?.refuse(requestID: requestID) == true {
                scenario.didRefuse()
                loop.markDirty(self)
            }
        }
    }

    // MARK: Draining

    /// Receives everything up to `head`, and whatever the broker has sent before it answers a PING thereafter.
    func drain(head: UInt64) {
        guard isOpen else { return }
        step = .draining
        drainHead = head
        resumeReading()
        didAdvance()
    }

    private func didAdvance() {
        guard step == .draining, checker.isComplete(head: drainHead) else { return }
        step = .flushing
        send(.ping(timestamp: nil), requestID: Self.flushRequestID)
    }

    var isDraining: Bool { step == .draining || step == .flushing }

    /// Judges what has not come.
    func finish(_ head: LogHead) {
        checker.finish(head: head.seq, acknowledged: head.acknowledged)
    }

    override func didEnd(_ end: ConnectionEnd) {
        scenario.didEnd(self, end)
    }
}
