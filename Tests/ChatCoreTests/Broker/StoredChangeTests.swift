import ChatProtocol
import Testing

@testable import ChatCore

/// Events that change events which the ring has lost (docs/PROTOCOL.md, *Events that change events*).
final class StoredChangeTests {
    /// Clients do not keep their broker alive.
    private var rooms: StoredRooms?

    /// A room of ann's with bob in it, whose first messages the ring has lost.
    private func talk(
        shards: Int = 1, restarts: Bool = false, _ settings: @escaping (inout CoreSettings) -> Void = { _ in }
    ) -> (rooms: StoredRooms, ann: SimulatedClient, bob: SimulatedClient, ofAnn: UInt64, ofBob: UInt64) {
        let rooms = StoredRooms(shards: shards, settings)
        self.rooms = rooms
        var (ann, bob) = (rooms.logIn("ann"), rooms.logIn("bob"))
        ann.create("r")
        _ = ann.join("r")
        _ = bob.join("r")
        let ofAnn = ann.publish("ann's", to: "r")!.seq
        let ofBob = bob.publish("bob's", to: "r")!.seq
        if restarts {
            rooms.restart()
            (ann, bob) = (rooms.logIn("ann"), rooms.logIn("bob"))
        } else {
            for _ in 0..<5 { ann.publish("x", to: "r") }
        }
        return (rooms, ann, bob, ofAnn, ofBob)
    }

