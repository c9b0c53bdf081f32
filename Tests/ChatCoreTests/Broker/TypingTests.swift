import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Typing*.
struct TypingTests {
    private static let typing = ["typing"]

    private func type(_ room: RoomAddress, _ state: UInt8 = 1) -> Command { .typing(Typing(room: room, state: state)) }

    private func typings(_ client: SimulatedClient) -> [String] { client.story.filter { $0.hasPrefix("typing") } }

    @Test(arguments: 1...3)
    func isToldToTheOthersWhoWantIt(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        let cyd = broker.logIn("cyd")
        #expect(ann.refusal(of: type(.lobby)) == nil)
        #expect(typings(bob) == ["typing lobby ann 1"])
        #expect(typings(ann).isEmpty && typings(cyd).isEmpty)
        #expect(ann.refusal(of: type(.lobby, 0)) == nil)
        #expect(typings(bob) == ["typing lobby ann 1", "typing lobby ann 0"])
    }

    @Test func isRelayedOnceInThreeSeconds() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        for (pause, count) in [(0, 1), (0, 1), (2_999, 1), (1, 2), (0, 2), (3_000, 3)] as [(UInt64, Int)] {
            broker.leap(pause)
            #expect(ann.refusal(of: type(.lobby)) == nil)
            #expect(typings(bob).count == count)
        }
        // That it has stopped is news once, and only while somebody believes it.
        ann.ask(type(.lobby, 0))
        ann.ask(type(.lobby, 0))
        #expect(typings(bob).count == 4)
        broker.leap(3_000)
        ann.ask(type(.lobby))
        broker.leap(6_000)
        ann.ask(type(.lobby, 0))
        #expect(typings(bob).count == 5)
    }

    @Test func needsItsCapability() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: ["marks", "typing-not"])
        #expect(ann.refusal(of: type(.lobby)) == .notImplemented)
        ann.send(type(.lobby), id: 0)
        broker.settle()
        guard case .error(let failure)? = ann.announcements.last else { return #expect(Bool(false), "no ERROR") }
        #expect(failure.code == .notImplemented && failure.type == 0x28)
    }

    @Test func isForThoseWhoMayPublish() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        ann.create("r", policy: .moderated)
        #expect(bob.refusal(of: type("r")) == .notJoined)
        #expect(bob.refusal(of: type("nowhere")) == .noSuchRoom)
        #expect(bob.refusal(of: type("@ann+bob")) == .noSuchRoom)
        _ = bob.join("r")
        #expect(bob.refusal(of: type("r")) == .forbidden)
        #expect(bob.failure(of: type(.lobby, 2))?.field == 0x40)
    }

    @Test func isNoiseInLargeRooms() {
        let broker = SimulatedBroker { $0.noticeMembersMax = 2 }
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        let cyd = broker.logIn("cyd")
        #expect(ann.refusal(of: type(.lobby)) == nil)
        #expect(typings(bob).isEmpty)
        cyd.drop()
        broker.settle()
        broker.leap(3_000)
        ann.ask(type(.lobby))
        #expect(typings(bob).count == 1)
    }

    @Test func isDroppedForThoseWhoAreBehind() {
        let broker = SimulatedBroker {
            $0.outboundHighWaterBytes = 4_000
            $0.outboundLowWaterBytes = 1_000
        }
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        bob.reader = .window(0)
        ann.publish(String(repeating: "x", count: 1_000), to: .lobby)
        ann.ask(type(.lobby))
        bob.reader = .everything
        broker.settle()
        #expect(typings(bob).isEmpty)
        broker.leap(3_000)
        ann.ask(type(.lobby))
        #expect(typings(bob).count == 1)
    }

    /// Where much mail waits, typing adds none to it.
    @Test func isDroppedWhereMuchWaits() {
        let broker = SimulatedBroker(shards: 2) { $0.mailboxMessagesMax = 8 }
        let home = broker.shards[0].map.home(of: .lobby)
        let ann = broker.logIn("ann", capabilities: Self.typing, on: 1 - home)
        let bob = broker.logIn("bob", capabilities: Self.typing, on: home)
        broker.shards[1 - home].noteMailbox(of: home, count: 2)
        ann.readNow(type(.lobby), id: 77)
        broker.settle()
        #expect(ann.story.last == "ok 77")
        #expect(typings(bob).isEmpty)
        ann.ask(type(.lobby))
        #expect(typings(bob).count == 1)
    }

    @Test(arguments: 1...3)
    func passesInConversations(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.typing)
        let bob = broker.logIn("bob", capabilities: Self.typing)
        let room = ann.tell("bob", "hello")!.room
        #expect(bob.refusal(of: type(room)) == nil)
        #expect(typings(ann) == ["typing \(room) bob 1"])
    }

    /// As many as there are members, and no more for long.
    @Test func remembersOnlyThoseOfLate() {
        let broker = SimulatedBroker { $0.roomsPerAccountMax = 10 }
        for index in 0..<40 {
            broker.logIn("u\(index)", capabilities: Self.typing).ask(type(.lobby))
            broker.leap(1_000)
        }
        #expect(broker.room(.lobby)!.typists.count <= 16)
    }
}
