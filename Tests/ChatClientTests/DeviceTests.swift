import Foundation
import Testing

/// Which of the log-ins that a device remembers is used: with several accounts, several log-ins of one, and several programs at once.
@Suite struct DeviceTests {
    private static let password = "correct horse\n"

    @Test func theLastLogInIsUsedWithoutAName() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "ada", input: Self.password).status == 0)
        #expect(try trial.run("register", "--user", "bob", input: Self.password).status == 0)
        #expect(try trial.run("users").output == ["bob"])
        #expect(try trial.run("send", "x").status == 0)
        #expect(try trial.lastSpeaker() == "bob")
        // A log-in that is used again is no log-in.
        #expect(try trial.run("send", "x", "--user", "ada").status == 0)
        #expect(try trial.run("send", "x").status == 0)
        #expect(try trial.lastSpeaker() == "bob")
        #expect(try trial.run("login", "--user", "ada", input: Self.password).status == 0)
        #expect(try trial.run("send", "x").status == 0)
        #expect(try trial.lastSpeaker() == "ada")
        #expect(try trial.run("login", "--out").output == ["logged out ada"])
    }

    @Test func eachProgramHasALogInOfItsOwn() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "bob", input: Self.password).status == 0)
        let first = try trial.follow("--user", "bob")
        for words in [["send", "x", "--user", "bob"], ["send", "x"]] {
            let refused = try trial.run(words)
            #expect(refused.status == 1)
            #expect(
                refused.complaints == [
                    "broker-cli: other programs use all log-ins of bob on this device; `broker-cli login --user bob` adds one"
                ])
        }
        #expect(try trial.run("login", "--user", "bob", input: Self.password).status == 0)
        #expect(trial.profiles() == ["session-1", "session-2"])
        #expect(try trial.run("send", "from cron").status == 0)
        let sessions = try trial.run("sessions")
        #expect(sessions.output.count == 2 && sessions.output.allSatisfy { $0.contains("connected") }, "\(sessions)")
        _ = try first.output.next { $0.contains("from cron") }
        #expect(first.end() == 143)
    }

    @Test func whatIsRevokedIsForgottenAndTheNextIsTried() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "bob", input: Self.password).status == 0)
        let known = Set(try trial.sessions())
        #expect(try trial.run("login", "--user", "bob", input: Self.password).status == 0)
        let own = try #require(try trial.sessions().first { !known.contains($0) })
        #expect(try trial.run("login", "--user", "bob", input: Self.password, home: "phone").status == 0)
        #expect(try trial.run("sessions", "--revoke", own, home: "phone").status == 0)
        let sent = try trial.run("send", "-", input: "one\ntwo\n")
        #expect(sent.status == 0 && sent.output.count == 2, "\(sent)")
        #expect(trial.profiles() == ["session-1"])
        let revoked = try #require(known.first)
        #expect(try trial.run("sessions", "--revoke", revoked, home: "phone").status == 0)
        #expect(try trial.run("send", "x").status == 1)
        #expect(trial.profiles() == [])
    }

    @Test func aSuspendedAccountKeepsItsLogIns() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "bob", input: Self.password).status == 0)
        #expect(try trial.operate("suspend", "bob").status == 0)
        #expect(try trial.run("users").status == 1)
        #expect(trial.profiles() == ["session-1"])
    }

    @Test func whoOwnsTheNameIsToldToLogIn() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "ada", input: Self.password).status == 0)
        let advice = "the name ada has an account; broker-cli login --user ada logs in to it (408 EXISTS)"
        #expect(try trial.run("users", "--user", "ada", home: "other").complaints == ["broker-cli: " + advice])
        #expect(try trial.run("--user", "ada", home: "other").output == ["!! " + advice])
        let taken = try trial.run("register", "--user", "ada", input: Self.password, home: "other")
        #expect(taken.complaints == ["broker-cli: this name is in use; choose another (408 EXISTS)"])
    }

    /// A script that looks for gaps must not find one where nothing is missing.
    @Test func onlyTheArrivalOfThisVisitIsLeftOut() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "ada", input: Self.password).status == 0)
        func numbers(_ words: [String], user: String = "ada") throws -> [Int] {
            let program = try trial.run(words + ["--json", "--user", user])
            #expect(program.status == 0, "\(program.complaints)")
            return program.output.compactMap { $0.firstMatch(of: #/"seq":(\d+)/#).flatMap { Int($0.1) } }
        }
        // She comes to a room and stays its member: the last event is that she came.
        #expect(try numbers(["send", "--room", "general", "first"]).count == 1)
        #expect(try trial.run("send", "--room", "tech", "x").status == 0)
        for verb in [["tail", "--room", "general"], ["history", "general"]] {
            #expect(try numbers(verb) == [1, 2], "\(verb)")
        }
        // A guest's own coming is the last event.
        for verb in [["tail", "--room", "general"], ["history", "general"]] {
            let seen = try numbers(verb, user: "zoe")
            #expect(seen == Array(1...(seen.last ?? 0)), "\(verb): \(seen)")
            #expect(try trial.run(verb + ["--user", "zoe"]).output.contains { $0.hasSuffix("ada joined") })
        }
        // The lobby is entered by the broker: ada came several times, which is told but for the last.
        let seen = try numbers(["history", "lobby"])
        #expect(seen.count > 1 && seen == Array(1...seen.count), "\(seen)")
    }
}
