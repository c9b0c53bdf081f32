import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Events that change events*.
final class ChangeTests {
    /// Clients do not keep their broker alive.
    private var broker: SimulatedBroker?

    private func change(
        _ kind: EventKind, _ reference: UInt64, in room: RoomAddress, body: String? = nil, id: MessageID? = nil
    ) -> Command {
        let content = EventContent(kind: kind, messageID: id, reference: reference, body: body)
        return .publish(Publish(room: room, publication: Publication(content: content)))
    }

    /// A room of ann's with bob in it, and what each of them said there.
    private func talk(
        shards: Int = 1, policy: RoomPolicy? = [], _ settings: (inout CoreSettings) -> Void = { _ in }
    ) -> (broker: SimulatedBroker, ann: SimulatedClient, bob: SimulatedClient, ofAnn: UInt64, ofBob: UInt64) {
        let broker = SimulatedBroker(shards: shards, settings)
        self.broker = broker
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r", policy: policy)
        _ = ann.join("r")
        _ = bob.join("r")
        let ofAnn = ann.publish("ann's", to: "r")!.seq
        let ofBob = bob.publish("bob's", to: "r")!.seq
        return (broker, ann, bob, ofAnn, ofBob)
    }

    @Test(arguments: 1...3)
    func areEventsOfTheirOwn(shards: Int) {
        let (_, ann, bob, ofAnn, _) = talk(shards: shards)
        let edit = ann.ask(change(.edit, ofAnn, in: "r", body: "better", id: MessageID(7)))?.published
        for client in [ann, bob] {
            let event = client.events(in: "r").last
            #expect(event?.kind == .edit && event?.reference == ofAnn && event?.body == "better" && event?.from == "ann")
            #expect(event?.seq == edit?.seq && event?.messageID == MessageID(7) && event?.isRedacted == false)
        }
        // The message stays what it was; only its edit says something else.
        let late = bob
        late.leave("r")
        late.takeInbox()
        _ = late.join("r", tail: 1000)
        #expect(late.bodies(in: "r").prefix(3) == ["ann's", "bob's", "better"])
    }

    @Test func onlyTheAuthorEdits() {
        let (_, ann, bob, ofAnn, ofBob) = talk()
        #expect(bob.failure(of: change(.edit, ofAnn, in: "r", body: "x"))?.code == .forbidden)
        // Not even the owner puts words into another's mouth.
        #expect(ann.failure(of: change(.edit, ofBob, in: "r", body: "x"))?.code == .forbidden)
        #expect(bob.ask(change(.edit, ofBob, in: "r", body: "x"))?.published != nil)
    }

    @Test func theAuthorOrAModeratorDeletes() {
        let (_, ann, bob, ofAnn, ofBob) = talk()
        #expect(bob.failure(of: change(.delete, ofAnn, in: "r"))?.code == .forbidden)
        #expect(ann.ask(change(.delete, ofBob, in: "r"))?.published != nil)
        let another = bob.publish("again", to: "r")!.seq
        #expect(bob.ask(change(.delete, another, in: "r"))?.published != nil)
    }

    @Test(arguments: 1...3)
    func whatWasDeletedIsNotSentAgain(shards: Int) {
        let (broker, ann, bob, ofAnn, ofBob) = talk(shards: shards)
        ann.ask(change(.edit, ofAnn, in: "r", body: "an edit"))
        bob.ask(change(.edit, ofBob, in: "r", body: "kept"))
        ann.ask(change(.delete, ofAnn, in: "r"))
        let cyd = broker.logIn("cyd")
        _ = cyd.join("r", tail: 1000)
        #expect(cyd.bodies(in: "r") == ["bob's", "kept"])
        let events = cyd.events(in: "r")
        #expect(events.filter(\.isRedacted).map(\.seq) == [ofAnn, ofBob + 1])
        #expect(events.first { $0.seq == ofAnn }?.from == "ann")
        #expect(events.last?.kind == .delete && events.last?.reference == ofAnn)
        #expect(broker.faultsAtRest().isEmpty)
    }

