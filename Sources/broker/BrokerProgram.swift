import ArgumentParser
import ChatConfiguration
import ChatServer
import Credentials
@preconcurrency import Glibc
import LibUV

/// The program: reads what the operator wants, and lets the server run.
@main
enum BrokerProgram {
    /// What the process says to its parent.
    enum ExitStatus: Int32 {
        case success = 0
        case cannotRun = 1
        case configurationIsWrong = 2
        case commandLineIsWrong = 64
    }

    static func main() {
        ProcessStart.prepare()
        exit(run().rawValue)
    }

    private static func run() -> ExitStatus {
        let words = Array(CommandLine.arguments.dropFirst())
        if words.first == UserCommand.configuration.commandName { return run(UserCommand.self, words) { try $0.execute() } }
        if words.first == HistoryCommand.configuration.commandName { return run(HistoryCommand.self, words) { try $0.execute() } }
        let command: BrokerCommand
        do {
            command = try BrokerCommand.parse()
        } catch {
            // Help, the version and completion scripts arrive as errors too.
            guard !BrokerCommand.exitCode(for: error).isSuccess else { BrokerCommand.exit(withError: error) }
            complain(BrokerCommand.message(for: error) + " (broker --help lists the flags)")
            return .commandLineIsWrong
        }
        if command.listSettings {
            print(SettingListing.catalogue())
            return .success
        }

        let loaded: LoadedConfiguration
        do {
            loaded = try ConfigurationLoader.load(
                file: command.config, environment: ProcessEnvironment.variables(), flags: command.settingWords)
        } catch {
            if command.checkConfig { error.problems.forEach { complain($0.description) } } else { complain(error.description) }
            return .configurationIsWrong
        }
        if command.printConfig {
            print(SettingListing.toml(of: loaded))
            return .success
        }
        if command.checkConfig { return check(loaded) }

        do {
            try Server(loaded.configuration).run()
            return .success
        } catch {
            complain("\(error)")
            return .cannotRun
        }
    }

    /// `broker user …` and its like, which print lines.
    private static func run<Command: ParsableCommand>(
        _: Command.Type, _ words: [String], execute: (Command) throws -> [String]
    ) -> ExitStatus {
        let command: Command
        do {
            command = try Command.parse(Array(words.dropFirst()))
        } catch {
            guard !Command.exitCode(for: error).isSuccess else { Command.exit(withError: error) }
            complain(Command.message(for: error) + " (broker \(words[0]) --help tells more)")
            return .commandLineIsWrong
        }
        do {
            for line in try execute(command) { print(line) }
            return .success
        } catch let error as UserCommand.Refusal {
            complain(error.reason)
        } catch let error as PasswordRefusal {
            complain(error.reason)
        } catch {
            complain("\(error)")
        }
        return .cannotRun
    }

    private static func check(_ loaded: LoadedConfiguration) -> ExitStatus {
        let problems = FileAccess.problems(of: loaded)
        problems.forEach { complain($0.description) }
        guard problems.isEmpty else { return .configurationIsWrong }
        print("configuration ok")
        SettingListing.deviations(of: loaded).forEach { print("  \($0)") }
        return .success
    }

    /// One line on standard error.
    private static func complain(_ line: String) {
        let line = line.split(whereSeparator: \.isNewline).joined(separator: " ")
        fputs("broker: \(line)\n", stderr)
    }
}
