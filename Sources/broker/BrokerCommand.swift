import ArgumentParser
import ChatConfiguration
import ChatProtocol

/// What a person types after `broker`.
///
/// Flags that set something are taken as words and read by ``ConfigurationLoader``, so that a flag, a variable and a file are held to the same bounds
/// and refused in the same words.
struct BrokerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker",
        abstract: "A chat broker: rooms and direct messages that are kept, over binary frames, WebSocket and TLS, one event loop per core.",
        discussion: """
            Settings come from the defaults, then the TOML file, then BROKER_… environment variables, then the flags below; what comes \
            later wins. config/broker.toml explains them all, and --list-settings prints them.

            `broker user --help` tells how accounts are made, listed and suspended, `broker history --help` what to do after a backup was \
            restored.

            SIGINT, SIGTERM and SIGHUP stop the broker: it accepts nobody more, tells every client, and exits with status 0. SIGUSR1 \
            logs what each loop has.

            Exit status: 0 stopped as asked, or the check passed; 1 it could not start or run; 2 the configuration is wrong; 64 the \
            command line is wrong.
            """,
        version: "broker \(Release.version)")

    private static let standardAddresses = Configuration().listen.addresses.map(\.description).joined(separator: ", ")
    private static let logLevels = Configuration.Runtime.LogLevel.allCases.map(\.rawValue)

    @Option(
        name: .long, help: ArgumentHelp("Read settings from a TOML file (also: BROKER_CONFIG).", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var config: String?

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp(
            "Listen here; may be repeated. Port 0 lets the kernel choose. Default: \(standardAddresses).", valueName: "host:port"))
    var listen: [String] = []

    @Option(
        name: .long, parsing: .singleValue,
        help: ArgumentHelp("Serve people with nc or telnet here; may be repeated. Default: nowhere.", valueName: "host:port"))
    var line: [String] = []

    @Option(name: .long, help: ArgumentHelp("The certificate of the broker and its chain, PEM.", valueName: "file"), completion: .file())
    var tlsCert: String?

    @Option(name: .long, help: ArgumentHelp("The private key of the certificate, PEM.", valueName: "file"), completion: .file())
    var tlsKey: String?

    @Option(name: .long, help: ArgumentHelp("Event loops, each on its own thread; 0 means one for each core.", valueName: "n"))
    var loops: String?

    @Option(
        name: .long,
        help: ArgumentHelp("The folder of history and accounts; accounts need it named. Default: one of the user's.", valueName: "dir"),
        completion: .directory)
    var dataDir: String?

    @Option(
        name: .long, help: ArgumentHelp("Write the addresses chosen here, as JSON, once the broker accepts.", valueName: "file"),
        completion: .file())
    var readyFile: String?

    @Option(
        name: .long,
        help: ArgumentHelp("How much is logged to standard error.", valueName: logLevels.joined(separator: "|")),
        completion: .list(logLevels))
    var logLevel: String?

    @Flag(name: .long, help: "Check the settings and the files they name, say what is not at its default, and exit.")
    var checkConfig = false

    @Flag(name: .long, help: "Print the settings in force, as a TOML file that says where each comes from, and exit.")
    var printConfig = false

    @Flag(name: .long, help: "Print every setting with its default, its bounds and its environment variable, and exit.")
    var listSettings = false

    /// The words given, by the flag that ``Setting/flag`` names.
    var settingWords: [String: [String]] {
        var words: [String: [String]] = [:]
        if !listen.isEmpty { words["--listen"] = listen }
        if !line.isEmpty { words["--line"] = line }
        words["--tls-cert"] = tlsCert.map { [$0] }
        words["--tls-key"] = tlsKey.map { [$0] }
        words["--loops"] = loops.map { [$0] }
        words["--data-dir"] = dataDir.map { [$0] }
        words["--ready-file"] = readyFile.map { [$0] }
        words["--log-level"] = logLevel.map { [$0] }
        return words
    }
}
