import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Limits*, as far as rooms have them, at 0, 1, max and max + 1.
struct RoomLimitTests {
    @Test(arguments: [0, 1, 3], 1...3)
    func boundsTheRoomsOfAnAccount(max: Int, shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.roomsPerAccountMax = max }
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        // Neither the lobby nor conversations count.
        bob.tell("ann", "hello")
        for index in 0..<max { #expect(ann.create(try! RoomAddress("r\(index)")) == nil) }
        #expect(ann.failure(of: .create(CreateRoom(room: "more")))?.code == .tooManyRooms)
        #expect(ann.tell("bob", "hello") != nil)
        #expect(ann.join("lobby") != nil)
        guard max > 0 else { return }
        // JOIN is bounded likewise, except of what one is a member of.
        #expect(ann.join("r0") != nil)
        #expect(bob.create("b0") == nil)
        #expect(ann.refusal(of: .join(Join(room: "b0"))) == .tooManyRooms)
        // What is refused takes no place, and what is left gives its place back.
        ann.leave("r0")
        #expect(ann.refusal(of: .join(Join(room: "nowhere"))) == .noSuchRoom)
        #expect(ann.create("b0") == .exists)
        #expect(ann.join("b0") != nil)
        #expect(ann.create("more") == .tooManyRooms)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [0, 1, 3], 1...3)
    func boundsTheMembersOfARoom(max: Int, shards: Int) {
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.membersPerRoomMax = max
            settings.attachesToLobby = false
        }
        let clients = (0...max).map { broker.logIn("n\($0)") }
        for client in clients.dropLast() { #expect(client.join("lobby") != nil) }
        #expect(clients.last?.failure(of: .join(Join(room: "lobby")))?.code == .overloaded)
        guard max > 0 else { return }
        // A member who joins again is not one more, and who leaves makes room.
        #expect(clients[0].join("lobby")?.members == UInt64(max))
        clients[0].leave("lobby")
        #expect(clients.last?.join("lobby")?.members == UInt64(max))
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [1, 2, 4])
    func boundsTheRoomsOfTheBroker(max: Int) {
        let broker = SimulatedBroker { $0.roomsMax = max }
        let ann = broker.logIn("ann")
        for index in 1..<max { #expect(ann.create(try! RoomAddress("r\(index)")) == nil) }
        #expect(ann.failure(of: .create(CreateRoom(room: "more")))?.code == .quota)
        #expect(broker.faultsAtRest() == [])
    }

    static let notices: [(max: Int, kinds: [EventKind])] = [
        // One creates the room, two come, two go.
        (0, []),
        (1, [.left]),
        (2, [.joined, .left, .left]),
        (3, [.joined, .joined, .left, .left]),
    ]

    /// What counts is how many there are once the change is made.
    @Test(arguments: notices.indices, [1, 3])
    func saysWhoComesAndGoesInSmallRooms(row: Int, shards: Int) {
        let (max, kinds) = Self.notices[row]
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.noticeMembersMax = max
            settings.attachesToLobby = false
        }
        let ann = broker.logIn("ann")
        ann.create("r")
        _ = ann.join("r")
        let others = ["bob", "cyd"].map { broker.logIn($0) }
        for other in others { _ = other.join("r") }
        for other in others { other.leave("r") }
        #expect(ann.notices(in: "r").map(\.kind) == kinds)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [(2, 1), (1, 0)])
    func saysWhatIsCreatedInASmallLobby(noticeMembersMax: Int, count: Int) {
        let broker = SimulatedBroker { $0.noticeMembersMax = noticeMembersMax }
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.takeInbox()
        bob.create("r")
        #expect(ann.notices(in: "lobby").map(\.kind) == Array(repeating: .created, count: count))
    }

    @Test func saysNothingWhereThePolicyDoesNotAskForIt() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r", policy: [])
        _ = ann.join("r")
        _ = bob.join("r")
        bob.leave("r")
        _ = bob.join("r")
        bob.drop()
        broker.settle()
        #expect(ann.events(in: "r").isEmpty)
    }

    @Test(arguments: 1...3)
    func endOfAGuestIsALeaving(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r")
        _ = ann.join("r")
        _ = bob.join("r")
        ann.takeInbox()
        bob.drop()
        broker.settle()
        for room: RoomAddress in ["lobby", "r"] { #expect(ann.notices(in: room).map(\.kind) == [.left]) }
        #expect(ann.members("r").map(\.user) == ["ann"])
    }
}
