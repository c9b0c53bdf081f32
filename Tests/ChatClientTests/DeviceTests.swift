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

}