    /// A message, its edit and its deletion in one turn: none of it is in the ring when the deletion comes.
    @Test func aDeletionReachesTheBatchOfItsTurn() {
        let (broker, ann, bob, _, _) = talk()
        let next = broker.room("r")!.head + 1
        ann.send(.publish(Publish(room: "r", publication: .text("secret"))))
        ann.send(change(.edit, next, in: "r", body: "more secret"))
        ann.send(change(.delete, next, in: "r"))
        broker.settle()
        // Who was there has heard it.
        #expect(bob.bodies(in: "r").suffix(2) == ["secret", "more secret"])
        #expect(bob.events(in: "r").last?.kind == .delete)
        let cyd = broker.logIn("cyd")
        _ = cyd.join("r", tail: 3)
        #expect(cyd.bodies(in: "r").isEmpty)
        #expect(cyd.events(in: "r").map(\.isRedacted) == [true, true, false])
    }

    @Test func whoFellBehindIsNotSentWhatWasDeletedMeanwhile() {
        let (broker, ann, bob, _, _) = talk {
            $0.outboundHighWaterBytes = 400
            $0.outboundLowWaterBytes = 100
        }
        bob.reader = .window(0)
        let filler = String(repeating: "x", count: 300)
        for _ in 0..<3 { ann.publish(filler, to: "r") }
        let secret = ann.publish("secret", to: "r")!.seq
        ann.ask(change(.delete, secret, in: "r"))
        bob.reader = .everything
        broker.settle()
        #expect(bob.events(in: "r").suffix(2).map(\.kind) == [.message, .delete])
        #expect(bob.events(in: "r").first { $0.seq == secret }?.isRedacted == true)
        #expect(!bob.bodies(in: "r").contains("secret"))
    }

    @Test func whatWasDeletedCannotBeChanged() {
        let (_, ann, _, ofAnn, _) = talk()
        ann.ask(change(.delete, ofAnn, in: "r"))
        for kind in [EventKind.edit, .delete, .react, .unreact, .pin, .unpin] {
            let body = kind == .edit || kind == .react || kind == .unreact ? "x" : nil
            #expect(ann.failure(of: change(kind, ofAnn, in: "r", body: body))?.code == .noSuchEvent, "\(kind)")
        }
    }

