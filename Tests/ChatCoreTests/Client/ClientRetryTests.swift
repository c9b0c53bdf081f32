import Bytes
import ChatCore
import ChatProtocol
import Testing

/// What becomes of publishes whose acknowledgement was lost with the connection.
@Suite struct ClientRetryTests {
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
        var (harness, token) = ClientHarness.lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 5, next: 4)), to: harness.joinID("lobby"))
        let echo = ClientHarness.event("lobby", 4, from: "alice", "hello", id: 77)
        harness.deliver(echo)
        harness.deliver(ClientHarness.event("lobby", 5))
        #expect(harness.outcomes(token!) == [.seenInLog(echo)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func anotherAuthorWithTheSameIdSettlesNothing() {
        var (harness, token) = ClientHarness.lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 4, next: 4)), to: harness.joinID("lobby"))
        harness.deliver(ClientHarness.event("lobby", 4, from: "mallory", "hello", id: 77))
        #expect(harness.outcomes(token!).isEmpty)
        #expect(harness.publishes.count == 1)
    }

    @Test func contiguousReplayWithoutItAllowsToSendItAnew() {
        var (harness, token) = ClientHarness.lost(saying: "hello")
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
        var (harness, _) = ClientHarness.lost(saying: "first")
        harness.say("second", id: 78)
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 3, next: 4)), to: harness.joinID("lobby"))
        let ids = harness.publishes.map { sent -> MessageID? in
            if case .publish(let publish) = sent.command { publish.publication.content.messageID } else { nil }
        }
        #expect(ids == [MessageID(77), MessageID(78)])
    }

    @Test func missingRangeLeavesTheOutcomeUnknown() {
        var (harness, token) = ClientHarness.lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        for seq: UInt64 in 53...60 { harness.deliver(ClientHarness.event("lobby", seq)) }
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func newEpochLeavesTheOutcomeUnknown() {
        var (harness, token) = ClientHarness.lost(saying: "hello")
        harness.logIn()
        harness.reply(.error(Failure(.epochChanged)), to: harness.joinID("lobby"))
        harness.reply(.joined(ClientHarness.joined("lobby", epoch: 10, head: 0, next: 1)), to: harness.joinID("lobby"))
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.publishes.isEmpty)
    }

    @Test func anotherNameLeavesTheOutcomeUnknown() {
        // The old connection may still live at the broker, and with it what was sent on it.
        var (harness, token) = ClientHarness.lost(saying: "hello")
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
        var (harness, token) = ClientHarness.lost(saying: "hello")
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
        var (harness, token) = ClientHarness.lost(saying: "hello")
        harness.logIn()
        harness.reply(.joined(ClientHarness.joined("lobby", head: 60, next: 53)), to: harness.joinID("lobby"))
        harness.close()
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
    }

    @Test func messageSentAnewAndLostAgainIsJudgedAgain() {
        var (harness, token) = ClientHarness.lost(saying: "hello")
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
        var (harness, token) = ClientHarness.lost(saying: "hello") { $0.accountOutlivesConnections = true }
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
        var (harness, token) = ClientHarness.lost(saying: "hello")
        let waiting = harness.say("later", id: 78)
        harness.leave()
        #expect(harness.outcomes(token!) == [.unknown(.connectionLost)])
        #expect(harness.outcomes(waiting) == [.notSent(.sessionEnded)])
        #expect(harness.session.openRequestCount == 0)
    }

    /// What was delivered need not be stored: only an acknowledgement says so.
    @Test func accountAsksWhetherItsEchoIsStored() {
        var harness = ClientHarness {
            $0.accountOutlivesConnections = true
            $0.acknowledgement = .durable
        }
        harness.logIn()
        harness.attach("lobby", next: 1)
        let token = harness.say("hello")
        harness.deliver(ClientHarness.event("lobby", 1, from: "alice", "hello", id: 77))
        harness.close()
        #expect(harness.outcomes(token).isEmpty)
        harness.now += 500
        harness.logIn()
        #expect(harness.publishes.count == 1 && harness.publishes[0].isRetry)
        let published = Published(room: .lobby, seq: 1, timestamp: 5, acknowledgement: .durable, isDuplicate: true)
        harness.reply(.published(published), to: harness.publishID)
        #expect(harness.outcomes(token) == [.published(published)])
    }
}

extension ClientHarness {
    /// In the lobby with the events 1...3 had, and the connection lost while `say` is unanswered (if it is said at all).
    static func lost(saying body: String? = nil, change: (inout ClientSettings) -> Void = { _ in }) -> (ClientHarness, RequestToken?) {
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
}
