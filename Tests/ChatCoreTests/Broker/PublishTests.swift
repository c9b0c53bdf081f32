import Bytes
import ChatDialects
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Publishing*, but for retries.
struct PublishTests {
    /// The batch leaves in a later turn than another post does.
    @Test func whatSomebodyWaitsForIsStoredAtOnceInALaterTurnToo() {
        let rooms = StoredRooms(reservedSeqs: 4_096)
        let ann = rooms.logIn("ann")
        ann.create("r")
        _ = ann.join("r")
        let publication = Publication(content: EventContent(body: "x"), acknowledgement: .durable)
        let shard = rooms.broker.shards[0]
        let publish = Command.publish(Publish(room: "r", publication: publication))
        shard.receive(.command(publish, requestID: 1_000, isRetry: false), from: ann.session, at: rooms.broker.moment)
        shard.post(.dismiss("nobody", from: "r", epoch: 0))
        rooms.store.take(shard)
        shard.endTurn(at: rooms.broker.moment)
        rooms.store.take(shard)
        #expect(rooms.store.lastPost?.writes.count == 1 && rooms.store.lastPost?.isAwaited == true)
    }

    @Test func onlyWhatSomebodyWaitsForIsStoredAtOnce() {
        let rooms = StoredRooms(reservedSeqs: 4_096)
        let ann = rooms.logIn("ann")
        ann.create("r")
        #expect(rooms.store.lastPost?.isAwaited == true, "the answer to CREATE waits for it")
        _ = ann.join("r")
        for (level, isAwaited) in [(AcknowledgementLevel.accepted, false), (.durable, true), (.accepted, false)] {
            let publication = Publication(content: EventContent(body: "x"), acknowledgement: level)
            ann.ask(.publish(Publish(room: "r", publication: publication)))
            #expect(rooms.store.lastPost?.isAwaited == isAwaited, "\(level)")
        }
    }

    private func publish(_ content: EventContent, id: MessageID? = nil) -> Command {
        .publish(Publish(room: "lobby", publication: Publication(content: content)))
    }

