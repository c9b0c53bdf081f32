import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Heartbeat* and *GOODBYE*.
struct EndingTests {
    // MARK: GOODBYE

    @Test(arguments: 1...3)
    func answersBeforeItShutsDown(shards: Int) throws {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let clients = ["ann", "bob", "cyd"].map { broker.logIn($0) }
            let waiting = broker.greet()
            for client in clients {
                client.takeInbox()
                for id in 1...5 as ClosedRange<UInt32> {
                    client.send(.publish(Publish(room: "lobby", publication: .text("x"))), id: 100 + id)
                }
                client.send(.create(CreateRoom(room: "r")), id: 200)
                broker.turn(of: client.shardIndex) { _ in client.readOnBrokersSide() }
            }
            for index in broker.shards.indices { broker.turn(of: index) { $0.shutDown(at: broker.moment) } }
            // What comes now is not heard.
            for client in clients { client.send(.ping(timestamp: 1), id: 300) }
            broker.settle()
            for client in clients {
                #expect(client.inbox.filter { $0.requestID != 0 }.count == 6, "seed \(seed)")
                #expect(client.story.last == "goodbye 503", "seed \(seed)")
            }
            #expect(waiting.goodbye?.code == .shuttingDown)
            let pauses = clients.compactMap { $0.goodbye?.retryMilliseconds }
            #expect(Set(pauses).count == 3, "seed \(seed)")
            #expect(clients.allSatisfy { $0.goodbye?.endsSession == false })
            #expect(broker.clients.isEmpty)
            #expect(broker.truth.faults == [], "seed \(seed)")
        }
    }

    @Test(arguments: [true, false], 1...3)
    func answersWhatWasAskedBeforeTheClientGoes(saysGoodbye: Bool, shards: Int) {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let bob = broker.logIn("bob")
            let ann = broker.logIn("ann")
            ann.takeInbox()
            for id in 1...3 as ClosedRange<UInt32> { ann.send(.publish(Publish(room: "lobby", publication: .text("\(id)"))), id: 100 + id) }
            ann.send(.create(CreateRoom(room: "r")), id: 104)
            if saysGoodbye {
                ann.send(.goodbye(Goodbye(.ok)), id: 0)
                ann.send(.publish(Publish(room: "lobby", publication: .text("unheard"))), id: 105)
            } else {
                ann.endStream()
            }
            broker.settle()
            #expect(ann.inbox.filter { $0.requestID != 0 }.map(\.requestID).sorted() == [101, 102, 103, 104], "seed \(seed)")
            #expect(ann.goodbye == nil, "seed \(seed)")
            #expect(!ann.isOpen, "seed \(seed)")
            #expect(bob.bodies(in: "lobby") == ["1", "2", "3"], "seed \(seed)")
            #expect(bob.members("lobby").map(\.user) == ["bob"], "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    @Test(arguments: HandshakeTests.Stage.allCases)
    func clientMayGoAtAnyStage(stage: HandshakeTests.Stage) {
        let broker = SimulatedBroker(shards: 2)
        let client = stage.client(of: broker)
        client.send(.goodbye(Goodbye(.ok)), id: 0)
        broker.settle()
        #expect(client.inbox.isEmpty)
        #expect(!client.isOpen)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func clientThatSaysNothingMayGo() {
        let broker = SimulatedBroker()
        let client = broker.connect()
        client.endStream()
        broker.settle()
        #expect(!client.isOpen)
        #expect(!client.view.hasPreface)
    }

    /// A log-in that is still being decided is answered too.
    @Test(arguments: 1...3)
    func clientMayGoWhileItsNameIsDecided(shards: Int) {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let client = broker.greet()
            client.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "ann"))), id: 70)
            client.send(.goodbye(Goodbye(.ok)), id: 0)
            broker.settle()
            #expect(client.inbox.last { $0.requestID == 70 } != nil, "seed \(seed)")
            #expect(!client.isOpen, "seed \(seed)")
            #expect(broker.accounts.isEmpty, "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    /// Two seconds for the client to close, and no more.
    @Test func closesIfTheClientDoesNot() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.closesInTurn = false
        ann.send(octets: frame(type: 6, id: 1, flags: 0x80))
        broker.settle()
        #expect(ann.goodbye?.code == .badFlags)
        broker.pass(2_000)
        #expect(ann.isOpen)
        broker.pass(1)
        #expect(ann.wasAborted)
    }

    /// Two seconds for answers that do not come, and then GOODBYE all the same.
    @Test func doesNotWaitForAnswersForever() {
        let broker = SimulatedBroker(shards: 2)
        let room = (0...).lazy.map { try! RoomAddress("r\($0)") }.first { broker.shards[0].map.home(of: $0) == 1 }!
        let ann = broker.logIn("ann", on: 0)
        ann.create(room)
        ann.takeInbox()
        ann.readNow(.publish(Publish(room: room, publication: .text("x"))), id: 80)
        broker.turn(of: 0) { $0.shutDown(at: broker.moment) }
        broker.leap(2_000)
        #expect(ann.goodbye == nil)
        broker.leap(1)
        #expect(ann.story == ["goodbye 503"])
        broker.settle()
        #expect(ann.story == ["goodbye 503"])
    }

    // MARK: Heartbeat

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func asksAfterWhoIsSilent(seed: UInt64) {
        let broker = SimulatedBroker(seed: seed)
        let ann = broker.logIn("ann")
        ann.answersPing = false
        ann.takeInbox()
        broker.pass(26_999, tick: 26_999)
        #expect(ann.inbox.isEmpty)
        broker.pass(6_002)
        #expect(ann.story == ["ping"])
        broker.pass(20_900, tick: 20_900)
        #expect(ann.story == ["ping"])
        broker.pass(12_200)
        #expect(ann.story == ["ping", "goodbye 114"])
    }

    @Test func whoAnswersLives() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.takeInbox()
        broker.pass(200_000, tick: 500)
        #expect(ann.isOpen)
        #expect((6...7).contains(ann.inbox.count))
        #expect(ann.story.allSatisfy { $0 == "ping" })
    }

    /// Any octet counts, whole frame or not.
    @Test func whoSendsAnythingIsNotAsked() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.takeInbox()
        for octet in frame(type: 0x07, id: 1) {
            broker.pass(20_000, tick: 1_000)
            ann.send(octets: [octet])
            broker.settle()
        }
        #expect(ann.inbox.isEmpty)
    }

    @Test func nobodyIsAskedBeforeReady() {
        let broker = SimulatedBroker { $0.heartbeatMilliseconds = 1_000 }
        let client = broker.greet()
        client.takeInbox()
        broker.pass(25_000, tick: 500)
        #expect(client.inbox.isEmpty)
    }

    /// A client that is not being read counts as alive.
    @Test func whoIsHeldIsNotDead() {
        let broker = SimulatedBroker { settings in
            settings.publishesPerSecond = 1
            settings.publishBurst = 1
            settings.heartbeatMilliseconds = 200
        }
        let ann = broker.logIn("ann")
        ann.takeInbox()
        for _ in 1...5 { ann.send(.publish(Publish(room: "lobby", publication: .text("x"))), id: 0) }
        broker.pass(3_000)
        #expect(ann.isOpen)
        #expect(ann.goodbye == nil)
    }
}