    @Test func aReactionIsThereOnce() {
        let (broker, ann, bob, ofAnn, _) = talk()
        #expect(bob.failure(of: change(.unreact, ofAnn, in: "r", body: "+1"))?.code == .noSuchEvent)
        for _ in 0..<2 {
            for client in [ann, bob] {
                #expect(client.ask(change(.react, ofAnn, in: "r", body: "+1"))?.published != nil)
                #expect(client.failure(of: change(.react, ofAnn, in: "r", body: "+1"))?.code == .exists)
            }
            #expect(bob.ask(change(.react, ofAnn, in: "r", body: "-1"))?.published != nil)
            #expect(bob.ask(change(.unreact, ofAnn, in: "r", body: "-1"))?.published != nil)
            for client in [ann, bob] { #expect(client.ask(change(.unreact, ofAnn, in: "r", body: "+1"))?.published != nil) }
            #expect(broker.room("r")?.markings == nil)
        }
        #expect(broker.faultsAtRest().isEmpty)
    }

    /// Strings of other octets are equal to strings; reactions are not.
    @Test func reactionsAreComparedByOctets() {
        let (_, ann, _, ofAnn, _) = talk()
        #expect(ann.ask(change(.react, ofAnn, in: "r", body: "\u{E9}"))?.published != nil)
        #expect(ann.ask(change(.react, ofAnn, in: "r", body: "e\u{301}"))?.published != nil)
        #expect(ann.failure(of: change(.react, ofAnn, in: "r", body: "\u{E9}"))?.code == .exists)
    }

    @Test(arguments: [0, 1, 3])
    func reactionsAreBounded(countMax: Int) {
        let (broker, ann, _, ofAnn, _) = talk {
            $0.reactionsPerRoomMax = countMax
            $0.recentEventsPerRoom = 10
        }
        for index in 0..<countMax { #expect(ann.ask(change(.react, ofAnn, in: "r", body: "\(index)"))?.published != nil) }
        #expect(ann.failure(of: change(.react, ofAnn, in: "r", body: "x"))?.code == .quota)
        for _ in 0..<10 { ann.publish("x", to: "r") }
        // Those to events that the ring has lost make room.
        let reaction = ann.ask(change(.react, broker.room("r")!.head, in: "r", body: "x"))
        #expect((reaction?.published != nil) == (countMax > 0))
    }

    @Test func moderatorsPinAndUnpin() {
        let (broker, ann, bob, ofAnn, ofBob) = talk {
            $0.pinsPerRoomMax = 2
            $0.recentEventsPerRoom = 10
        }
        #expect(bob.failure(of: change(.pin, ofBob, in: "r"))?.code == .forbidden)
        #expect(ann.failure(of: change(.unpin, ofBob, in: "r"))?.code == .noSuchEvent)
        #expect(ann.ask(change(.pin, ofBob, in: "r"))?.published != nil)
        #expect(ann.failure(of: change(.pin, ofBob, in: "r"))?.code == .exists)
        #expect(ann.ask(change(.pin, ofAnn, in: "r"))?.published != nil)
        #expect(bob.failure(of: change(.unpin, ofBob, in: "r"))?.code == .forbidden)
        let third = ann.publish("third", to: "r")!.seq
        #expect(ann.failure(of: change(.pin, third, in: "r"))?.code == .quota)
        for _ in 0..<10 { ann.publish("x", to: "r") }
        // A pin outlives what the ring remembers, so that it can be taken off.
        #expect(ann.ask(change(.unpin, ofBob, in: "r"))?.published != nil)
        #expect(ann.failure(of: change(.pin, ofBob, in: "r"))?.code == .rangeGone)
        #expect(broker.room("r")?.markings?.pins == [ofAnn])
    }

    @Test func aDeletionUnpins() {
        let (broker, ann, _, ofAnn, _) = talk()
        ann.ask(change(.pin, ofAnn, in: "r"))
        ann.ask(change(.react, ofAnn, in: "r", body: "+1"))
        ann.ask(change(.delete, ofAnn, in: "r"))
        #expect(broker.room("r")?.markings == nil)
    }

    @Test func nobodyPinsInTheLobby() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        let seq = ann.publish("x", to: .lobby)!.seq
        #expect(ann.failure(of: change(.pin, seq, in: .lobby))?.code == .forbidden)
    }

    @Test(arguments: 1...3)
    func partiesChangeTheirConversation(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        let told = ann.tell("bob", "hello")!
        for (kind, code) in [(EventKind.edit, ResultCode.forbidden), (.delete, .forbidden)] {
            #expect(bob.failure(of: change(kind, told.seq, in: told.room, body: kind == .edit ? "x" : nil))?.code == code)
        }
        let pin = EventContent(kind: .pin, reference: told.seq)
        #expect(bob.ask(.directMessage(DirectMessage(to: "ann", publication: Publication(content: pin))))?.published != nil)
        #expect(ann.ask(change(.unpin, told.seq, in: told.room))?.published != nil)
        #expect(ann.ask(change(.edit, told.seq, in: told.room, body: "hi"))?.published != nil)
        #expect(bob.events(in: told.room).map(\.kind) == [.message, .pin, .unpin, .edit])
    }

    @Test func aChangeBeginsNoConversation() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        _ = broker.logIn("bob")
        let react = EventContent(kind: .react, reference: 1, body: "+1")
        #expect(ann.refusal(of: .directMessage(DirectMessage(to: "bob", publication: Publication(content: react)))) == .noSuchEvent)
        #expect(broker.room("@ann+bob") == nil)
    }