    @Test(arguments: 1...3)
    func forwardsWhatThePublisherGave(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.publish("root", to: "lobby")
        let content = EventContent(
            kind: .notice, messageID: MessageID(9), thread: 1, reply: 2, mediaType: "text/markdown", meta: SharedBytes([1, 2]),
            body: "b\tc\n")
        guard case .published(let published)? = ann.ask(publish(content)) else { return #expect(Bool(false), "refused") }
        #expect(published.acknowledgement == .accepted)
        #expect(!published.isDuplicate)
        for client in [ann, bob] {
            let event = client.events.last
            #expect(event?.seq == published.seq)
            #expect(event?.timestamp == published.timestamp)
            #expect(event?.from == "ann")
            #expect(event?.kind == .notice)
            #expect(event?.messageID == MessageID(9))
            #expect(event?.thread == 1)
            #expect(event?.reply == 2)
            #expect(event?.mediaType == "text/markdown")
            #expect(event?.meta == SharedBytes([1, 2]))
            #expect(event?.body == "b\tc\n")
        }
    }

    /// `reply` and `thread` lie in 1...head, retained or not.
    @Test(arguments: [(0, true), (1, false), (3, false), (4, true), (1 << 52, true)] as [(UInt64, Bool)])
    func refersToEventsThatThereAre(seq: UInt64, isRefused: Bool) {
        let broker = SimulatedBroker { $0.recentEventsPerRoom = 0 }
        let ann = broker.logIn("ann")
        while broker.room(.lobby)!.head < 3 { ann.publish("x", to: "lobby") }
        #expect(ann.failure(of: publish(EventContent(reply: seq, body: "a")))?.field == (isRefused ? 9 : nil))
        if !isRefused { return }
        #expect(ann.refusal(of: publish(EventContent(thread: seq, body: "a"))) == .noSuchEvent)
        #expect(ann.failure(of: publish(EventContent(thread: seq, body: "a")))?.field == 8)
        #expect(broker.room(.lobby)?.head == 3)
    }

    /// Without an id there is no PUBLISHED, and an ERROR only if there is one.
    @Test(arguments: 1...3)
    func needsNoID(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        ann.takeInbox()
        ann.send(.publish(Publish(room: "lobby", publication: .text("x"))), id: 0)
        ann.send(.publish(Publish(room: "lobby", publication: .text("x", MessageID(1)))), id: 0)
        ann.send(.publish(Publish(room: "lobby", publication: .text("x", MessageID(1)))), id: 0)
        broker.settle()
        #expect(ann.inbox.count == 2)
        #expect(ann.events.count == 2)
    }

    @Test(arguments: 1...3)
    func otherRequestsNeedNoIDEither(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        ann.takeInbox()
        ann.send(.create(CreateRoom(room: "r", policy: .unlisted)), id: 0)
        broker.settle()
        ann.send(.join(Join(room: "r")), id: 0)
        broker.settle()
        ann.send(.list(ListRooms()), id: 0)
        ann.send(.members(ListMembers(room: "r")), id: 0)
        broker.settle()
        ann.send(.leave(Leave(room: "r")), id: 0)
        broker.settle()
        #expect(ann.story == ["joined r 2"])
        #expect(ann.refusal(of: .members(ListMembers(room: "r"))) == .notJoined)
        #expect(broker.shards.allSatisfy { $0.gatherings.isEmpty })
    }

    @Test(arguments: 1...3)
    func numbersInTheOrderSent(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        broker.cutsOctets = true
        let ann = broker.logIn("ann")
        ann.takeInbox()
        for index in 0..<50 {
            ann.send(.publish(Publish(room: index % 7 == 6 ? "nowhere" : "lobby", publication: .text("\(index)"))))
        }
        broker.settle()
        // One that is refused holds back none.
        #expect(ann.bodies(in: "lobby") == (0..<50).filter { $0 % 7 != 6 }.map { "\($0)" })
        #expect(broker.faultsAtRest() == [])
    }

    /// Who is not attached may publish, and is not sent it.
    @Test func publisherNeedNotBeAttached() {
        let broker = SimulatedBroker(shards: 2)
        let ann = broker.logIn("ann")
        ann.leave("lobby", detachesOnly: true)
        ann.takeInbox()
        #expect(ann.publish("x", to: "lobby") != nil)
        #expect(ann.events.isEmpty)
    }

    // MARK: Requests in flight

    @Test(arguments: [1, 2, 5], 2...3)
    func boundsTheRequestsInFlight(max: Int, shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.requestsInFlightMax = max }
        // A room whose home is another shard: its answers come only with the mail.
        let room = (0...).lazy.map { try! RoomAddress("r\($0)") }.first { broker.shards[0].map.home(of: $0) != 0 }!
        let ann = broker.logIn("ann", on: 0)
        ann.create(room)
        ann.takeInbox()
        for id in 1...UInt32(max + 2) { ann.send(.members(ListMembers(room: room)), id: 100 + id) }
        // Without an id they do not count.
        ann.send(.publish(Publish(room: room, publication: .text("x"))), id: 0)
        broker.settle()
        let refused = ann.inbox.filter { $0.reply?.code == .tooManyRequests }.map(\.requestID)
        #expect(refused == [101 + UInt32(max), 102 + UInt32(max)])
        #expect(ann.inbox.count == max + 2)
        #expect(ann.refusal(of: .members(ListMembers(room: room))) == nil)
        #expect(broker.room(room)?.head == 2)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func idInFlightTwiceEndsTheConnection() {
        let broker = SimulatedBroker(shards: 2)
        let room = (0...).lazy.map { try! RoomAddress("r\($0)") }.first { broker.shards[0].map.home(of: $0) != 0 }!
        let ann = broker.logIn("ann", on: 0)
        ann.create(room)
        ann.takeInbox()
        ann.send(.publish(Publish(room: room, publication: .text("one"))), id: 50)
        ann.send(.publish(Publish(room: room, publication: .text("two"))), id: 50)
        ann.send(.publish(Publish(room: room, publication: .text("three"))), id: 51)
        broker.settle()
        // What was read before the fault is answered first.
        #expect(ann.story == ["published 50 2", "goodbye 109"])
    }

