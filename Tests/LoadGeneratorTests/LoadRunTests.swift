import Testing

@testable import LoadGenerator

/// Whole runs over real sockets, against a broker that does one thing wrong.
@Suite(.serialized) struct LoadRunTests {
    private func run(
        _ scenario: LoadConfiguration.Scenario, _ fault: FakeBroker.Fault = .none, _ change: (inout LoadConfiguration) -> Void = { _ in }
    ) throws -> LoadReport {
        let broker = try FakeBroker(fault)
        defer { broker.close() }
        var configuration = LoadConfiguration(scenario: scenario, target: try LoadTarget(url: "broker://127.0.0.1:\(broker.port)"))
        configuration.rooms = 2
        configuration.members = 4
        configuration.window = 4
        configuration.pairs = 3
        configuration.connections = 8
        configuration.warmupSeconds = 0
        configuration.messagesMax = 400
        configuration.drainSeconds = 0.5
        change(&configuration)
        return try LoadRun(configuration).run()
    }

    @Test(arguments: [1, 2, 3]) func everyoneReceivesEverything(loops: Int) throws {
        let report = try run(.fanout) {
            $0.loops = loops; $0.publishers = 2
        }
        #expect(report.isClean, "\(report.errors) \(report.tally)")
        #expect(report.publishes == 400)
        #expect(report.acknowledged == 400)
        #expect(report.deliveries == 1_600)
        #expect(report.latency.count == 1_600)
        #expect(report.acknowledgementLatency.count == 400)
        #expect(report.latency.p50 <= report.latency.p99 && report.latency.p99 <= report.latency.max)
        #expect(report.lobbyEvents == 8)
    }

