import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Retries: the effect of one publish*.
struct RetryTests {
    @Test(arguments: 1...3)
    func sameIDIsOnePublish(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let first = try #require(ann.publish("one", to: "lobby", id: MessageID(1)))
        broker.pass(1_000, tick: 1_000)
        let second = try #require(ann.publish("other words", to: "lobby", id: MessageID(1)))
        #expect(second.isDuplicate)
        #expect(second.seq == first.seq)
        #expect(second.timestamp == first.timestamp)
        // Whatever the other fields say.
        let third = ann.ask(
            .publish(Publish(room: "lobby", publication: Publication(content: EventContent(messageID: MessageID(1), reply: 999, body: ""))))
        )
        #expect(third?.published?.isDuplicate == true)
        #expect(ann.bodies(in: "lobby") == ["one"])
        #expect(try #require(ann.publish("two", to: "lobby", id: MessageID(2))).isDuplicate == false)
    }

    @Test(arguments: 1...3)
    func idsBelongToAnAccountAndARoom(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r")
        #expect(try #require(ann.publish("x", to: "lobby", id: MessageID(1))).isDuplicate == false)
        #expect(try #require(bob.publish("x", to: "lobby", id: MessageID(1))).isDuplicate == false)
        #expect(try #require(ann.publish("x", to: "r", id: MessageID(1))).isDuplicate == false)
        #expect(ann.bodies(in: "lobby") == ["x", "x"])
    }

    @Test(arguments: 1...3)
    func directMessagesAreRetriedLikewise(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        let message = Command.directMessage(DirectMessage(to: "bob", publication: .text("x", MessageID(1))))
        #expect(ann.ask(message)?.published?.isDuplicate == false)
        #expect(ann.ask(message)?.published?.isDuplicate == true)
        let retry = Command.directMessage(DirectMessage(to: "bob", publication: .text("x", MessageID(1), age: 1 << 40)))
        #expect(ann.ask(retry, isRetry: true)?.published?.isDuplicate == true)
        #expect(bob.bodies(in: "@ann+bob") == ["x"])
    }

    /// A conversation that has not begun covers nothing; and the refusal does not begin it.
    @Test(arguments: 1...3)
    func retryDoesNotBeginAConversation(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        _ = broker.logIn("bob")
        broker.pass(1_000, tick: 1_000)
        let retry = Command.directMessage(DirectMessage(to: "bob", publication: .text("x", MessageID(1), age: 0)))
        #expect(ann.refusal(of: retry, isRetry: true) == .retryTooOld)
        let answer = Publication(content: EventContent(reply: 1, body: "x"))
        #expect(ann.refusal(of: .directMessage(DirectMessage(to: "bob", publication: answer))) == .noSuchEvent)
        #expect(ann.refusal(of: .join(Join(room: "@ann+bob"))) == .noSuchRoom)
        #expect(broker.room("@ann+bob") == nil)
        // Neither without R nor without age is there a 602.
        let again = Command.directMessage(DirectMessage(to: "bob", publication: .text("x", MessageID(1))))
        #expect(ann.refusal(of: again, isRetry: true) == nil)
    }

