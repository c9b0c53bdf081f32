import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientRecoveryTests {
    /// In the lobby with the events 1...3 had, and the connection lost while `say` is unanswered (if it is said at all).
    private func lost(saying body: String? = nil, change: (inout ClientSettings) -> Void = { _ in }) -> (ClientHarness, RequestToken?) {
        var harness = ClientHarness(wish: "alice", change)
        harness.logIn()
        harness.attach("lobby", next: 1)
        for seq: UInt64 in 1...3 { harness.deliver(ClientHarness.event("lobby", seq)) }
        let token = body.map { harness.say($0) }
        harness.now += 200
        harness.close()
        harness.forgetNotices()
        harness.now += 500
        return (harness, token)
    }

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
        var (harness, _) = lost()
        harness.logIn()
        #expect(harness.sent.last?.command == .join(Join(room: .lobby, cursor: LogPosition(epoch: 9, seq: 3), tail: 1000)))
    }

    @Test func nothingMissed() {
        var (harness, _) = lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 0)])])
        #expect(harness.recoveries[0].isComplete)
    }

    @Test func catchesUpWithoutGapOrDuplicate() {
        var (harness, _) = lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.recoveries.isEmpty)
        for seq: UInt64 in 3...7 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.events == [4, 5, 6, 7])
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 3)])])
    }

    @Test func missingRangeIsToldByNumbers() {
        var (harness, _) = lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        for seq: UInt64 in 53...60 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 8, missed: [4...52])])])
        #expect(!harness.recoveries[0].isComplete)
    }

    @Test func autojoinBeforeTheReplyLosesNothing() {
        var (harness, _) = lost()
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
        var (harness, _) = lost()
        harness.logIn()
        harness.attach("lobby", next: 6)
        harness.deliver(ClientHarness.event("lobby", 6))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 7)), to: harness.joinID("lobby"))
        #expect(harness.events == [6])
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 1, missed: [4...5])])])
    }

    @Test func lagDuringTheReplayIsPartOfTheAccount() {
        var (harness, _) = lost()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 9, next: 4)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 4))
        harness.reply(.lag(Lag(room: .lobby, epoch: 9, fromSeq: 5, toSeq: 8, next: 9)), to: 0)
        harness.deliver(ClientHarness.event("lobby", 9))
        #expect(harness.recoveries == [Recovery(rooms: [room("lobby", messages: 2, missed: [5...8])])])
    }

    @Test(arguments: [ResultCode.epochChanged, .cursorAhead])
    func worthlessCursorIsDroppedAndTheRoomJoinedAnew(code: ResultCode) {
        var (harness, _) = lost()
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
        var (harness, _) = lost()
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
        var (harness, _) = lost()
        let token = harness.say("meanwhile", id: 5)
        harness.logIn()
        #expect(harness.publishes.isEmpty)
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.publishes.count == 1)
        #expect(harness.outcomes(token).isEmpty)
    }

    @Test func recoveryIsBoundedInTime() {
        var (harness, _) = lost()
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

    // MARK: Publishes without an answer

    @Test func echoBeforeTheLossSettlesIt() {
        var harness = ClientHarness()
        harness.logIn()
        harness.attach("lobby", next: 1)
        let token = harness.say("hello")
        let echo = ClientHarness.event("lobby", 1, from: "alice", "hello", id: 77)
        harness.deliver(echo)
        harness.close()
        #expect(harness.outcomes(token) == [.seenInLog(echo)])
    }

    @Test func replayThatShowsItSettlesIt() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 5, next: 4)), to: harness.joinID("lobby"))
        let echo = ClientHarness.event("lobby", 4, from: "alice", "hello", id: 77)
        harness.deliver(echo)
        harness.deliver(ClientHarness.event("lobby", 5))
        #expect(harness.outcomes(token!) == [.seenInLog(echo)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func anotherAuthorWithTheSameIdSettlesNothing() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 4, next: 4)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 4, from: "mallory", "hello", id: 77))
        #expect(harness.outcomes(token!).isEmpty)
        #expect(harness.publishes.count == 1)
    }

    @Test func contiguousReplayWithoutItAllowsToSendItAnew() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 4, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.publishes.isEmpty)
        harness.deliver(ClientHarness.event("lobby", 4))
        #expect(harness.notices.contains(.resent(token!)))
        let expected = EventContent(messageID: MessageID(77), body: "hello")
        #expect(harness.publishes.count == 1)
        #expect(harness.publishes[0].command == .publish(Publish(room: .lobby, publication: Publication(content: expected))))
        #expect(!harness.publishes[0].isRetry)
        let published = Published(room: .lobby, seq: 5, timestamp: 1, acknowledgement: .accepted)
        harness.reply(.published(published), to: harness.publishID)
        #expect(harness.outcomes(token!) == [.published(published)])
    }

    @Test func sentAnewBeforeWhatWasSaidSince() {
        var (harness, _) = lost(saying: "first")
        harness.say("second", id: 78)
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        let ids = harness.publishes.map { sent -> MessageID? in
            if case .publish(let publish) = sent.command { publish.publication.content.messageID } else { nil }
        }
        #expect(ids == [MessageID(77), MessageID(78)])
    }

    @Test func missingRangeLeavesTheOutcomeUnknown() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        for seq: UInt64 in 53...60 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func newEpochLeavesTheOutcomeUnknown() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.error(Failure(.epochChanged)), to: harness.joinID("lobby"))
        harness.reply(.joined(ClientHarness.joined("lobby", epoch: 10, head: 0, next: 1)), to: harness.joinID("lobby"))
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func anotherNameLeavesTheOutcomeUnknown() {
        // The old connection may still live at the broker, and with it what was sent on it.
        var (harness, token) = lost(saying: "hello")
        harness.logIn(as: "guest-1")
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func directMessageWithoutACursorIsOfUnknownOutcome() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.directMessage(ClientHarness.name("bob"), body: "psst", id: MessageID(1)))
        harness.close()
        harness.logIn()
        #expect(harness.outcomes(token) == [.unknown(.connectionLost)])
    }

    @Test func lossDuringTheRecoveryKeepsWhatIsStillOpen() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 6, next: 4)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 4))
        harness.close()
        #expect(harness.outcomes(token!).isEmpty)
        harness.logIn()
        #expect(harness.sent.last?.command == .join(Join(room: .lobby, cursor: LogPosition(epoch: 9, seq: 4), tail: 1000)))
        harness.reply(.joined(ClientHarness.joined("lobby", head: 4, next: 5)), to: harness.joinID("lobby"))
        #expect(harness.publishes.count == 1)
    }

    @Test func lossDuringARecoveryWithAGapLeavesTheOutcomeUnknown() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        harness.close()
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
    }

    @Test func messageSentAnewAndLostAgainIsJudgedAgain() {
        var (harness, token) = lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        #expect(harness.publishes.count == 1)
        harness.close()
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 4, next: 4)), to: harness.joinID("lobby"))
        let echo = ClientHarness.event("lobby", 4, from: "alice", "hello", id: 77)
        harness.deliver(echo)
        #expect(harness.outcomes(token!) == [.seenInLog(echo)])
    }

    @Test func accountThatLivesOnRetriesWithFlagAndAge() {
        var (harness, token) = lost(saying: "hello") { $0.accountOutlivesConnections = true }
        harness.logIn()
        #expect(harness.publishes.count == 1)
        #expect(harness.publishes[0].isRetry)
        let content = EventContent(messageID: MessageID(77), body: "hello")
        let publication = Publication(content: content, ageMilliseconds: 700)
        #expect(harness.publishes[0].command == .publish(Publish(room: .lobby, publication: publication)))
        harness.reply(.error(Failure(.retryTooOld)), to: harness.publishID)
        #expect(harness.outcomes(token!) == [.unknown(.broker(Failure(.retryTooOld)))])
    }

    @Test func endOfTheSessionLeavesNoRequestWithoutOutcome() {
        var (harness, token) = lost(saying: "hello")
        let waiting = harness.say("later", id: 78)
        harness.leave()
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.outcomes(waiting) == [.notSent(.sessionEnded)])
        #expect(harness.session.openRequestCount == 0)
    }
}
