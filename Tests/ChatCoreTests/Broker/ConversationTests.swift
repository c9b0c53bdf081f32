import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Direct messages*.
struct ConversationTests {
    @Test(arguments: 1...3)
    func bothPartiesAreToldAndServed(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.takeInbox()
        bob.takeInbox()
        #expect(ann.tell("bob", "hello")?.room == "@ann+bob")
        // The position right before the first event, for the sender too.
        #expect(bob.story == ["joined @ann+bob 1", "@ann+bob 1"])
        #expect(ann.story.filter { !$0.hasPrefix("published") } == ["joined @ann+bob 1", "@ann+bob 1"])
        #expect(bob.joinedUnasked.map(\.policy) == [.twoParty])

        #expect(bob.tell("ann", "hello yourself")?.seq == 2)
        #expect(bob.publish("and more", to: "@ann+bob")?.seq == 3)
        for client in [ann, bob] {
            #expect(client.bodies(in: "@ann+bob") == ["hello", "hello yourself", "and more"])
            #expect(client.joinedUnasked.count == 1)
            #expect(client.members("@ann+bob").map(\.user) == ["ann", "bob"])
        }
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func oneMayTalkToOneself(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        #expect(ann.tell("ann", "note")?.room == "@ann+ann")
        #expect(ann.tell("ann", "another")?.seq == 2)
        #expect(ann.bodies(in: "@ann+ann") == ["note", "another"])
        #expect(ann.members("@ann+ann").map(\.user) == ["ann"])
        ann.drop()
        broker.settle()
        #expect(broker.room("@ann+ann") == nil)
    }

    @Test(arguments: 1...3)
    func nobodyHearsNothing(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let failure = ann.failure(of: .directMessage(DirectMessage(to: "nobody", publication: .text("x"))))
        #expect(failure?.code == .noSuchUser)
        #expect(broker.room("@ann+nobody") == nil)
        // Who comes later may be told.
        _ = broker.logIn("nobody")
        #expect(ann.tell("nobody", "x")?.seq == 1)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func beginsAnewWithAGreaterEpoch(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.tell("bob", "one")
        ann.tell("bob", "two")
        bob.drop()
        broker.settle()
        // It has ended, and nobody is told.
        #expect(ann.refusal(of: .members(ListMembers(room: "@ann+bob"))) == .noSuchRoom)
        #expect(ann.refusal(of: .directMessage(DirectMessage(to: "bob", publication: .text("x")))) == .noSuchUser)
        let other = broker.logIn("bob")
        #expect(other.tell("ann", "somebody else")?.seq == 1)
        let epochs = ann.joinedUnasked.filter { $0.room == "@ann+bob" }.map(\.epoch)
        #expect(epochs.count == 2)
        #expect(epochs.last! > epochs.first!)
        #expect(other.bodies(in: "@ann+bob") == ["somebody else"])
        #expect(broker.faultsAtRest() == [])
    }

    /// However the words of two who address each other at the same moment fall: one conversation, and both hear both.
    @Test(arguments: 1...3)
    func bothMayBeginAtOnce(shards: Int) {
        for seed: UInt64 in 1...40 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann")
            let bob = broker.logIn("bob")
            ann.send(.directMessage(DirectMessage(to: "bob", publication: .text("from ann"))))
            bob.send(.directMessage(DirectMessage(to: "ann", publication: .text("from bob"))))
            broker.settle()
            for client in [ann, bob] {
                #expect(client.bodies(in: "@ann+bob").sorted() == ["from ann", "from bob"], "seed \(seed)")
                #expect(client.joinedUnasked.filter { $0.room == "@ann+bob" }.map(\.next) == [1], "seed \(seed)")
            }
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    /// What is sent behind the direct message that begins the conversation is about that conversation.
    @Test(arguments: 1...3)
    func requestsBehindTheFirstMessageKeepTheirPlace(shards: Int) {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann")
            _ = broker.logIn("bob")
            ann.takeInbox()
            ann.send(.directMessage(DirectMessage(to: "bob", publication: .text("one"))), id: 101)
            ann.send(.publish(Publish(room: "@ann+bob", publication: .text("two"))), id: 102)
            ann.send(.join(Join(room: "@ann+bob", tail: 10)), id: 103)
            ann.send(.members(ListMembers(room: "@ann+bob")), id: 104)
            ann.send(.leave(Leave(room: "@ann+bob")), id: 105)
            broker.settle()
            let answers = ann.inbox.filter { $0.requestID != 0 }
            #expect(answers.map(\.requestID).sorted() == [101, 102, 103, 104, 105], "seed \(seed)")
            #expect(answers.compactMap(\.reply?.code) == [.forbidden], "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    @Test(arguments: 1...3)
    func joiningReadsBack(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        for index in 1...4 { ann.tell("bob", "\(index)") }
        bob.takeInbox()
        #expect(bob.join("@ann+bob", tail: 3)?.next == 2)
        #expect(bob.bodies(in: "@ann+bob") == ["2", "3", "4"])
        ann.tell("bob", "5")
        #expect(bob.bodies(in: "@ann+bob") == ["2", "3", "4", "5"])
        #expect(broker.faultsAtRest() == [])
    }

    /// A conversation that ends before a slow party had all of it: what is missing is named.
    @Test(arguments: 1...3)
    func endIsNamedToWhoIsBehind(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards) { settings in
            settings.outboundHighWaterBytes = 1_000
            settings.outboundLowWaterBytes = 200
            settings.batchByteCountMax = 100
        }
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.tell("bob", "first")
        bob.takeInbox()
        bob.reader = .window(0)
        for _ in 1...40 { ann.tell("bob", String(repeating: "x", count: 100)) }
        ann.drop()
        broker.settle()
        bob.reader = .everything
        broker.settle()
        let last = try #require(bob.events(in: "@ann+bob").last).seq
        #expect(last < 41)
        let lag = try #require(bob.view.lags.last)
        #expect(lag.room == "@ann+bob")
        #expect(lag.fromSeq == last + 1)
        #expect(lag.toSeq == 41)
        #expect(broker.faultsAtRest() == [])
    }

    /// Who says one thing and goes has been heard, in whatever order the loops learn of it.
    @Test(arguments: 1...3)
    func firstAndOnlyWordIsHeard(shards: Int) throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann")
            let bob = broker.logIn("bob")
            ann.send(.directMessage(DirectMessage(to: "bob", publication: .text("psst"))))
            while ann.view.outstanding.count > 0 { try #require(broker.step()) }
            ann.drop()
            broker.settle()
            #expect(bob.bodies(in: "@ann+bob") == ["psst"], "seed \(seed)")
            #expect(bob.view.lags.isEmpty, "seed \(seed)")
        }
    }
}
