import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Guests*, own device: an account goes on under a newer connection.
struct TakeoverTests {
    @Test(arguments: 1...3)
    func accountGoesOnWithAllItHas(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        let old = broker.logIn("ann", device: .device(7))
        old.create("r")
        _ = old.join("r")
        _ = bob.join("r")
        let first = try #require(old.publish("hello", to: "r", id: MessageID(5)))
        #expect(old.tell("bob", "psst") != nil)

        let new = broker.logIn("ann", device: .device(7))
        #expect(new.name == "ann")
        #expect(old.goodbye?.code == .replaced)
        #expect(old.goodbye?.endsSession == true)
        #expect(!old.isOpen)
        // Attached to nothing but the lobby.
        #expect(new.joinedUnasked.map(\.room) == ["lobby"])

        // Memberships, roles, message ids and conversations have followed; nobody saw it happen.
        #expect(bob.notices(in: "r").map(\.kind).contains(.left) == false)
        #expect(new.members("r").map(\.user) == ["ann", "bob"])
        let repeated = try #require(new.publish("hello", to: "r", id: MessageID(5)))
        #expect(repeated.isDuplicate)
        #expect(repeated.seq == first.seq)
        #expect(new.join("r")?.role == .owner)
        bob.tell("ann", "to the new one")
        #expect(new.bodies(in: "@ann+bob") == ["to the new one"])
        #expect(new.join("@ann+bob", tail: 10)?.next == 1)
        #expect(broker.faultsAtRest() == [])
    }

    static let devices: [(old: UInt8?, new: UInt8?)] = [(1, 2), (1, nil), (nil, 1), (nil, nil)]

    @Test(arguments: devices.indices, [1, 3])
    func nobodyElseIsLetIn(row: Int, shards: Int) {
        let (old, new) = Self.devices[row]
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", device: old.map(SharedBytes.device))
        let other = broker.greet(device: new.map(SharedBytes.device))
        #expect(other.authenticate("ann")?.code == .exists)
        #expect(ann.goodbye == nil)
        #expect(ann.isOpen)
    }

    @Test(arguments: 1...3)
    func givenNamesAreTakenOverToo(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let old = broker.logIn("", device: .device(1))
        let name = try #require(old.name).description
        let new = broker.logIn(name, device: .device(1))
        #expect(new.name?.description == name)
        #expect(old.goodbye?.code == .replaced)
    }

    @Test(arguments: 1...3)
    func oldConnectionEndsWithoutHarm(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let old = broker.logIn("ann", device: .device(1))
        old.reader = .window(0)
        let new = broker.logIn("ann", device: .device(1))
        old.drop()
        broker.settle()
        #expect(new.publish("still here", to: "lobby") != nil)
        #expect(broker.accounts.keys.sorted() == ["ann"])
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func takesOverAgainAndAgain(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        var connections = [broker.logIn("ann", device: .device(1))]
        connections[0].create("r")
        for _ in 1...5 { connections.append(broker.logIn("ann", device: .device(1))) }
        #expect(connections.map { $0.goodbye?.code } == Array(repeating: .replaced, count: 5) + [nil])
        #expect(connections[5].join("r")?.role == .owner)
        #expect(broker.faultsAtRest() == [])
    }

    /// Only at log-in is a name granted to its own device.
    @Test(arguments: 1...3)
    func renameDoesNotTakeOver(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", device: .device(1))
        let bob = broker.logIn("bob", device: .device(1))
        #expect(bob.authenticate("ann")?.code == .exists)
        #expect(ann.goodbye == nil)
        #expect(bob.rename(to: "bob") == "bob")
    }

    /// A rename and a takeover of the same account at the same moment: one of them wins, and nothing is left between.
    @Test(arguments: 1...3)
    func renameAndTakeoverAtTheSameMoment(shards: Int) {
        for seed: UInt64 in 1...60 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann", device: .device(1))
            ann.create("r")
            let new = broker.greet(device: .device(1))
            ann.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bea"))))
            new.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "ann"))))
            broker.settle()
            #expect(new.name == "ann", "seed \(seed)")
            if ann.goodbye?.code == .replaced {
                #expect(new.members("r").map(\.user) == ["ann"], "seed \(seed)")
            } else {
                #expect(ann.name == "bea", "seed \(seed)")
                #expect(ann.members("r").map(\.user) == ["bea"], "seed \(seed)")
            }
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }
}
