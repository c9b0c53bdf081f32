import Foundation
import Glibc
import Testing

/// `broker-cli` and a real `broker`, over TLS with the certificate of `make run`.
@Suite struct BrokerTests {
    private static var trust: [String] { ["--ca", RunningBroker.authority] }

    private func person(_ url: String, _ name: String, _ options: [String] = []) throws -> PseudoTerminal {
        let terminal = try PseudoTerminal([url, "--user", name, "--no-color"] + Self.trust + options)
        try terminal.wait(for: "as \(name);")
        return terminal
    }

    // MARK: Conversations

    @Test func twoPeopleUseEveryCommand() throws {
        let broker = try RunningBroker()
        let ada = try person(broker.url, "ada")
        let bob = try person(broker.url, "bob")
        try ada.wait(for: "* bob joined")
        for (sign, room) in [(":", "tea"), ("/", "jam")] {
            ada.type("hello by \(sign)\r")
            try bob.wait(for: "[lobby] <ada> hello by \(sign)")
            ada.type("\(sign)users\r")
            try ada.wait(for: "-- connected (2): ada, bob")
            ada.type("\(sign)ping\r")
            try ada.wait(for: "-- round trip ")
            ada.type("\(sign)cr \(room)\r")
            try ada.wait(for: "-- created \(room)")
            try ada.wait(for: "-- you are in \(room), alone")
            try bob.wait(for: "* ada created the room \(room)")
            bob.type("\(sign)rm \(room) let me in\r")
            try bob.wait(for: "!! you are not in \(room); :jr \(room) enters it (407 NOT_JOINED)")
            bob.type("\(sign)cr \(room)\r")
            try bob.wait(for: "!! the room \(room) exists already; :jr \(room) enters it (408 EXISTS)")
            bob.type("\(sign)jr \(room)\r")
            try bob.wait(for: "-- you are in \(room), with 1 other")
            try ada.wait(for: "[\(room)] * bob joined")
            bob.type("\(sign)jr \(room)\r")
            try bob.wait(for: "!! you are in \(room) already")
            bob.type("\(sign)rm \(room) is the kettle on?\r")
            try ada.wait(for: "[\(room)] <bob> is the kettle on?")
            ada.type("\(sign)lrs\r")
            try ada.wait(for: "   \(room), 2 members, you are in it")
            ada.type("\(sign)lru \(room)\r")
            try ada.wait(for: "-- in \(room) (2): ada (owner), bob")
            ada.type("\(sign)pm bob psst\r")
            try ada.wait(for: "[you -> bob] psst")
            try bob.wait(for: "[ada -> you] psst")
            ada.type("\(sign)pm nobody psst\r")
            try ada.wait(for: "!! there is no user nobody (405 NO_SUCH_USER)")
            bob.type("\(sign)lr \(room)\r")
            try bob.wait(for: "-- you left \(room)")
            try ada.wait(for: "[\(room)] * bob left")
            bob.type("\(sign)lr \(room)\r")
            try bob.wait(for: "!! you are not in \(room) (407 NOT_JOINED)")
            bob.type("\(sign)jr nowhere\r")
            try bob.wait(for: "!! there is no room nowhere; :cr nowhere creates it (404 NO_SUCH_ROOM)")
            bob.type("\(sign)lr\r")
            try bob.wait(for: "!! everybody is in the lobby, and nobody leaves it (300 FORBIDDEN)")
            ada.type("\(sign)help\r")
            try ada.wait(for: ":quit :q :exit")
        }
        ada.type("look \u{202E}txt\u{200B}\r")
        try bob.wait(for: "[lobby] <ada> look \\u{202E}txt\\u{200B}\r\n")
        bob.type(":quit\r")
        #expect(bob.end().status == 0)
        try ada.wait(for: "[lobby] * bob left")
        // The name is free again.
        let second = try person(broker.url, "bob")
        second.type("/quit\r")
        #expect(second.end().status == 0)
    }

    @Test func peopleAnswerChangeAndReact() throws {
        let broker = try RunningBroker()
        let ada = try person(broker.url, "ada")
        let bob = try person(broker.url, "bob")
        try ada.wait(for: "* bob joined")
        ada.type("first\r")
        try bob.wait(for: "[lobby] <ada> first")
        bob.type(":reply indeed\r")
        try ada.wait(for: "[lobby] <bob> (to #3 ada: first) indeed")
        bob.type(":react ^ada +1\r")
        try ada.wait(for: "[lobby] * bob reacted +1 to #3 ada: first")
        bob.type("/react #3 +1\r")
        try bob.wait(for: "!! you have reacted so already (408 EXISTS)")
        bob.type(":unreact #3 +1\r")
        try ada.wait(for: "[lobby] * bob took back +1 from #3 ada: first")
        bob.type(":react #3 \(String(repeating: "x", count: 33))\r")
        try bob.wait(for: "!! not sent: ")
        ada.type(":edit second\r")
        try bob.wait(for: "[lobby] * ada edited #3: second")
        bob.type(":edit #3 third\r")
        try bob.wait(for: "!! only its author edits a message (300 FORBIDDEN)")
        ada.type(":thread #3 more\r")
        try bob.wait(for: "[lobby] <ada> (thread #3 ada: second) more")
        ada.type(":pin #3\r")
        try ada.wait(for: "!! only moderators pin messages here (300 FORBIDDEN)")
        ada.type(":delete #3\r")
        try bob.wait(for: "[lobby] * ada deleted #3")
        bob.type(":last\r")
        try bob.wait(for: "   #3 ada: (deleted)")
        bob.type(":react #3 x\r")
        try bob.wait(for: "!! there is no such message (406 NO_SUCH_EVENT)")
        bob.type(":reply ^cyd x\r")
        try bob.wait(for: "!! no message of cyd was seen in lobby")
    }

