import ChatProtocol
import Testing

@testable import broker_cli

@Suite struct RecentMessagesTests {
    private static let ada = try! AccountName("ada")
    private static let bob = try! AccountName("bob")

    private func event(_ seq: UInt64, _ from: AccountName, _ body: String?, kind: EventKind = .message, of reference: UInt64? = nil)
        -> Event
    {
        var event = Event(room: .lobby, seq: seq, timestamp: 1_700_000_000_000, from: from)
        event.kind = kind
        event.body = body
        event.reference = reference
        return event
    }

    private var recent: RecentMessages {
        var recent = RecentMessages()
        for event in [
            event(1, Self.ada, "one"), event(2, Self.bob, "two"), event(3, Self.ada, "three"), event(4, Self.bob, nil, kind: .joined),
            event(5, Self.bob, "five", kind: .notice),
        ] { recent.note(event) }
        return recent
    }

    @Test func findsWhatIsMeant() {
        let recent = recent
        for (target, seq) in [
            (EventTarget.last, UInt64(5)), (.own, 3), (.lastOf(Self.bob), 5), (.lastOf(Self.ada), 3), (.number(77), 77),
        ] { #expect(recent.seq(of: target, in: .lobby, account: Self.ada) == seq) }
        #expect(recent.seq(of: .last, in: .lobby, account: Self.bob) == 3)
        #expect(recent.seq(of: .own, in: .lobby, account: nil) == nil)
        var ownOnly = RecentMessages()
        ownOnly.note(event(3, Self.ada, "three"))
        #expect(ownOnly.seq(of: .last, in: .lobby, account: Self.ada) == 3, "one's own, where nobody else spoke")
        #expect(RecentMessages().seq(of: .last, in: .lobby, account: nil) == nil)
    }

    @Test func followsChanges() {
        var recent = recent
        recent.note(event(6, Self.ada, "THREE", kind: .edit, of: 3))
        recent.note(event(7, Self.bob, nil, kind: .delete, of: 5))
        recent.note(event(8, Self.bob, "x", kind: .edit, of: 99))
        #expect(recent.message(3, in: .lobby)?.text == "THREE")
        #expect(recent.message(5, in: .lobby)?.text == nil)
        // What was deleted is not meant by anybody.
        #expect(recent.seq(of: .last, in: .lobby, account: Self.ada) == 2)
    }

    @Test func isBounded() {
        var recent = RecentMessages()
        for seq in UInt64(1)...250 { recent.note(event(seq, Self.ada, "x")) }
        #expect(recent.last(1_000, in: .lobby).count == RecentMessages.countMaxPerRoom)
        #expect(recent.last(2, in: .lobby).map(\.seq) == [249, 250])
    }

    @Test func aNewLogTakesTheOldNumbers() {
        var recent = recent
        recent.note(event(2, Self.ada, "again"))
        #expect(recent.message(2, in: .lobby)?.text == "again")
        #expect(recent.message(3, in: .lobby) == nil)
    }

    @Test func eventsAreSaidInWords() {
        var text = EventText(account: nil, isOneLine: true)
        text.recent = recent
        func line(_ event: Event) -> String { String(text.line(event).rendered(isColoured: false).dropFirst(9)) }
        #expect(line(event(6, Self.ada, "x", kind: .edit, of: 3)) == "[lobby] * ada edited #3: x")
        #expect(line(event(6, Self.ada, nil, kind: .delete, of: 2)) == "[lobby] * ada deleted #2 of bob")
        #expect(line(event(6, Self.bob, nil, kind: .delete, of: 2)) == "[lobby] * bob deleted #2")
        #expect(line(event(6, Self.ada, "+1", kind: .react, of: 2)) == "[lobby] * ada reacted +1 to #2 bob: two")
        #expect(line(event(6, Self.ada, "+1", kind: .unreact, of: 77)) == "[lobby] * ada took back +1 from #77")
        #expect(line(event(6, Self.ada, nil, kind: .pin, of: 2)) == "[lobby] * ada pinned #2 bob: two")
        #expect(line(event(6, Self.ada, nil, kind: .unpin, of: 2)) == "[lobby] * ada unpinned #2 bob: two")
        var answer = event(6, Self.ada, "yes")
        answer.reply = 2
        answer.thread = 1
        #expect(line(answer) == "[lobby] <ada> (to #2 bob: two) (thread #1 ada: one) yes")
        #expect(line(event(6, Self.ada, "hello").redacted) == "[lobby] <ada> (deleted)")
        #expect(line(event(6, Self.ada, "hello", kind: .edit, of: 2).redacted) == "[lobby] * ada edited #2: (deleted)")
        #expect(NoticeJSON.event(event(6, Self.ada, "+1", kind: .react, of: 2)).contains(#""kind":3,"ref":2,"body":"+1""#))
        #expect(NoticeJSON.event(event(6, Self.ada, "x").redacted).hasSuffix(#""redacted":true}"#))
    }
}