    @Test func idMayBeUsedAgainOnceItIsAnswered() {
        let broker = SimulatedBroker(shards: 2)
        let ann = broker.logIn("ann")
        for _ in 1...3 {
            ann.send(.publish(Publish(room: "lobby", publication: .text("x"))), id: 0xFF_FFFF)
            broker.settle()
        }
        #expect(ann.inbox.filter { $0.requestID == 0xFF_FFFF && $0.reply?.published != nil }.count == 3)
    }

    // MARK: Rate

    /// In the long run as many as are allowed, and the burst; nothing is refused and nothing is lost.
    @Test(arguments: [(10, 1), (10, 5), (2, 4)])
    func readsNoFasterThanIsAllowed(perSecond: Int, burst: Int) {
        let broker = SimulatedBroker { settings in
            settings.publishesPerSecond = perSecond
            settings.publishBurst = burst
        }
        let ann = broker.logIn("ann")
        let head = broker.room(.lobby)!.head
        for index in 0..<500 { ann.send(.publish(Publish(room: "lobby", publication: .text("\(index)")))) }
        broker.settle()
        #expect(broker.room(.lobby)!.head - head == UInt64(burst + 1))
        #expect(ann.session.isInputHeld)
        broker.pass(10_000)
        let published = Int(broker.room(.lobby)!.head - head)
        #expect((burst + perSecond * 10 - 1...burst + perSecond * 10 + 1).contains(published))
        #expect(ann.bodies(in: "lobby") == (0..<published).map { "\($0)" })
        // Quiet for a while: a burst again, and no more.
        broker.pass(60_000, tick: 1_000)
    }

    // MARK: Batches

    /// What comes in one turn leaves as one batch for each room.
    @Test func handsOnOneBatchForEachRoomAndTurn() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.create("r", policy: .unlisted)
        let before = broker.shards[0].statistics.batches
        for room: RoomAddress in ["r", "lobby", "r", "lobby", "r"] {
            ann.send(.publish(Publish(room: room, publication: .text("x"))))
        }
        broker.settle()
        #expect(broker.shards[0].statistics.batches - before == 2)
        #expect(broker.room("r")?.head == 4)
    }

    @Test(arguments: [1, 150, 1 << 20])
    func handsOnWhatIsLargeAtOnce(batchByteCountMax: Int) {
        let broker = SimulatedBroker { $0.batchByteCountMax = batchByteCountMax }
        let ann = broker.logIn("ann")
        ann.takeInbox()
        let before = broker.shards[0].statistics.batches
        for _ in 1...6 { ann.send(.publish(Publish(room: "lobby", publication: .text(String(repeating: "x", count: 100))))) }
        broker.settle()
        #expect(broker.shards[0].statistics.batches - before == [1: 6, 150: 3][batchByteCountMax] ?? 1)
        #expect(ann.events.count == 6)
        #expect(broker.faultsAtRest() == [])
    }

    // MARK: Too much mail

    @Test func refusesWhatAFullMailboxCannotTake() {
        let broker = SimulatedBroker(shards: 2) { $0.mailboxMessagesMax = 10 }
        let room = (0...).lazy.map { try! RoomAddress("r\($0)") }.first { broker.shards[0].map.home(of: $0) == 1 }!
        let ann = broker.logIn("ann", on: 0)
        ann.create(room)
        broker.shards[0].noteMailbox(of: 1, count: 10)
        ann.takeInbox()
        ann.readNow(.publish(Publish(room: room, publication: .text("x"))), id: 70)
        broker.shards[0].noteMailbox(of: 1, count: 11)
        ann.readNow(.publish(Publish(room: room, publication: .text("x"))), id: 71)
        broker.shards[0].noteMailbox(of: 1, count: 11)
        ann.readNow(.publish(Publish(room: room, publication: .text("x"))), id: 0)
        broker.settle()
        #expect(ann.inbox.first { $0.requestID == 70 }?.reply?.published != nil)
        #expect(ann.inbox.first { $0.requestID == 71 }?.reply?.code == .overloaded)
        #expect(
            ann.inbox.contains { if case .error(let failure)? = $0.reply { failure.type == 0x20 && failure.room == room } else { false } })
    }
}
