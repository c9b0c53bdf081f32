import Foundation
import Testing

/// Accounts as people use them: `register`, `login`, `passwd`, `sessions`, and what is remembered between.
@Suite struct AccountVerbTests {
    @Test func aDeviceIsRememberedUntilItLogsOut() throws {
        let trial = try AccountTrial()
        let registered = try trial.run("register", "--user", "ada", input: "correct horse\n")
        #expect(registered.status == 0, "\(registered.complaints)")
        #expect(registered.output == ["logged in as ada; this device is remembered"])
        #expect(trial.profiles() == ["session-1"])
        let path = trial.folder + "/home/broker-cli/session-1"
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        // The broker's last log-in, with and without its name.
        #expect(try trial.run("users").output == ["ada"])
        #expect(try trial.run("users", "--user", "ada").output == ["ada"])
        #expect(try trial.run("send", "hello").status == 0)
        let other = try trial.run("users", "--user", "bob").output
        #expect(other.contains("bob"))
        #expect(try !trial.everythingWritten().contains("correct horse"))

        #expect(try trial.run("login", "--out").output == ["logged out ada"])
        #expect(trial.profiles() == [])
        #expect(try trial.run("users", "--user", "ada").status == 1, "the name is not for guests")
    }

    @Test func wrongPasswordsAndTakenNamesAreRefused() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "ada", input: "correct horse\n").status == 0)
        let wrong = try trial.run("login", "--user", "ada", input: "wrong horse\n", home: "other")
        #expect(wrong.status == 1 && wrong.complaints == ["broker-cli: name or password is wrong (201 AUTH_FAILED)"], "\(wrong)")
        #expect(trial.profiles("other") == [])
        #expect(try trial.run("register", "--user", "ada", input: "correct horse\n", home: "other").status == 1)
        for (words, input) in [
            (["register"], "correct horse\n"), (["register", "--user", "eve"], "short\n"), (["login", "--user", "ada"], ""),
        ] {
            let program = try Program.run([trial.broker.url] + words + ["--ca", RunningBroker.authority], input: input)
            #expect(program.status == 2, "\(words) \(program)")
        }
    }

    @Test func passwordsChangeAndDevicesAreLoggedOut() throws {
        let trial = try AccountTrial()
        #expect(try trial.run("register", "--user", "ada", input: "correct horse\n").status == 0)
        #expect(try trial.run("login", "--user", "ada", input: "correct horse\n", home: "phone").status == 0)
        #expect(try trial.run("sessions").output.count == 2)
        let json = try #require(try trial.run("sessions", "--json", home: "phone").output.first)
        let id = try #require(json.firstMatch(of: #/"id":"([0-9a-f]{32})"/#)).1
        #expect(json.contains(#""connected":true"#))
        #expect(try trial.run("sessions", "--revoke", String(id.prefix(8))).status == 0)
        #expect(try trial.run("users", "--user", "ada", home: "phone").status == 1)
        #expect(trial.profiles("phone") == [], "what is worth nothing is forgotten")
        #expect(try trial.run("sessions", "--revoke", String(id)).complaints == ["broker-cli: no device has such an id"])
        #expect(try trial.run("passwd", input: "wrong horse\nbattery staple\n").status == 1)
        #expect(try trial.run("passwd", input: "correct horse\nbattery staple\n").output == ["the password of ada is changed"])
        #expect(try trial.run("login", "--user", "ada", input: "correct horse\n", home: "phone").status == 1)
        #expect(try trial.run("login", "--user", "ada", input: "battery staple\n", home: "phone").status == 0)
    }

    @Test func theOperatorMakesAndSuspendsAccounts() throws {
        let trial = try AccountTrial()
        #expect(try trial.operate("add", "bob", input: "battery staple\n") == (0, "added bob\n"))
        #expect(try trial.operate("add", "bob", input: "battery staple\n").status == 1)
        #expect(try trial.operate("add", "Bob", input: "battery staple\n").status == 1)
        #expect(try trial.operate("list") == (0, "bob\tactive\tpassword\n"))
        #expect(try trial.run("login", "--user", "bob", input: "battery staple\n").status == 0)
        #expect(try trial.operate("suspend", "bob").output == "suspended bob\n")
        let refused = try trial.run("users", "--user", "bob")
        #expect(refused.status == 1 && refused.complaints == ["broker-cli: the account is suspended (207 SUSPENDED)"], "\(refused)")
        #expect(try trial.operate("restore", "bob").status == 0)
        #expect(try trial.operate("passwd", "bob", input: "another staple\n").status == 0)
        #expect(try trial.run("users", "--user", "bob").status == 1, "the device has to log in again")
        #expect(try trial.run("login", "--user", "bob", input: "another staple\n").status == 0)
        #expect(try trial.operate("suspend", "nobody").status == 1)
        #expect(try trial.operate("nonsense").status == 64)
        // What nobody could log in with is no password.
        for password in [String(repeating: "x", count: 1_025), "seven7s", "a\u{1B}[2Jbcdefgh"] {
            #expect(try trial.operate("add", "eve", input: password + "\n").status == 1)
        }
        #expect(try trial.operate("add", "eve", octets: Array("battery".utf8) + [0xFF, 0x0A]).status == 1)
        #expect(try trial.operate("add", "eve", input: String(repeating: "x", count: 1_024) + "\n").status == 0)
    }

    @Test func inTheClearOnLoopbackToo() throws {
        let trial = try AccountTrial(isSecure: false)
        let url = "broker://localhost:\(trial.broker.ports[0])"
        let environment = ["XDG_CONFIG_HOME": trial.folder + "/home"]
        let registered = try Program.run([url, "register", "--user", "ada"], input: "correct horse\n", environment: environment)
        #expect(registered.status == 0, "\(registered.complaints)")
        #expect(try Program.run([url, "users"], environment: environment).output == ["ada"])
    }
}