    @Test(arguments: 1...3, [false, true])
    func areChangedLikeThoseInTheRing(shards: Int, restarts: Bool) {
        let (rooms, ann, bob, ofAnn, ofBob) = talk(shards: shards, restarts: restarts)
        #expect(ofBob < rooms.broker.room("r")!.ringFloor)
        #expect(bob.change(.edit, ofAnn, body: "x") == .forbidden)
        #expect(bob.change(.delete, ofAnn) == .forbidden)
        #expect(ann.change(.edit, ofBob, body: "x") == .forbidden)
        #expect(bob.change(.edit, ofBob, body: "better") == nil)
        #expect(bob.change(.unreact, ofAnn, body: "+1") == .noSuchEvent)
        for _ in 0..<2 {
            for client in [ann, bob] {
                #expect(client.change(.react, ofAnn, body: "+1") == nil)
                #expect(client.change(.react, ofAnn, body: "+1") == .exists)
            }
            for client in [ann, bob] { #expect(client.change(.unreact, ofAnn, body: "+1") == nil) }
        }
        #expect(bob.change(.pin, ofAnn) == .forbidden)
        #expect(ann.change(.unpin, ofAnn) == .noSuchEvent)
        #expect(ann.change(.pin, ofAnn) == nil)
        #expect(ann.change(.pin, ofAnn) == .exists)
        #expect(ann.change(.unpin, ofAnn) == nil)
        #expect(ann.change(.edit, 1, body: "x") == .noSuchEvent, "the first event is no message")
        // The owner is a moderator.
        #expect(ann.change(.delete, ofBob) == nil)
        for kind in [EventKind.edit, .delete, .react, .unreact, .pin, .unpin] {
            let body = kind == .edit || kind == .react || kind == .unreact ? "x" : nil
            #expect(ann.change(kind, ofBob, body: body) == .noSuchEvent, "\(kind)")
        }
        #expect(rooms.broker.faultsAtRest().isEmpty)
        let history = ann.history("r").events
        #expect(history.filter(\.isRedacted).map { $0.seq == ofBob || $0.kind == .edit } == [true, true])
        #expect(!history.contains { $0.body == "bob's" || $0.body == "better" })
        #expect(rooms.store.event("r", epoch: rooms.broker.room("r")!.epoch, ofBob)?.isRedacted == true)
    }

    @Test func reactionsAndPinsOutliveTheBroker() {
        let (rooms, ann, bob, ofAnn, ofBob) = talk()
        #expect(bob.change(.react, ofAnn, body: "+1") == nil)
        let latest = ann.publish("latest", to: "r")!.seq
        #expect(bob.change(.react, latest, body: "+1") == nil)
        #expect(ann.change(.pin, ofBob) == nil)
        #expect(ann.change(.pin, latest) == nil)
        rooms.restart()
        let (again, other) = (rooms.logIn("bob"), rooms.logIn("ann"))
        for seq in [ofAnn, latest] {
            #expect(again.change(.react, seq, body: "+1") == .exists)
            #expect(again.change(.unreact, seq, body: "+1") == nil)
            #expect(again.change(.unreact, seq, body: "+1") == .noSuchEvent)
        }
        #expect(other.change(.pin, ofBob) == .exists)
        #expect(other.change(.unpin, ofBob) == nil)
        #expect(rooms.broker.room("r")?.markings?.pins == [latest])
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test func aGuestIsKnownByItsLife() {
        let rooms = StoredRooms()
        let eve = rooms.broker.logIn("eve")
        eve.create("r")
        _ = eve.join("r")
        let seq = eve.publish("eve's", to: "r")!.seq
        for _ in 0..<5 { eve.publish("x", to: "r") }
        eve.rename(to: "eva")
        #expect(eve.change(.edit, seq, body: "still mine") == nil)
        let namesake = rooms.broker.logIn("eve")
        _ = namesake.join("r")
        #expect(namesake.change(.edit, seq, body: "x") == .forbidden)
        rooms.restart()
        let another = rooms.broker.logIn("eve")
        _ = another.join("r")
        #expect(another.change(.edit, seq, body: "x") == .forbidden)
    }

    /// Whoever has registered a name is not the author of what a guest said under it.
    @Test func anAccountIsNotTheGuestOfItsName() {
        let rooms = StoredRooms()
        rooms.broker.judge.registered = []
        let guest = rooms.broker.logIn("ann")
        guest.create("r")
        _ = guest.join("r")
        let seq = guest.publish("a guest's", to: "r")!.seq
        rooms.restart()
        let ann = rooms.logIn("ann")
        _ = ann.join("r")
        #expect(ann.change(.edit, seq, body: "x") == .forbidden)
        let own = ann.publish("mine", to: "r")!.seq
        for _ in 0..<5 { ann.publish("x", to: "r") }
        #expect(ann.change(.edit, own, body: "x") == nil)
    }

    // MARK: Waiting

    @Test func whatAConnectionAsksForKeepsItsOrder() {
        let (rooms, ann, bob, ofAnn, _) = talk()
        rooms.store.holdsReads = true
        ann.takeInbox()
        bob.takeInbox()
        ann.send(SimulatedClient.change(.edit, ofAnn, body: "better"))
        ann.send(.publish(Publish(room: "r", publication: .text("behind"))))
        ann.send(SimulatedClient.change(.react, ofAnn, body: "+1"))
        ann.send(.members(ListMembers(room: "r")))
        rooms.broker.settle()
        #expect(ann.events.isEmpty)
        // Others do not wait, and neither do other rooms.
        #expect(bob.publish("before", to: "r") != nil)
        #expect(ann.publish("elsewhere", to: .lobby) != nil)
        rooms.store.holdsReads = false
        rooms.broker.settle()
        #expect(ann.events(in: "r").compactMap(\.body) == ["before", "better", "behind", "+1"])
        #expect(bob.events(in: "r").map(\.kind) == [.message, .edit, .message, .react])
        #expect(ann.inbox.compactMap { $0.reply?.published?.seq } == ann.inbox.compactMap { $0.reply?.published?.seq }.sorted())
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    /// More in one turn than the ring holds: what is changed has left it before anybody could ask for it.
    @Test func aBatchMayBeLongerThanTheRing() {
        let (rooms, ann, bob, _, _) = talk()
        let first = rooms.broker.room("r")!.head + 1
        for index in 0..<10 { ann.send(.publish(Publish(room: "r", publication: .text("\(index)")))) }
        ann.send(SimulatedClient.change(.edit, first, body: "better"), id: 906)
        ann.send(.mark(ReadMarker(room: "r", mark: first + 1)), id: 907)
        rooms.broker.settle()
        #expect(ann.inbox.first { $0.requestID == 906 }?.reply?.published != nil)
        #expect(ann.inbox.first { $0.requestID == 907 }?.reply?.code == nil)
        #expect(bob.bodies(in: "r").last == "better")
        let member = rooms.broker.room("r")!.members["ann"]!
        #expect(rooms.broker.room("r")!.unreadCount(of: member) == 8)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test func isJudgedAnewWhenTheAnswerComes() {
        let (rooms, ann, bob, ofAnn, ofBob) = talk()
        rooms.store.holdsReads = true
        let second = rooms.logIn("bob")
        bob.send(SimulatedClient.change(.edit, ofBob, body: "too late"))
        ann.send(SimulatedClient.change(.delete, ofBob))
        bob.send(SimulatedClient.change(.react, ofAnn, body: "+1"))
        second.send(SimulatedClient.change(.react, ofAnn, body: "+1"))
        rooms.broker.settle()
        rooms.store.holdsReads = false
        rooms.broker.settle()
        // In whatever order the answers came, there is one reaction, and nothing said by who was deleted.
        let log = rooms.broker.truth.logs.first { $0.key.room == "r" }!.value.values
        #expect(log.count { $0.kind == .react } == 1)
        #expect(log.count { $0.kind == .delete } == 1)
        #expect(!ann.history("r").events.contains { $0.body == "bob's" || $0.body == "too late" })
        // Who has left meanwhile changes nothing any more.
        rooms.store.holdsReads = true
        bob.send(SimulatedClient.change(.react, ofAnn, body: "-1"), id: 900)
        rooms.broker.settle()
        second.leave("r")
        rooms.store.holdsReads = false
        rooms.broker.settle()
        #expect(bob.inbox.last { $0.requestID == 900 }?.reply?.code == .notJoined)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test func whatWaitsTooLongIsGivenUp() {
        let (rooms, ann, _, ofAnn, _) = talk()
        rooms.store.holdsReads = true
        ann.send(SimulatedClient.change(.edit, ofAnn, body: "never"), id: 901)
        ann.send(.publish(Publish(room: "r", publication: .text("behind"))), id: 902)
        rooms.broker.settle()
        rooms.broker.pass(9_900)
        #expect(ann.inbox.allSatisfy { $0.requestID < 900 })
        rooms.broker.pass(200)
        #expect(ann.inbox.first { $0.requestID == 901 }?.reply?.code == .overloaded)
        #expect(ann.inbox.first { $0.requestID == 902 }?.reply?.published != nil)
        // The answer comes after all.
        rooms.store.holdsReads = false
        rooms.broker.settle()
        #expect(!ann.bodies(in: "r").contains("never"))
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test(arguments: [0, 1, 3])
    func waitingIsBounded(countMax: Int) {
        let (rooms, _, _, ofAnn, _) = talk { $0.lookUpsMax = countMax }
        let clients = (0...countMax).map { _ in rooms.logIn("bob") }
        rooms.store.holdsReads = true
        for (index, client) in clients.enumerated() { client.send(SimulatedClient.change(.react, ofAnn, body: "\(index)"), id: 903) }
        rooms.broker.settle()
        #expect(clients.count { $0.inbox.contains { $0.requestID == 903 && $0.reply?.code == .overloaded } } == 1)
        rooms.store.holdsReads = false
        rooms.broker.settle()
        #expect(clients.count { $0.inbox.contains { $0.requestID == 903 && $0.reply?.published != nil } } == countMax)
    }

    @Test func aConversationThatHasEndedHasNothingToChange() {
        let rooms = StoredRooms()
        let (eve, dan) = (rooms.broker.logIn("eve"), rooms.broker.logIn("dan"))
        let told = eve.tell("dan", "hello")!
        for _ in 0..<5 { _ = eve.tell("dan", "x") }
        rooms.store.holdsReads = true
        let edit = EventContent(kind: .edit, reference: told.seq, body: "better")
        eve.send(.directMessage(DirectMessage(to: "dan", publication: Publication(content: edit))), id: 904)
        eve.send(SimulatedClient.change(.edit, told.seq, in: told.room, body: "behind"), id: 905)
        rooms.broker.settle()
        dan.drop()
        rooms.store.holdsReads = false
        rooms.broker.settle()
        #expect(eve.inbox.first { $0.requestID == 904 }?.reply?.code == .noSuchEvent)
        #expect(eve.inbox.first { $0.requestID == 905 }?.reply?.code == .noSuchRoom)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    // MARK: A store that fails

    /// A deletion that is lost is made good when the store is back: nobody is sent again what was said.
    @Test func whatCouldNotBeErasedIsErasedLater() {
        let (rooms, ann, _, ofAnn, _) = talk()
        rooms.store.setFailing(true)
        #expect(ann.change(.delete, ofAnn) == nil)
        #expect(ann.history("r").events.first { $0.seq == ofAnn }?.isRedacted == true)
        rooms.store.setFailing(false)
        rooms.broker.settle()
        _ = ann.publish("again", to: "r")
        rooms.broker.settle()
        #expect(rooms.store.event("r", epoch: rooms.broker.room("r")!.epoch, ofAnn)?.isRedacted == true)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test func aReactionThatIsLostHasNotHappened() {
        let (rooms, ann, _, ofAnn, _) = talk()
        rooms.store.setFailing(true)
        #expect(ann.change(.react, ofAnn, body: "+1") == nil)
        rooms.store.setFailing(false)
        rooms.broker.settle()
        #expect(ann.change(.react, ofAnn, body: "+1") == nil)
        #expect(ann.change(.react, ofAnn, body: "+1") == .exists)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    // MARK: Retries

    @Test func aRetryThatMemoryDoesNotCoverIsLookedFor() {
        let (rooms, ann, _, _, _) = talk { $0.deduplicationEntriesPerAccountMax = 1 }
        rooms.broker.leap(1_000)
        let first = ann.publish("once", to: "r", id: MessageID(1))!
        for id in UInt64(2)...9 { ann.publish("x", to: "r", id: MessageID(id)) }
        rooms.broker.leap(2_000)
        let again = ann.retry("once", to: "r", id: MessageID(1), age: 2_500)?.published
        #expect(again?.seq == first.seq && again?.isDuplicate == true)
        // What never arrived is published now.
        let new = ann.retry("late", to: "r", id: MessageID(77), age: 2_500)?.published
        #expect(new?.isDuplicate == false)
        ann.publish("x", to: "r", id: MessageID(10))
        #expect(ann.retry("late", to: "r", id: MessageID(77), age: 2_600)?.published?.seq == new?.seq)
        // Beyond the window nobody looks.
        #expect(ann.retry("old", to: "r", id: MessageID(78), age: 700_000)?.code == .retryTooOld)
        // Before the log began there was perhaps another.
        #expect(ann.retry("older", to: "r", id: MessageID(79), age: 5_000)?.code == .retryTooOld)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test func aGuestWhoCameBackIsTold() {
        let rooms = StoredRooms()
        let eve = rooms.broker.logIn("eve")
        eve.create("r")
        _ = eve.join("r")
        rooms.broker.leap(1_000)
        let first = eve.publish("once", to: "r", id: MessageID(1))!
        eve.drop()
        rooms.broker.settle()
        rooms.broker.leap(100)
        let again = rooms.broker.logIn("eve")
        _ = again.join("r")
        #expect(again.retry("once", to: "r", id: MessageID(1), age: 100)?.published?.seq == first.seq)
        #expect(again.retry("new", to: "r", id: MessageID(2), age: 100)?.published?.isDuplicate == false)
    }
}
