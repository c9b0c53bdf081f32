import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *The connection*: states and timers up to READY.
struct HandshakeTests {
    enum Stage: String, CaseIterable {
        case hello, authenticating, ready

        /// A connection in this state, with nothing in its inbox.
        func client(of broker: SimulatedBroker) -> SimulatedClient {
            let client: SimulatedClient
            switch self {
            case .hello:
                client = broker.connect()
                client.open()
                broker.settle()
            case .authenticating: client = broker.greet()
            case .ready: client = broker.logIn("ann")
            }
            client.takeInbox()
            return client
        }
    }

    /// Every command with the reply's kind or code in the states HELLO, AUTHENTICATING and READY; nil: no reply.
    static let table: [(command: Command, outcomes: [String?])] = [
        (.hello(Hello(agent: "t")), ["welcome", "106", "106"]),
        (
            .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bob"))),
            ["106", "authenticated", "authenticated"]
        ),
        (.authenticateStep(SharedBytes([1])), ["106", "106", "106"]),
        (.ping(timestamp: 7), ["106", "pong", "pong"]),
        (.pong(timestamp: 7), [nil, nil, nil]),
        (.error(Failure(.internalFault)), [nil, nil, nil]),
        (.join(Join(room: "lobby")), ["106", "106", "joined"]),
        (.leave(Leave(room: "lobby", detachesOnly: true)), ["106", "106", "ok"]),
        (.list(ListRooms()), ["106", "106", "items"]),
        (.members(ListMembers(room: "lobby")), ["106", "106", "items"]),
        (.create(CreateRoom(room: "r")), ["106", "106", "ok"]),
        (.publish(Publish(room: "lobby", publication: .text("x"))), ["106", "106", "published"]),
        (.directMessage(DirectMessage(to: "ann", publication: .text("x"))), ["106", "106", "published"]),
    ]

    @Test(arguments: table.indices, Stage.allCases)
    func answersEachCommandAsItsStateAllows(row: Int, stage: Stage) {
        let broker = SimulatedBroker()
        let client = stage.client(of: broker)
        let (command, outcomes) = Self.table[row]
        client.send(command, id: 9_000)
        broker.settle()
        let reply = client.inbox.last { $0.requestID == 9_000 }?.reply
        let outcome: String? =
            switch reply {
            case .error(let failure)?: "\(failure.code.rawValue)"
            case let reply?: String("\(reply)".prefix { $0 != "(" })
            case nil: nil
            }
        #expect(outcome == outcomes[Stage.allCases.firstIndex(of: stage)!], "\(command)")
        #expect(client.goodbye == nil)
    }

    @Test(arguments: [0x02, 0x05, 0x08, 0x11, 0x14, 0x21, 0x22, 0x26] as [UInt8], Stage.allCases)
    func refusesFramesThatOnlyBrokersSend(type: UInt8, stage: Stage) {
        let broker = SimulatedBroker()
        let client = stage.client(of: broker)
        client.send(octets: frame(type: type, id: 9))
        client.send(octets: frame(type: type, id: 0))
        broker.settle()
        let failures = client.inbox.compactMap { if case .error(let failure)? = $0.reply { failure } else { nil } }
        #expect(failures.map(\.code) == [.badState, .badState])
        #expect(failures.map(\.type) == [nil, type])
    }

    @Test(arguments: Stage.allCases)
    func judgesUnknownTypesBeforeTheState(stage: Stage) {
        let broker = SimulatedBroker()
        let client = stage.client(of: broker)
        client.send(octets: frame(type: 0x3E, id: 9, payload: [0xFF]) + frame(type: 0x1F, id: 0, payload: [0xFF]))
        broker.settle()
        #expect(client.story == ["error 9 102"])
        client.send(octets: frame(type: 0x3E, id: 0, flags: 0x40))
        broker.settle()
        #expect(client.story == ["error 9 102", "goodbye 102"])
    }

