import Bytes
import ChatProtocol
import LibUV

/// `idle` on one loop: connections that log in, exist, answer the broker's PING, and at the end must still be there. With rooms, each of
/// them creates its part of those and joins them before it falls silent.
final class IdleScenario: LoadScenario {
    private let loop: LoadLoop
    private var connections: [IdleConnection] = []
    private var preparing = 0
    private var founding = 0
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
        switch step {
        case .prepare:
            preparing = connections.count
            guard preparing > 0 else { return loop.report(.done(loop: loop.index, step: step)) }
            loop.dial(connections)
        case .join:
            founding = connections.count
            guard founding > 0 else { return loop.report(.done(loop: loop.index, step: step)) }
            for connection in connections { connection.foundRooms() }
        }
    }

    func didPrepare() {
        preparing -= 1
        loop.result.completed += 1
        if preparing == 0 { loop.report(.done(loop: loop.index, step: .prepare)) }
    }

    func didFoundRooms() {
        founding -= 1
        if founding == 0 { loop.report(.done(loop: loop.index, step: .join)) }
    }

    func start(_ clock: RunClock) {}
    func tick() {}
    func turnDidEnd() {}

    func stop() {
        loop.report(.settled(loop: loop.index, heads: []))
    }

    /// Every connection must answer a PING.
    func drain(heads: [LogHead], deadlineNanoseconds: UInt64) {
        let deadline = loop.startTimer(atNanoseconds: deadlineNanoseconds) { [unowned self] in finish() }
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

/// A connection that only exists, after it has created its rooms and joined them.
final class IdleConnection: LoadConnection {
    private let scenario: IdleScenario
    /// The rooms not yet created: one of each so many.
    private var rooms: StrideTo<Int>.Iterator
    private var underwayCount = 0
    private(set) var isDraining = false

    init(number: Int, scenario: IdleScenario, loop: LoadLoop) {
        self.scenario = scenario
        let configuration = loop.plan.configuration
        rooms = stride(from: number, to: configuration.createdRooms, by: configuration.connections).makeIterator()
        super.init(number: number, loop: loop)
    }

    override func didLogIn() { scenario.didPrepare() }

    /// Begins with as many rooms as requests may be in flight; each one that is ready is followed by the next.
    func foundRooms() {
        while underwayCount < requestsInFlightMax, let room = rooms.next() { found(room) }
        if underwayCount == 0 { scenario.didFoundRooms() }
    }

    /// The number of the room is in the request's, so that answers need no table.
    private func found(_ room: Int) {
        underwayCount += 1
        let create = CreateRoom(room: loop.plan.identity.room(room), policy: .unlisted)
        send(.create(create), requestID: Self.publishRequestIDFirst + UInt32(room))
    }

    /// True if the frame is an answer to what ``foundRooms()`` asked for.
    private func handleFounding(_ frame: ServerFrame, requestID: UInt32) -> Bool {
        guard underwayCount > 0, requestID >= Self.publishRequestIDFirst else { return false }
        let address = loop.plan.identity.room(Int(requestID - Self.publishRequestIDFirst))
        switch frame {
        case .reply(.ok):
            send(.join(Join(room: address)), requestID: requestID)
        case .reply(.joined(let joined)) where joined.room == address:
            underwayCount -= 1
            foundRooms()
        case .reply(.error(let failure)):
            loop.fail(.refused("\(address): \(failure.text)"))
        default:
            return false
        }
        return true
    }

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
        if handleLobby(frame, requestID: header.requestID) || handleFounding(frame, requestID: header.requestID) { return }
        if case .reply(.error) = frame, header.requestID == Self.leaveLobbyRequestID { return }
        loop.result.errors.add("unexpected frame of type \(header.type)")
        loop.addProblem()
    }

    override func didEnd(_ end: ConnectionEnd) { scenario.didEnd(self, end) }
}
