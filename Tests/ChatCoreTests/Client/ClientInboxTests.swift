import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientInboxTests {
    private func record(_ room: String, head: UInt64 = 9, unread: UInt64 = 0, at number: UInt64) -> InboxRecord {
        InboxRecord(room: ClientHarness.room(room), epoch: 9, head: head, mark: head - unread, unread: unread, updateNumber: number)
    }

    private func page(_ records: [InboxRecord], next: UInt64?) -> Reply {
        .items(Items(records: records.map(Record.inbox), updateNumber: next))
    }

    private func asked(_ harness: ClientHarness) -> [ReadInbox] {
        harness.sent.compactMap { if case .inbox(let query) = $0.command { query } else { nil } }
    }

    private func inboxID(_ harness: ClientHarness) -> UInt32 { harness.id { if case .inbox = $0 { true } else { false } } }

    private func attachID(_ harness: ClientHarness, after seq: UInt64) -> UInt32 {
        harness.id { if case .join(let join) = $0 { join.cursor == LogPosition(epoch: 9, seq: seq) } else { false } }
    }

    @Test func aPageThatIsNotFullIsTheLast() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.inbox)
        #expect(asked(harness) == [ReadInbox(since: 0, limit: 1000)])
        let (tea, bob) = (record("tea", at: 1), record("@alice+bob", unread: 2, at: 2))
        harness.reply(page([tea], next: nil), to: inboxID(harness), more: true)
        #expect(harness.outcomes(token).isEmpty)
        harness.reply(page([bob], next: 5), to: inboxID(harness))
        #expect(harness.outcomes(token) == [.inbox([tea, bob])])
        #expect(asked(harness).count == 1)
    }

    @Test func theNextPageBeginsAtTheUpdateNumberAndLaterLinesCount() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.inbox)
        let first = (1...1000).map { record("r\($0)", at: UInt64($0)) }
        harness.reply(page(first, next: 1000), to: inboxID(harness))
        #expect(harness.outcomes(token).isEmpty)
        #expect(asked(harness).last == ReadInbox(since: 1000, limit: 1000))
        let (again, new) = (record("r7", head: 10, unread: 1, at: 1001), record("new", at: 1002))
        harness.reply(page([again, new], next: 1003), to: inboxID(harness))
        guard case .inbox(let records)? = harness.outcomes(token).first else {
            return #expect(Bool(false), "\(harness.outcomes(token))")
        }
        #expect(records.count == 1001 && Array(records.suffix(2)) == [again, new])
    }

    @Test func isAskedAnewAfterAReconnect() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.inbox)
        harness.reply(page((1...1000).map { record("r\($0)", at: UInt64($0)) }, next: 1000), to: inboxID(harness))
        harness.close()
        harness.logIn()
        #expect(asked(harness) == [ReadInbox(since: 0, limit: 1000)])
        harness.reply(page([record("tea", at: 1)], next: 1), to: inboxID(harness))
        #expect(harness.outcomes(token) == [.inbox([record("tea", at: 1)])])
    }

    @Test func attachesBehindWhatTheInboxTold() {
        var harness = ClientHarness()
        harness.logIn()
        let tea = ClientHarness.room("tea")
        let token = harness.ask(.attach(tea, after: LogPosition(epoch: 9, seq: 4)))
        #expect(harness.session.attachedRooms.isEmpty)
        // Something was said between the inbox and this.
        harness.reply(.joined(ClientHarness.joined("tea", head: 5, next: 5)), to: attachID(harness, after: 4))
        harness.deliver(ClientHarness.event("tea", 5))
        #expect(harness.outcomes(token).count == 1 && harness.events == [5])
        #expect(harness.session.attachedRooms == [tea])
        #expect(!harness.notices.contains { if case .skipped = $0 { true } else { false } })
        // From now on it is resumed like any other.
        harness.close()
        harness.logIn()
        #expect(attachID(harness, after: 5) != 0)
    }

    @Test func aRoomThatIsGoneIsNotAttached() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.attach(ClientHarness.room("tea"), after: LogPosition(epoch: 9, seq: 4)))
        harness.reply(.error(Failure(.noSuchRoom)), to: attachID(harness, after: 4))
        #expect(harness.outcomes(token) == [.refused(Failure(.noSuchRoom))])
        #expect(harness.session.attachedRooms.isEmpty)
    }

    @Test func aMarkNamesTheLogThatItIsFor() {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("lobby", epoch: 9, next: 5)
        harness.ask(.mark(.lobby, seq: 4))
        #expect(harness.sent.last?.command == .mark(ReadMarker(room: .lobby, mark: 4, epoch: 9)))
    }
}