    @Test func runsForATime() throws {
        let report = try run(.fanout) {
            $0.messagesMax = nil; $0.warmupSeconds = 0.2; $0.durationSeconds = 0.5
        }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.measuredSeconds >= 0.49 && report.measuredSeconds < 0.6)
        #expect(report.deliveriesTotal > report.deliveries)
        #expect(report.deliveriesTotal == report.publishesTotal * 4)
    }

    @Test(arguments: [1, 2]) func pairsReceiveEachOthersMessages(loops: Int) throws {
        let report = try run(.directMessages) { $0.loops = loops }
        #expect(report.isClean, "\(report.errors) \(report.tally)")
        #expect(report.deliveries == 800)
        // Only what came from the other one is a latency from sender to receiver.
        #expect(report.latency.count == 400)
    }

    @Test(arguments: [1, 2]) func guestsComeAndGo(loops: Int) throws {
        let report = try run(.churn) { $0.loops = loops }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.completed == 400)
        #expect(report.steps.map(\.name) == ["connect", "log in", "join", "leave"])
    }

    @Test func idleConnectionsStayAndAnswer() throws {
        let report = try run(.idle) {
            $0.messagesMax = nil; $0.durationSeconds = 0.2; $0.connections = 100; $0.sources = 3; $0.loops = 2
        }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.completedTotal == 100)
        #expect(report.connectionsPerSecond > 0)
    }

    @Test func idleConnectionsCreateTheirRooms() throws {
        let report = try run(.idle) {
            $0.messagesMax = nil; $0.durationSeconds = 0.2; $0.connections = 7; $0.createdRooms = 1_000; $0.loops = 2
        }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.completedTotal == 7)
    }

    private static let counts: [String: @Sendable (DeliveryTally) -> UInt64] = [
        "lost": { $0.lost }, "duplicated": { $0.duplicated }, "reordered": { $0.reordered }, "foreign": { $0.foreign },
        "contradictions": { $0.contradictions },
    ]

    @Test(
        arguments: [
            (.drop, "lost"), (.duplicate, "duplicated"), (.oneMessageTwice, "duplicated"), (.swap, "reordered"), (.otherRoom, "foreign"),
            (.otherSender, "foreign"), (.corruptBody, "foreign"), (.lagTooShort, "lost"), (.wrongAcknowledgement, "contradictions"),
        ] as [(FakeBroker.Fault, String)])
    func countsWhatTheBrokerDoesWrong(fault: FakeBroker.Fault, name: String) throws {
        let count = try #require(Self.counts[name])
        let report = try run(.fanout, fault)
        #expect(!report.isClean)
        #expect(count(report.tally) > 0, "\(report.tally) \(report.errors)")
    }

    @Test(arguments: [.drop, .duplicate, .swap, .corruptBody] as [FakeBroker.Fault])
    func countsItInConversationsToo(fault: FakeBroker.Fault) throws {
        #expect(try !run(.directMessages, fault).isClean)
    }

    @Test(arguments: [.error, .disconnect, .unanswered] as [FakeBroker.Fault])
    func reportsWhatFails(fault: FakeBroker.Fault) throws {
        let report = try run(.fanout, fault) {
            $0.messagesMax = nil; $0.durationSeconds = 0.3; $0.drainSeconds = 0.2
        }
        #expect(!report.isClean)
        #expect(!report.errors.isEmpty)
    }

    @Test func aLossThatIsNamedIsNoFault() throws {
        let report = try run(.fanout, .lag)
        #expect(report.isClean, "\(report.tally) \(report.errors)")
        #expect(report.tally.lagged == 1)
        #expect(report.tally.lost == 0)
    }

    @Test(arguments: [1, 2]) func readersThatStoppedCatchUpWhileTheRunGoesOn(loops: Int) throws {
        let report = try run(.fanout) {
            $0.messagesMax = nil
            $0.durationSeconds = 1
            $0.ratePerSecond = 400
            $0.stalled = 3
            $0.stallSeconds = 0.5
            $0.loops = loops
        }
        #expect(report.isClean, "\(report.tally) \(report.errors)")
        #expect(report.stalled.connections == 3)
        #expect(report.stalled.caughtUp == 3)
        #expect(report.stalled.current == 3)
        #expect(report.stalled.catchUpMicrosecondsMax > 0)
        #expect(report.deliveriesTotal == report.publishesTotal * 4)
        // What they receive late is nobody's latency: two members of one room count, and three of the other.
        #expect(report.latency.count <= report.publishesTotal * 5 / 2 + 1)
    }

    @Test func readersThatNeverReadAgainInTheRunCatchUpAfterIt() throws {
        let report = try run(.fanout) { $0.stalled = 2 }
        #expect(report.isClean, "\(report.tally) \(report.errors)")
        #expect(report.stalled.caughtUp == 2)
        #expect(report.stalled.current == 0)
        #expect(report.deliveriesTotal == 1_600)
    }

    /// One message is never acknowledged, and the run that waits for all of them ends nevertheless.
    @Test func aRunOfMessagesEndsWhenNothingComesAnyMore() throws {
        let report = try run(.fanout, .unanswered)
        #expect(report.errors.contains { $0.contains("nothing was sent or received") }, "\(report.errors)")
    }

    @Test func whatAConnectionMissesThatTheBrokerEndedIsLost() throws {
        let report = try run(.fanout, .disconnect)
        #expect(report.tally.lost > 0)
        #expect(report.errors.contains { $0.contains("connection lost") }, "\(report.errors)")
    }

    @Test func noticesAMemberThatWasForgotten() throws {
        let report = try run(.churn, .forgetsToLeave) { $0.messagesMax = 20 }
        #expect(!report.isClean)
    }

    /// The broker says nothing for 400 ms. In the open loop, everything that should have been sent meanwhile shows that.
    @Test func aStallIsNotHidden() throws {
        let report = try run(.fanout, .stall) {
            $0.messagesMax = nil; $0.ratePerSecond = 500; $0.durationSeconds = 1.5; $0.drainSeconds = 2
        }
        #expect(report.isClean, "\(report.errors) \(report.tally)")
        #expect(report.latency.max > 350_000)
        // Of 750 messages, 200 fell into the stall, and half of those waited longer than half of it.
        #expect(report.latency.p90 > 150_000, "p90 \(report.latency.p90)")
        #expect(report.publishes >= 700)
    }

    @Test func keepsToTheRate() throws {
        let report = try run(.fanout) {
            $0.messagesMax = nil; $0.ratePerSecond = 400; $0.durationSeconds = 1; $0.loops = 2; $0.publishers = 2
        }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.publishes >= 380 && report.publishes <= 402, "\(report.publishes)")
        #expect(report.unsent == 0)
    }

    @Test func nobodyListens() throws {
        let broker = try FakeBroker()
        let target = try LoadTarget(url: "broker://127.0.0.1:\(broker.port)")
        broker.close()
        let failure = #expect(throws: LoadFailure.self) { try LoadRun(LoadConfiguration(scenario: .fanout, target: target)).run() }
        guard case .cannotConnect(let reason) = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
        #expect(reason.contains("ECONNREFUSED"))
    }

    @Test func theBrokerRefusesNames() throws {
        #expect(throws: LoadFailure.cannotConnect("log-in: 408 EXISTS")) { try run(.fanout, .refusesNames) }
    }

    @Test(arguments: [LoadConfiguration.Scenario.fanout, .idle]) func theBrokerRefusesRooms(scenario: LoadConfiguration.Scenario) throws {
        let failure = #expect(throws: LoadFailure.self) {
            try run(scenario, .refusesCreation) {
                $0.createdRooms = 1
                if scenario == .idle { $0.messagesMax = nil; $0.durationSeconds = 0.2 }
            }
        }
        guard case .refused = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
    }

    @Test func bodiesLongerThanTheBrokerAcceptsAreRefusedBeforeTheRun() throws {
        let failure = #expect(throws: LoadFailure.self) { try run(.fanout) { $0.bodyByteCount = 5_000 } }
        guard case .refused(let reason) = failure else { return #expect(Bool(false), "\(String(describing: failure))") }
        #expect(reason.contains("4096"))
    }
}
