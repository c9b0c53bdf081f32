import Bytes
import LibUV
import Transport

/// One connection to a peer: connects, logs in, subscribes to its room if it has one, verifies what it receives, and publishes if it is
/// a publisher. Confined to the thread of its ``LoadLoop``.
final class PeerConnection: PublishingConnection, SecureStreamDelegate {
    private enum Step {
        case new, connecting, greeting, idle, subscribing, running, draining, flushing, drained, closed
    }

    /// A unit is at most so long: what comes without an end is refused.
    static let unitByteCountMax = 1 << 20

    /// Number of the connection in the run.
    let number: Int
    /// nil for a connection that only exists.
    let room: PeerRoom?
    let member: Int
    var isDirty = false
    private(set) var publisher: Publisher?
    private let wire: any PeerWire.Type
    private let scenario: PeerScenario
    private let loop: LoadLoop
    private var checker: PeerChecker
    private var step = Step.new
    private var expectedCount: UInt64 = 0
    private var stream: SecureStream?
    private var pendingConnect: PendingRequest?
    private var queue = OutboundQueue()
    private var partial = ReadBuffer()
    private var dialedNanoseconds: UInt64 = 0
    private var connectedNanoseconds: UInt64 = 0

    init(number: Int, room: PeerRoom?, member: Int, wire: any PeerWire.Type, scenario: PeerScenario) {
        self.number = number
        self.room = room
        self.member = member
        self.wire = wire
        self.scenario = scenario
        loop = scenario.loop
        checker = PeerChecker(publisherCount: room?.publisherCount ?? 0)
        if let room, member < room.publisherCount {
            let plan = loop.plan
            let number = plan.publisherNumber(log: room.index, publisher: member)
            publisher = Publisher(
                number: number, index: member, messageCountMax: plan.messageCountMax(publisherNumber: number),
                window: plan.configuration.ratePerSecond == nil ? plan.window(publisher: member) : nil, requestsMax: 16_384)
        }
    }

    var publisherNumber: Int? { publisher?.number }

    /// Logged in, and not gone.
    var isOpen: Bool {
        switch step {
        case .new, .connecting, .greeting, .closed: false
        case .idle, .subscribing, .running, .draining, .flushing, .drained: true
        }
    }

    /// Whether what comes is still of interest.
    var isReading: Bool { step != .closed }
    var isDraining: Bool { step == .draining || step == .flushing }

    // MARK: Getting ready

    func dial() {
        precondition(step == .new, "a connection is dialled once")
        step = .connecting
        dialedNanoseconds = MonotonicClock.nanoseconds
        pendingConnect = TCPStream.connect(
            loop: loop.eventLoop, to: loop.plan.address, from: loop.plan.source(of: number)
        ) { [self] result in
            pendingConnect = nil
            switch result {
            case .success(let stream): didConnect(stream)
            case .failure(let error): end(.connectFailed("\(loop.plan.address): \(error)"))
            }
        }
    }

    private func didConnect(_ socket: TCPStream) {
        guard step == .connecting else { return socket.close() }
        connectedNanoseconds = MonotonicClock.nanoseconds
        let stream = SecureStream(stream: socket, scratch: loop.tlsScratch)
        self.stream = stream
        stream.delegate = self
        do throws(StreamError) {
            if let context = loop.plan.tlsContext {
                try stream.startClientTLS(context: context, serverName: loop.plan.configuration.target.host)
            }
            try stream.startReading()
        } catch {
            return end(.failed(error.description))
        }
        if loop.plan.tlsContext == nil { greet() }
    }

    private func greet() {
        guard step == .connecting else { return }
        step = .greeting
        send(SharedBytes(wire.greeting(connection: number, run: loop.plan.identity)))
    }

    func subscribe() {
        guard isOpen, let room else { return }
        step = .subscribing
        send(room.subscription)
    }

    func run() {
        guard isOpen else { return }
        step = .running
        if publisher != nil { loop.markDirty(self) }
    }

    /// What was asked last is done.
    func didAnswer() {
        switch step {
        case .greeting:
            step = .idle
            loop.didLogIn(self, dialed: dialedNanoseconds, connected: connectedNanoseconds)
            scenario.didPrepare()
        case .subscribing:
            step = .idle
            scenario.didSubscribe()
        case .flushing:
            step = .drained
            scenario.didDrain()
        case .new, .connecting, .idle, .running, .draining, .drained, .closed:
            scenario.addError("an answer to nothing")
        }
    }

    // MARK: Sending

    /// Queues octets; they are written at the end of the turn.
    func send(_ bytes: SharedBytes) {
        queue.append(bytes)
        loop.markDirty(self)
    }

    func flush() {
        guard let stream, !queue.isEmpty else { return }
        if case .failed(let error) = stream.flush(&queue) { end(.failed(error.description)) }
    }

