import ChatProtocol
import Testing

@testable import ChatCore

/// Rooms that are there without anybody having made them.
struct StandingRoomTests {
    private static let names: Set<RoomAddress> = ["general", "random", "tech"]

    @Test(arguments: 1...3)
    func theyAreThereFromTheStartAndStay(shards: Int) {
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.standingRooms = Self.names
            settings.emptyRoomSeconds = 0
        }
        let ann = broker.logIn("ann")
        for name in Self.names {
            #expect(ann.create(name) == .exists)
            // Nobody owns them.
            #expect(ann.join(name)?.role == .member)
            #expect(ann.leave(name) == nil)
        }
        ann.create("fleeting")
        ann.leave("fleeting")
        broker.pass(10_000, tick: 1_000)
        #expect(broker.room("fleeting") == nil)
        for name in Self.names { #expect(ann.publish("hello", to: name) == nil && ann.join(name) != nil) }
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func theyAreMadeOnce(shards: Int) {
        let store = SimulatedStore()
        let first = SimulatedBroker(shards: shards, store: store) { $0.standingRooms = Self.names }
        for shard in 0..<shards { first.turn(of: shard) { _ in } }
        first.settle()
        let ann = first.logIn("ann")
        #expect(ann.join("general") != nil)
        #expect(ann.publish("hello", to: "general") != nil)
        first.settle()
        store.close()
        // What is added to the list later is not made, what was made stays.
        let second = SimulatedBroker(shards: shards, store: store, former: first) { $0.standingRooms = ["later", "tech"] }
        second.settle()
        #expect(second.room("later") == nil)
        for name in Self.names { #expect(second.room(name) != nil) }
        #expect(second.room("general")?.head ?? 0 > 0)
        #expect(second.faultsAtRest() == [])
    }

    @Test func aStoreThatTakesNothingIsNoObstacle() {
        let store = SimulatedStore()
        store.setFailing(true)
        let broker = SimulatedBroker(store: store) { $0.standingRooms = Self.names }
        broker.settle()
        let ann = broker.logIn("ann")
        #expect(ann.join("general") != nil)
        #expect(ann.publish("hello", to: "general") != nil)
    }
}
