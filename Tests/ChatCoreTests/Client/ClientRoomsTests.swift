import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientRoomsTests {
    private func inLobby(next: UInt64 = 1) -> ClientHarness {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("lobby", next: next)
        harness.forgetNotices()
        return harness
    }

    @Test func tellsEachEventOnceInOrder() {
        var harness = inLobby(next: 3)
        for seq: UInt64 in [3, 4, 3, 4, 5] { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.events == [3, 4, 5])
        #expect(harness.notices.count == 3)
        #expect(harness.session.position(in: .lobby) == LogPosition(epoch: 9, seq: 5))
    }

    @Test func holeThatNoLagNamesIsReported() {
        var harness = inLobby(next: 3)
        harness.deliver(ClientHarness.event("lobby", 6))
        #expect(harness.notices == [.hole(.lobby, 3...5, isUnreadable: false), .event(ClientHarness.event("lobby", 6))])
    }

    @Test func lagIsToldByNumbers() {
        var harness = inLobby(next: 3)
        harness.reply(.lag(Lag(room: .lobby, epoch: 9, fromSeq: 3, toSeq: 7, next: 8)), to: 0)
        harness.deliver(ClientHarness.event("lobby", 8))
        #expect(harness.notices == [.skipped(.lobby, 3...7), .event(ClientHarness.event("lobby", 8))])
    }

    @Test func joinOfAnAttachedRoomForItsTailDropsNothingAndRepeatsNothing() {
        var harness = ClientHarness()
        harness.ask(.join(.lobby, tail: 20))
        harness.logIn()
        let joinID = harness.joinID("lobby")
        harness.attach("lobby", next: 8)
        harness.deliver(ClientHarness.event("lobby", 8))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 8, next: 6)), to: joinID)
        for seq: UInt64 in 6...9 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.events == [6, 7, 8, 9])
    }

    @Test func brokerThatDoesNotRepeatWhatItSentDuringTheJoinLosesNothing() {
        var harness = ClientHarness()
        harness.ask(.join(.lobby, tail: 0))
        harness.logIn()
        harness.attach("lobby", next: 8)
        harness.deliver(ClientHarness.event("lobby", 8))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 8, next: 9)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 9))
        #expect(harness.events == [8, 9])
    }

    @Test func eventWithoutAPositionIsAFaultButIsShown() {
        var harness = ClientHarness()
        harness.logIn()
        harness.forgetNotices()
        harness.deliver(ClientHarness.event("dev", 1))
        guard case .fault = harness.notices.first else {
            Issue.record("a broker that skips the position is at fault")
            return
        }
        #expect(harness.events == [1])
    }

    @Test func leavingEndsTheInterest() {
        var harness = inLobby()
        let token = harness.ask(.leave(.lobby))
        harness.reply(.ok(Success()), to: 3)
        #expect(harness.outcomes(token) == [.done])
        #expect(harness.session.attachedRooms.isEmpty)
    }

    @Test func refusedJoinLeavesNothingBehind() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.join(ClientHarness.room("nowhere"), tail: 5))
        harness.reply(.error(Failure(.noSuchRoom)), to: 3)
        #expect(harness.outcomes(token) == [.refused(Failure(.noSuchRoom))])
        #expect(harness.session.attachedRooms.isEmpty)
    }

    @Test func olderCursorOfAConversationIsToldAsMissed() {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("@alice+bob", next: 3)
        harness.deliver(ClientHarness.event("@alice+bob", 3))
        harness.forgetNotices()
        harness.attach("@alice+bob", next: 9)
        #expect(harness.notices == [.skipped(ClientHarness.room("@alice+bob"), 4...8)])
    }

    @Test func renameDropsTheConversationsOfTheOldName() {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("lobby", next: 1)
        harness.attach("@alice+bob", next: 1)
        let token = harness.ask(.rename("alicia"))
        harness.reply(
            .authenticated(Authenticated(user: ClientHarness.name("alicia"), session: SharedBytes([UInt8](repeating: 1, count: 16)))), to: 3
        )
        #expect(harness.outcomes(token) == [.renamed(ClientHarness.name("alicia"))])
        #expect(harness.session.attachedRooms == [.lobby])
        #expect(harness.session.settings.wish == "alicia")
    }

    @Test func unreadableEventShowsAsANamedHole() {
        var harness = inLobby(next: 1)
        // DELIVER with an unknown critical field (tag 6E): to act without it would be wrong.
        harness.receive(octets: { writer in
            writer.appendBigEndian(2, byteCount: 3)
            writer.append(0x22)
            writer.appendBigEndian(0, byteCount: 4)
            writer.append(0xEE)
            writer.append(0)
        })
        #expect(harness.session.phase == .ready)
        guard case .error(let failure) = harness.sent.last?.command else {
            Issue.record("the broker is told")
            return
        }
        #expect(failure.code == .unsupportedField)
        harness.deliver(ClientHarness.event("lobby", 2))
        #expect(harness.notices.first == .hole(.lobby, 1...1, isUnreadable: true))
    }

    @Test func malformedFrameClosesToResume() {
        var harness = inLobby(next: 1)
        harness.receive(octets: { writer in
            writer.appendBigEndian(1, byteCount: 3)
            writer.append(0x22)
            writer.appendBigEndian(0, byteCount: 4)
            writer.append(0x81)
        })
        #expect(harness.actions == [.close])
        #expect(harness.sent.last?.command == .goodbye(Goodbye(.malformed)))
        harness.close()
        #expect(harness.actions.last == .connect(afterMilliseconds: 500))
    }

    @Test func unknownFramesAreSkippedUnlessCritical() {
        var harness = inLobby(next: 1)
        func unknown(_ flags: UInt8, id: UInt64, _ writer: inout ByteWriter) {
            writer.appendBigEndian(0, byteCount: 3)
            writer.append(0x6F)
            writer.append(flags)
            writer.appendBigEndian(id, byteCount: 3)
        }
        harness.receive(octets: { unknown(0, id: 0, &$0) })
        #expect(harness.actions.isEmpty)
        harness.receive(octets: { unknown(0, id: 9, &$0) })
        #expect(harness.sent.last?.command == .error(Failure(.unknownType)))
        #expect(harness.sent.last?.id == 9)
        harness.receive(octets: { unknown(0x40, id: 0, &$0) })
        #expect(harness.actions == [.close])
    }

    @Test(arguments: [(UInt64(5), true), (6, false)])
    func theOwnArrivalIsWhereAnUnaskedRoomBegins(next: UInt64, isNew: Bool) {
        var harness = ClientHarness()
        harness.logIn()
        // A JOIN of the user's is under way already, whose answer is what counts for everything else.
        harness.ask(.join(.lobby, tail: 0))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 5, next: next)), to: 0)
        var event = ClientHarness.event("lobby", 5, from: "alice")
        #expect(!harness.session.isOwnArrival(event), "a message is none")
        event.kind = .joined
        #expect(harness.session.isOwnArrival(event) == isNew)
        event.seq = 4
        #expect(!harness.session.isOwnArrival(event), "nor is an arrival of before")
    }
}
