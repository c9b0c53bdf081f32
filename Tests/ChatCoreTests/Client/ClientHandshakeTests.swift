import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientHandshakeTests {
    @Test func saysHelloAndLogsInInOneGo() throws {
        var harness = ClientHarness(wish: "alice")
        harness.open()
        try #require(harness.sent.count == 2)
        guard case .hello(let hello) = harness.sent[0].command, case .authenticate(let login) = harness.sent[1].command else {
            Issue.record("HELLO and AUTH come first")
            return
        }
        #expect(hello.agent == "test")
        #expect(hello.device?.count == 16)
        #expect(hello.capabilities.isEmpty)
        #expect(login == Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "alice")))
        #expect(harness.sent.map(\.id) == [1, 2])
    }

    @Test func greasesOneConnectionOfSixteen() throws {
        let greased = (UInt64(0)..<64).filter { chance in
            var harness = ClientHarness()
            harness.open(chance: chance | 0xABCD_0000_0000_0000)
            return !harness.strangers.isEmpty
        }
        #expect(greased == [0, 16, 32, 48])
    }

    @Test func greaseLeavesHelloReadableAndSetsIgnoredFlags() throws {
        var harness = ClientHarness()
        harness.open(chance: 0xBEEF_1234_5678_9A70)
        guard case .hello(let hello) = harness.sent[0].command else {
            Issue.record("a greased HELLO is a HELLO")
            return
        }
        #expect(hello.capabilities == ["grease-beef"])
        #expect(harness.strangers.allSatisfy { $0.type & 0xF == 0xF && $0.requestID == 0 && $0.flags == [] })
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.reply(
            .authenticated(Authenticated(user: ClientHarness.name("alice"), session: SharedBytes([UInt8](repeating: 0, count: 16)))), to: 2)
        harness.ask(.ping)
        guard case .ping = harness.sent.last?.command else {
            Issue.record("a greased PING is a PING")
            return
        }
    }

    @Test func everySplitOfTheOpeningIsUnderstood() {
        var writer = ByteWriter()
        Preface.broker(answering: .client).append(to: &writer)
        FrameEncoder.append(.welcome(ClientHarness.welcome()), requestID: 1, to: &writer)
        let user = ClientHarness.name("alice")
        let login = Authenticated(user: user, session: SharedBytes([UInt8](repeating: 0, count: 16)))
        FrameEncoder.append(.authenticated(login), requestID: 2, to: &writer)
        let bytes = writer.finish()
        for split in 0...bytes.count {
            var settings = ClientSettings(agent: "t", device: SharedBytes([UInt8](repeating: 0, count: 16)), wish: "")
            settings.reconnects = false
            var session = ClientSession(settings: settings)
            _ = session.connectionOpened(at: 0, chance: 1)
            var effects = bytes[0..<split].withBytes { session.receive($0, at: 1) }
            effects += bytes[split..<bytes.count].withBytes { session.receive($0, at: 2) }
            #expect(effects == [.notify(.ready(account: user, welcome: ClientHarness.welcome(), isReturn: false))])
        }
    }

    /// A harness whose session has asked how to log in, and was told to start over as another device.
    private func startingOver(as device: SharedBytes) -> ClientHarness {
        var harness = ClientHarness { $0.logsInToAccount = true }
        harness.open()
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.answerLogIn(.startOver(device: device))
        return harness
    }

    @Test func startsOverAsAnotherDevice() {
        let device = SharedBytes([UInt8](repeating: 8, count: 16))
        var harness = startingOver(as: device)
        let ping = harness.ask(.ping)
        #expect(harness.actions.last == .close)
        harness.close()
        #expect(harness.actions.last == .connect(afterMilliseconds: 0))
        #expect(harness.notices.isEmpty, "nothing that a user would want to know: \(harness.notices)")
        harness.open()
        guard case .hello(let hello) = harness.sent.first?.command else {
            Issue.record("HELLO comes first")
            return
        }
        #expect(hello.device == device)
        #expect(harness.outcomes(ping).isEmpty, "it waits for the log-in")
    }

    @Test func whoLeavesBeforeStartingOverIsGone() {
        var harness = startingOver(as: SharedBytes([UInt8](repeating: 8, count: 16)))
        harness.leave()
        harness.close()
        #expect(harness.notices == [.ended(.left)])
        #expect(harness.actions.last == .close)
    }

    @Test(arguments: [ResultCode.exists, .badName])
    func asksForAnotherNameOnTheSameConnection(code: ResultCode) {
        var harness = ClientHarness(wish: "alice")
        harness.open()
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.reply(.error(Failure(code, reason: "the name is in use")), to: 2)
        #expect(harness.notices == [.nameRefused(wish: "alice", Failure(code, reason: "the name is in use"))])
        #expect(harness.session.phase == .nameless)
        harness.chooseName("alice2")
        #expect(harness.sent.last?.command == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "alice2"))))
        harness.reply(
            .authenticated(Authenticated(user: ClientHarness.name("alice2"), session: SharedBytes([UInt8](repeating: 0, count: 16)))), to: 3
        )
        #expect(harness.session.phase == .ready)
        #expect(harness.session.account == ClientHarness.name("alice2"))
    }

    @Test func refusedLoginEndsTheSession() {
        var harness = ClientHarness()
        harness.open()
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.reply(.error(Failure(.mechUnsupported)), to: 2)
        #expect(harness.actions == [.close])
        harness.close()
        #expect(harness.notices.last == .ended(.loginRefused(Failure(.mechUnsupported))))
        #expect(harness.session.phase == .ended)
    }

    @Test func peerThatIsNoBrokerIsNotTalkedTo() {
        var harness = ClientHarness()
        _ = harness.session.connectionOpened(at: 0, chance: 1)
        harness.receive(octets: { $0.append(Array("HTTP/1.1 400".utf8).span.bytes) })
        #expect(harness.actions == [.close])
        harness.close()
        guard case .ended(.brokenProtocol(.badPreface, _)) = harness.notices.last else {
            Issue.record("a foreign peer ends the session")
            return
        }
    }

    @Test func handshakeHasATotalDeadline() {
        var harness = ClientHarness()
        harness.open()
        #expect(harness.session.nextDeadline == harness.now + 15_000)
        harness.pass(14_999)
        #expect(harness.actions.isEmpty)
        harness.pass(1)
        #expect(harness.actions == [.abort])
        harness.close()
        #expect(harness.notices.last == .ended(.timeout))
    }

    @Test func firstConnectionThatFailsIsNotTriedAgain() {
        var harness = ClientHarness()
        harness.close(.unreachable("nobody"))
        #expect(harness.notices == [.ended(.unreachable("nobody"))])
    }
}
