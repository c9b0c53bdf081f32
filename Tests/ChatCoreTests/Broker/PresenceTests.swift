import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Presence*.
struct PresenceTests {
    private static let presence = ["presence"]

    private func watch(_ names: AccountName...) -> Command { .presence(Presence(users: names)) }

    private func state(_ number: UInt8) -> Command { .presence(Presence(state: PresenceState(rawValue: number))) }

    private func told(_ client: SimulatedClient) -> [String] { client.story.filter { $0.hasPrefix("presence") } }

    @Test(arguments: 1...3)
    func tellsWhoIsThereAndWhoComesAndGoes(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", capabilities: Self.presence)
        #expect(ann.refusal(of: watch("bob", "cyd")) == nil)
        // Of whom nothing is said, is not there.
        #expect(told(ann) == ["presence bob 1"])
        let cyd = broker.logIn("cyd")
        #expect(told(ann).last == "presence cyd 1")
        broker.leap(1_000)
        #expect(bob.refusal(of: state(3)) == nil)
        #expect(told(ann).last == "presence bob 3")
        cyd.drop()
        broker.settle()
        #expect(told(ann).last == "presence cyd 0")
        #expect(told(ann).count == 4)
        #expect(told(bob).isEmpty)
    }

    @Test(arguments: 1...3)
    func tellsOneStateASecond(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", capabilities: Self.presence)
        ann.ask(watch("bob"))
        for number in [UInt8(2), 3, 2, 3, 2] { bob.ask(state(number)) }
        #expect(told(ann) == ["presence bob 1", "presence bob 2"])
        broker.pass(900)
        #expect(told(ann).count == 2)
        bob.ask(state(3))
        broker.pass(300)
        #expect(told(ann) == ["presence bob 1", "presence bob 2", "presence bob 3"])
        // What has become again what it was, is no news.
        bob.ask(state(1))
        bob.ask(state(3))
        broker.pass(2_000)
        #expect(told(ann).count == 3)
    }

    @Test func aListReplacesTheOneBefore() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", capabilities: Self.presence)
        let cyd = broker.logIn("cyd", capabilities: Self.presence)
        ann.ask(watch("bob"))
        ann.ask(watch("cyd"))
        ann.takeInbox()
        bob.ask(state(2))
        broker.pass(1_100)
        cyd.ask(state(2))
        broker.pass(1_100)
        #expect(told(ann) == ["presence cyd 2"])
        // A state alone leaves the list as it is.
        ann.ask(state(2))
        cyd.ask(state(1))
        #expect(told(ann).count == 2)
        ann.ask(watch())
        broker.pass(1_100)
        cyd.ask(state(3))
        broker.pass(1_100)
        #expect(told(ann).count == 2)
        #expect(broker.shards.allSatisfy { $0.watches.isEmpty })
    }

    @Test(arguments: 1...3)
    func aNewNameIsAnotherAccount(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", capabilities: Self.presence)
        bob.ask(state(3))
        ann.ask(watch("bob", "bea"))
        broker.pass(1_100)
        bob.rename(to: "bea")
        #expect(Set(told(ann)) == ["presence bob 3", "presence bob 0", "presence bea 1"])
    }

    @Test(arguments: 1...3)
    func onlyThoseAreSeenWhoShareARoom(shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.attachesToLobby = false }
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", capabilities: Self.presence)
        let cyd = broker.logIn("cyd", capabilities: Self.presence)
        ann.ask(watch("bob", "cyd", "ann", "nobody"))
        #expect(told(ann) == ["presence ann 1"])
        ann.create("r")
        _ = bob.join("r")
        cyd.tell("ann", "hello")
        ann.ask(watch("bob", "cyd"))
        #expect(Set(told(ann)) == ["presence ann 1", "presence bob 1", "presence cyd 1"])
    }

    @Test(arguments: [(0, true), (1, false), (2, false), (3, false), (4, true), (255, true)] as [(UInt8, Bool)])
    func aStateOfOnesOwnIsOneOfThree(number: UInt8, isRefused: Bool) {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let failure = ann.failure(of: state(number))
        #expect(failure?.code == (isRefused ? .badValue : nil))
        #expect(failure?.field == (isRefused ? 0x40 : nil))
    }

    @Test func needsItsCapability() {
        let broker = SimulatedBroker()
        #expect(broker.logIn("ann").refusal(of: state(2)) == .notImplemented)
    }

    @Test(arguments: 1...3)
    func membersAreListedWithTheirStates(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let clients = ["ann", "bob", "cyd"].map { broker.logIn($0, capabilities: Self.presence) }
        clients[1].ask(state(2))
        clients[2].ask(state(3))
        #expect(clients[0].members(.lobby).map(\.state) == [.online, .away, .doNotDisturb])
        #expect(clients[0].members(.lobby, limit: 2).map(\.state) == [.online, .away])
        clients[0].send(.members(ListMembers(room: .lobby)), id: 0)
        broker.settle()
        #expect(broker.faultsAtRest().isEmpty)
    }

    /// The same device comes back: its state begins anew, and nobody sees it gone.
    @Test func aTakeoverIsNoAbsence() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.presence)
        let bob = broker.logIn("bob", device: .device(1), capabilities: Self.presence)
        ann.ask(watch("bob"))
        bob.ask(state(2))
        broker.pass(1_100)
        let again = broker.logIn("bob", device: .device(1), capabilities: Self.presence)
        broker.pass(1_100)
        #expect(told(ann) == ["presence bob 1", "presence bob 2", "presence bob 1"])
        again.ask(state(3))
        #expect(told(ann).last == "presence bob 3")
    }

    @Test func theStateIsThatOfTheMostPresentConnection() {
        let sessions = (0..<3).map { SessionID(shard: 0, slot: $0, generation: 1) }
        let account = Account(incarnation: 1, device: nil, session: sessions[0], isArriving: false)
        account.connections = ShortList(sessions.map { AccountConnection(device: nil, session: $0) })
        #expect(account.state == .online)
        for session in sessions { account.states[session] = .away }
        #expect(account.state == .away)
        account.states[sessions[1]] = .doNotDisturb
        #expect(account.state == .doNotDisturb)
        account.states[sessions[2]] = nil
        #expect(account.state == .online)
        account.isArriving = true
        #expect(account.state == .offline)
    }
}
