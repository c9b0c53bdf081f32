import ChatProtocol

/// What is checked once before any handler: the state a command belongs to, and whether it needs a request id.
enum CommandRules {
    /// The refusal of a command, or nil if it may be handled.
    static func refusal(of command: Command, requestID: UInt32, in state: Session.State) -> Failure? {
        let rule = rule(for: command)
        guard rule.states.contains(StateSet(state)) else { return Failure(.badState, reason: "not allowed in this state") }
        if rule.needsRequestID && requestID == 0 { return Failure(.badValue, reason: "this frame needs a request id") }
        return nil
    }

    private struct Rule {
        let states: StateSet
        let needsRequestID: Bool
    }

    private static func rule(for command: Command) -> Rule {
        switch command {
        case .hello: Rule(states: .hello, needsRequestID: true)
        case .authenticate: Rule(states: [.authenticating, .ready], needsRequestID: true)
        case .authenticateStep: Rule(states: [.authenticating, .ready], needsRequestID: true)
        case .ping: Rule(states: [.authenticating, .ready], needsRequestID: true)
        case .pong, .error: Rule(states: [.hello, .authenticating, .ready], needsRequestID: false)
        case .goodbye: Rule(states: [.hello, .authenticating, .ready], needsRequestID: false)
        case .register: Rule(states: [.authenticating, .ready], needsRequestID: true)
        case .changePassword, .listDevices, .revokeDevice: Rule(states: .ready, needsRequestID: true)
        case .resume, .history, .search: Rule(states: .ready, needsRequestID: true)
        case .join, .leave, .list, .members, .create, .publish, .directMessage, .mark, .typing, .presence, .inbox:
            Rule(states: .ready, needsRequestID: false)
        }
    }

    private struct StateSet: OptionSet {
        let rawValue: UInt8

        static let hello = StateSet(rawValue: 1)
        static let authenticating = StateSet(rawValue: 2)
        static let ready = StateSet(rawValue: 4)

        init(rawValue: UInt8) { self.rawValue = rawValue }

        init(_ state: Session.State) {
            switch state {
            case .hello: self = .hello
            case .authenticating: self = .authenticating
            case .ready: self = .ready
            case .preface, .draining, .closed: self = []
            }
        }
    }
}

extension Command {
    /// The number of the frame's type: an ERROR without request id names it.
    var typeNumber: UInt8 {
        switch self {
        case .hello: 0x01
        case .authenticate: 0x03
        case .authenticateStep: 0x04
        case .ping: 0x06
        case .pong: 0x07
        case .error: 0x09
        case .goodbye: 0x0A
        case .resume: 0x0B
        case .join: 0x10
        case .leave: 0x12
        case .list: 0x13
        case .members: 0x15
        case .create: 0x16
        case .publish: 0x20
        case .directMessage: 0x23
        case .mark: 0x27
        case .typing: 0x28
        case .presence: 0x29
        case .inbox: 0x2A
        case .history: 0x24
        case .search: 0x2B
        case .register: 0x3A
        case .changePassword: 0x3B
        case .listDevices: 0x3C
        case .revokeDevice: 0x3D
        }
    }
}
