import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// What registered accounts and their several connections make of presence, read markers, and the right to change events.
struct AccountStateTests {
    private static let capabilities = ["presence", "marks"]

    private func broker(_ shards: Int) -> SimulatedBroker {
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.offersAccounts = true
            settings.givesTokens = true
        }
        broker.judge.registered = ["ann", "eve"]
        return broker
    }

    private func loggedIn(_ broker: SimulatedBroker, _ name: String = "ann", device: SharedBytes? = nil) -> SimulatedClient {
        let client = broker.greet(device: device, capabilities: Self.capabilities)
        client.ask(.authenticate(Authenticate(mechanism: "HT-SHA-256-NONE", message: SharedBytes(utf8: name))))
        return client
    }

    private func watch(_ names: AccountName...) -> Command { .presence(Presence(users: names)) }

    private func state(_ state: PresenceState) -> Command { .presence(Presence(state: state)) }

    private func told(_ client: SimulatedClient) -> [String] { client.story.filter { $0.hasPrefix("presence") } }

    @Test(arguments: 1...3)
    func anAccountIsAsPresentAsItsMostPresentConnection(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob", capabilities: Self.capabilities)
        bob.ask(watch("ann"))
        let first = loggedIn(broker)
        #expect(told(bob) == ["presence ann 1"])
        broker.leap(1_000)
        first.ask(state(.away))
        #expect(told(bob).last == "presence ann 2")
        broker.leap(1_000)
        let second = loggedIn(broker)
        #expect(told(bob).last == "presence ann 1", "a further connection is online")
        #expect(bob.members("lobby").map(\.state) == [.online, .online])
        broker.leap(1_000)
        second.ask(state(.doNotDisturb))
        #expect(told(bob).last == "presence ann 3")
        #expect(bob.members("lobby").map(\.state) == [.doNotDisturb, .online])
        broker.leap(1_000)
        second.drop()
        broker.settle()
        #expect(told(bob).last == "presence ann 2", "the one that is left is away")
        broker.leap(1_000)
        first.drop()
        broker.settle()
        #expect(told(bob).last == "presence ann 0", "an account without a connection is offline")
        #expect(bob.members("lobby").map(\.state) == [.offline, .online])
        #expect(told(bob).count == 6)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func aSuccessorForgetsTheStateOfTheConnectionBefore(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob", capabilities: Self.capabilities)
        let old = loggedIn(broker, device: .device(1))
        bob.ask(watch("ann"))
        broker.leap(1_000)
        old.ask(state(.away))
        #expect(told(bob).last == "presence ann 2")
        broker.leap(1_000)
        _ = loggedIn(broker, device: .device(1))
        #expect(old.goodbye?.code == .replaced)
        #expect(told(bob).last == "presence ann 1")
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func whoIsSentAwayIsOffline(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob", capabilities: Self.capabilities)
        let first = loggedIn(broker, device: .device(1))
        let second = loggedIn(broker, device: .device(2))
        bob.ask(watch("ann"))
        broker.leap(1_000)
        second.ask(state(.away))
        #expect(told(bob) == ["presence ann 1"])
        second.send(.revokeDevice(.device(1)))
        broker.settle()
        first.drop()
        broker.settle()
        #expect(told(bob).last == "presence ann 2")
        broker.leap(1_000)
        for index in broker.shards.indices { broker.turn(of: index) { $0.suspend(["ann"], at: broker.moment) } }
        broker.settle()
        second.drop()
        broker.settle()
        #expect(told(bob).last == "presence ann 0")
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func markersAreToldToTheOtherConnectionsAndOutliveThem(shards: Int) {
        let broker = broker(shards)
        let bob = broker.logIn("bob")
        bob.create("r")
        _ = bob.join("r")
        let first = loggedIn(broker)
        let second = loggedIn(broker)
        _ = first.join("r")
        let seq = bob.publish("hello", to: "r")!.seq
        #expect(first.refusal(of: .mark(ReadMarker(room: "r", mark: seq))) == nil)
        #expect(second.story.contains("mark r ann \(seq)"))
        #expect(!first.story.contains { $0.hasPrefix("mark") })
        first.drop()
        second.drop()
        broker.settle()
        #expect(loggedIn(broker).join("r")?.mark == seq)
    }

    @Test(arguments: 1...3)
    func onlyItsAuthorChangesAMessageHoweverItIsConnected(shards: Int) {
        let broker = broker(shards)
        let ann = loggedIn(broker)
        let eve = loggedIn(broker, "eve")
        ann.create("r")
        _ = ann.join("r")
        _ = eve.join("r")
        let ofAnn = ann.publish("ann's", to: "r")!.seq
        let ofEve = eve.publish("eve's", to: "r")!.seq
        func change(_ kind: EventKind, _ seq: UInt64, _ body: String? = nil) -> Command {
            .publish(Publish(room: "r", publication: Publication(content: EventContent(kind: kind, reference: seq, body: body))))
        }
        #expect(eve.failure(of: change(.edit, ofAnn, "x"))?.code == .forbidden)
        #expect(eve.failure(of: change(.delete, ofAnn))?.code == .forbidden)
        #expect(ann.failure(of: change(.edit, ofEve, "x"))?.code == .forbidden)
        ann.drop()
        broker.settle()
        let again = loggedIn(broker)
        _ = again.join("r")
        #expect(again.ask(change(.edit, ofAnn, "better"))?.published != nil)
        #expect(eve.ask(change(.delete, ofEve))?.published != nil)
    }
}
