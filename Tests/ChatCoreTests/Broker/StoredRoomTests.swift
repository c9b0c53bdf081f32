import ChatProtocol
import Testing

@testable import ChatCore

/// A room that is made where rooms are stored.
struct StoredRoomTests {
    /// That nothing can be stored is known before it is known that the room's log could not be made.
    @Test func nobodyComesIntoARoomThatCannotBeMade() {
        let rooms = StoredRooms()
        let (ann, bob) = (rooms.logIn("ann"), rooms.logIn("bob"))
        ann.readNow(.create(CreateRoom(room: "r")), id: 100)
        rooms.broker.turn(of: 0) { $0.accept([.writability(false)], at: rooms.broker.moment) }
        bob.readNow(.join(Join(room: "r")), id: 100)
        rooms.store.setFailing(true)
        rooms.broker.settle()
        for client in [ann, bob] { #expect(client.inbox.first { $0.requestID == 100 }?.reply?.code == .storeFailed) }
        #expect(rooms.broker.room("r") == nil)
        #expect(rooms.broker.faultsAtRest() == [])
        rooms.store.setFailing(false)
        rooms.broker.settle()
        #expect(ann.create("r") == nil)
        #expect(bob.join("r")?.members == 2)
        #expect(rooms.broker.faultsAtRest() == [])
    }
}
