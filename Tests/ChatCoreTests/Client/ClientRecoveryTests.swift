import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientRecoveryTests {
    private func room(_ name: String, messages: Int, missed: [ClosedRange<UInt64>] = [], isReset: Bool = false) -> Recovery.Room {
        Recovery.Room(room: ClientHarness.room(name), messageCount: messages, missed: missed, isReset: isReset)
    }

    // MARK: Reconnecting

    @Test(arguments: [
        (ConnectionLoss.endOfStream, UInt64?.some(500)), (.transport("reset"), 500), (.timeout, 500), (.unreachable("x"), 500),
        (.goodbye(Goodbye(.shuttingDown, retryMilliseconds: 3000)), 3000), (.goodbye(Goodbye(.ok)), 500),
        (.goodbye(Goodbye(.ok, endsSession: true)), nil), (.goodbye(Goodbye(.replaced)), nil), (.goodbye(Goodbye(.tlsRequired)), nil),
        (.goodbye(Goodbye(.suspended)), nil), (.goodbye(Goodbye(.authFailed)), nil), (.goodbye(Goodbye(.version)), nil),
        (.goodbye(Goodbye(.tooManyConnections)), 500),
    ])
    func connectsAgainWhereThatCanHelp(loss: ConnectionLoss, wait: UInt64?) {
        var harness = ClientHarness()
        harness.logIn()
        if case .goodbye(let goodbye) = loss {
            harness.reply(.goodbye(goodbye), to: 0)
            #expect(harness.actions == [.close])
            harness.close()
        } else {
            harness.close(loss)
        }
        if let wait {
            #expect(harness.actions.last == .connect(afterMilliseconds: wait))
            #expect(harness.notices.last == .connectionLost(loss, retryAfterMilliseconds: wait))
        } else {
            #expect(harness.notices.last == .ended(loss))
        }
    }

    @Test func backOffGrowsUntilAConnectionHolds() {
        var harness = ClientHarness()
        harness.logIn()
        harness.close()
        harness.close(.unreachable("x"))
        #expect(harness.actions == [.connect(afterMilliseconds: 500), .connect(afterMilliseconds: 1000)])
        harness.logIn()
        harness.close()
        #expect(harness.actions.last == .connect(afterMilliseconds: 2000))
        harness.logIn()
        harness.now += 10_000
        harness.close()
        #expect(harness.actions.last == .connect(afterMilliseconds: 500))
    }

    // MARK: Rooms

    @Test func resumesEveryRoomFromItsCursor() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        #expect(harness.sent.last?.command == .join(Join(room: .lobby, cursor: LogPosition(epoch: 9, seq: 3), tail: 1000)))
    }

    @Test func nothingMissed() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 0)])])
        #expect(harness.recoveries[0].isComplete)
    }

    @Test func catchesUpWithoutGapOrDuplicate() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.recoveries.isEmpty)
        for seq: UInt64 in 3...7 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.events == [4, 5, 6, 7])
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 3)])])
    }

    @Test func missingRangeIsToldByNumbers() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        for seq: UInt64 in 53...60 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 8, missed: [4...52])])])
        #expect(!harness.recoveries[0].isComplete)
    }

    @Test func autojoinBeforeTheReplyLosesNothing() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        // The broker attaches to the lobby by itself, at its head, and events come before it sees our JOIN with the cursor.
        harness.attach("lobby", next: 6)
        harness.deliver(ClientHarness.event("lobby", 6))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 4)), to: harness.joinID("lobby"))
        for seq: UInt64 in 4...7 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.events == [4, 5, 6, 7])
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 3)])])
    }

    @Test func whatCameBeforeAReplyThatDoesNotRepeatItIsNotMissed() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.attach("lobby", next: 6)
        harness.deliver(ClientHarness.event("lobby", 6))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 7)), to: harness.joinID("lobby"))
        #expect(harness.events == [6])
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 1, missed: [4...5])])])
    }

    @Test func lagDuringTheReplayIsPartOfTheAccount() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 9, next: 4)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 4))
        harness.reply(.lag(Lag(room: .lobby, epoch: 9, fromSeq: 5, toSeq: 8, next: 9)), to: 0)
        harness.deliver(ClientHarness.event("lobby", 9))
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 2, missed: [5...8])])])
    }

    @Test(arguments: [ResultCode.epochChanged, .cursorAhead])
    func worthlessCursorIsDroppedAndTheRoomJoinedAnew(code: ResultCode) {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.error(Failure(code, epoch: 10, head: 2, floor: 1)), to: harness.joinID("lobby"))
        #expect(harness.sent.last?.command == .join(Join(room: .lobby, cursor: nil, tail: 1000)))
        harness.reply(.joined(ClientHarness.joined("lobby", epoch: 10, head: 2, next: 1)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 1))
        harness.deliver(ClientHarness.event("lobby", 2))
        #expect(harness.events == [1, 2])
        #expect(harness.notices.contains(.logReset(.lobby, Failure(code, epoch: 10, head: 2, floor: 1))))
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 2, isReset: true)])])
        #expect(harness.session.position(in: .lobby) == LogPosition(epoch: 10, seq: 2))
    }

    @Test func roomThatIsGoneIsTold() {
        var (harness, _) = ClientHarness.lost()
        harness.logIn()
        harness.reply(.error(Failure(.noSuchRoom)), to: harness.joinID("lobby"))
        #expect(harness.notices.contains(.roomLost(.lobby, Failure(.noSuchRoom))))
        #expect(harness.recoveries == [Recovery()])
        #expect(harness.session.attachedRooms.isEmpty)
    }

    @Test func conversationThatEndedIsNoNews() {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("@alice+bob", next: 2)
        harness.close()
        harness.forgetNotices()
        harness.logIn()
        harness.reply(.error(Failure(.epochChanged)), to: harness.joinID("@alice+bob"))
        #expect(harness.recoveries == [Recovery()])
        #expect(harness.notices.count == 2)
    }

    @Test func userRequestsWaitForTheRecovery() {
        var (harness, _) = ClientHarness.lost()
        let token = harness.say("meanwhile", id: 5)
        harness.logIn()
        #expect(harness.publishes.isEmpty)
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.publishes.count == 1)
        #expect(harness.outcomes(token).isEmpty)
    }

    @Test func recoveryIsBoundedInTime() {
        var (harness, _) = ClientHarness.lost()
        let token = harness.ask(.publish(.lobby, body: "meanwhile", id: MessageID(5)), deadline: 60_000)
        harness.logIn()
        harness.pass(15_000)
        #expect(harness.recoveries.first?.isTimedOut == true)
        #expect(harness.publishes.count == 1)
        #expect(harness.outcomes(token).isEmpty)
    }

    @Test func unansweredQuestionsAreAskedAgain() {
        var harness = ClientHarness()
        harness.logIn()
        let list = harness.ask(.rooms(filter: nil))
        let join = harness.ask(.join(ClientHarness.room("dev"), tail: 5))
        let create = harness.ask(.create(ClientHarness.room("new"), title: nil))
        harness.close()
        #expect(harness.outcomes(create) == [.unknown(.connectionLost)])
        harness.logIn()
        #expect(harness.sent.count == 4)
        #expect(harness.outcomes(list).isEmpty)
        harness.reply(.joined(ClientHarness.joined("dev", head: 0, next: 1)), to: harness.joinID("dev"))
        #expect(harness.outcomes(join) == [.joined(ClientHarness.joined("dev", head: 0, next: 1))])
    }
}