    /// The case that retries are for: the connection is lost before the reply has come, whether or not the message had arrived.
    @Test(arguments: [true, false], 1...3)
    func messageIsThereOnceAfterALostConnection(hasArrived: Bool, shards: Int) {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let bob = broker.logIn("bob")
            let old = broker.logIn("ann", device: .device(1))
            broker.pass(1_000, tick: 1_000)
            if hasArrived {
                old.readNow(.publish(Publish(room: "lobby", publication: .text("once", MessageID(1)))), id: 90)
            }
            let new = broker.greet(device: .device(1))
            #expect(new.rename(to: "ann") == "ann", "seed \(seed)")
            old.drop()
            broker.pass(500)
            let published = new.retry("once", to: "lobby", id: MessageID(1), age: 500)?.published
            #expect(published?.isDuplicate == hasArrived, "seed \(seed)")
            #expect(bob.bodies(in: "lobby") == ["once"], "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    // MARK: What is certain

    /// Ages of a retry, in milliseconds, 100 s after the log-in, with memory of 60 s.
    @Test(
        arguments: [(0, nil), (1_000, nil), (59_999, nil), (60_001, .retryTooOld), (99_000, .retryTooOld), (1 << 50, .retryTooOld)]
            as [(UInt64, ResultCode?)])
    func refusesWhatTheMemoryMayHaveForgotten(age: UInt64, code: ResultCode?) {
        let broker = SimulatedBroker(shards: 2) { $0.deduplicationSeconds = 60 }
        let ann = broker.logIn("ann")
        broker.pass(100_000, tick: 10_000)
        let head = broker.room(.lobby)!.head
        #expect(ann.retry("x", to: "lobby", id: MessageID(1), age: age)?.code == code)
        #expect(broker.room(.lobby)!.head == (code == nil ? head + 1 : head))
    }

    /// Before the log-in that began the account there is no memory: a guest whose account ended gets 602, not a second copy.
    @Test(arguments: [(4_999, nil), (5_001, .retryTooOld)] as [(UInt64, ResultCode?)])
    func memoryBeginsWithTheAccount(age: UInt64, code: ResultCode?) {
        let broker = SimulatedBroker(shards: 2)
        let before = broker.logIn("ann")
        before.publish("x", to: "lobby", id: MessageID(1))
        before.drop()
        broker.settle()
        broker.pass(3_000, tick: 1_000)
        let ann = broker.logIn("ann")
        broker.pass(5_000, tick: 1_000)
        #expect(ann.retry("x", to: "lobby", id: MessageID(1), age: age)?.code == code)
    }

    @Test func withoutAgeOrRThereIsNoDoubt() {
        let broker = SimulatedBroker { $0.deduplicationSeconds = 1 }
        let ann = broker.logIn("ann")
        broker.pass(10_000, tick: 1_000)
        #expect(ann.retry("x", to: "lobby", id: MessageID(1), age: nil)?.published?.isDuplicate == false)
        let aged = Command.publish(Publish(room: "lobby", publication: .text("x", MessageID(2), age: 1 << 50)))
        #expect(ann.ask(aged)?.published?.isDuplicate == false)
    }

    @Test func retryWithoutAnIDIsMalformed() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.takeInbox()
        ann.send(octets: frame(type: 0x20, id: 9, flags: 2, payload: [0x81, 5] + Array("lobby".utf8) + [0x10, 1, 0x78]))
        broker.settle()
        #expect(ann.story == ["error 9 104"])
    }

    // MARK: Bounds of the memory

    @Test(arguments: [1, 2, 5])
    func remembersSoManyByNumber(max: Int) {
        let broker = SimulatedBroker { $0.deduplicationEntriesPerAccountMax = max }
        let ann = broker.logIn("ann")
        for id in 0...UInt64(max) {
            broker.pass(20_000, tick: 10_000)
            ann.publish("x", to: "lobby", id: MessageID(id))
        }
        // The newest are there, and the oldest is not: a retry of it is refused for its age.
        for id in 1...UInt64(max) { #expect(ann.publish("x", to: "lobby", id: MessageID(id))?.isDuplicate == true) }
        #expect(ann.retry("x", to: "lobby", id: MessageID(0), age: UInt64(max) * 20_000)?.code == .retryTooOld)
        // Nor is it certain of one that may have begun then, because it was on its way for a while.
        #expect(ann.retry("x", to: "lobby", id: MessageID(0), age: UInt64(max) * 20_000 - 10_000)?.code == .retryTooOld)
        // One that began well after the newest that was dropped is certain.
        #expect(ann.retry("x", to: "lobby", id: MessageID(99), age: UInt64(max) * 20_000 - 10_001)?.published?.isDuplicate == false)
    }

    @Test func remembersNoLongerThanItSays() throws {
        let broker = SimulatedBroker { $0.deduplicationSeconds = 60 }
        let ann = broker.logIn("ann")
        let first = try #require(ann.publish("x", to: "lobby", id: MessageID(1)))
        broker.pass(60_000, tick: 10_000)
        #expect(try #require(ann.publish("x", to: "lobby", id: MessageID(1))).isDuplicate)
        broker.pass(1)
        #expect(ann.retry("x", to: "lobby", id: MessageID(1), age: 60_001)?.code == .retryTooOld)
        let second = try #require(ann.publish("x", to: "lobby", id: MessageID(1)))
        #expect(!second.isDuplicate)
        #expect(second.seq > first.seq)
        #expect(try #require(ann.publish("x", to: "lobby", id: MessageID(1))).seq == second.seq)
    }
}