    @Test func whoIsTypingOrAwayIsSeen() throws {
        let broker = try RunningBroker()
        let ada = try person(broker.url, "ada")
        let bob = try person(broker.url, "bob")
        try ada.wait(for: "* bob joined")
        bob.type("half a sen")
        try ada.wait(for: "(bob is typing) lobby> ")
        bob.type("tence\r")
        try ada.wait(for: "[lobby] <bob> half a sentence")
        bob.type(":away\r")
        try bob.wait(for: "-- you are away")
        ada.type(":users\r")
        try ada.wait(for: "-- connected (2): ada, bob (away)")
        bob.type(":busy\r")
        try bob.wait(for: "-- you do not want to be disturbed")
        ada.type(":users\r")
        try ada.wait(for: "bob (busy)")
        bob.type(":back\r")
        try bob.wait(for: "-- you are back")
    }

    @Test func aNameInUseIsAskedForAgain() throws {
        let broker = try RunningBroker()
        let ada = try person(broker.url, "ada")
        let other = try PseudoTerminal([broker.url, "--user", "ada", "--no-color"] + Self.trust)
        try other.wait(for: "!! the name ada is in use (408 EXISTS)")
        try other.wait(for: "your name: ")
        other.type("two words\r")
        try other.wait(for: "!! two words is no name: ")
        other.type("bob\r")
        try other.wait(for: "as bob;")
        try ada.wait(for: "* bob joined")
    }

    // MARK: Losing the connection

