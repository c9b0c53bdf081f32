import Bytes
import ChatProtocol

/// A guest of `churn`: logs in, joins its room, leaves it, says GOODBYE. Each step must be answered as it should be.
final class ChurnConnection: LoadConnection {
    private enum Step {
        case loggingIn, joining, leaving, gone
    }

    private let scenario: ChurnScenario
    /// When the guest should have come.
    let intendedNanoseconds: UInt64
    private let room: RoomAddress
    private var step = Step.loggingIn
    private var stepNanoseconds: UInt64 = 0
    private var checker = DeliveryChecker(publisherCount: 0)

    init(number: Int, intendedNanoseconds: UInt64, scenario: ChurnScenario) {
        self.scenario = scenario
        self.intendedNanoseconds = intendedNanoseconds
        let plan = scenario.loop.plan
        room = plan.identity.room(number % plan.configuration.rooms)
        super.init(number: number, loop: scenario.loop)
    }

    /// Whether every step was made.
    var isComplete: Bool { step == .gone && checker.tally.isClean }

    override func didLogIn() {
        step = .joining
        stepNanoseconds = MonotonicClock.nanoseconds
        send(.join(Join(room: room)), requestID: Self.joinRequestID)
    }

    override func receive(_ header: FrameHeader, _ payload: RawSpan) {
        guard FrameType(rawValue: header.type) != nil, let frame = decode(header, payload) else { return }
        switch (frame, header.requestID) {
        case (.reply(.joined(let joined)), Self.joinRequestID) where step == .joining && joined.room == room:
            checker.position(epoch: joined.epoch, next: joined.next)
            // The observer is there, and so is this guest.
            if let members = joined.members, members < 2 { scenario.addError("JOINED counts \(members) members") }
            loop.recordStep("join", nanoseconds: loop.receiveNanoseconds - stepNanoseconds)
            step = .leaving
            stepNanoseconds = MonotonicClock.nanoseconds
            send(.leave(Leave(room: room)), requestID: Self.leaveRequestID)
        case (.reply(.ok), Self.leaveRequestID) where step == .leaving:
            loop.recordStep("leave", nanoseconds: loop.receiveNanoseconds - stepNanoseconds)
            step = .gone
            leave()
        case (.event(let event), 0) where event.room == room && step == .leaving && event.kind != .message:
            if checker.deliverNotice(seq: event.seq) != .expected { scenario.addError("notices of a room with gaps") }
        case (.event(let event), 0) where event.room == room:
            scenario.addError("DELIVER of a room that was left")
        case (.reply(.error(let failure)), _):
            guard header.requestID != Self.leaveLobbyRequestID else { return }
            scenario.addError("ERROR \(failure.text)")
            leave()
        default:
            if !handleLobby(frame, requestID: header.requestID) { scenario.addError("unexpected frame of type \(header.type)") }
        }
    }

    override func didEnd(_ end: ConnectionEnd) { scenario.didEnd(self, end) }
}

/// The one who created a room of `churn` and stays: at the end it must be alone there.
final class ObserverConnection: LoadConnection {
    private let scenario: ChurnScenario
    private let room: RoomAddress
    private(set) var checker = DeliveryChecker(publisherCount: 0)
    private(set) var isDraining = false

    init(room: Int, scenario: ChurnScenario) {
        self.scenario = scenario
        self.room = scenario.loop.plan.identity.room(room)
        super.init(number: room, loop: scenario.loop)
    }

    override func didLogIn() {
        send(.create(CreateRoom(room: room, policy: .unlisted)), requestID: Self.createRequestID)
    }

    func askForMembers() {
        isDraining = true
        send(.members(ListMembers(room: room, limit: 1_000)), requestID: Self.membersRequestID)
    }

    override func receive(_ header: FrameHeader, _ payload: RawSpan) {
        guard FrameType(rawValue: header.type) != nil, let frame = decode(header, payload) else { return }
        switch (frame, header.requestID) {
        case (.reply(.ok), Self.createRequestID):
            send(.join(Join(room: room)), requestID: Self.joinRequestID)
        case (.reply(.joined(let joined)), Self.joinRequestID) where joined.room == room:
            checker.position(epoch: joined.epoch, next: joined.next)
            scenario.didPrepare()
        case (.reply(.lag(let lag)), _) where lag.room == room:
            checker.lag(epoch: lag.epoch, from: lag.fromSeq, to: lag.toSeq, next: lag.next)
        case (.event(let event), 0) where event.room == room:
            _ = checker.deliverNotice(seq: event.seq)
        case (.reply(.items(let items)), Self.membersRequestID) where isDraining:
            isDraining = false
            let names = items.records.compactMap { if case .member(let member) = $0 { member.user } else { nil } }
            if names != [account] { scenario.addError("a room that everyone has left has \(names.count) members instead of its observer") }
            scenario.didDrain()
        case (.reply(.error(let failure)), let requestID):
            switch requestID {
            case Self.leaveLobbyRequestID: break
            case Self.createRequestID, Self.joinRequestID: loop.fail(.refused("\(room): \(failure.text)"))
            default:
                scenario.addError("ERROR \(failure.text)")
                if isDraining {
                    isDraining = false
                    scenario.didDrain()
                }
            }
        default:
            if !handleLobby(frame, requestID: header.requestID) { scenario.addError("unexpected frame of type \(header.type)") }
        }
    }

    override func didEnd(_ end: ConnectionEnd) { scenario.didEnd(self, end) }
}
