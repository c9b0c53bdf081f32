import ArgumentParser
import LoadGenerator

/// The command line of `broker-load`.
struct BrokerLoad: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker-load",
        abstract: "Puts a chat broker under load, measures it, and verifies every delivery while it measures.",
        discussion: """
            URL is broker://HOST:PORT (clear text) or brokers://HOST:PORT (TLS). fanout and idle also drive peers, to compare:
            nats://, redis://, mqtt://, irc:// and floor://HOST:PORT.

            EXAMPLES
              broker-load fanout broker://127.0.0.1:7400
                  10 rooms of 100 members, one of them publishing, 32 messages of each
                  room in flight, for 10 s
              broker-load fanout brokers://localhost:7400 --insecure --rate 500
                  500 messages per second whatever the broker does; latency is counted
                  from the moment at which each should have been sent
              broker-load fanout broker://127.0.0.1:7400 --stalled 10
                  one per cent of the readers stop reading; the others must not notice
              broker-load dm broker://127.0.0.1:7400 --pairs 100 --window 1
                  100 pairs of whom each side has one message in flight
              broker-load churn broker://127.0.0.1:7400 --rate 1000
                  1,000 guests a second come, join a room, leave it and go
              broker-load idle broker://127.0.0.1:7400 --connections 50000 --sources 4
                  50,000 connections that only exist
              broker-load fanout broker://127.0.0.1:7400 --json | python3 -m json.tool

            --server-pid $(pgrep -x broker) adds the broker's processor time and memory,
            and --html FILE writes a page with plots. Ctrl-C ends a run early, with the
            result so far; a second Ctrl-C does not wait for what is still to come.

            EXIT STATUS
              0  everything came, once, in order
              1  something was lost, duplicated, reordered or foreign, or a connection
                 or a request failed
              2  the command line makes no sense
              3  the broker cannot be reached, or this machine does not give what is needed

            Shell completion: broker-load --generate-completion-script bash|zsh|fish
            """,
        version: "broker-load 0.1.0",
        subcommands: [Fanout.self, DirectMessages.self, Churn.self, Idle.self])

    /// Runs the program; its exit status.
    static func runProgram(_ arguments: [String]) -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return 0
        } catch let status as ExitCode {
            return status.rawValue
        } catch {
            guard exitCode(for: error) != .success else {
                let help = fullMessage(for: error)
                OutputText.writeResult(help.hasSuffix("\n") ? help : help + "\n")
                return 0
            }
            let scenario = arguments.first.flatMap { LoadConfiguration.Scenario(rawValue: $0) }
            let command = scenario.map { "broker-load \($0.rawValue)" } ?? "broker-load"
            OutputText.writeError("\(command): \(message(for: error)); see \(command) --help\n")
            return 2
        }
    }
}

/// `broker-load fanout`.
struct Fanout: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Members of rooms: some publish, all receive and verify.",
        discussion: """
            Closed loop (--window): that many publishes are in flight in each room, shared by its publishers. A publish is in flight \
            until both its acknowledgement and its own delivery have come back to its publisher; and never more requests wait for an \
            acknowledgement than the broker allows (max_inflight). Latency is counted from the moment of sending.

            Open loop (--rate): publishes are sent at fixed moments, spread over all publishers. Latency is counted from those moments \
            even if a message could only be sent later, so a stall shows in every message that it delayed.

            Stalled readers (--stalled) join and do not read. Their own latency is not counted. Afterwards they must have everything, \
            once and in order, or a LAG for exactly what they have not: that is counted as lagged, and not as lost.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: "Rooms.") var rooms = 10
    @Option(help: "Members of each room, publishers included; each is one connection.") var members = 100
    @Option(help: "Members of each room that publish.") var publishers = 1
    @Option(help: ArgumentHelp("Members that stop reading when the run begins, and must catch up.", valueName: "n")) var stalled = 0
    @Option(help: ArgumentHelp("How long those do not read; without it, until the last publish.", valueName: "seconds"))
    var stallSeconds: Double?
    @OptionGroup var messages: MessageOptions
    @OptionGroup var measurement: MeasurementOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var configuration = try target.makeConfiguration(.fanout)
        configuration.rooms = rooms
        configuration.members = members
        configuration.publishers = publishers
        configuration.stalled = stalled
        configuration.stallSeconds = stallSeconds
        messages.apply(to: &configuration)
        measurement.apply(to: &configuration)
        try output.execute(configuration)
    }
}

/// `broker-load dm`.
struct DirectMessages: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dm", abstract: "Pairs that send each other direct messages; latency is from sender to receiver.")

    @OptionGroup var target: TargetOptions
    @Option(help: "Pairs; two connections each.") var pairs = 10
    @OptionGroup var messages: MessageOptions
    @OptionGroup var measurement: MeasurementOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var configuration = try target.makeConfiguration(.directMessages)
        configuration.pairs = pairs
        messages.apply(to: &configuration)
        measurement.apply(to: &configuration)
        try output.execute(configuration)
    }
}

/// `broker-load churn`.
struct Churn: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Guests that connect, log in, join a room, leave it and go.",
        discussion: """
            An observer stays in each room and must be alone there at the end. Without --rate every guest that goes is followed by the \
            next one at once; with --rate guests arrive at fixed moments, and the latency of a round is counted from those.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: "Rooms.") var rooms = 10
    @Option(help: "Guests at a time, at most.") var connections = 50
    @Option(help: ArgumentHelp("Arrivals per second; without it, as fast as they can.", valueName: "per-second")) var rate: Double?
    @OptionGroup var measurement: MeasurementOptions
    @OptionGroup var output: OutputOptions

    func run() throws {
        var configuration = try target.makeConfiguration(.churn)
        configuration.rooms = rooms
        configuration.connections = connections
        configuration.ratePerSecond = rate
        measurement.apply(to: &configuration)
        try output.execute(configuration)
    }
}

/// `broker-load idle`.
struct Idle: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Connections that log in and only exist: accept rate, memory of each.",
        discussion: """
            Each loopback source address has about 28,000 ports: use --sources for more connections than that. With --rooms the \
            connections create and join rooms of one member before they fall silent; a broker bounds how many an account may have.
            """)

    @OptionGroup var target: TargetOptions
    @Option(help: "Connections.") var connections = 1_000
    @Option(help: "Rooms that they create, shared evenly among them.") var rooms = 0
    @Option(help: ArgumentHelp("How long they are held, seconds.", valueName: "seconds")) var duration = 10.0
    @Option(help: ArgumentHelp("The broker's process, whose memory is measured.", valueName: "pid")) var serverPid: Int32?
    @OptionGroup var output: OutputOptions

    func run() throws {
        var configuration = try target.makeConfiguration(.idle)
        configuration.connections = connections
        configuration.createdRooms = rooms
        configuration.durationSeconds = duration
        configuration.warmupSeconds = 0
        configuration.serverProcessID = serverPid
        try output.execute(configuration)
    }
}
