import ArgumentParser
import Bytes
import ChatClient
import ChatCore
import ChatProtocol
import Glibc
import TLS

/// What can go wrong before there is a connection; ends with status 2, or 3 for a certificate file that cannot be used.
struct StartFailure: Error {
    var reason: String
    var status = ExitStatus.usage
}

/// The options that every command has.
struct ConnectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Name to log in with.", discussion: "Default: $BROKER_USER, else a guest's name.", valueName: "name"))
    var user: String?

    @Option(
        help: ArgumentHelp(
            "Trust the authorities in this PEM file, and no others.",
            discussion: """
                Default: $BROKER_CA, else \(BrokerURL.development) is verified by \(Self.developmentAuthorityFile), where `make run` has \
                made that, and every other broker by the authorities that the system trusts.
                """, valueName: "file"), completion: .file())
    var ca: String?

    @Flag(help: "Do not verify the broker's certificate: anybody can answer in its place.")
    var insecure = false

    @Flag(help: "One JSON object a line on standard output.")
    var json = false

    @Flag(help: "No colours. They are off as well if $NO_COLOR is set or the output is no terminal.")
    var noColor = false

    func validate() throws {
        if user?.isEmpty == true { throw ValidationError("--user wants a name") }
        if insecure, ca != nil { throw ValidationError("--insecure and --ca contradict each other") }
    }

    /// The name given here or in the environment; nil if there is none.
    var name: String? { user ?? Environment.value("BROKER_USER") }

    func url(_ text: String?) throws(StartFailure) -> BrokerURL {
        guard let text = text ?? Environment.value("BROKER_URL") else { return .development }
        guard text.contains("://") else {
            throw StartFailure(
                reason: "\"\(text)\" is neither a command nor broker://HOST[:PORT] or brokers://HOST[:PORT]; --help tells more")
        }
        do throws(BrokerURL.ParseError) {
            return try BrokerURL(text)
        } catch {
            throw StartFailure(reason: error.description)
        }
    }

    /// Whether colours are wanted on a stream (https://no-color.org).
    func isColoured(_ stream: StandardStream) -> Bool {
        !noColor && !json && Environment.value("NO_COLOR") == nil && Environment.value("TERM") != "dumb" && stream.isTerminal
    }

    func verification(of url: BrokerURL) throws(StartFailure) -> TLSVerification {
        if insecure { return .none }
        if let file = ca ?? Environment.value("BROKER_CA") {
            // OpenSSL says no more than that there was no certificate.
            guard access(file, R_OK) == 0 else { throw StartFailure(reason: "cannot read \(file): " + String(cString: strerror(errno))) }
            return .authorityFile(file)
        }
        let isDevelopment = url == .development && Self.isOwn(Self.developmentAuthorityFile)
        return isDevelopment ? .authorityFile(Self.developmentAuthorityFile) : .system
    }

    /// What `make run` makes, seen from the folder it is run in.
    private static let developmentAuthorityFile = ".run/ca.pem"

    /// Whether there is such a file and it belongs to the user: in a folder of somebody else's there is nothing to trust.
    private static func isOwn(_ file: String) -> Bool {
        var status = stat()
        return stat(file, &status) == 0 && status.st_uid == geteuid()
    }

    /// Says loudly what `--insecure` means.
    func warnIfInsecure(_ url: BrokerURL) {
        guard insecure, url.isSecure else { return }
        let text = """
            WARNING: --insecure: the certificate of \(url.host) is NOT verified.
            WARNING: whoever answers is believed, and can read and change everything.
            """
        StandardStream.error.writeLine(StandardStream.error.isTerminal && !noColor ? "\u{1B}[1;31m\(text)\u{1B}[0m" : text)
    }

    /// - Parameter capabilities: what HELLO offers.
    func settings(capabilities: [String] = []) -> ClientSettings {
        let device = SharedBytes((0..<16).map { _ in UInt8.random(in: .min ... .max) })
        var settings = ClientSettings(agent: "broker-cli/" + Release.version, device: device, wish: name ?? "")
        settings.capabilities = capabilities
        // A person who reads that something was said goes away and relies on it.
        settings.acknowledgement = .durable
        return settings
    }
}

extension BrokerURL {
    /// The broker of `make run`, and of those who name none.
    static let development = BrokerURL(isSecure: true, host: "localhost")
}

enum Environment {
    /// The value of a variable; nil if it is not set or empty.
    static func value(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }
}

extension RoomAddress {
    /// A room's name from the command line.
    static func argument(_ text: String) throws(StartFailure) -> RoomAddress {
        guard let room = try? RoomAddress(text), !room.isConversation else {
            throw StartFailure(reason: "\"\(text)\" is no name of a room: \(FailureText.roomRule)")
        }
        return room
    }
}
