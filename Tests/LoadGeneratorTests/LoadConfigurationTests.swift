import ChatProtocol
import LibUV
import Testing

@testable import LoadGenerator

@Suite struct LoadConfigurationTests {
    private func makeConfiguration(_ scenario: LoadConfiguration.Scenario = .fanout) throws -> LoadConfiguration {
        LoadConfiguration(scenario: scenario, target: try LoadTarget(url: "broker://127.0.0.1:7400"))
    }

    @Test(arguments: LoadConfiguration.Scenario.allCases) func acceptsItsDefaults(scenario: LoadConfiguration.Scenario) throws {
        _ = try makeConfiguration(scenario).validated()
    }

    private struct Nonsense: Sendable, CustomTestStringConvertible {
        let option: String
        let change: @Sendable (inout LoadConfiguration) -> Void
        var testDescription: String { option }

        init(_ option: String, _ change: @escaping @Sendable (inout LoadConfiguration) -> Void) {
            self.option = option
            self.change = change
        }
    }

    private static let nonsense: [Nonsense] = [
        Nonsense("--loops") { $0.loops = 0 },
        Nonsense("--loops") { $0.loops = 65 },
        Nonsense("--rooms") { $0.rooms = 0 },
        Nonsense("--members") { $0.members = 0 },
        Nonsense("--publishers") { $0.publishers = 0 },
        Nonsense("--publishers") { $0.publishers = 101 },
        Nonsense("--body") { $0.bodyByteCount = 55 },
        Nonsense("--body") { $0.bodyByteCount = 16_385 },
        Nonsense("--window") { $0.window = 0 },
        Nonsense("--rate") { $0.ratePerSecond = 0 },
        Nonsense("--rate") { $0.ratePerSecond = -1 },
        Nonsense("--rate") { $0.ratePerSecond = .nan },
        Nonsense("--duration") { $0.durationSeconds = 0 },
        Nonsense("--warmup") { $0.warmupSeconds = -1 },
        Nonsense("--drain") { $0.drainSeconds = -1 },
        Nonsense("--messages") { $0.messagesMax = 0 },
        Nonsense("--messages") { $0.messagesMax = 5 },
        Nonsense("--stalled") { $0.stalled = 991 },
        Nonsense("--stalled") { $0.stalled = -1 },
        Nonsense("--stall-seconds") { $0.stallSeconds = 1 },
        Nonsense("--stall-seconds") {
            $0.stalled = 1; $0.stallSeconds = 0
        },
        Nonsense("--stall-seconds") {
            $0.stalled = 1; $0.stallSeconds = 11
        },
        Nonsense("--sources") { $0.sources = 251 },
        Nonsense("--connect-rate") { $0.connectRatePerSecond = 0 },
        Nonsense("--server-pid") { $0.serverProcessID = 0 },
        Nonsense("--window") { $0.publishers = 40 },
    ]

    @Test(arguments: nonsense) private func namesTheOptionThatMakesNoSense(nonsense: Nonsense) throws {
        let (option, change) = (nonsense.option, nonsense.change)
        var configuration = try makeConfiguration()
        change(&configuration)
        let error = #expect(throws: UsageError.self) { try configuration.validated() }
        #expect(error?.description.contains(option) == true, "\(error?.description ?? "accepted")")
    }

    @Test func limitsAreThemselvesAccepted() throws {
        var configuration = try makeConfiguration()
        configuration.bodyByteCount = 56
        configuration.stalled = 990
        configuration.publishers = 1
        _ = try configuration.validated()
        configuration.bodyByteCount = 16_384
        configuration.stalled = 0
        configuration.publishers = 100
        configuration.window = 100
        _ = try configuration.validated()
    }

    @Test func saysHowManyDescriptorsAreTooFew() throws {
        var configuration = try makeConfiguration(.idle)
        configuration.connections = 1_000
        #expect(configuration.shortage(descriptorCountMax: 1_032) == nil)
        let shortage = try #require(configuration.shortage(descriptorCountMax: 1_031))
        #expect(shortage.contains("1032") && shortage.contains("1031") && shortage.contains("ulimit -n"))
    }

    @Test func sourcesAreForLoopback() throws {
        var configuration = LoadConfiguration(scenario: .idle, target: try LoadTarget(url: "broker://example.net"))
        configuration.sources = 1
        #expect(throws: UsageError.self) { try configuration.validated() }
    }

    @Test func readsURLs() throws {
        let clear = try LoadTarget(url: "broker://localhost:1234")
        #expect((clear.host, clear.port, clear.usesTLS) == ("localhost", 1_234, false))
        let sealed = try LoadTarget(url: "brokers://[::1]:65535/")
        #expect((sealed.host, sealed.port, sealed.usesTLS) == ("::1", 65_535, true))
        #expect(sealed.url == "brokers://[::1]:65535")
        #expect(try LoadTarget(url: "broker://h").port == 7_400)
    }

    @Test(arguments: [
        "", "localhost:1", "http://localhost:1", "broker://", "broker://:1", "broker://h:0", "broker://h:65536", "broker://h:x",
        "broker://h:", "broker://[::1", "broker://[::1]x", "broker://a b:1", "broker://u@h:1", "broker://h:1/path",
    ])
    func refusesOtherURLs(url: String) {
        #expect(throws: UsageError.self) { try LoadTarget(url: url) }
    }

    @Test func spreadsStalledReadersAndWindows() throws {
        var configuration = try makeConfiguration()
        configuration.stalled = 13
        configuration.publishers = 3
        configuration.window = 32
        configuration.messagesMax = 100
        let plan = try LoadPlan(
            configuration: configuration, identity: RunIdentity(number: 1), address: .loopback(port: 1), tlsContext: nil)
        var stalled = 0
        for room in 0..<10 {
            for member in 0..<100 where plan.isStalled(log: room, member: member) {
                #expect(member >= 98)
                stalled += 1
            }
        }
        #expect(stalled == 13)
        #expect((0..<3).map { plan.window(publisher: $0) } == [11, 11, 10])
        let numbers = (0..<10).flatMap { log in (0..<3).map { plan.publisherNumber(log: log, publisher: $0) } }
        #expect(Set(numbers) == Set(0..<30))
        #expect(numbers.reduce(0) { $0 + plan.messageCountMax(publisherNumber: $1) } == 100)
    }

    @Test func namesFollowTheGrammar() {
        let identity = RunIdentity(number: 0x1F)
        #expect(identity.account(1_999_999).description == "load-0000001f-1999999")
        #expect(identity.room(99_999).description == "load/0000001f/99999")
    }
}
