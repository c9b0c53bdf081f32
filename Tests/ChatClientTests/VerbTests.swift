import ChatProtocol
import Foundation
import Synchronization
import Testing

/// The scripted verbs as processes, with their statuses.
@Suite struct VerbTests {
    @Test func sendPrintsTheNumberAndTheStatusIs0() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "send", "--user", "ada", "hello", "world"])
        #expect(program.status == 0)
        #expect(program.output == ["1"])
        let json = try Program.run(["send", "--url", peer.url, "--json", "--room", "dev", "x"])
        #expect(json.output == [#"{"t":"published","room":"dev","seq":1,"ts":1,"ack":1}"#])
    }

    /// What is not as it should be, is refused.
    @Test func answersAndReactionsReferToAMessage() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .publish(let publish) = command else { return peer.standard(command, id) }
            let content = publish.publication.content
            let isAnswer = content.kind == .message && content.reply == 17 && content.thread == 3 && content.body == "yes indeed"
            let isReaction = (content.kind == .react || content.kind == .unreact) && content.reference == 17 && content.body == "+1"
            if isAnswer || isReaction { peer.standard(command, id) } else { peer.refuse(.badValue, to: id) }
        }
        for arguments in [
            ["send", "--reply", "17", "--thread", "3", "yes", "indeed"], ["react", "17", "+1"], ["react", "--remove", "17", "+1"],
        ] {
            let program = try Program.run([peer.url] + arguments)
            #expect(program.status == 0, "\(arguments)")
            #expect(program.output == ["1"])
        }
        #expect(try Program.run([peer.url, "react", "17", String(repeating: "x", count: 33)]).status == 2)
        #expect(try Program.run([peer.url, "react", "x", "+1"]).status == 2)
    }

    @Test func sendTakesLines() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "send", "-"], input: "one\ntwo\n\nthree")
        #expect(program.status == 0)
        #expect(program.output == ["1", "2", "3"])
    }

    @Test func whatIsNoTextIsNotSent() throws {
        let peer = try ScriptedPeer()
        let line = try Program.run([peer.url, "send", "-"], octets: Array("one\ntw".utf8) + [0xFF] + Array("\nthree\n".utf8))
        #expect(line.status == 2)
        #expect(line.output.count <= 1)
        #expect(line.complaints == ["broker-cli: a line that is not text in UTF-8 was dropped"])
    }

    @Test func whatWasSaidAndCannotBePrintedIsInDoubt() throws {
        let peer = try ScriptedPeer()
        #expect(try Program.run([peer.url, "send", "x"], output: "/dev/full").status == 5)
        #expect(try Program.run([peer.url, "rooms"], output: "/dev/full").status == 2)
    }

    @Test func tooLongATextNamesTheLimit() throws {
        let peer = try ScriptedPeer { peer, command, id in
            if case .publish = command { peer.refuse(.bodyTooLarge, to: id) } else { peer.standard(command, id) }
        }
        let program = try Program.run([peer.url, "send", "x"])
        #expect(program.complaints == ["broker-cli: the text is too long; at most 4096 octets are taken (402 BODY_TOO_LARGE)"])
        let reaction = try Program.run([peer.url, "react", "17", String(repeating: "x", count: 33)])
        #expect(reaction.complaints == ["broker-cli: not sent: a reaction is a sign or two, not a text (108 BAD_VALUE)"])
    }

    @Test func sendStopsAtTheFirstRefusal() throws {
        let peer = try ScriptedPeer { peer, command, id in
            if case .publish(let publish) = command, PeerConnection.body(of: publish.publication.content) == "two" {
                peer.refuse(.rateLimited, to: id)
            } else {
                peer.standard(command, id)
            }
        }
        let program = try Program.run([peer.url, "send", "-"], input: "one\ntwo\nthree\n")
        #expect(program.status == 1)
        #expect(program.output == ["1"])
        #expect(program.complaints == ["broker-cli: too fast (700 RATE_LIMITED)"])
    }

    @Test func listsAndPings() throws {
        let peer = try ScriptedPeer()
        #expect(try Program.run([peer.url, "rooms"]).output == ["dev\t2\t", "lobby\t2\t"])
        #expect(try Program.run([peer.url, "users", "--user", "ada"]).output == ["bob", "ada"])
        #expect(try Program.run([peer.url, "members", "dev", "--json"]).output.first == #"{"t":"member","user":"bob","role":2,"state":1}"#)
        let ping = try Program.run([peer.url, "ping", "--count", "3"])
        #expect(ping.output.count == 4)
        #expect(ping.output.last?.wholeMatch(of: #/min/avg/max \d+\.\d{3}/\d+\.\d{3}/\d+\.\d{3} ms/#) != nil, "\(ping.output)")
    }

    @Test func membersEntersWhereOnlyMembersMaySee() throws {
        let peer = try ScriptedPeer { peer, command, id in
            if case .members = command, peer.head == 0 {
                peer.deliver(.lobby, from: "bob", "so that the head moves", seq: 1)
                peer.refuse(.notJoined, to: id)
            } else {
                peer.standard(command, id)
            }
        }
        let program = try Program.run([peer.url, "members", "dev", "--user", "ada"])
        #expect(program.status == 0)
        #expect(program.output == ["bob"])
    }

    @Test func directMessages() throws {
        let peer = try ScriptedPeer()
        #expect(try Program.run([peer.url, "dm", "bob", "psst", "--user", "ada"]).output == ["1"])
        let program = try Program.run([peer.url, "dm", "nobody", "psst"])
        #expect(program.status == 1)
        #expect(program.complaints == ["broker-cli: there is no user nobody (405 NO_SUCH_USER)"])
    }

    @Test func tailPrintsWhatWasAndEnds() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .join(let join) = command else { return peer.standard(command, id) }
            peer.joined(join.room, next: 4, head: 5, to: id)
            peer.deliver(join.room, from: "bob", "four")
            peer.deliver(join.room, from: "bob", "five")
        }
        let program = try Program.run([peer.url, "tail", "--count", "2", "--room", "dev"])
        #expect(program.status == 0)
        #expect(program.output == ["2023-11-14 22:13:20 #4 [dev] <bob> four", "2023-11-14 22:13:20 #5 [dev] <bob> five"])
        #expect(
            try Program.run([peer.url, "tail", "--json"]).output.last
                == #"{"t":"deliver","room":"lobby","seq":5,"ts":1700000000000,"from":"bob","body":"five"}"#)
    }

    // MARK: Statuses

    @Test func refusedIs1() throws {
        let peer = try ScriptedPeer()
        #expect(try Program.run([peer.url, "send", "--room", "nowhere", "x"]).status == 1)
        #expect(try Program.run([peer.url, "users", "--user", "taken"]).status == 1)
    }

    @Test(arguments: [
        ["send"], ["send", ""], ["--user", "", "users"], ["broker://h:1/x", "users"], ["--frob"],
        ["rooms", "--url", "http://x"], ["broker://h", "rooms", "--timeout", "0"],
        ["send", "--room", "Bad Room", "x"], ["dm", "Bad", "x"],
        ["ping", "--count", "0"], ["tail", "--count", "1001"], ["rooms", "--ca", "/absent.pem"], ["rooms", "--ca", "/x", "--insecure"],
        ["no-url"],
    ])
    func wrongCommandLineIs2(arguments: [String]) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 2)
        #expect(!program.complaints.isEmpty)
        #expect(program.output.isEmpty)
    }

    @Test func unreachableIs3() throws {
        var port: UInt16 = 0
        do { port = try ScriptedPeer().port }
        let program = try Program.run(["broker://127.0.0.1:\(port)", "rooms"])
        #expect(program.status == 3)
        #expect(program.complaints.count == 1)
        #expect(try Program.run(["broker://127.0.0.1:\(port)"]).status == 3)
    }

    @Test func noTLSAtTheOtherEndIs3() throws {
        let peer = try ScriptedPeer { peer, _, _ in peer.drop() }
        // The peer reads the TLS hello as a preface and answers with one: no TLS record.
        let program = try Program.run(["brokers://127.0.0.1:\(peer.port)", "rooms"])
        #expect(program.status == 3)
        #expect(program.complaints.first?.hasPrefix("broker-cli: TLS failed: ") == true, "\(program.complaints)")
    }

    @Test func insecureIsSaidLoudly() throws {
        let peer = try ScriptedPeer { peer, _, _ in peer.drop() }
        let program = try Program.run(["brokers://127.0.0.1:\(peer.port)", "rooms", "--insecure"])
        #expect(program.complaints.first == "WARNING: --insecure: the certificate of 127.0.0.1 is NOT verified.")
    }

    @Test func timeLimitBeforeAnythingWasSaidIs4() throws {
        let peer = try ScriptedPeer { _, _, _ in }
        let program = try Program.run([peer.url, "rooms", "--timeout", "0.2"])
        #expect(program.status == 4)
        #expect(program.complaints == ["broker-cli: timed out"])
    }

    @Test func unansweredMessageIs5() throws {
        let peer = try ScriptedPeer { peer, command, id in
            if case .publish = command { return }
            peer.standard(command, id)
        }
        let program = try Program.run([peer.url, "send", "x", "--timeout", "0.5"])
        #expect(program.status == 5)
        #expect(program.output.isEmpty)
    }

    /// It was accepted; only an acknowledgement says that it is stored too.
    @Test func messageThatTheLogShowsAfterAReconnectIs5() throws {
        let peer = try ScriptedPeer { peer, command, id in
            switch (peer.number, command) {
            case (1, .publish(let publish)):
                Self.saved.store(publish.publication.content.messageID?.value ?? 0, ordering: .relaxed)
                peer.drop()
            case (2, .join(let join)):
                peer.joined(join.room, next: 1, head: 1, to: id)
                peer.deliver(join.room, from: peer.name, "x", id: MessageID(Self.saved.load(ordering: .relaxed)))
            default: peer.standard(command, id)
            }
        }
        let program = try Program.run([peer.url, "send", "x", "--user", "ada"])
        #expect(program.status == 5)
        #expect(program.output.isEmpty)
        #expect(program.complaints.contains { $0.contains("is event 1 of lobby, but whether it is stored is unknown") })
    }

    private static let saved = Atomic<UInt64>(0)

    @Test func helpNamesTheStatusesAndEveryVerb() throws {
        let help = try Program.run(["--help"])
        #expect(help.status == 0)
        let text = help.output.joined(separator: "\n")
        for word in [
            "EXIT STATUS", "send", "dm", "tail", "inbox", "create", "rooms", "users", "members", "ping", "--generate-completion-script",
        ] {
            #expect(text.contains(word), "\(word)")
        }
        #expect(try Program.run(["--version"]).output.first?.hasPrefix("broker-cli ") == true)
    }

    @Test func whatNoBrokerWouldTakeIs2WithoutAsking() throws {
        let program = try Program.run(["broker://127.0.0.1:1", "send", String(repeating: "x", count: 20_000)])
        #expect(program.status == 2)
        #expect(program.complaints == ["broker-cli: not sent: the text is too long; at most 16384 octets are taken (402 BODY_TOO_LARGE)"])
        #expect(try Program.run(["broker://127.0.0.1:1", "dm", "bob", "a\u{1B}[2J"]).status == 2)
    }

    @Test func ownArrivalIsNoEventFromBefore() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .join(let join) = command else { return peer.standard(command, id) }
            #expect(join.tail == 3)
            peer.joined(join.room, next: 3, head: 5, to: id)
            peer.deliver(join.room, from: "bob", "three")
            peer.deliver(join.room, from: "bob", "four")
            peer.deliver(join.room, from: "ada", "", kind: .joined)
        }
        let program = try Program.run([peer.url, "tail", "--count", "2", "--user", "ada"])
        #expect(program.output == ["2023-11-14 22:13:20 #3 [lobby] <bob> three", "2023-11-14 22:13:20 #4 [lobby] <bob> four"])
    }

    /// Redirections of a shell, which give a program streams that it did not choose.
    @Test(arguments: [
        ("users >&-", 0), ("users <&- >/dev/null 2>&-", 0), ("users >/dev/full 2>/dev/null", 2), ("tail | head -1 >/dev/null", 0),
    ])
    func standardStreamsOfAShell(words: String, status: Int) throws {
        let peer = try ScriptedPeer { peer, command, id in
            peer.standard(command, id)
            if case .join = command { for number in 1...3 { peer.deliver(.lobby, from: "bob", "\(number)") } }
        }
        let shell = Process()
        shell.executableURL = URL(fileURLWithPath: "/bin/sh")
        shell.arguments = ["-c", "\"$0\" \(peer.url) \(words)", Program.url("broker-cli").path]
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == Int32(status))
    }

    @Test(arguments: ["bash", "zsh", "fish"]) func writesCompletionScripts(shell: String) throws {
        let script = try Program.run(["--generate-completion-script", shell])
        #expect(script.status == 0)
        #expect(script.output.joined().contains("follow"))
    }
}
