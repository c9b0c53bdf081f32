import ArgumentParser
import ChatConfiguration
import ChatServer
import ChatStore
import Glibc

/// `broker history …`: what the operator does with the history while the broker does not run.
struct HistoryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history", abstract: "Look after the history of a broker that is stopped.",
        usage: "broker history new-epoch [--data-dir DIR | --config FILE]",
        discussion: """
            VERB: new-epoch, after a backup was put in the place of a newer history: clients learn that what they saw since is gone, \
            instead of taking new messages for it.
            """)

    enum Verb: String, ExpressibleByArgument, CaseIterable {
        case newEpoch = "new-epoch"
    }

    @Argument(help: "new-epoch.")
    var verb: Verb

    @Option(name: .long, help: ArgumentHelp("The folder of what outlives the broker's process.", valueName: "dir"), completion: .directory)
    var dataDir: String?

    @Option(name: .long, help: ArgumentHelp("Read the broker's settings from this TOML file.", valueName: "file"), completion: .file())
    var config: String?

    /// Does what the verb says; the lines to be printed.
    func execute() throws -> [String] {
        let loaded = try ConfigurationLoader.load(
            file: config, environment: ProcessEnvironment.variables(), flags: dataDir.map { ["--data-dir": [$0]] } ?? [:])
        let directory = try DataDirectory.path(loaded.configuration)
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let now = UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
        let (count, epoch) = try HistoryMaintenance.beginNewEpoch(in: directory, now: now)
        return ["\(count) \(count == 1 ? "log has" : "logs have") the epoch \(epoch) now, in \(directory)"]
    }
}
