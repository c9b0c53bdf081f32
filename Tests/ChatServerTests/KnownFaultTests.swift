import Bytes
import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

/// The faults of the servers that this broker replaces (MISSION, part A), each as a test.
@Suite struct KnownFaultTests {
    @Test(arguments: [1, 2]) func lastMemberLeavesAndALaterCommandHurtsNobody(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let ada = try TestClient(broker.address, as: "ada")
        let tea = try RoomAddress("tea")
        _ = try ada.ask(.create(CreateRoom(room: tea)))
        #expect(try ada.ask(.leave(Leave(room: tea))) == .ok(Success()))
        #expect(try ada.ask(.publish(.message("anybody?", in: tea))).failureCode == .notJoined)
        #expect(try ada.ask(.members(ListMembers(room: tea))).failureCode == .notJoined)
        guard case .items = try ada.ask(.list(ListRooms())) else { throw TestClient.Failed("no items") }
        guard case .joined = try ada.ask(.join(Join(room: tea))) else { throw TestClient.Failed("the room is gone") }
    }

    @Test func lastUsersDisconnectDoesNotBlockLaterLogins() throws {
        let broker = try TestBroker(loops: 2)
        for round in 0..<10 {
            let client = try TestClient(broker.address, as: "user\(round)")
            client.reset()
        }
        let last = try TestClient(broker.address, as: "last")
        #expect(try last.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }

    @Test func silentConnectionsDoNotBlockLogins() throws {
        let broker = try TestBroker()
        let silent = try (0..<20).map { _ in try TestClient(broker.address) }
        let ada = try TestClient(broker.address, as: "ada")
        #expect(try ada.ask(.ping(timestamp: 7)) == .pong(timestamp: 7))
        withExtendedLifetime(silent) {}
    }

    @Test func frameSplitOverSegmentsIsOneFrame() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        let octets = TestClient.encode(.publish(.message("in pieces", in: .lobby)), requestID: 77)
        for octet in octets { try ada.send(octets: [octet]) }
        guard case .published = try ada.answer(to: 77) else { throw TestClient.Failed("not published") }
        #expect(try ada.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }

    @Test func severalFramesInOneSegmentAreAllAnswered() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        var octets: [UInt8] = []
        for id in UInt32(100)..<120 { octets += TestClient.encode(.publish(.message("number \(id)", in: .lobby)), requestID: id) }
        try ada.send(octets: octets)
        var answers: Set<UInt32> = []
        while answers.count < 20, let received = try ada.receive() {
            if case .reply(.published) = received.frame { answers.insert(received.requestID) }
        }
        #expect(answers == Set(100..<120))
    }

    @Test func duplicateNameIsRefusedWithAReasonAtOnce() throws {
        let broker = try TestBroker(loops: 2)
        let ada = try TestClient(broker.address, as: "ada")
        let other = try TestClient(broker.address)
        try other.sendPreface()
        try other.send(.hello(Hello(agent: "test")))
        let request = try other.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: .init(utf8: "ada"))))
        guard case .error(let failure) = try other.answer(to: request) else { throw TestClient.Failed("the name was granted twice") }
        #expect(failure.code == .exists)
        #expect(failure.reason?.contains("in use") == true)
        // The connection goes on, and another name may be asked for.
        let second = try other.ask(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: .init(utf8: "eve"))))
        guard case .authenticated(let granted) = second else { throw TestClient.Failed("another name was refused") }
        #expect(granted.user.description == "eve")
        withExtendedLifetime(ada) {}
    }

    @Test func oversizeFrameEndsOnlyItsOwnConnection() throws {
        let broker = try TestBroker()
        let witness = try TestClient(broker.address, as: "witness")
        let ada = try TestClient(broker.address, as: "ada")
        try ada.send(octets: [0xFF, 0xFF, 0xFF, 0x20, 0, 0, 0, 9])
        #expect(try ada.goodbye()?.code == .frameTooLarge)
        #expect(try witness.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }

    @Test func errorsSayNothingOfTheInside() throws {
        let broker = try TestBroker()
        let ada = try TestClient(broker.address, as: "ada")
        let refused: [Command] = [
            .join(Join(room: try RoomAddress("nowhere"))), .leave(Leave(room: .lobby)),
            .publish(.message("hello", in: try RoomAddress("nowhere"))), .hello(Hello(agent: "again")),
            .create(CreateRoom(room: .lobby)), .authenticate(Authenticate(mechanism: "PLAIN")),
        ]
        for command in refused {
            guard case .error(let failure) = try ada.ask(command) else { throw TestClient.Failed("\(command) was not refused") }
            let reason = try #require(failure.reason)
            for inside in ["Swift", "Optional", "Error(", "0x", "/", "nil", "libuv", "Shard"] {
                #expect(!reason.contains(inside), "\(reason)")
            }
        }
    }
}
