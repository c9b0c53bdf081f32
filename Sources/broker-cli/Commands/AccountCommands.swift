import ArgumentParser
import Bytes
import ChatClient
import ChatCore
import ChatProtocol
import Credentials

/// `register`: makes an account, and logs this device in.
struct RegisterCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "register", abstract: "Make an account for --user NAME, and log this device in.",
        discussion: "The password is asked for, or read from standard input. It does not leave this machine.")

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        let name = try options.connection.accountName()
        let password = try PasswordPrompt.askForNew("New password for \(name): ")
        return try LogInVerb.run(options, name, password, registers: true)
    }
}

/// `login`: logs this device in.
struct LogInCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Log this device in to the account --user NAME, and remember it.",
        discussion: """
            The password is asked for, or read from standard input. The broker then gives this device a token, which is kept in \
            $XDG_CONFIG_HOME/broker-cli (else ~/.config/broker-cli); commands for the same broker use it, the last log-in without --user. \
            Each log-in is for one program at a time: to use several at once, log in as often. \
            The broker lists them as devices (`broker-cli sessions`).
            """)

    @Flag(help: "Forget this device's log-in instead, here and at the broker.")
    var out = false

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        if out { return try logOut() }
        let name = try options.connection.accountName()
        let password = try PasswordPrompt.ask("Password for \(name): ")
        return try LogInVerb.run(options, name, password, registers: false)
    }

    private func logOut() throws -> ExitStatus {
        let url = try options.connection.url(options.url)
        guard let profile = try Profile.find(url, user: options.connection.name) else {
            throw StartFailure(reason: "no log-in to \(url) is remembered", status: .refused)
        }
        return try VerbRunner.run(options, profile: profile) { runner in
            runner.ask(.devices) { outcome in
                guard case .devices(let devices) = outcome else { return }
                // Of those that are connected, this one logged in last.
                guard let own = devices.first(where: { $0.state == .online }) else { return runner.finish(.ok) }
                runner.ask(.revoke(own.id)) { _ in
                    profile.forget()
                    runner.print(runner.isJSON ? AccountJSON.event("logged_out", profile.user) : "logged out \(profile.user)")
                    runner.finish(.ok)
                }
            }
        }
    }
}

/// `passwd`: changes the password.
struct PasswordCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Change the password of the account.",
        discussion: "All other devices of the account have to log in anew. Not at a terminal: two lines, the old password and the new one.")

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        let url = try options.connection.url(options.url)
        // Where other programs use all log-ins, the password is enough.
        let profile = try? Profile.find(url, user: options.connection.name)
        let name = try profile?.user ?? options.connection.accountName()
        let password = try PasswordPrompt.ask("Present password for \(name): ")
        let new = try PasswordPrompt.askForNew("New password: ")
        let verifier = ClientCredentials.verifier(of: new)
        let credentials = ClientCredentials(
            name: name, password: password, token: nil, isBindingExpected: profile?.isBound ?? false)
        return try VerbRunner.run(options, profile: profile, credentials: credentials) { runner in
            runner.ask(.changePassword(verifier: verifier)) { _ in
                runner.print(runner.isJSON ? AccountJSON.event("password_changed", name) : "the password of \(name) is changed")
                runner.finish(.ok)
            }
        }
    }
}

/// `sessions`: lists the devices of the account, or logs one out.
struct SessionsCommand: BrokerCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "List the devices that are logged in to the account, or log one out.",
        discussion: "Each line: an id, whether the device is connected, when it last logged in (UTC), its software.")

    @Option(help: ArgumentHelp("Log out the device whose id begins like this.", valueName: "id"))
    var revoke: String?

    @OptionGroup var options: VerbOptions

    func execute() throws -> ExitStatus {
        try VerbRunner.run(options) { runner in
            runner.ask(.devices) { outcome in
                guard case .devices(let devices) = outcome else { return }
                guard let revoke else {
                    for device in devices { runner.print(runner.isJSON ? AccountJSON.device(device) : Self.text(device)) }
                    return runner.finish(.ok)
                }
                let meant = devices.filter { Hex.text($0.id.array).hasPrefix(revoke.lowercased()) }
                guard meant.count == 1, !revoke.isEmpty else {
                    return runner.fail(meant.isEmpty ? "no device has such an id" : "several ids begin like this", .refused)
                }
                runner.ask(.revoke(meant[0].id)) { _ in
                    runner.print(runner.isJSON ? AccountJSON.device(meant[0]) : "logged out " + Self.text(meant[0]))
                    runner.finish(.ok)
                }
            }
        }
    }

    private static func text(_ device: DeviceRecord) -> String {
        let state = device.state == .online ? "connected" : "away     "
        return "\(Hex.text(device.id.array))  \(state)  \(UTCText.of(device.lastLogIn))  \(VisibleText.escape(device.agent))"
    }
}

private enum LogInVerb {
    /// Logs in with a password, and remembers the device.
    static func run(_ options: VerbOptions, _ name: AccountName, _ password: String, registers: Bool) throws -> ExitStatus {
        let url = try options.connection.url(options.url)
        let profile = try Profile.make(url, user: name)
        let credentials = ClientCredentials(
            name: name, password: password, token: nil, registers: registers, isBindingExpected: profile.isBound)
        let status = try VerbRunner.run(options, profile: profile, credentials: credentials) { runner in
            runner.onNotice = { notice in
                guard case .ready(_, _, isReturn: false) = notice else { return }
                let remembers = profile.token != nil
                let text = "logged in as \(name)" + (remembers ? "; this device is remembered" : "; this broker gives no tokens")
                runner.print(runner.isJSON ? AccountJSON.event("logged_in", name) : text)
                runner.finish(.ok)
            }
        }
        if profile.token == nil { profile.forget() }
        return status
    }
}

extension ConnectionOptions {
    /// The name of the account, which must have been said.
    func accountName() throws(StartFailure) -> AccountName {
        guard let name else { throw StartFailure(reason: "whose account? --user NAME, or $BROKER_USER") }
        guard let account = try? AccountName(name) else { throw StartFailure(reason: "\(name) is no name: " + FailureText.nameRule) }
        return account
    }
}

/// A moment as a person reads it.
enum UTCText {
    /// - Parameter milliseconds: since 1970-01-01T00:00:00Z.
    static func of(_ milliseconds: UInt64) -> String {
        // The days of the civil calendar since 0000-03-01, by eras of 400 years.
        let days = Int(milliseconds / 86_400_000) + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let seconds = Int(milliseconds / 1_000 % 86_400)
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(year)-\(padded(month))-\(padded(day)) \(padded(seconds / 3_600)):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))"
    }
}

private enum AccountJSON {
    static func event(_ type: String, _ name: AccountName) -> String {
        var line = JSONLine(type)
        line.add("user", name.description)
        return line.closed
    }

    static func device(_ device: DeviceRecord) -> String {
        var line = JSONLine("session")
        line.add("id", Hex.text(device.id.array))
        line.add("agent", device.agent)
        line.add("connected", flag: device.state == .online)
        line.add("last_login", Int(device.lastLogIn))
        line.add("until", Int(device.until))
        return line.closed
    }
}
