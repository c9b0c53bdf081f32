import ArgumentParser
import ChatConfiguration
import ChatProtocol
import ChatStore
import Credentials
import Glibc
import SASL

/// `broker user …`: what the operator does with accounts, also while the broker runs, which notices within a second.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "Make, list and suspend accounts.",
        usage: "broker user VERB [NAME] [--data-dir DIR | --config FILE]",
        discussion: """
            VERB: list; add NAME, which asks for the password, or reads it from standard input; passwd NAME, which logs out all devices; \
            suspend NAME, which ends the user's connections too; restore NAME.
            """)

    enum Verb: String, ExpressibleByArgument, CaseIterable {
        case list, add, passwd, suspend, restore
    }

    @Argument(help: "list, add, passwd, suspend or restore.")
    var verb: Verb

    @Argument(help: "The account.")
    var name: String?

    @Option(name: .long, help: ArgumentHelp("The folder of what outlives the broker's process.", valueName: "dir"), completion: .directory)
    var dataDir: String?

    @Option(name: .long, help: ArgumentHelp("Read the broker's settings from this TOML file.", valueName: "file"), completion: .file())
    var config: String?

    func validate() throws {
        guard (verb == .list) == (name == nil) else {
            throw ValidationError(verb == .list ? "list takes no name" : "whose account? broker user \(verb.rawValue) NAME")
        }
    }

    /// Why nothing was done, in one line.
    struct Refusal: Error {
        let reason: String
    }

    /// Does what the verb says; the lines to be printed.
    func execute() throws -> [String] {
        let loaded = try ConfigurationLoader.load(
            file: config, environment: ProcessEnvironment.variables(), flags: dataDir.map { ["--data-dir": [$0]] } ?? [:])
        let directory = loaded.configuration.runtime.dataDirectory
        guard !directory.isEmpty else { throw Refusal(reason: "where are the accounts? --data-dir DIR, or --config FILE") }
        // A folder that is not there is a slip of the pen; accounts that are not there may be made by the first one.
        let makesFile = verb == .add
        guard access(makesFile ? directory : AccountStore.path(in: directory), F_OK) == 0 else {
            throw Refusal(reason: "there are no accounts in \(directory): " + String(cString: strerror(errno)))
        }
        if verb == .list { return try AccountStore(directory: directory).accounts().map(Self.line) }
        guard let name, let account = try? AccountName(name), !account.isReserved else {
            throw Refusal(
                reason: "\(name ?? "") is no name for an account: 1 to 32 of a-z 0-9 . _ -, the first a letter or digit, not guest-…")
        }
        // Asked before the file is opened, so that nobody waits for a person who types.
        let verifier =
            verb == .add || verb == .passwd
            ? ScramVerifier(password: Array(try PasswordPrompt.askForNew("New password for \(account): ").utf8)) : nil
        let store = try AccountStore(directory: directory)
        return [try store.together { () throws(StoreError) in try act(on: account, verifier, store) }.get()]
    }

    private func act(on name: AccountName, _ verifier: ScramVerifier?, _ store: AccountStore) throws(StoreError) -> Result<String, Refusal>
    {
        let row = try store.account(named: name)
        if verb == .add, let verifier {
            let added = try store.add(name, verifier: verifier.text, iterationCount: verifier.iterationCount, at: Self.now)
            return added == nil ? .failure(Refusal(reason: "\(name) has an account")) : .success("added \(name)")
        }
        guard let row else { return .failure(Refusal(reason: "\(name) has no account")) }
        if let verifier {
            try store.setVerifier(verifier.text, iterationCount: verifier.iterationCount, of: row.id, at: Self.now)
            try store.forgetDevices(of: row.id, except: nil)
            return .success("the password of \(name) is changed, and all devices have to log in again")
        }
        try store.setSuspended(verb == .suspend, of: row.id)
        return .success(verb == .suspend ? "suspended \(name)" : "restored \(name)")
    }

    private static func line(_ row: AccountRow) -> String {
        "\(row.name)\t\(row.isSuspended ? "suspended" : "active")\t\(row.verifier == nil ? "no password" : "password")"
    }

    private static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }
}