    /// What there is: numbers 0 and above the head never were, what is below the ring is gone, what is no message cannot be changed.
    @Test func changesNameAMessageThatIsRetained() {
        let (broker, ann, _, ofAnn, ofBob) = talk { $0.recentEventsPerRoom = 4 }
        let react = ann.ask(change(.react, ofBob, in: "r", body: "+1"))!.published!.seq
        for (seq, code) in [
            (UInt64(0), ResultCode.noSuchEvent), (react + 1, .noSuchEvent), (1 << 53 - 1, .noSuchEvent), (1, .noSuchEvent),
            (react, .noSuchEvent),
        ] {
            let failure = ann.failure(of: change(.react, seq, in: "r", body: "x"))
            #expect(failure?.code == code, "\(seq)")
            #expect(failure?.field == 7)
        }
        for _ in 0..<3 { ann.publish("x", to: "r") }
        let gone = ann.failure(of: change(.react, ofAnn, in: "r", body: "x"))
        #expect(gone?.code == .rangeGone)
        #expect(gone?.floor == broker.room("r")?.floor)
    }

    @Test func theBrokersOwnEventsAreNotChanged() {
        let (broker, ann, _, _, _) = talk(policy: .logsMembership)
        for seq in 1...broker.room("r")!.head where broker.truth.logs.first(where: { $0.key.room == "r" })!.value[seq]!.kind.rawValue >= 32
        {
            #expect(ann.failure(of: change(.delete, seq, in: "r"))?.code == .noSuchEvent)
        }
    }

    @Test func aRetriedChangeHasOneEffect() {
        let (_, ann, _, ofAnn, _) = talk()
        let first = ann.ask(change(.react, ofAnn, in: "r", body: "+1", id: MessageID(5)))?.published
        let second = ann.ask(change(.react, ofAnn, in: "r", body: "+1", id: MessageID(5)))?.published
        #expect(second?.isDuplicate == true && second?.seq == first?.seq)
        let deletion = ann.ask(change(.delete, ofAnn, in: "r", id: MessageID(6)))?.published
        #expect(ann.ask(change(.delete, ofAnn, in: "r", id: MessageID(6)), isRetry: true)?.published?.seq == deletion?.seq)
    }

    @Test func aNewNameKeepsWhatItSaid() {
        let (broker, ann, _, ofAnn, _) = talk()
        ann.rename(to: "anna")
        #expect(ann.ask(change(.edit, ofAnn, in: "r", body: "mine"))?.published != nil)
        // Another account under the old name is another account.
        let other = broker.logIn("ann")
        _ = other.join("r")
        #expect(other.failure(of: change(.edit, ofAnn, in: "r", body: "x"))?.code == .forbidden)
        #expect(other.failure(of: change(.delete, ofAnn, in: "r"))?.code == .forbidden)
    }

    @Test func aNamesakeOfWhoHasGoneIsNotTheAuthor() {
        let (broker, _, bob, _, ofBob) = talk()
        bob.drop()
        broker.settle()
        let namesake = broker.logIn("bob")
        _ = namesake.join("r")
        #expect(namesake.failure(of: change(.edit, ofBob, in: "r", body: "x"))?.code == .forbidden)
    }

    @Test func whoMayNotPublishMayNotReact() {
        let (broker, ann, _, ofAnn, _) = talk()
        ann.create("quiet", policy: .moderated)
        _ = ann.join("quiet")
        let seq = ann.publish("x", to: "quiet")!.seq
        let cyd = broker.logIn("cyd")
        #expect(cyd.failure(of: change(.react, ofAnn, in: "r", body: "+1"))?.code == .notJoined)
        _ = cyd.join("quiet")
        #expect(cyd.failure(of: change(.react, seq, in: "quiet", body: "+1"))?.code == .forbidden)
    }
}