    @Test func aCutWireLeavesNeitherGapNorDuplicate() throws {
        let broker = try RunningBroker()
        let wire = try Forwarder(to: broker.ports[0])
        let ada = try RunningProgram([broker.url, "--user", "ada", "--json"] + Self.trust)
        _ = try ada.output.next { $0.hasPrefix(#"{"t":"joined""#) }
        let follower = try RunningProgram(
            ["brokers://localhost:\(wire.port)", "tail", "--follow", "--count", "1000", "--json", "--user", "eve"] + Self.trust)
        _ = try ada.output.next { $0.contains(#""user":"eve""#) }
        for number in 0..<60 { ada.say("message \(number)") }
        _ = try follower.output.next { $0.contains(#""body":"message 20""#) }
        wire.cut()
        for number in 60..<120 { ada.say("message \(number)") }
        _ = try ada.output.next { $0.contains(#""body":"message 119""#) }
        wire.mend()
        _ = try follower.output.next { $0.hasPrefix(#"{"t":"recovered""#) }
        if !follower.output.lines.contains(where: { $0.contains(#""body":"message 119""#) }) {
            _ = try follower.output.next { $0.contains(#""body":"message 119""#) }
        }
        let bodies = follower.output.lines.compactMap { $0.firstMatch(of: #/"body":"message (\d+)"/#).flatMap { Int($0.1) } }
        #expect(bodies == Array(0..<120))
        #expect(follower.output.lines.contains { $0.hasPrefix(#"{"t":"connection_lost""#) })
        #expect(follower.output.lines.contains { $0.wholeMatch(of: #/\{"t":"recovered","messages":\d+,"complete":true\}/#) != nil })
        #expect(follower.end(SIGINT) == 130)
    }

    @Test func aKilledBrokerIsToldTruthfullyAndNothingIsSaidTwice() throws {
        var broker: RunningBroker? = try RunningBroker()
        let port = broker!.ports[0]
        let url = broker!.url
        let ada = try person(url, "ada")
        let bob = try person(url, "bob")
        ada.type(":cr tea\r")
        try ada.wait(for: "-- you are in tea")
        ada.type("before\r")
        try bob.wait(for: "<ada> before")
        broker!.kill()
        try ada.wait(for: "-- connection lost: ")
        try bob.wait(for: "(offline) lobby> ")
        ada.type("typed without a broker\r")
        broker = try RunningBroker(["127.0.0.1:\(port)"])
        // Enter ends the wait for the next attempt.
        bob.type("\r")
        try bob.wait(for: "-- the log of lobby began anew; what was said in between cannot be told")
        try bob.wait(for: "-- back; what was missed cannot be told")
        ada.type("\r")
        try ada.wait(for: "-- you are no longer in tea: there is no room tea")
        try ada.wait(for: "<ada (you)> typed without a broker")
        ada.type("after\r")
        try bob.wait(for: "<ada> after")
        for person in [ada, bob] {
            person.type("\u{4}")
            #expect(person.end().status == 0)
        }
        #expect(bob.output.components(separatedBy: "<ada> typed without a broker").count == 2)
        #expect(bob.output.components(separatedBy: "<ada> before").count == 2)
    }

    // MARK: Trust

    @Test func onlyATrustedCertificateOfThatNameWillDo() throws {
        let broker = try RunningBroker(["127.0.0.1:0", "127.0.0.2:0"])
        let system = try Program.run([broker.url, "rooms"])
        #expect(system.status == 3)
        #expect(system.complaints.first?.hasPrefix("broker-cli: TLS failed: certificate verify failed: ") == true, "\(system.complaints)")
        #expect(system.complaints.first?.hasSuffix("; --ca FILE trusts an authority of your own") == true)
        let foreign = try Program.run([broker.url, "rooms", "--ca", RunningBroker.certificates + "/server.pem"])
        #expect(foreign.status == 3)
        let otherName = try Program.run(["brokers://127.0.0.2:\(broker.ports[1])", "rooms"] + Self.trust)
        #expect(otherName.status == 3)
        #expect(otherName.complaints == ["broker-cli: TLS failed: certificate verify failed: IP address mismatch"])
        let environment = try Program.run(["rooms"], environment: ["BROKER_URL": broker.url, "BROKER_CA": RunningBroker.authority])
        #expect(environment.status == 0)
        let insecure = try Program.run([broker.url, "rooms", "--insecure"])
        #expect(insecure.status == 0)
        #expect(insecure.complaints.first?.hasPrefix("WARNING: ") == true)
    }

    @Test func clearTextAndTLSMeetAReason() throws {
        let clear = try RunningBroker(isSecure: false)
        let program = try Program.run([clear.url, "rooms"] + Self.trust)
        #expect(program.status == 3)
        #expect(program.complaints.first?.hasSuffix("; perhaps clear text is spoken there: broker://") == true, "\(program.complaints)")
        let both = try RunningBroker()
        #expect(try Program.run(["broker://127.0.0.1:\(both.ports[0])", "rooms"]).status == 0)
    }

    // MARK: Verbs

    @Test func verbsForScripts() throws {
        let broker = try RunningBroker()
        func run(_ arguments: String...) throws -> Program { try Program.run([broker.url] + arguments + Self.trust) }
        let ada = try person(broker.url, "ada")
        let sent = try run("send", "one", "--json", "--user", "bob")
        #expect(sent.status == 0)
        #expect(
            sent.output.first?.wholeMatch(of: #/\{"t":"published","room":"lobby","seq":\d+,"ts":\d+,"ack":1\}/#) != nil, "\(sent.output)")
        try ada.wait(for: "<bob> one")
        #expect(try run("tail", "--count", "2").output.count == 2)
        #expect(try run("tail", "--count", "0").output == [])
        let tail = try run("tail", "--count", "1000", "--json")
        #expect(tail.output.count { $0.contains(#""from":"bob","body":"one""#) } == 1)
        #expect(try run("dm", "ada", "psst", "--user", "bob").output == ["1"])
        try ada.wait(for: "psst")
        #expect(try run("users", "--user", "cy").output == ["ada", "cy"])
        #expect(try run("members", "lobby", "--user", "cy").output == ["ada", "cy"])
        #expect(try run("rooms").output == ["general\t0\t", "lobby\t2\t", "random\t0\t", "tech\t0\t"])
        #expect(try run("ping", "--count", "1").status == 0)
        for refused in [["send", "--room", "nope", "x"], ["dm", "nobody", "x"], ["members", "nope"], ["tail", "--room", "nope"]] {
            #expect(try Program.run([broker.url] + refused + Self.trust).status == 1, "\(refused)")
        }
    }

    @Test func aThreadIsReadByItself() throws {
        let broker = try RunningBroker()
        func run(_ arguments: String...) throws -> [String] {
            let program = try Program.run([broker.url] + arguments + ["--user", "ada", "--no-color"] + Self.trust)
            #expect(program.status == 0, "\(program.complaints)")
            return program.output
        }
        let root = try #require(try run("send", "root").first)
        _ = try run("send", "elsewhere")
        _ = try run("send", "--thread", root, "in it")
        let lines = try run("history", "lobby", "--thread", root)
        #expect(lines.count == 2 && lines[0].hasSuffix("root") && lines[1].hasSuffix("in it"), "\(lines)")
    }
}
