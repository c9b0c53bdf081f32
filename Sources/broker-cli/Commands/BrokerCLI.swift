import ArgumentParser
import ChatProtocol
import Credentials
import Glibc
import LibUV

/// A command that ends with a status of its own.
protocol BrokerCommand: ParsableCommand {
    func execute() throws -> ExitStatus
}

/// The program: `broker-cli [URL]` chats, `broker-cli VERB` does one thing.
struct BrokerCLI: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "broker-cli", abstract: "Chat on a broker, or script it.",
        usage: """
            broker-cli [URL] [--user NAME] [--room ROOM] [--ca FILE] [--insecure] [--json] [--no-color]
            broker-cli [URL] send [--room ROOM] [--reply NUMBER] [--thread NUMBER] TEXT… | -
            broker-cli [URL] react [--room ROOM] [--remove] NUMBER SIGN
            broker-cli [URL] dm USER TEXT…
            broker-cli [URL] tail [--room ROOM]… [--count N] [--follow]
            broker-cli [URL] history ROOM [--count N] [--before SEQ] [--thread NUMBER]
            broker-cli [URL] search WORD… [--room ROOM] [--from USER] [--limit N]
            broker-cli [URL] inbox [--unread]
            broker-cli [URL] create ROOM [--title TEXT]
            broker-cli [URL] rooms | users | members ROOM | ping [--count N]
            broker-cli [URL] register | login | passwd --user NAME
            broker-cli [URL] sessions [--revoke ID]
            """,
        discussion: """
            URL is broker://HOST[:PORT], or brokers://HOST[:PORT] for TLS; default $BROKER_URL, else brokers://localhost:7400. \
            `broker-cli chat --help` tells the options of a conversation, `broker-cli VERB --help` those of a verb. \
            --generate-completion-script SHELL prints a completion script for bash, zsh or fish.

            \(ExitStatus.help)
            """,
        version: "broker-cli " + Release.version,
        subcommands: [
            ChatCommand.self, SendCommand.self, ReactCommand.self, DirectMessageCommand.self, TailCommand.self, HistoryCommand.self,
            SearchCommand.self, InboxCommand.self, CreateCommand.self, RoomsCommand.self, UsersCommand.self, MembersCommand.self,
            PingCommand.self, RegisterCommand.self,
            LogInCommand.self, PasswordCommand.self, SessionsCommand.self,
        ],
        defaultSubcommand: ChatCommand.self)

    /// Parses the arguments, does what they say and ends the process.
    static func runAndExit() -> Never {
        takeOverSurroundings()
        do {
            // They arrive repaired, as something that nobody meant.
            guard areArgumentsUTF8 else {
                throw StartFailure(reason: "the command line is not text in UTF-8")
            }
            var command = try parseAsRoot(arrange(Array(CommandLine.arguments.dropFirst())))
            guard let command = command as? any BrokerCommand else {
                try command.run()
                Glibc.exit(0)
            }
            end(try command.execute())
        } catch let failure as StartFailure {
            StandardStream.error.writeLine("broker-cli: " + VisibleText.escape(failure.reason))
            end(failure.status)
        } catch let refusal as PasswordRefusal {
            StandardStream.error.writeLine("broker-cli: " + refusal.reason)
            end(.usage)
        } catch let error as UVError {
            StandardStream.error.writeLine("broker-cli: \(error)")
            end(.unreachable)
        } catch {
            // Help and versions are errors to the parser that are none to the user.
            let text = fullMessage(for: error)
            if exitCode(for: error) == .success {
                StandardStream.output.writeLine(text)
                end(.ok)
            }
            StandardStream.error.writeLine("broker-cli: " + (text.hasPrefix("Error: ") ? String(text.dropFirst(7)) : text))
            end(.usage)
        }
    }

    private static var areArgumentsUTF8: Bool {
        UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc)).allSatisfy { argument in
            argument.flatMap { String(validatingCString: $0) } != nil
        }
    }

    /// Makes good what a program can inherit from whoever started it.
    private static func takeOverSurroundings() {
        // Threads of a pool block nearly all signals: who is started by one could not be ended by SIGTERM.
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
        // Where a standard stream is closed, a socket would take its number and be written to.
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) < 0 { _ = open("/dev/null", O_RDWR) }
    }

    private static func end(_ status: ExitStatus) -> Never {
        RawTerminal.restore()
        Glibc.exit(status.rawValue)
    }

    /// `URL VERB …` is `VERB --url URL …`: the address comes first for verbs as it does for the conversation.
    static func arrange(_ arguments: [String]) -> [String] {
        guard arguments.count > 1, arguments[0].contains("://"),
            configuration.subcommands.contains(where: { $0.configuration.commandName == arguments[1] })
        else { return arguments }
        if arguments[1] == ChatCommand.configuration.commandName { return [arguments[1], arguments[0]] + arguments[2...] }
        return [arguments[1], "--url", arguments[0]] + arguments[2...]
    }
}
