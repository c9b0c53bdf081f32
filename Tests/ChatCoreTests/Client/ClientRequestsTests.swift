import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientRequestsTests {
    @Test func requestsBeforeTheLoginAreSentAfterIt() {
        var harness = ClientHarness()
        let token = harness.say("early")
        harness.open()
        #expect(harness.publishes.isEmpty)
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.reply(
            .authenticated(Authenticated(user: ClientHarness.name("alice"), session: SharedBytes([UInt8](repeating: 1, count: 16)))), to: 2)
        let published = Published(room: .lobby, seq: 4, timestamp: 1, acknowledgement: .accepted)
        harness.reply(.published(published), to: harness.publishID)
        #expect(harness.outcomes(token) == [.published(published)])
    }

    @Test func repliesFindTheirRequestsInAnyOrder() {
        var harness = ClientHarness()
        harness.logIn()
        let first = harness.say("a", id: 1)
        let second = harness.say("b", id: 2)
        let ids = harness.publishes.map(\.id)
        harness.reply(.error(Failure(.notJoined)), to: ids[1])
        #expect(harness.outcomes(first).isEmpty)
        #expect(harness.outcomes(second) == [.refused(Failure(.notJoined))])
    }

    @Test func replyToNothingIsIgnored() {
        var harness = ClientHarness()
        harness.logIn()
        harness.forgetNotices()
        harness.reply(.ok(Success()), to: 4711)
        #expect(harness.notices.isEmpty)
        #expect(harness.session.phase == .ready)
    }

    @Test func replyThatDoesNotFitBreaksOff() {
        var harness = ClientHarness()
        harness.logIn()
        harness.say("a")
        harness.reply(.pong(timestamp: nil), to: harness.publishID)
        #expect(harness.actions == [.close])
    }

    @Test func noMoreInFlightThanTheBrokerAllows() {
        var harness = ClientHarness()
        harness.logIn(inFlight: 4)
        for number: UInt64 in 1...10 { harness.say("m", id: number) }
        // One of the four places is the heartbeat's.
        #expect(harness.publishes.count == 3)
        harness.reply(.published(Published(room: .lobby, seq: 1, timestamp: 1, acknowledgement: .accepted)), to: harness.publishID)
        #expect(harness.publishes.count == 4)
    }

    @Test func waitingRequestsAreBounded() {
        var harness = ClientHarness { $0.requestsWaitingMax = 2 }
        harness.say("a")
        harness.say("b")
        let third = harness.say("c")
        #expect(harness.outcomes(third) == [.notSent(.queueFull)])
    }

    @Test func unsentRequestExpiresWithoutEffect() {
        var harness = ClientHarness()
        let token = harness.ask(.ping, deadline: 100)
        #expect(harness.session.nextDeadline == harness.now + 100)
        harness.pass(100)
        #expect(harness.outcomes(token) == [.notSent(.deadline)])
        harness.logIn()
        #expect(!harness.sent.contains { if case .ping = $0.command { true } else { false } })
    }

    @Test func unansweredPublishIsOfUnknownOutcomeAndItsLateReplyIsIgnored() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.publish(.lobby, body: "x", id: MessageID(1)), deadline: 100)
        harness.pass(100)
        #expect(harness.outcomes(token) == [.unknown(.deadline)])
        harness.reply(.published(Published(room: .lobby, seq: 1, timestamp: 1, acknowledgement: .accepted)), to: harness.publishID)
        #expect(harness.outcomes(token).count == 1)
    }

    @Test func listsAreCollectedOverFramesAndPages() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.rooms(filter: nil))
        func page(_ names: String..., cursor: String? = nil) -> Reply {
            let records = names.map {
                Record.room(RoomRecord(room: ClientHarness.room($0), members: 1, policy: [], head: 0))
            }
            return .items(Items(records: records, cursor: cursor.map { SharedBytes(utf8: $0) }))
        }
        let first = harness.sent.last!.id
        harness.reply(page("a", "b"), to: first, more: true)
        harness.reply(page("c", cursor: "next"), to: first)
        guard case .list(let list) = harness.sent.last?.command else {
            Issue.record("the next page is asked for")
            return
        }
        #expect(list.cursor == SharedBytes(utf8: "next"))
        harness.reply(page("d"), to: harness.sent.last!.id)
        guard case .rooms(let rooms, isComplete: true) = harness.outcomes(token).first else {
            Issue.record("all pages make one list")
            return
        }
        #expect(rooms.map(\.room.description) == ["a", "b", "c", "d"])
    }

    @Test func answersPingAtOnce() {
        var harness = ClientHarness()
        harness.logIn()
        harness.reply(.ping(timestamp: 42), to: 5)
        #expect(harness.sent.last == ClientHarness.Sent(command: .pong(timestamp: 42), id: 5, isRetry: false))
    }

    @Test func pingsAfterSilenceAndGivesUpAfterTwiceOfIt() {
        var harness = ClientHarness()
        harness.logIn(heartbeat: 1000)
        #expect(harness.session.nextDeadline == harness.now + 1000)
        harness.pass(999)
        #expect(harness.sent.count == 2)
        harness.pass(1)
        guard case .ping = harness.sent.last?.command else {
            Issue.record("silence is answered by PING")
            return
        }
        harness.pass(999)
        #expect(harness.actions.isEmpty)
        harness.pass(1)
        #expect(harness.actions == [.abort])
        harness.close()
        #expect(harness.notices.last == .connectionLost(.timeout, retryAfterMilliseconds: 500))
    }

    @Test func anyFrameCountsAsLife() {
        var harness = ClientHarness()
        harness.logIn(heartbeat: 1000)
        harness.pass(1500)
        harness.attach("lobby", next: 1)
        harness.pass(1500)
        #expect(harness.actions.isEmpty)
    }

    @Test func leavingWaitsForRepliesAndThenEnds() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.say("last")
        harness.leave()
        #expect(harness.sent.last?.command == .goodbye(Goodbye(.ok, endsSession: true)))
        harness.reply(.published(Published(room: .lobby, seq: 1, timestamp: 1, acknowledgement: .accepted)), to: harness.publishID)
        #expect(harness.outcomes(token).count == 1)
        harness.close()
        #expect(harness.notices.last == .ended(.left))
        let late = harness.say("too late")
        #expect(harness.outcomes(late) == [.notSent(.sessionEnded)])
    }

    @Test func leavingIsBoundedInTime() {
        var harness = ClientHarness()
        harness.logIn()
        harness.leave()
        harness.pass(2000)
        #expect(harness.actions == [.abort])
    }

    /// Who has left while the log-in was under way does not come in by the answer to it.
    @Test(arguments: [nil, ResultCode.exists])
    func leavingDuringTheLogInIsLeaving(refusal: ResultCode?) {
        var harness = ClientHarness()
        harness.open()
        harness.reply(.welcome(ClientHarness.welcome()), to: 1)
        harness.leave()
        if let refusal {
            harness.reply(.error(Failure(refusal)), to: 2)
        } else {
            harness.reply(.authenticated(Authenticated(user: "alice", session: SharedBytes([UInt8](repeating: 1, count: 16)))), to: 2)
        }
        #expect(harness.notices.isEmpty)
        harness.close()
        #expect(harness.notices == [.ended(.left)])
        #expect(!harness.actions.contains { if case .connect = $0 { true } else { false } })
    }

    @Test func leavingWithoutAConnectionEndsAtOnce() {
        var harness = ClientHarness()
        harness.leave()
        #expect(harness.notices == [.ended(.left)])
    }
}
