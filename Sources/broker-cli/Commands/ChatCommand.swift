import ArgumentParser
import ChatClient
import ChatCore
import ChatProtocol
import Glibc
import LibUV
import TLS

/// `broker-cli [URL]`: the conversation.
struct ChatCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat", abstract: "Chat (the default command).",
        discussion: """
            At a terminal: a line editor with history and completion; :help lists the commands. Otherwise plain lines in, plain lines \
            out: lines are messages or commands, each waits for the answer to the one before, and the first that fails decides the \
            exit status.

            An account is told at the start what is unread: how much in its rooms, and the messages to it alone. What was shown is read.
            """)

    @Argument(help: "broker://HOST[:PORT] or brokers://HOST[:PORT] (TLS). Default: $BROKER_URL, else brokers://localhost:7400.")
    var url: String?

    @Option(help: ArgumentHelp("Room that plain lines go to; @bob is the conversation with bob.", valueName: "room"))
    var room: String = "lobby"

    @OptionGroup var options: ConnectionOptions

    func execute() throws -> ExitStatus {
        let address = try options.url(url)
        options.warnIfInsecure(address)
        let loop = try EventLoop()
        defer { loop.close() }
        let client = try ChatClient.make(
            loop: loop, url: address, options: options, capabilities: ["inbox", "marks", "presence", "typing"])
        defer { client.close() }
        let room = try RoomAddress.argument(room, of: client.accountToBe(options))
        let isInteractive = RawTerminal.isUsable && !options.json
        let console: any Console =
            isInteractive
            ? try TerminalConsole(loop: loop, isColoured: options.isColoured(.output))
            : try PlainConsole(loop: loop, isColoured: options.isColoured(.output))
        defer { console.close() }
        let chat = Chat(
            loop: loop, client: client, console: console, name: options.name ?? client.credentials?.name.description, room: room,
            isJSON: options.json)
        // Without an end they would keep the loop running; it is stopped, not left alone, so that does no harm.
        let watchers = try [SIGINT, SIGTERM, SIGHUP].map { signal in
            try SignalWatcher(loop: loop, signal: signal) { chat.quit(.signal(signal)) }
        }
        defer { for watcher in watchers { watcher.close() } }
        chat.start()
        loop.run()
        return chat.status
    }
}

extension ChatClient {
    /// Who this client logs in as; nil: a guest that gets a name, or asks for one.
    func accountToBe(_ options: ConnectionOptions) -> AccountName? {
        credentials?.name ?? options.name.flatMap { try? AccountName($0) }
    }

    /// A client as the options want it: with the log-in that is remembered for the broker and the name, else as a guest.
    static func make(
        loop: EventLoop, url: BrokerURL, options: ConnectionOptions, profile: Profile? = nil, credentials: ClientCredentials? = nil,
        capabilities: [String] = []
    ) throws(StartFailure) -> ChatClient {
        var settings = options.settings(capabilities: capabilities)
        // That one of those that are remembered is worth nothing any more is no reason not to try the next.
        let triesNext = profile == nil && credentials == nil
        let profile = triesNext ? try Profile.find(url, user: options.name) : profile
        var credentials = credentials
        if var profile {
            settings.device = profile.device
            if credentials == nil {
                credentials = ClientCredentials(name: profile.user, password: nil, token: profile.token, isBindingExpected: profile.isBound)
                credentials?.onTokenRefused = {
                    profile.forget()
                    guard triesNext, let next = try? Profile.find(url, user: profile.user.description), let token = next.token else {
                        return nil
                    }
                    profile = next
                    return ClientCredentials.Device(id: next.device, token: token, isBindingExpected: next.isBound)
                }
            }
            credentials?.onToken = { token, _, isBound in profile.keep(token: token, isBound: isBound) }
        }
        if credentials != nil {
            settings.logsInToAccount = true
            settings.accountOutlivesConnections = true
        }
        let verification = try options.verification(of: url)
        do throws(TLSError) {
            let client = try ChatClient(loop: loop, url: url, verification: verification, settings: settings)
            client.credentials = credentials
            return client
        } catch {
            throw StartFailure(reason: "\(error)", status: .usage)
        }
    }
}
