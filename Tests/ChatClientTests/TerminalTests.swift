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
}