    func fill() {
        guard step == .running, scenario.publishing.isPublishing, let room, var publisher else { return }
        let due = scenario.publishing.dueCount(of: publisher.number)
        guard publisher.maySend, publisher.sent < due else { return }
        // With one reference left, the slots are changed where they are.
        self.publisher = nil
        let now = MonotonicClock.nanoseconds
        let plan = loop.plan
        var writer = ByteWriter(minimumCapacity: room.publicationByteCount * 8)
        var count: UInt64 = 0
        while publisher.maySend, publisher.sent < due {
            let intended = scenario.publishing.intendedNanoseconds(of: publisher.number, index: publisher.sent) ?? now
            let stamp = BodyStamp(
                run: plan.identity.number, room: UInt32(room.index), publisher: UInt32(publisher.index),
                counter: publisher.send(intendedNanoseconds: intended).counter, intendedNanoseconds: intended)
            room.append(stamp, filler: plan.filler, to: &writer)
            count += 1
        }
        self.publisher = publisher
        scenario.publishing.didPublish(count, at: now)
        send(writer.finish())
    }

    // MARK: Receiving

    func secureStream(_ stream: SecureStream, didRead bytes: RawSpan) {
        loop.beginReceiving()
        do throws(WireFailure) {
            if partial.isEmpty {
                let used = try wire.read(bytes, for: self)
                if used < bytes.byteCount { partial.append(bytes.extracting(used..<bytes.byteCount)) }
            } else {
                var received = partial
                partial.clear()
                received.append(bytes)
                received.consume(try received.withBytes { (octets) throws(WireFailure) in try wire.read(octets, for: self) })
                partial = received
            }
            guard partial.count <= Self.unitByteCountMax else { throw WireFailure(text: "more than 1 MiB without an end") }
        } catch {
            end(step == .greeting || step == .subscribing ? .refused(error.text) : .violation(error.text))
        }
    }

    /// A message of the room, or of another one.
    func deliver(room name: RawSpan, body: RawSpan) {
        guard let room, room.isName(name), let stamp = BodyStamp(body), stamp.run == loop.plan.identity.number,
            stamp.room == UInt32(room.index), Int(stamp.publisher) < room.publisherCount,
            loop.plan.filler.matches(body, counter: stamp.counter)
        else { return scenario.addForeign() }
        let verdict = checker.deliver(publisher: Int(stamp.publisher), counter: stamp.counter, signature: stamp.messageNumber)
        if verdict != .expected { loop.addProblem() }
        loop.didDeliver(stamp, counts: true)
        if Int(stamp.publisher) == member, publisher != nil { didReturn(stamp.counter) }
        if step == .draining { didAdvance() }
    }

    /// The own message has come back: for a peer that is the acknowledgement too.
    private func didReturn(_ counter: UInt32) {
        let before = publisher?.unanswered ?? 0
        _ = publisher?.acknowledge(
            requestID: LoadConnection.publishRequestIDFirst + counter, seq: UInt64(counter) + 1, isPassed: true)
        scenario.didReturn(before - (publisher?.unanswered ?? 0))
        if scenario.publishing.isPublishing { loop.markDirty(self) }
    }

    // MARK: Draining

    /// Receives `count` messages, and whatever the peer has sent before it answers a ping thereafter.
    func drain(count: UInt64) {
        guard isOpen else { return }
        step = .draining
        expectedCount = count
        didAdvance()
    }

    private func didAdvance() {
        guard step == .draining, checker.received >= expectedCount else { return }
        step = .flushing
        send(SharedBytes(wire.ping))
    }

    /// Judges what has not come.
    func finish(sent: UInt64) -> DeliveryTally { checker.finish(sent: sent) }

    // MARK: Ending

    func end(_ reason: ConnectionEnd) {
        guard step != .closed else { return }
        let (wasDialed, wasReady, wasDraining) = (step != .new, isOpen, isDraining)
        step = .closed
        pendingConnect?.cancel()
        pendingConnect = nil
        stream?.close()
        queue.removeAll()
        scenario.didEnd(self, reason, wasDraining: wasDraining)
        loop.didEnd(self, wasReady: wasReady, wasDialed: wasDialed)
    }

    func secureStreamCanWrite(_ stream: SecureStream) { loop.markDirty(self) }
    func secureStreamDidHandshake(_ stream: SecureStream) { greet() }
    func secureStreamDidReachEnd(_ stream: SecureStream) { end(.closedByPeer) }
    func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        end(step == .connecting ? .connectFailed("\(loop.plan.address): \(error)") : .failed(error.description))
    }

    func secureStreamDidClose(_ stream: SecureStream) {
        self.stream = nil
        end(.closedByPeer)
    }
}
