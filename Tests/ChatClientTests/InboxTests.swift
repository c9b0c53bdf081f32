import ChatProtocol
import Foundation
import Testing

/// What people find who were away: `inbox`, conversations by name, and the rooms of an account in a conversation.
@Suite struct InboxTests {
    /// A broker with the accounts ada and bob, each with a home of its own.
    private func trial(isSecure: Bool = true) throws -> AccountTrial {
        let trial = try AccountTrial(isSecure: isSecure)
        for name in ["ada", "bob"] {
            #expect(try trial.run("register", "--user", name, input: "correct horse\n", home: name).status == 0)
        }
        return trial
    }

    private func terminal(_ trial: AccountTrial, _ name: String, _ options: [String] = []) throws -> PseudoTerminal {
        let terminal = try PseudoTerminal(
            [trial.broker.url, "--user", name, "--no-color", "--ca", RunningBroker.authority] + options,
            environment: ["XDG_CONFIG_HOME": trial.folder + "/" + name])
        try terminal.wait(for: "as \(name);")
        return terminal
    }

    /// Names and counts alone; the times are not known.
    private func inbox(_ trial: AccountTrial, _ name: String) throws -> [String] {
        try trial.run("inbox", "--unread", home: name).output.map { $0.split(separator: "\t").prefix(2).joined(separator: " ") }
    }

    @Test func messagesToWhoWasAwayAreShownOnce() throws {
        let trial = try trial()
        #expect(try trial.run("dm", "bob", "while away", home: "ada").status == 0)
        #expect(try trial.run("dm", "bob", "and more", home: "ada").status == 0)
        #expect(try inbox(trial, "bob") == ["@ada 2"])
        let first = try trial.run(home: "bob")
        #expect(first.status == 0)
        let said = first.output.filter { $0.contains("[ada -> you]") }
        #expect(said.count == 2 && said[0].hasSuffix("[ada -> you] while away") && said[1].hasSuffix("and more"), "\(first.output)")
        #expect(try inbox(trial, "bob") == [])
        #expect(try !trial.run(home: "bob").output.contains { $0.contains("[ada -> you]") })
        // What ada said herself is no news to her.
        #expect(try !trial.run(home: "ada").output.contains { $0.contains("while away") })
    }

    @Test func manyMessagesAreCountedAndTheNewestShown() throws {
        let trial = try trial()
        let lines = (1...45).map { "number \($0)" }.joined(separator: "\n")
        #expect(try trial.run("dm", "bob", "-", input: lines, home: "ada").status == 0)
        let program = try trial.run(home: "bob")
        #expect(program.output.contains("-- 25 unread before these in @ada; :history @ada 45 shows them"), "\(program.output)")
        #expect(program.output.filter { $0.contains("[ada -> you]") }.count == 20)
        #expect(program.output.last { $0.contains("[ada -> you]") }?.hasSuffix("number 45") == true)
        let history = try trial.run(input: ":history @ada 45\n", home: "bob")
        #expect(history.output.filter { $0.contains("[ada -> you]") }.count == 45)
    }

    @Test func inJSONTheInboxAndItsMessagesAreObjects() throws {
        let trial = try trial()
        #expect(try trial.run("dm", "bob", "while away", home: "ada").status == 0)
        let inbox = try trial.run("inbox", "--json", home: "bob").output
        let form = #/\{"t":"inbox","room":"@ada\+bob","ts":\d+,"epoch":\d+,"head":1,"mark":0,"unread":1,"usn":\d+\}/#
        #expect(inbox.contains { $0.wholeMatch(of: form) != nil }, "\(inbox)")
        let chat = try trial.run("--json", home: "bob").output
        #expect(chat.contains { $0.wholeMatch(of: form) != nil } && chat.contains { $0.contains(#""body":"while away""#) }, "\(chat)")
    }

    @Test func roomsOfAnAccountAreAttachedAndCounted() throws {
        let trial = try trial()
        #expect(try trial.run(input: ":cr cellar\n:cr attic\n", home: "ada").status == 0)
        #expect(try trial.run("send", "--room", "cellar", "one", home: "bob").status == 0)
        #expect(try trial.run("send", "--room", "cellar", "two", home: "bob").status == 0)
        let ada = try terminal(trial, "ada")
        try ada.wait(for: "-- unread: 2 in cellar; :room NAME shows it")
        ada.type(":lrs\r")
        try ada.wait(for: "   attic, 1 member, you are in it")
        try ada.wait(for: "   cellar, 2 members, you are in it")
        #expect(try trial.run("send", "--room", "cellar", "live", home: "bob").status == 0)
        try ada.wait(for: "[cellar] <bob> live")
        ada.type(":inbox\r")
        // What was not shown is not read, and neither is what came after it.
        try ada.wait(for: "   cellar, 3 unread, last ")
        ada.type(":room cellar\r")
        try ada.wait(for: "[cellar] <bob> one")
        try ada.wait(for: "[cellar] <bob> two")
        try ada.wait(for: "cellar> ")
        ada.type("seen\r")
        try ada.wait(for: "[cellar] <ada (you)> seen")
        ada.type(":quit\r")
        #expect(ada.end().status == 0)
        #expect(try inbox(trial, "ada") == [])
    }

