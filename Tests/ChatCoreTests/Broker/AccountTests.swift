import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Accounts*: what the core does with the answers of those who judge credentials.
struct AccountTests {
    private func broker(_ shards: Int, _ change: (inout CoreSettings) -> Void = { _ in }) -> SimulatedBroker {
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.offersAccounts = true
            settings.isRegistrationOpen = true
            settings.givesTokens = true
            change(&settings)
        }
        broker.judge.registered = ["ann"]
        return broker
    }

    private func begin(_ client: SimulatedClient, _ name: String = "ann") -> UInt32 {
        let id = client.send(.authenticate(Authenticate(mechanism: "SCRAM-SHA-256", message: SharedBytes(utf8: name))))
        client.broker.settle()
        return id
    }

    private func finish(_ client: SimulatedClient, _ id: UInt32, _ password: String = "right") {
        client.send(.authenticateStep(SharedBytes(utf8: password)), id: id)
        client.broker.settle()
    }

    private func loggedIn(_ broker: SimulatedBroker, device: SharedBytes? = nil) -> SimulatedClient {
        let client = broker.greet(device: device)
        finish(client, begin(client))
        return client
    }

    @Test(arguments: 1...3)
    func anExchangeHasTwoSteps(shards: Int) {
        let broker = broker(shards)
        let client = broker.greet()
        let id = begin(client)
        #expect(client.story.last == "step")
        #expect(client.session.state == .authenticating)
        finish(client, id)
        #expect(client.name == "ann")
        #expect(client.joinedUnasked.map(\.room) == ["lobby"])
        #expect(client.members("lobby") == [MemberRecord(user: "ann", role: .member, state: .online)])
        #expect(broker.faultsAtRest() == [])
    }

    @Test func refusalsComeLateAndTheThirdIsTheLast() {
        let broker = broker(1)
        let client = broker.greet()
        for count in 1...3 {
            finish(client, begin(client), "wrong")
            #expect(client.story.last == "step")
            broker.pass(200)
            #expect(client.story.last == "step", "told before its time")
            broker.pass(200)
            #expect(client.story.filter { $0.hasPrefix("error") }.count == count)
        }
        #expect(client.goodbye?.code == .authFailed)
    }

    @Test func whoLeavesMeanwhileIsLetGo() {
        let broker = broker(2)
        let client = broker.greet()
        _ = begin(client)
        client.send(.goodbye(Goodbye(.ok)), id: 0)
        broker.settle()
        #expect(!client.isOpen || client.session.isEnding)
        let other = broker.greet()
        finish(other, begin(other), "wrong")
        other.drop()
        broker.pass(1_000)
        #expect(broker.remains() == [])
    }

    @Test(arguments: 1...3)
    func membershipsOutliveConnectionsAndTheLobbyDoesNot(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob")
        let first = loggedIn(broker)
        first.create("r")
        _ = first.join("r")
        _ = bob.join("r")
        first.drop()
        broker.settle()
        #expect(bob.members("r").map(\.state) == [.offline, .online])
        #expect(bob.members("lobby").map(\.user) == ["ann", "bob"])
        broker.pass(31_000)
        #expect(bob.members("lobby").map(\.user) == ["bob"])
        #expect(bob.notices(in: "lobby").last?.kind == .left)
        #expect(bob.members("r").map(\.user) == ["ann", "bob"])
        let second = loggedIn(broker)
        #expect(second.join("r")?.role == .owner)
        #expect(bob.members("r").map(\.state) == [.online, .online])
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func whoComesBackInTimeNeverLeft(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob")
        loggedIn(broker).drop()
        broker.pass(20_000)
        let back = loggedIn(broker)
        broker.pass(20_000)
        #expect(bob.members("lobby").map(\.user) == ["ann", "bob"])
        #expect(!bob.notices(in: "lobby").map(\.kind).contains(.left))
        #expect(back.isOpen)
    }

    @Test(arguments: 1...3)
    func aDeviceHasOneConnection(shards: Int) {
        let broker = broker(shards)
        let old = loggedIn(broker, device: .device(1))
        let other = loggedIn(broker, device: .device(2))
        let new = loggedIn(broker, device: .device(1))
        #expect(old.goodbye?.code == .replaced)
        #expect(other.isOpen && new.isOpen)
        other.send(.revokeDevice(.device(1)))
        broker.settle()
        #expect(new.goodbye?.code == .credentialExpired)
        #expect(new.goodbye?.endsSession == true)
        #expect(other.isOpen)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func suspensionEndsConnections() {
        let broker = broker(2)
        let client = loggedIn(broker)
        let guest = broker.logIn("bob")
        for index in broker.shards.indices { broker.turn(of: index) { $0.suspend(["ann", "bob"], at: broker.moment) } }
        broker.settle()
        #expect(client.goodbye?.code == .suspended)
        #expect(guest.isOpen)
    }

    @Test(arguments: 1...3)
    func namesOfAccountsAreNotForGuests(shards: Int) {
        let broker = broker(shards)
        let guest = broker.greet()
        #expect(guest.authenticate("ann")?.code == .exists)
        #expect(guest.authenticate("cyd")?.code == nil)
        #expect(guest.authenticate("ann")?.code == .exists)
        #expect(guest.refusal(of: .register(Register(user: "cyd", verifier: .empty))) == nil)
        broker.judge.registered.insert("cyd")
        let owner = broker.greet()
        finish(owner, begin(owner, "cyd"))
        #expect(owner.name == "cyd")
        #expect(guest.goodbye?.code == .replaced)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func messagesReachAccountsThatNeverCame() {
        let broker = broker(3)
        let bob = broker.logIn("bob")
        #expect(bob.tell("ann", "welcome") != nil)
        #expect(bob.tell("eve", "?") == nil)
        let ann = loggedIn(broker)
        #expect(ann.join("@ann+bob", tail: 5)?.next == 1)
        broker.settle()
        #expect(ann.bodies(in: "@ann+bob") == ["welcome"])
    }

    @Test(arguments: 1...3)
    func membershipsAreRestored(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob")
        bob.create("r")
        broker.settle()
        let map = broker.shards[0].map
        let (name, room): (AccountName, RoomAddress) = ("ann", "r")
        broker.turn(of: map.home(of: name)) { $0.restoreMembership(of: name, in: room) }
        broker.turn(of: map.home(of: room)) { shard in
            shard.rooms["r"]?.admit(AccountReference(registered: "ann"), role: .moderator, now: 0)
            shard.rooms["r"]?.member(AccountReference(registered: "ann"))?.state = .offline
        }
        #expect(
            bob.members("r") == [
                MemberRecord(user: "ann", role: .moderator, state: .offline), MemberRecord(user: "bob", role: .owner, state: .online),
            ])
        let ann = loggedIn(broker)
        #expect(ann.join("r")?.role == .moderator)
        #expect(bob.members("r").map(\.state) == [.online, .online])
        #expect(broker.faultsAtRest() == [])
    }

    @Test func aBrokerWithoutAccountsAsksNobody() {
        let broker = SimulatedBroker()
        let client = broker.greet()
        #expect(client.authenticate("ann", mechanism: "SCRAM-SHA-256")?.code == .mechUnsupported)
        #expect(client.refusal(of: .register(Register(user: "ann", verifier: .empty))) == .notImplemented)
        #expect(client.authenticate("ann")?.code == nil)
        #expect(client.refusal(of: .listDevices) == .forbidden)
    }
}
