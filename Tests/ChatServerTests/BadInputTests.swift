import Bytes
import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

/// Whatever one peer sends, it gets a coded error or is closed, and nobody else notices.
@Suite struct BadInputTests {
    @Test(arguments: [
        "GETAWAY\r\n", "hello\r\n", "\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n",
        "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7}",
    ])
    func otherProtocolsAreClosedWithoutAWord(text: String) throws {
        let broker = try TestBroker()
        let witness = try TestClient(broker.address, as: "witness")
        let stranger = try TestClient(broker.address)
        try stranger.send(octets: Array(text.utf8))
        #expect(try stranger.isClosedWithoutAWord())
        #expect(try witness.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }

    @Test func randomOctetsHurtNobody() throws {
        let broker = try TestBroker(loops: 2)
        let witness = try TestClient(broker.address, as: "witness")
        var random = SplitMix(state: 4)
        for round in 0..<200 {
            let stranger = try TestClient(broker.address)
            if round % 2 == 0 { try stranger.sendPreface() }
            let octets = (0..<Int(random.next() % 300)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            // The broker may close before everything is sent; that is an answer too.
            try? stranger.send(octets: octets)
            stranger.finishSending()
            while (try? stranger.receive()) ?? nil != nil {}
        }
        #expect(try witness.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
        guard case .items(let users) = try witness.ask(.members(ListMembers(room: .lobby))) else { throw TestClient.Failed("no items") }
        #expect(users.records.count == 1)
    }

    @Test func invalidTextIsRefusedWithItsCode() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        let bodies: [[UInt8]] = [[0xFF], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0x1B, 0x5B, 0x32, 0x4A], [0x07], [0x7F], [0xC2, 0x9B]]
        for (index, body) in bodies.enumerated() {
            let id = UInt8(50 + index)
            let payload: [UInt8] = [0x81, 5] + Array("lobby".utf8) + [0x10, UInt8(body.count)] + body
            try ada.send(octets: [0, 0, UInt8(payload.count), 0x20, 0, 0, 0, id] + payload)
            #expect(try ada.answer(to: UInt32(id)).failureCode == .badText)
        }
    }

    @Test func framesOutOfStateAreRefused() throws {
        let broker = try TestBroker()
        let early = try TestClient(broker.address)
        try early.sendPreface()
        #expect(try early.ask(.join(Join(room: .lobby))).failureCode == .badState)
        let late = try TestClient(broker.address, as: "late")
        #expect(try late.ask(.hello(Hello(agent: "again"))).failureCode == .badState)
    }

    @Test func unknownCriticalFieldIsRefusedAndNamed() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        try ada.send(octets: [0, 0, 10, 0x12, 0, 0, 0, 60, 0x81, 5] + Array("lobby".utf8) + [0xEF, 1, 0])
        guard case .error(let failure) = try ada.answer(to: 60) else { throw TestClient.Failed("accepted") }
        #expect(failure.code == .unsupportedField)
        #expect(failure.field == 0x6F)
    }

    @Test func peerThatKeepsSendingBadFramesIsSentAway() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        for id in UInt8(60)..<90 { try? ada.send(octets: [0, 0, 2, 0x12, 0, 0, 0, id, 0x00, 0x00]) }
        #expect(try ada.goodbye()?.code == .tooManyErrors)
    }

    @Test func aByteNowAndThenDoesNotPutOffTheDeadline() throws {
        let broker = try TestBroker { $0.deadlines.prefaceMilliseconds = 500 }
        let slow = try TestClient(broker.address)
        try slow.send(octets: [0xB3])
        try slow.send(octets: [0x43])
        #expect(try slow.isClosedWithoutAWord())
    }

    @Test func halfOpenConnectionsAreEndedInWords() throws {
        let broker = try TestBroker {
            $0.deadlines.helloMilliseconds = 500
            $0.deadlines.authenticationMilliseconds = 500
        }
        let first = try TestClient(broker.address)
        try first.sendPreface()
        #expect(try first.goodbye()?.code == .timeout)
        let second = try TestClient(broker.address)
        try second.sendPreface()
        try second.send(.hello(Hello(agent: "test")))
        #expect(try second.goodbye()?.code == .timeout)
    }

    @Test func silenceIsProbedAndThenEnds() throws {
        let broker = try TestBroker { $0.deadlines.heartbeatMilliseconds = 1_000 }
        let ada = try TestClient(broker.address, as: "ada")
        let ping = try ada.next { if case .reply(.ping) = $0.frame { true } else { false } }
        #expect(ping.requestID != 0)
        #expect(try ada.goodbye()?.code == .timeout)
    }
}

/// Numbers from a seed, so that a failure can be had again.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
