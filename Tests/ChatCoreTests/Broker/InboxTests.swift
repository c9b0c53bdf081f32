import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Read markers and the inbox*.
struct InboxTests {
    private static let all = ["inbox", "marks"]

    private func mark(_ room: RoomAddress, _ seq: UInt64, epoch: UInt64? = nil) -> Command {
        .mark(ReadMarker(room: room, mark: seq, epoch: epoch))
    }

    private func inbox(_ client: SimulatedClient, since: UInt64 = 0, limit: UInt64? = nil) -> (records: [InboxRecord], next: UInt64?) {
        var records: [InboxRecord] = []
        var next: UInt64?
        for case .items(let items) in client.replies(to: .inbox(ReadInbox(since: since, limit: limit))) {
            records += items.records.compactMap { if case .inbox(let record) = $0 { record } else { nil } }
            next = items.updateNumber
        }
        return (records, next)
    }

    private func marks(_ client: SimulatedClient) -> [String] { client.story.filter { $0.hasPrefix("mark") } }

    // MARK: Markers

    /// What is marked may not have been handed on yet.
    @Test func aMarkerMayBeWithinWhatComesInOneTurn() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        let head = broker.room(.lobby)!.head
        for _ in 0..<3 { ann.send(.publish(Publish(room: .lobby, publication: .text("x")))) }
        ann.send(mark(.lobby, head + 1))
        broker.settle()
        #expect(broker.room(.lobby)!.members["ann"]?.mark == head + 1)
        #expect(broker.room(.lobby)!.head == head + 3)
    }

    @Test func aMarkerOnlyGrows() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        for _ in 0..<5 { ann.publish("x", to: .lobby) }
        let head = broker.room(.lobby)!.head
        for (seq, marker) in [(head - 2, head - 2), (head - 3, head - 2), (0, head - 2), (head, head)] {
            #expect(ann.refusal(of: mark(.lobby, seq)) == nil)
            #expect(broker.room(.lobby)!.members["ann"]?.mark == marker)
        }
        #expect(ann.failure(of: mark(.lobby, head + 1))?.code == .noSuchEvent)
        #expect(ann.failure(of: mark(.lobby, head + 1))?.field == 0x42)
    }

    @Test func aMarkerBelongsToAnEpoch() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        ann.publish("x", to: .lobby)
        let room = broker.room(.lobby)!
        #expect(ann.refusal(of: mark(.lobby, 2, epoch: room.epoch)) == nil)
        let failure = ann.failure(of: mark(.lobby, 2, epoch: room.epoch + 1))
        #expect(failure?.code == .epochChanged && failure?.epoch == room.epoch && failure?.head == room.head)
    }

    @Test func onlyMembersHaveOne() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        let bob = broker.logIn("bob", capabilities: Self.all)
        ann.create("r")
        #expect(bob.refusal(of: mark("r", 1)) == .notJoined)
        #expect(bob.refusal(of: mark("nowhere", 1)) == .noSuchRoom)
        #expect(broker.logIn("cyd").refusal(of: mark(.lobby, 1)) == .notImplemented)
    }

    @Test(arguments: 1...3)
    func thePeerOfAConversationIsTold(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.all)
        let bob = broker.logIn("bob", capabilities: Self.all)
        let told = ann.tell("bob", "hello")!
        ann.takeInbox()
        #expect(bob.refusal(of: mark(told.room, told.seq)) == nil)
        guard case .mark(let marker)? = ann.inbox.compactMap(\.reply).first else { return #expect(Bool(false), "no MARK") }
        #expect(marker.user == "bob" && marker.mark == told.seq && marker.room == told.room)
        #expect(marker.epoch == broker.room(told.room)?.epoch && marker.timestamp != nil)
        #expect(marks(bob).isEmpty)
        // What was read already is no news.
        bob.ask(mark(told.room, told.seq))
        #expect(marks(ann).count == 1)
        // In a room nobody else is told.
        ann.publish("x", to: .lobby)
        bob.ask(mark(.lobby, broker.room(.lobby)!.head))
        #expect(marks(ann).count == 1)
    }

    /// Connections of other accounts stand in for the further ones.
    @Test(arguments: 1...3)
    func theOtherConnectionsOfTheAccountAreTold(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.all)
        let second = broker.logIn("bob", capabilities: Self.all)
        let third = broker.logIn("cyd")
        broker.accounts["ann"]?.connections += [second, third].map { AccountConnection(device: nil, session: $0.session.id) }
        ann.publish("x", to: .lobby)
        let head = broker.room(.lobby)!.head
        ann.ask(mark(.lobby, head))
        #expect(marks(second) == ["mark lobby ann \(head)"])
        #expect(marks(ann).isEmpty && marks(third).isEmpty)
    }

    @Test func aNewNameKeepsItsMarker() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        ann.publish("x", to: .lobby)
        ann.ask(mark(.lobby, 2))
        ann.rename(to: "anna")
        #expect(ann.join(.lobby)?.mark == 2)
        let bob = broker.logIn("bob")
        #expect(bob.join(.lobby)?.mark == nil)
    }

    // MARK: The inbox

    @Test(arguments: 1...3)
    func listsWhatHasChanged(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann", capabilities: Self.all)
        let bob = broker.logIn("bob", capabilities: Self.all)
        broker.leap(10)
        ann.create("r", policy: [])
        _ = bob.join("r")
        broker.leap(10)
        let told = ann.tell("bob", "hello")!
        broker.leap(10)
        let first = inbox(bob)
        #expect(first.records.map(\.room) == [.lobby, "r", told.room])
        #expect(first.records.last?.unread == 1 && first.records.last?.head == 1 && first.records.last?.mark == 0)
        #expect(first.records.last?.timestamp == told.timestamp)
        #expect(inbox(bob, since: first.next!).records.isEmpty)
        broker.leap(10)
        for _ in 0..<3 { ann.publish("x", to: "r") }
        broker.leap(10)
        let second = inbox(bob, since: first.next!)
        #expect(second.records.map(\.room) == ["r"])
        #expect(second.records.first?.unread == 3)
        bob.ask(mark("r", second.records[0].head - 1))
        broker.leap(10)
        let third = inbox(bob, since: second.next!)
        #expect(third.records.map(\.unread) == [1])
        #expect(third.next! > second.next!)
        _ = bob.leave("r")
        broker.leap(10)
        #expect(inbox(bob).records.map(\.room) == [.lobby, told.room])
        #expect(broker.faultsAtRest().isEmpty)
    }

    /// What came before a member did is not unread, what is no message neither, and what is no longer retained cannot be.
    @Test func countsMessagesThatCanBeRead() {
        let broker = SimulatedBroker { $0.recentEventsPerRoom = 5 }
        let ann = broker.logIn("ann", capabilities: Self.all)
        ann.create("r", policy: [])
        for _ in 0..<3 { ann.publish("before", to: "r") }
        let bob = broker.logIn("bob", capabilities: Self.all)
        _ = bob.join("r")
        func unread() -> UInt64? { inbox(bob).records.first { $0.room == "r" }?.unread }
        #expect(unread() == 0)
        for expected in [UInt64(1), 2] {
            let seq = ann.publish("x", to: "r")!.seq
            let content = EventContent(kind: .react, reference: seq, body: "+1")
            ann.ask(.publish(Publish(room: "r", publication: Publication(content: content))))
            ann.ask(.publish(Publish(room: "r", publication: Publication(content: EventContent(kind: .notice, body: "n")))))
            if expected == 1 { #expect(unread() == expected) }
        }
        #expect(unread() == 1)
        for _ in 0..<9 { ann.publish("x", to: "r") }
        #expect(unread() == 5)
        #expect(bob.refusal(of: mark("r", broker.room("r")!.head)) == nil)
        #expect(unread() == 0)
    }

    /// Messages of this very turn are counted too.
    @Test func countsTheBatchOfTheTurn() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann", capabilities: Self.all)
        ann.send(.publish(Publish(room: .lobby, publication: .text("x"))))
        ann.send(.inbox(ReadInbox(since: 0)))
        broker.settle()
        let items = ann.inbox.compactMap { if case .items(let items)? = $0.reply { items.records } else { nil } }.joined()
        guard case .inbox(let record)? = items.first else { return #expect(Bool(false), "no record") }
        #expect(record.unread == 1)
    }

    @Test(arguments: [1, 2, 3, 10])
    func pagesMissNothing(limit: UInt64) {
        let broker = SimulatedBroker(shards: 2) { $0.attachesToLobby = false }
        let ann = broker.logIn("ann", capabilities: Self.all)
        let rooms = (0..<8).map { try! RoomAddress("r\($0)") }
        for (index, room) in rooms.enumerated() {
            ann.create(room)
            // Some change in the same millisecond.
            if index % 3 == 0 { broker.leap(1) }
        }
        broker.leap(5)
        var seen: [RoomAddress] = []
        var since: UInt64 = 0
        for _ in 0..<9 {
            let page = inbox(ann, since: since, limit: limit)
            seen += page.records.map(\.room)
            #expect(page.records.map(\.updateNumber) == page.records.map(\.updateNumber).sorted())
            #expect(page.next! >= since)
            since = page.next!
        }
        #expect(seen.sorted() == rooms)
    }

    @Test func numbersOfAnotherProcessAreRefused() {
        let broker = SimulatedBroker(shards: 2)
        let ann = broker.logIn("ann", capabilities: Self.all)
        for since in [UInt64(1), broker.shards[0].firstUpdateNumber - 1, broker.moment.wallMilliseconds + 1, ProtocolLimits.integerMax]
            as [UInt64]
        {
            #expect(ann.refusal(of: .inbox(ReadInbox(since: since))) == .epochChanged)
        }
        #expect(ann.refusal(of: .inbox(ReadInbox(since: broker.shards[0].firstUpdateNumber))) == nil)
        #expect(broker.logIn("bob").refusal(of: .inbox(ReadInbox(since: 0))) == .notImplemented)
    }
}
