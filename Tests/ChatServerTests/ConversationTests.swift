import Bytes
import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

/// What people do with the broker, over real sockets, on one and on several loops (MISSION, part A).
@Suite struct ConversationTests {
    @Test(arguments: [1, 2, 3]) func globalChatReachesEveryoneWithTheSendersName(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let ada = try TestClient(broker.address, as: "ada")
        let others = try (0..<6).map { try TestClient(broker.address, as: "reader\($0)") }
        // Everyone is attached once the last one has seen itself arrive.
        for (index, other) in others.enumerated() {
            _ = try other.event(in: .lobby) { $0.kind == .joined && $0.user?.description == "reader\(index)" }
        }
        try ada.send(.publish(.message("good morning", in: .lobby)))
        for reader in [ada] + others {
            let event = try reader.event(in: .lobby) { $0.kind == .message }
            #expect(event.from.description == "ada")
            #expect(event.body == "good morning")
        }
    }

    @Test(arguments: [1, 2, 3]) func directMessageReachesOnlyTheTwo(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let ada = try TestClient(broker.address, as: "ada")
        let bob = try TestClient(broker.address, as: "bob", device: [UInt8](repeating: 7, count: 16))
        let eve = try TestClient(broker.address, as: "eve")
        let bobsName = try AccountName("bob")
        let conversation = RoomAddress(conversationOf: try AccountName("ada"), and: bobsName)
        let message = DirectMessage(to: bobsName, publication: Publication(content: EventContent(body: "psst")))
        let request = try ada.send(.directMessage(message))
        for reader in [ada, bob] {
            // The unsolicited JOINED comes right before the first event, to both.
            var joined: Joined?
            var isEventSeen = false
            while !isEventSeen, let received = try reader.receive() {
                if case .reply(.joined(let position)) = received.frame, position.room == conversation { joined = position }
                if case .event(let event) = received.frame, event.room == conversation {
                    #expect(joined?.next == 1)
                    #expect(event.body == "psst")
                    isEventSeen = true
                }
            }
        }
        _ = request
        // Whatever eve was sent came before the answer to her ping.
        let ping = try eve.send(.ping(timestamp: nil))
        while let received = try eve.receive(), received.requestID != ping || received.hasMore {
            if case .event(let event) = received.frame { #expect(!event.room.isConversation) }
        }
    }

    @Test func unknownUserIsAnError() throws {
        let broker = try TestBroker(loops: 2)
        let ada = try TestClient(broker.address, as: "ada")
        let message = DirectMessage(to: try AccountName("nobody"), publication: Publication(content: EventContent(body: "hello?")))
        #expect(try ada.ask(.directMessage(message)).failureCode == .noSuchUser)
    }

    @Test(arguments: [1, 2, 3]) func usersRoomsAndMembersAreListed(loops: Int) throws {
        let broker = try TestBroker(loops: loops) { $0.rooms.standing = "tea/4,tea/5" }
        let ada = try TestClient(broker.address, as: "ada")
        let bob = try TestClient(broker.address, as: "bob", device: [UInt8](repeating: 7, count: 16))
        let rooms = try (0..<5).map { try RoomAddress("tea/\($0)") }
        for room in rooms.dropLast() { #expect(try ada.ask(.create(CreateRoom(room: room))) == .ok(Success())) }
        #expect(try ada.ask(.create(CreateRoom(room: rooms[4]))).failureCode == .exists)
        guard case .joined = try bob.ask(.join(Join(room: rooms[2]))) else { throw TestClient.Failed("bob did not join") }

        guard case .items(let listed) = try bob.ask(.list(ListRooms())) else { throw TestClient.Failed("no items") }
        let names = listed.records.map { if case .room(let room) = $0 { room.room } else { RoomAddress.lobby } }
        #expect(names == ([.lobby, try RoomAddress("tea/5")] + rooms).sorted())

        guard case .items(let users) = try ada.ask(.members(ListMembers(room: .lobby))) else { throw TestClient.Failed("no items") }
        #expect(users.records.map { if case .member(let member) = $0 { member.user.description } else { "" } } == ["ada", "bob"])
        guard case .items(let members) = try bob.ask(.members(ListMembers(room: rooms[2]))) else { throw TestClient.Failed("no items") }
        #expect(members.records.map { if case .member(let member) = $0 { member.user.description } else { "" } } == ["ada", "bob"])
    }

    @Test func everyMistakeWithARoomHasItsOwnError() throws {
        let broker = try TestBroker(loops: 2)
        let ada = try TestClient(broker.address, as: "ada")
        let bob = try TestClient(broker.address, as: "bob", device: [UInt8](repeating: 7, count: 16))
        let tea = try RoomAddress("tea")
        #expect(try bob.ask(.join(Join(room: tea))).failureCode == .noSuchRoom)
        #expect(try ada.ask(.create(CreateRoom(room: tea))) == .ok(Success()))
        #expect(try bob.ask(.create(CreateRoom(room: tea))).failureCode == .exists)
        #expect(try bob.ask(.publish(.message("hello", in: tea))).failureCode == .notJoined)
        #expect(try bob.ask(.leave(Leave(room: tea))).failureCode == .notJoined)
        #expect(try bob.ask(.members(ListMembers(room: tea))).failureCode == .notJoined)
    }

    @Test(arguments: [1, 2]) func namesOfThoseWhoLeaveAreFree(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let witness = try TestClient(broker.address, as: "witness")
        for round in 0..<20 {
            let guest = try TestClient(broker.address, as: "guest")
            if round % 2 == 0 { try guest.send(.goodbye(Goodbye(.ok))) } else { guest.reset() }
            // Others are notified, and then the name is free.
            _ = try witness.event(in: .lobby) { $0.kind == .left && $0.user?.description == "guest" }
        }
    }

    @Test(arguments: [1, 2, 3]) func resumingByCursorMissesNothingAndRepeatsNothing(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let ada = try TestClient(broker.address, as: "ada")
        let tea = try RoomAddress("tea")
        _ = try ada.ask(.create(CreateRoom(room: tea)))
        var bob: TestClient? = try TestClient(broker.address, as: "bob", device: [UInt8](repeating: 7, count: 16))
        guard case .joined(let joined) = try bob!.ask(.join(Join(room: tea))) else { throw TestClient.Failed("bob did not join") }
        for number in 0..<10 { _ = try ada.ask(.publish(.message("before \(number)", in: tea))) }
        let last = try bob!.event(in: tea) { $0.body == "before 4" }
        bob = nil
        for number in 0..<10 { _ = try ada.ask(.publish(.message("while away \(number)", in: tea))) }
        bob = try TestClient(broker.address, as: "bob", device: [UInt8](repeating: 7, count: 16))
        let cursor = LogPosition(epoch: joined.epoch, seq: last.seq)
        guard case .joined(let resumed) = try bob!.ask(.join(Join(room: tea, cursor: cursor, tail: 100))) else {
            throw TestClient.Failed("bob did not rejoin")
        }
        #expect(resumed.next == last.seq + 1)
        var expected = last.seq + 1
        while true {
            let event = try bob!.event(in: tea)
            #expect(event.seq == expected)
            expected += 1
            if event.body == "while away 9" { break }
        }
    }
}

extension Reply {
    /// The code of a refusal; nil for any other reply.
    var failureCode: ResultCode? {
        if case .error(let failure) = self { failure.code } else { nil }
    }
}