    @Test(arguments: [0x01, 0x03, 0x04, 0x06] as [UInt8])
    func needsAnIDForWhatIsAlwaysAnswered(type: UInt8) {
        let broker = SimulatedBroker()
        let client = (type == 1 ? Stage.hello : .authenticating).client(of: broker)
        client.send(octets: frame(type: type, id: 0))
        broker.settle()
        guard case .error(let failure)? = client.inbox.first?.reply else { return #expect(Bool(false), "no ERROR") }
        #expect(failure.code == .badValue)
        #expect(failure.type == type)
        #expect(client.inbox[0].requestID == 0)
    }

    @Test func refusedHelloMayBeSentAgain() {
        let broker = SimulatedBroker()
        let client = Stage.hello.client(of: broker)
        client.send(octets: frame(type: 1, id: 1))
        client.send(.hello(Hello(agent: "t")), id: 2)
        broker.settle()
        #expect(client.story == ["error 1 104", "welcome"])
    }

    @Test func welcomesWithTheLimitsInForce() {
        let broker = SimulatedBroker { settings in
            settings.heartbeatMilliseconds = 7_000
            settings.requestsInFlightMax = 3
            settings.bodyByteCountMax = 100
            settings.deduplicationSeconds = 11
        }
        let client = broker.connect()
        client.open()
        guard case .welcome(let welcome)? = client.ask(.hello(Hello(agent: "t", capabilities: ["grease-1"]))) else {
            return #expect(Bool(false), "no WELCOME")
        }
        #expect(welcome.mechanisms == ["ANONYMOUS"])
        #expect(welcome.heartbeatMilliseconds == 7_000)
        #expect(welcome.requestsInFlightMax == 3)
        #expect(welcome.bodyByteCountMax == 100)
        #expect(welcome.deduplicationSeconds == 11)
        #expect(welcome.frameByteCountMax >= 65_536)
        #expect(welcome.capabilities.isEmpty)
        #expect(welcome.timestamp == broker.moment.wallMilliseconds)
    }

    @Test(arguments: [(1, 1, nil), (9, 1, nil), (9, 2, .version), (0, 0, .version), (1, 2, .version)] as [(UInt8, UInt8, ResultCode?)])
    func choosesAVersionThatBothHave(max: UInt8, min: UInt8, code: ResultCode?) {
        let broker = SimulatedBroker()
        let client = broker.connect()
        client.send(octets: [0xB3, 0x43, 0x42, 0x50, max, min, 0xAA, 0xBB])
        broker.settle()
        #expect(client.view.hasPreface)
        #expect(client.goodbye?.code == code)
    }

    @Test func foreignPeerGetsNoWord() {
        let broker = SimulatedBroker()
        let client = broker.connect()
        client.send(octets: Array("GET / HTTP/1.1\r\n".utf8))
        broker.settle()
        #expect(!client.isOpen)
        #expect(!client.view.hasPreface)
    }

    @Test func clientThatIsNotToBeServedIsToldAfterThePreface() {
        let broker = SimulatedBroker()
        let client = broker.connect()
        client.shard.refuse(client.session, with: Goodbye(.tlsRequired))
        client.open()
        client.send(.hello(Hello(agent: "t")))
        broker.settle()
        #expect(client.view.hasPreface)
        #expect(client.story == ["goodbye 206"])
    }

    // MARK: Deadlines

    @Test func prefaceHasATotalDeadline() {
        let broker = SimulatedBroker()
        let client = broker.connect()
        for octet in [0xB3, 0x43, 0x42, 0x50, 1] as [UInt8] {
            client.send(octets: [octet])
            broker.pass(1_000)
        }
        #expect(client.isOpen)
        broker.pass(1)
        #expect(!client.isOpen)
        #expect(!client.view.hasPreface)
    }

    @Test(arguments: [(Stage.hello, 10_000), (.authenticating, 30_000)] as [(Stage, UInt64)])
    func handshakeHasTotalDeadlines(stage: Stage, milliseconds: UInt64) {
        let broker = SimulatedBroker()
        let client = stage.client(of: broker)
        // What is refused on the way gives no more time.
        broker.pass(milliseconds / 2, tick: 1_000)
        #expect(client.refusal(of: .authenticateStep(SharedBytes([1]))) == .badState)
        broker.pass(milliseconds / 2, tick: 1_000)
        #expect(client.goodbye == nil)
        broker.pass(1)
        #expect(client.goodbye?.code == .timeout)
        #expect(!client.isOpen)
    }

    @Test func refusedNameLeavesTheTimerAlone() {
        let broker = SimulatedBroker()
        _ = broker.logIn("ann")
        let client = broker.greet()
        broker.pass(29_000, tick: 1_000)
        #expect(client.authenticate("ann")?.code == .exists)
        broker.pass(1_001, tick: 1_001)
        #expect(client.goodbye?.code == .timeout)
    }

    // MARK: Faults

    static let faults: [(name: String, octets: [UInt8], code: ResultCode)] = [
        ("malformed", frame(type: 6, id: 1, payload: [0x81]), .malformed),
        ("unsupported field", frame(type: 6, id: 1, payload: [0x8F, 0]), .unsupportedField),
        ("missing field", frame(type: 0x10, id: 1), .missingField),
        ("bad value", frame(type: 0x10, id: 1, payload: [0x81, 5] + Array("lobby".utf8) + [0x54, 2, 3, 0xE9]), .badValue),
    ]

    @Test(arguments: faults.indices)
    func sendsAwayWhoSendsTooManyFaultyPayloads(row: Int) {
        let (_, octets, code) = Self.faults[row]
        let broker = SimulatedBroker()
        let client = Stage.ready.client(of: broker)
        for _ in 0..<7 { client.send(octets: octets) }
        client.send(.ping(timestamp: 1), id: 2)
        broker.settle()
        #expect(client.story == Array(repeating: "error 1 \(code.rawValue)", count: 7) + ["pong 2"])
        client.takeInbox()
        client.send(octets: octets)
        broker.settle()
        #expect(client.story == ["error 1 \(code.rawValue)", "goodbye 112"])
    }

    static let mistakes: [(octets: [UInt8], code: ResultCode)] = [
        (frame(type: 0x3E, id: 1), .unknownType), (frame(type: 0x01, id: 1, payload: [0x30, 1, 0x78]), .badState),
        (frame(type: 0x10, id: 1, payload: [0x81, 1, 0x41]), .badName),
        (frame(type: 0x20, id: 1, payload: [0x81, 5] + Array("lobby".utf8) + [0x10, 1, 0x80]), .badText),
    ]

    @Test(arguments: mistakes.indices)
    func bearsWithWhatIsNotAFaultOfThePayload(row: Int) {
        let (octets, code) = Self.mistakes[row]
        let broker = SimulatedBroker()
        let client = Stage.ready.client(of: broker)
        for _ in 0..<20 { client.send(octets: octets) }
        broker.settle()
        #expect(client.story == Array(repeating: "error 1 \(code.rawValue)", count: 20))
        #expect(client.isOpen)
    }

    @Test(arguments: [(Stage.authenticating, 16_384), (.ready, 65_536)])
    func judgesTheLengthByTheHeaderAlone(stage: Stage, max: Int) {
        for (length, isTooLong) in [(max, false), (max + 1, true)] {
            let broker = SimulatedBroker()
            let client = stage.client(of: broker)
            client.send(octets: [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), 0x06, 0, 0, 0, 1])
            broker.settle()
            #expect(client.goodbye?.code == (isTooLong ? .frameTooLarge : nil))
        }
    }

    @Test(arguments: [0x10, 0x20, 0x80] as [UInt8])
    func unknownFlagsThatChangeTheMeaningEndTheConnection(flags: UInt8) {
        let broker = SimulatedBroker()
        let client = Stage.ready.client(of: broker)
        client.send(.ping(timestamp: 1), id: 1)
        client.send(octets: frame(type: 6, id: 2, flags: flags))
        client.send(.ping(timestamp: 1), id: 3)
        broker.settle()
        #expect(client.story == ["pong 1", "goodbye 113"])
    }
}