    @Test func aRoomJoinedByAnotherProgramIsAttachedAfterAReconnect() throws {
        let trial = try trial()
        let wire = try Forwarder(to: trial.broker.ports[0])
        #expect(try trial.run("login", "--user", "ada", input: "correct horse\n", home: "other").status == 0)
        let ada = try PseudoTerminal(
            ["brokers://localhost:\(wire.port)", "--user", "ada", "--no-color", "--ca", RunningBroker.authority],
            environment: ["XDG_CONFIG_HOME": try copy(of: "ada", in: trial, port: wire.port)])
        try ada.wait(for: "as ada;")
        try ada.wait(for: "lobby> ")
        #expect(try trial.run(input: ":cr cellar\n", home: "other").status == 0)
        wire.cut()
        try ada.wait(for: "(offline)")
        #expect(try trial.run("dm", "ada", "while cut", home: "bob").status == 0)
        wire.mend()
        ada.type("\r")
        try ada.wait(for: "-- back; ")
        try ada.wait(for: "[bob -> you] while cut")
        ada.type(":lrs\r")
        try ada.wait(for: "   cellar, 1 member, you are in it")
    }

    /// The same device, at the address of a forwarder.
    private func copy(of name: String, in trial: AccountTrial, port: UInt16) throws -> String {
        let (from, to) = ("\(trial.folder)/\(name)/broker-cli", "\(trial.folder)/\(name)-forwarded/broker-cli")
        try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
        let lines = try String(contentsOfFile: from + "/session-1", encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        let text = (["brokers://localhost:\(port)"] + lines.dropFirst().map(String.init)).joined(separator: "\n")
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: 0o600]
        #expect(FileManager.default.createFile(atPath: to + "/session-1", contents: Data(text.utf8), attributes: attributes))
        return "\(trial.folder)/\(name)-forwarded"
    }

    @Test func conversationsHaveNames() throws {
        let trial = try trial()
        #expect(try trial.run("dm", "bob", "one", home: "ada").status == 0)
        for name in ["@ada", "@ada+bob", "@bob+ada"] {
            for words in [["history", name], ["tail", "--room", name]] {
                let program = try Program.run(
                    [trial.broker.url] + words + ["--ca", RunningBroker.authority], environment: ["XDG_CONFIG_HOME": trial.folder + "/bob"])
                #expect(program.output.count == 1 && program.output[0].hasSuffix("[ada -> you] one"), "\(words) \(program)")
            }
        }
        #expect(try trial.run("send", "--room", "@ada", "two", home: "bob").output == ["2"])
        #expect(try trial.run("history", "@bob", home: "ada").output.count == 2)
        let strange = try trial.run("history", "@ada+bob", "--user", "zoe", home: "nobody")
        #expect(
            strange.status == 1 && strange.complaints == ["broker-cli: there is no conversation @ada+bob (404 NO_SUCH_ROOM)"], "\(strange)")
        let nameless = try trial.run("history", "@bob", home: "nobody")
        #expect(nameless.status == 2 && nameless.complaints.first?.contains("--user NAME") == true, "\(nameless)")
        #expect(try trial.run("history", "@Bob", "--user", "zoe", home: "nobody").status == 2)
    }

    @Test func aConversationCanBeTheCurrentRoom() throws {
        let trial = try trial()
        let early = try trial.run("--room", "@bob", home: "ada")
        #expect(early.output.contains("!! there is no conversation @ada+bob; the first message begins it (404 NO_SUCH_ROOM)"))
        let ada = try terminal(trial, "ada")
        ada.type(":room @bob\r")
        try ada.wait(for: "@bob> ")
        ada.type("begun like this\r")
        try ada.wait(for: "[you -> bob] begun like this")
        let bob = try terminal(trial, "bob", ["--room", "@ada"])
        try bob.wait(for: "[ada -> you] begun like this")
        bob.type("answer\r")
        try ada.wait(for: "[bob -> you] answer")
        ada.type(":history @bob 1\r")
        try ada.wait(for: "[bob -> you] answer")
    }

    @Test func roomsAreCreatedByAVerbAndHintedAt() throws {
        let trial = try AccountTrial(isSecure: false)
        let url = "broker://localhost:\(trial.broker.ports[0])"
        for words in [["send", "--room", "ops", "x"], ["tail", "--room", "ops"], ["history", "ops"]] {
            let program = try Program.run([url] + words)
            #expect(program.status == 1)
            #expect(program.complaints == ["broker-cli: there is no room ops; broker-cli create ops makes it (404 NO_SUCH_ROOM)"])
        }
        #expect(try Program.run([url, "create", "ops", "--title", "Operations"]).output == ["created ops"])
        #expect(try Program.run([url, "rooms"]).output.contains("ops\t0\tOperations"))
        let again = try Program.run([url, "create", "ops"])
        #expect(again.status == 1 && again.complaints == ["broker-cli: the room ops exists already (408 EXISTS)"])
        #expect(try Program.run([url, "create", "dev", "--json"]).output == [#"{"t":"created","room":"dev"}"#])
        #expect(try Program.run([url, "create", "@ada+bob"]).status == 2)
    }

    @Test func inTheClearAGuestsInboxIsTheLobby() throws {
        let trial = try AccountTrial(isSecure: false)
        let program = try Program.run(["broker://localhost:\(trial.broker.ports[0])", "inbox", "--user", "zoe"])
        #expect(program.status == 0 && program.output.count == 1 && program.output[0].hasPrefix("lobby\t"), "\(program)")
    }

    @Test func aBrokerWithoutAnInboxSaysSo() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .inbox(_) = command else { return peer.standard(command, id) }
            peer.refuse(.notImplemented, to: id)
        }
        let program = try Program.run([peer.url, "inbox"])
        #expect(program.status == 1 && program.complaints == ["broker-cli: the broker does not offer that (501 NOT_IMPLEMENTED)"])
    }
}
