import ChatProtocol
import Foundation
import Glibc
import Testing

/// The conversation at a terminal: drawn, edited, and given back as it was, whatever ends it.
@Suite struct TerminalTests {
    @Test func asksForANameAndChats() throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "--no-color"])
        try terminal.wait(for: "your name: ")
        terminal.type("taken\r")
        try terminal.wait(for: "!! the name taken is in use (408 EXISTS)")
        try terminal.wait(for: "your name: ")
        terminal.type("ada\r")
        try terminal.wait(for: "-- connected to peer as ada")
        try terminal.wait(for: "lobby> ")
        terminal.type("helo\u{1B}[Dl\r")
        try terminal.wait(for: "[lobby] <ada (you)> hello")
        terminal.type(":us\t\r")
        try terminal.wait(for: "-- connected (2): bob, ada")
        terminal.type("\u{4}")
        let end = terminal.end()
        #expect(end.status == 0)
        #expect(end.attributes == terminal.attributesBefore)
        #expect(terminal.output.contains("\u{1B}[?2004h"))
    }

    @Test func messagesArriveAboveTheLineBeingTyped() throws {
        let peer = try ScriptedPeer { peer, command, id in
            peer.standard(command, id)
            if case .ping = command { peer.deliver(.lobby, from: "bob", "over there") }
        }
        let terminal = try PseudoTerminal([peer.url, "--no-color", "--user", "ada"])
        try terminal.wait(for: "-- connected")
        terminal.type(":ping\rhalf a li")
        try terminal.wait(for: "[lobby] <bob> over there")
        try terminal.wait(for: "lobby> half a li")
        terminal.type("ne\r")
        try terminal.wait(for: "<ada (you)> half a line")
        terminal.type(":quit\r")
        #expect(terminal.end().status == 0)
    }

    @Test func coloursOnATerminalUnlessRefused() throws {
        let peer = try ScriptedPeer()
        let coloured = try PseudoTerminal([peer.url, "--user", "ada"])
        try coloured.wait(for: "\u{1B}[2mlobby\u{1B}[0m> ")
        coloured.type("\u{4}")
        _ = coloured.end()
        let plain = try PseudoTerminal([peer.url, "--user", "ada"], environment: ["NO_COLOR": "1"])
        try plain.wait(for: "lobby> ")
        plain.type("\u{4}")
        _ = plain.end()
        #expect(!plain.output.contains("\u{1B}[2m"))
    }

    @Test(arguments: [SIGTERM, SIGINT, SIGHUP, SIGSEGV, SIGABRT, SIGILL])
    func theTerminalIsGivenBackOnSignalsAndFaults(signal: Int32) throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "--user", "ada"])
        try terminal.wait(for: "-- connected")
        kill(terminal.process.processIdentifier, signal)
        let end = terminal.end()
        let isFault = [SIGSEGV, SIGABRT, SIGILL].contains(signal)
        #expect(end.isSignal == isFault)
        #expect(end.status == (isFault ? signal : 128 + signal))
        #expect(end.attributes == terminal.attributesBefore)
    }

    @Test func theTerminalIsGivenBackWhenNobodyAnswers() throws {
        var url = ""
        do { url = try ScriptedPeer().url }
        let terminal = try PseudoTerminal([url, "--user", "ada"])
        let end = terminal.end()
        #expect(end.status == 3)
        #expect(end.attributes == terminal.attributesBefore)
    }

    @Test func saysThatItIsOfflineAndComesBack() throws {
        let peer = try ScriptedPeer { peer, command, id in
            if peer.number == 1, case .ping = command { peer.drop() } else { peer.standard(command, id) }
        }
        let terminal = try PseudoTerminal([peer.url, "--no-color", "--user", "ada"])
        try terminal.wait(for: "-- connected")
        terminal.type(":ping\r")
        try terminal.wait(for: "-- connection lost: the broker closed the connection without a word; trying again ")
        try terminal.wait(for: "-- back; nothing missed")
        terminal.type("still here\r")
        try terminal.wait(for: "<ada (you)> still here")
        terminal.type(":quit\r")
        #expect(terminal.end().status == 0)
    }

    @Test func aNarrowerWindowBreaksTheLineAnew() throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "--no-color", "--user", "ada"])
        try terminal.wait(for: "-- connected")
        terminal.type("0123456789日本")
        try terminal.wait(for: "lobby> 0123456789日本")
        terminal.resize(columns: 18, rows: 24)
        // A character of two cells is not cut by the edge.
        try terminal.wait(for: "lobby> 0123456789\r\n日本")
        terminal.type("\u{15}\u{4}")
        #expect(terminal.end().status == 0)
    }

    @Test func aPasteIsOneMessageAndWaitsForEnter() throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "--no-color", "--user", "ada"])
        try terminal.wait(for: "-- connected")
        terminal.type("\u{1B}[200~one\r:quit\u{1B}[201~")
        try terminal.wait(for: "one↵:quit")
        terminal.type("\r")
        try terminal.wait(for: "<ada (you)> one\r\n    | :quit")
        terminal.type("\u{4}")
        #expect(terminal.end().status == 0)
    }

    @Test func controlCSaysHowToLeave() throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "--no-color", "--user", "ada"])
        try terminal.wait(for: "as ada;")
        terminal.type("half a line\u{3}\u{3}")
        try terminal.wait(for: "-- control-D leaves")
        terminal.type("\u{4}")
        #expect(terminal.end().status == 0)
        #expect(terminal.output.components(separatedBy: "-- control-D leaves").count == 2, "only where there was nothing to drop")
    }

    /// The kernel makes these signals of control-C at a terminal that belongs to the session, which this one does not.
    @Test(arguments: [SIGINT, SIGTERM])
    func aPromptForAPasswordEndsByASignal(signal: Int32) throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "login", "--user", "ada"])
        try terminal.wait(for: "Password for ada: ")
        kill(terminal.process.processIdentifier, signal)
        let end = terminal.end()
        #expect(end.isSignal && end.status == signal)
        #expect(end.attributes == terminal.attributesBefore)
    }

    @Test func aPromptForAPasswordStopsAndGoesOn() throws {
        let peer = try ScriptedPeer()
        let terminal = try PseudoTerminal([peer.url, "register", "--user", "ada"])
        let process = terminal.process.processIdentifier
        try terminal.wait(for: "New password for ada: ")
        kill(process, SIGTSTP)
        try terminal.wait(for: "\r\n")
        let deadline = ContinuousClock.now + .seconds(20)
        while try !isThroughWithStop(process), ContinuousClock.now < deadline { sched_yield() }
        kill(process, SIGCONT)
        try terminal.wait(for: "New password for ada: ")
        terminal.type("correct horse\r")
        try terminal.wait(for: "The same again: ")
        terminal.type("another horse\r")
        try terminal.wait(for: "broker-cli: the two passwords differ")
        let end = terminal.end()
        #expect(end.status == 2 && !end.isSignal && end.attributes == terminal.attributesBefore)
        #expect(!terminal.output.contains("horse"))
    }

    /// Whether a stop signal has its usual effect again and has had it: the process stands still, or waits where nobody could let it go on
    /// (an orphaned process group, `setpgid(2)`).
    private func isThroughWithStop(_ process: pid_t) throws -> Bool {
        let status = try String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)
        let state = try #require(status.firstMatch(of: #/State:\s+(\w)/#)).1
        let mask = try #require(status.firstMatch(of: #/SigCgt:\s+([0-9a-f]+)/#)).1
        return try #require(UInt64(mask, radix: 16)) & 1 << UInt64(SIGTSTP - 1) == 0 && (state == "T" || state == "S")
    }
}
