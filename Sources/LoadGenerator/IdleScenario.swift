import Bytes
import ChatProtocol
import LibUV

/// `idle` on one loop: connections that log in, exist, answer the broker's PING, and at the end must still be there.
final class IdleScenario: LoadScenario {
    private let loop: LoadLoop
    private var connections: [IdleConnection] = []
    private var preparing = 0
    private var draining = 0
    private var isFinished = false
    private var hasReportedExhausted = false

    init(loop: LoadLoop) {
        self.loop = loop
        let configuration = loop.plan.configuration
        for number in stride(from: loop.index, to: configuration.connections, by: configuration.loops) {
            connections.append(IdleConnection(number: number, scenario: self, loop: loop))
        }
    }

    func begin(_ step: RunStep) {
        guard step == .prepare, !connections.isEmpty else { return loop.report(.done(loop: loop.index, step: step)) }
        preparing = connections.count
        loop.dial(connections)
    }

    func didPrepare() {
        preparing -= 1
        loop.result.completed += 1
        if preparing == 0 { loop.report(.done(loop: loop.index, step: .prepare)) }
    }

    func start(_ clock: RunClock) {}
    func tick() {}
    func turnDidEnd() {}

    func stop() {
        loop.report(.settled(loop: loop.index, heads: []))
    }

    /// Every connection must answer a PING.
    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        let now = MonotonicClock.nanoseconds
        let left = deadlineNanoseconds > now ? Double(deadlineNanoseconds - now) / 1e9 : 0
        let deadline = loop.startTimer(seconds: left) { [unowned self] in finish() }
        draining = connections.count { $0.isOpen }
        guard draining > 0 else {
            deadline.close()
            return finish()
        }
        for connection in connections where connection.isOpen { connection.ping() }
    }

    func didDrain() {
        draining -= 1
        if draining == 0 { finish() }
    }

    func abort() {
        if draining > 0 { finish() }
    }

    func didEnd(_ connection: IdleConnection, _ end: ConnectionEnd) {
        guard end != .left else { return }
        guard loop.clock != nil else { return loop.fail(.cannotConnect(end.description)) }
        loop.result.errors.add("connection lost: \(end.description)")
        loop.addProblem()
        if connection.isDraining { didDrain() }
        if !hasReportedExhausted, !connections.contains(where: { $0.isOpen }) {
            hasReportedExhausted = true
            loop.report(.exhausted(loop: loop.index))
        }
    }

    private func finish() {
        guard !isFinished else { return }
        isFinished = true
        if draining > 0 { loop.result.errors.add("connections that did not answer PING", count: UInt64(draining)) }
        loop.finish()
    }

    func close() {
        for connection in connections { connection.leave() }
    }

    func dismantle() { connections = [] }
}

/// A connection that only exists.
final class IdleConnection: LoadConnection {
    private let scenario: IdleScenario
    private(set) var isDraining = false

    init(number: Int, scenario: IdleScenario, loop: LoadLoop) {
        self.scenario = scenario
        super.init(number: number, loop: loop)
    }

    override func didLogIn() { scenario.didPrepare() }

    func ping() {
        isDraining = true
        send(.ping(timestamp: nil), requestID: Self.flushRequestID)
    }

    override func receive(_ header: FrameHeader, _ payload: RawSpan) {
        guard FrameType(rawValue: header.type) != nil, let frame = decode(header, payload) else { return }
        if case .reply(.pong) = frame, header.requestID == Self.flushRequestID, isDraining {
            isDraining = false
            return scenario.didDrain()
        }
        if handleLobby(frame, requestID: header.requestID) { return }
        if case .reply(.error) = frame, header.requestID == Self.leaveLobbyRequestID { return }
        loop.result.errors.add("unexpected frame of type \(header.type)")
        loop.addProblem()
    }

    override func didEnd(_ end: ConnectionEnd) { scenario.didEnd(self, end) }
}
