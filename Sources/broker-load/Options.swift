import ArgumentParser
import Glibc
import LoadGenerator

/// Which broker, and how it is reached.
struct TargetOptions: ParsableArguments {
    @Argument(help: "broker://HOST:PORT or brokers://HOST:PORT; fanout and idle also ws://HOST:PORT or wss://HOST:PORT.") var url: String
    @Option(help: ArgumentHelp("What is spoken over a WebSocket: cbp.json.v1, which is the default, or cbp.bin.v1.", valueName: "name"))
    var subprotocol: String?
    @Option(
        help: ArgumentHelp("Trust the certificate authorities in this PEM file, and no others.", valueName: "file"),
        completion: .file(extensions: ["pem", "crt"])) var ca: String?
    @Flag(help: "Do not verify the broker's certificate.") var insecure = false
    @Option(help: ArgumentHelp("Event loops, each a thread with its own connections.", valueName: "n")) var loops = 1
    @Option(help: ArgumentHelp("Connections begun per second; without it, as fast as they are accepted.", valueName: "per-second"))
    var connectRate: Double?
    @Option(help: ArgumentHelp("How long all may take to be ready, beyond what --connect-rate needs.", valueName: "seconds"))
    var setup = 30.0
    @Option(help: ArgumentHelp("Loopback source addresses to use, from 127.0.0.2 up.", valueName: "n")) var sources = 0

    func makeConfiguration(_ scenario: LoadConfiguration.Scenario) throws -> LoadConfiguration {
        var target = try usage { () throws(UsageError) in try LoadTarget(url: url) }
        if let subprotocol {
            guard target.subprotocol != nil else { throw ValidationError("--subprotocol is for ws:// and wss:// URLs") }
            guard let known = LoadTarget.Subprotocol(rawValue: subprotocol) else {
                throw ValidationError("--subprotocol \(subprotocol): expected cbp.json.v1 or cbp.bin.v1")
            }
            target.subprotocol = known
        }
        if insecure || ca != nil, !target.usesTLS { throw ValidationError("--ca and --insecure are for brokers:// and wss:// URLs") }
        if insecure, ca != nil { throw ValidationError("--ca and --insecure exclude each other") }
        if let ca { target.verification = .authorityFile(ca) }
        if insecure { target.verification = .none }
        var configuration = LoadConfiguration(scenario: scenario, target: target)
        configuration.loops = loops
        configuration.connectRatePerSecond = connectRate
        configuration.setupSeconds = setup
        configuration.sources = sources
        return configuration
    }
}

/// What is published, and how fast.
struct MessageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Octets of each body, at least \(LoadConfiguration.bodyByteCountMin).", valueName: "octets")) var body = 128
    @Option(help: ArgumentHelp("Closed loop: publishes in flight a room (dm: a side of a pair).", valueName: "n")) var window = 32
    @Option(help: ArgumentHelp("Open loop: publishes per second, over all publishers.", valueName: "per-second")) var rate: Double?

    func apply(to configuration: inout LoadConfiguration) {
        configuration.bodyByteCount = body
        configuration.window = window
        configuration.ratePerSecond = rate
    }
}

/// What is measured.
struct MeasurementOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The measured time, seconds.", valueName: "seconds")) var duration = 10.0
    @Option(help: ArgumentHelp("Time before that is measured, seconds; 1, or 0 with --messages.", valueName: "seconds")) var warmup: Double?
    @Option(help: ArgumentHelp("End after so many publishes (churn: arrivals) instead of after --duration.", valueName: "n"))
    var messages: UInt64?
    @Option(help: ArgumentHelp("How long to wait for what is still to come, seconds.", valueName: "seconds")) var drain = 10.0
    @Option(help: ArgumentHelp("The broker's process, whose CPU time and memory are measured.", valueName: "pid")) var serverPid: Int32?

    func apply(to configuration: inout LoadConfiguration) {
        configuration.durationSeconds = duration
        configuration.warmupSeconds = warmup ?? (messages == nil ? 1 : 0)
        configuration.messagesMax = messages
        configuration.drainSeconds = drain
        configuration.serverProcessID = serverPid
    }
}

/// What is written where.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Write the result to standard output as JSON instead of a table.") var json = false
    @Option(
        help: ArgumentHelp("Write a page with plots: one file, no network needed.", valueName: "file"),
        completion: .file(extensions: ["html"]))
    var html: String?
    @Flag(name: .shortAndLong, help: "No progress line.") var quiet = false

    func execute(_ configuration: LoadConfiguration) throws {
        let progress = ProgressLine(isQuiet: quiet)
        if configuration.target.verification == .none {
            OutputText.writeError("broker-load: --insecure: whoever answers at \(configuration.target.url) is believed\n")
        }
        let run = try usage { () throws(UsageError) in
            try LoadRun(configuration, handlesInterrupts: true) { progress.show($0) }
        }
        if let html, let reason = OutputText.writeFile(html, "") { throw ValidationError("--html \(html): \(reason)") }
        let report: LoadReport
        do throws(LoadFailure) {
            report = try run.run()
        } catch {
            progress.end()
            OutputText.writeError("broker-load: \(error)\n")
            switch error {
            case .cannotConnect, .system: throw ExitCode(3)
            case .refused: throw ExitCode(1)
            }
        }
        progress.end()
        if !OutputText.writeResult(json ? report.json + "\n" : report.table) {
            OutputText.writeError("broker-load: cannot write the result: \(String(cString: strerror(errno)))\n")
            throw ExitCode(1)
        }
        if let html, let reason = OutputText.writeFile(html, report.html) {
            OutputText.writeError("broker-load: \(html): \(reason)\n")
            throw ExitCode(1)
        }
        if !report.isClean { throw ExitCode(1) }
    }
}

/// Turns a refusal of the library into one of the command line.
func usage<Value>(_ body: () throws(UsageError) -> Value) throws -> Value {
    do throws(UsageError) {
        return try body()
    } catch {
        throw ValidationError(error.description)
    }
}
