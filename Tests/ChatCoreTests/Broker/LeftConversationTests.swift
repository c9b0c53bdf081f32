import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// What becomes of a conversation of a guest and a registered account when the guest ends (docs/PROTOCOL.md, *Direct messages*).
struct LeftConversationTests {
    private let address: RoomAddress = "@ann+zoe"

    private func content(_ client: SimulatedClient) -> [String] { client.history(address).events.compactMap(\.body) }

    @Test(arguments: 1...3)
    func whatAGuestSaidIsReadLater(shards: Int) {
        let rooms = StoredRooms(shards: shards)
        let zoe = rooms.broker.logIn("zoe")
        #expect(zoe.tell("ann", "call me")?.room == address)
        zoe.drop()
        rooms.broker.settle()
        let ann = rooms.logIn("ann")
        #expect(content(ann) == ["call me"])
        guard case .items(let items) = ann.ask(.inbox(ReadInbox(since: 0))) else {
            Issue.record("no ITEMS")
            return
        }
        #expect(items.records.contains { if case .inbox(let record) = $0 { record.room == address && record.unread == 1 } else { false } })
        #expect(rooms.broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func nobodyIsThereToBeAnswered(shards: Int) {
        let rooms = StoredRooms(shards: shards)
        let (ann, zoe) = (rooms.logIn("ann"), rooms.broker.logIn("zoe"))
        zoe.tell("ann", "call me")
        zoe.drop()
        rooms.broker.settle()
        #expect(ann.refusal(of: .directMessage(DirectMessage(to: "zoe", publication: .text("x")))) == .noSuchUser)
        #expect(ann.refusal(of: .publish(Publish(room: address, publication: .text("x")))) == .noSuchRoom)
        #expect(content(ann) == ["call me"])
        #expect(rooms.broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func anotherGuestOfTheNameSeesNothing(shards: Int) {
        let rooms = StoredRooms(shards: shards)
        let (ann, zoe) = (rooms.logIn("ann"), rooms.broker.logIn("zoe"))
        zoe.tell("ann", "secret")
        zoe.drop()
        rooms.broker.settle()
        let other = rooms.broker.logIn("zoe")
        #expect(other.refusal(of: .history(ReadHistory(room: address, fromSeq: 1, toSeq: 10))) == .noSuchRoom)
        // What is said now is another conversation, whoever begins it.
        #expect(ann.tell("zoe", "are you the one?")?.seq == 1)
        #expect(other.tell("ann", "no")?.seq == 2)
        #expect(content(other) == ["are you the one?", "no"] && content(ann) == content(other))
        #expect(rooms.broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func aRestartLeavesItToTheAccount(shards: Int) {
        let rooms = StoredRooms(shards: shards)
        rooms.broker.logIn("zoe").tell("ann", "call me")
        rooms.restart()
        #expect(content(rooms.logIn("ann")) == ["call me"])
        #expect(rooms.broker.faultsAtRest() == [])
    }

    /// Guests who come and go must not be able to fill the broker.
    @Test func itEndsWhereThereAreManyRooms() {
        let rooms = StoredRooms { $0.roomsMax = 4 }
        let ann = rooms.logIn("ann")
        for name in ["zoe", "yul", "xia"] {
            let guest = rooms.broker.logIn(name)
            #expect(guest.tell("ann", "hello") != nil)
            guest.drop()
            rooms.broker.settle()
        }
        #expect(rooms.broker.shards.map(\.rooms.count) == [2])
        #expect(content(ann) == ["hello"])
        #expect(ann.refusal(of: .history(ReadHistory(room: "@ann+yul", fromSeq: 1, toSeq: 10))) == .noSuchRoom)
        #expect(rooms.broker.faultsAtRest() == [])
    }
}
