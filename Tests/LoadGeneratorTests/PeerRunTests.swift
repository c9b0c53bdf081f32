import Testing

@testable import LoadGenerator

/// Whole runs over real sockets, against a peer that does one thing wrong.
@Suite(.serialized) struct PeerRunTests {
    private func run(
        _ scenario: LoadConfiguration.Scenario = .fanout, _ fault: FakeFloor.Fault = .none,
        _ change: (inout LoadConfiguration) -> Void = { _ in }
    ) throws -> LoadReport {
        let floor = try FakeFloor(fault)
        defer { floor.close() }
        var configuration = LoadConfiguration(scenario: scenario, target: try LoadTarget(url: "floor://127.0.0.1:\(floor.port)"))
        configuration.rooms = 2
        configuration.members = 4
        configuration.window = 4
        configuration.connections = 8
        configuration.warmupSeconds = 0
        configuration.messagesMax = 400
        configuration.drainSeconds = 0.3
        change(&configuration)
        return try LoadRun(configuration).run()
    }

    @Test(arguments: [1, 2, 3]) func everyoneReceivesEverything(loops: Int) throws {
        let report = try run {
            $0.loops = loops; $0.publishers = 2
        }
        #expect(report.isClean, "\(report.errors) \(report.tally)")
        #expect(report.publishes == 400)
        #expect(report.acknowledged == 400)
        #expect(report.deliveriesTotal == 1_600)
        #expect(report.latency.count == 1_600)
    }

    @Test func keepsToItsSchedule() throws {
        let report = try run {
            $0.messagesMax = 100; $0.ratePerSecond = 500
        }
        #expect(report.isClean, "\(report.errors) \(report.tally)")
        #expect(report.deliveriesTotal == 400)
        #expect(report.unsent == 0)
        #expect(report.measuredSeconds >= 0.19)
    }

    @Test func idleConnectionsStayAndAnswer() throws {
        let report = try run(.idle) {
            $0.messagesMax = nil; $0.durationSeconds = 0.1
        }
        #expect(report.isClean, "\(report.errors)")
        #expect(report.completedTotal == 8)
    }

    /// One delivery to one member is wrong: the first room's last member at the twentieth message, whichever room that was in.
    @Test func aDropIsALoss() throws {
        let report = try run(.fanout, .drop)
        #expect(report.tally.lost == 1, "\(report.tally)")
        #expect(report.tally.duplicated == 0 && report.tally.reordered == 0 && report.tally.foreign == 0)
        #expect(!report.isClean)
    }

    @Test func aCopyIsADuplicate() throws {
        let report = try run(.fanout, .duplicate)
        #expect(report.tally.duplicated == 1, "\(report.tally)")
        #expect(report.tally.lost == 0 && !report.isClean)
    }

    @Test func anOvertakenMessageIsReordered() throws {
        let report = try run(.fanout, .swap) { $0.rooms = 1 }
        #expect(report.tally.reordered == 1, "\(report.tally)")
        #expect(report.tally.lost == 0 && !report.isClean)
    }

    @Test(arguments: [FakeFloor.Fault.otherRoom, .corruptBody]) func whatDoesNotBelongIsForeign(fault: FakeFloor.Fault) throws {
        let report = try run(.fanout, fault)
        #expect(report.tally.foreign == 1, "\(report.tally)")
        #expect(report.tally.lost == 1 && !report.isClean)
    }

    @Test(arguments: [FakeFloor.Fault.disconnect, .nonsense]) func aLostConnectionIsAnError(fault: FakeFloor.Fault) throws {
        let report = try run(.fanout, fault)
        #expect(report.errors.contains { $0.contains("connection lost") }, "\(report.errors)")
        #expect(!report.isClean)
    }

    @Test func nobodyThere() throws {
        let configuration = LoadConfiguration(scenario: .fanout, target: try LoadTarget(url: "nats://127.0.0.1:1"))
        let error = #expect(throws: LoadFailure.self) { try LoadRun(configuration).run() }
        guard case .cannotConnect = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }
}
