import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// What octets are a line, and how many at a time.
struct LineReadingTests {
    @Test(arguments: ["GET / HTTP/1.1", "POST /x HTTP/1.0", "Host: a", "HOST: b"])
    func whatComesFromABrowserIsCutOff(_ line: String) throws {
        var terminal = LineTerminal()
        _ = terminal.read()
        terminal.type(line + "\r\n")
        #expect(terminal.isClosed)
        #expect(terminal.read() == "")
        var later = try LineTerminal.loggedIn()
        later.type("hi\n\(line)\n")
        #expect(later.isClosed == line.lowercased().hasPrefix("host"))
    }

    @Test func linesAreBounded() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type(String(repeating: "a", count: 8_192) + "\r\n")
        guard case .publish = terminal.lastCommand else {
            Issue.record("refused at the limit")
            return
        }
        terminal.reply(.published(Published(room: .lobby, seq: 1, timestamp: 0, acknowledgement: .accepted)), to: terminal.lastID)
        let count = terminal.commands.count
        terminal.type(String(repeating: "a", count: 8_193) + "\r\n")
        for _ in 0..<100 { terminal.type(String(repeating: "b", count: 10_000)) }
        terminal.type("\nok\n")
        #expect(terminal.commands.count == count + 1)
        #expect(terminal.read() == "! 402 a line of more than 8192 octets\r\n! 402 a line of more than 8192 octets\r\n")
    }

    @Test func aFloodOfLinesWaits() throws {
        var terminal = try LineTerminal.loggedIn()
        let before = terminal.commands.count
        terminal.type(String(repeating: "x\n", count: 100))
        #expect(terminal.commands.count < before + 40)
        #expect(terminal.dialect.isWaiting)
        var answered = before
        while answered < terminal.commands.count {
            terminal.reply(
                .published(Published(room: .lobby, seq: 1, timestamp: 0, acknowledgement: .accepted)),
                to: terminal.commands[answered].requestID)
            answered += 1
        }
        #expect(terminal.commands.count == before + 100)
    }

    @Test func telnetCommandsAreSwallowedWhateverWayTheyAreCut() throws {
        // Negotiations, a subnegotiation with an escaped FF in it, and an interruption with its timing mark.
        let octets: [UInt8] =
            [0xFF, 0xFB, 0x18, 0xFF, 0xFD, 0x01] + Array("a".utf8) + [0xFF, 0xFA, 0x18, 0, 0x61, 0x0A, 0xFF, 0xFF, 0x62, 0xFF, 0xF0]
            + Array("b".utf8) + [0xFF, 0xF4, 0xFF, 0xFD, 0x06] + Array("c\r\n".utf8)
        for cut in 0...octets.count {
            var terminal = LineTerminal()
            terminal.type(Array(octets[..<cut]))
            terminal.type(Array(octets[cut...]))
            #expect(terminal.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "abc"))))
        }
    }

    @Test func noiseIsHarmless() throws {
        var terminal = try LineTerminal.loggedIn()
        var random = SeededRandom(seed: 8)
        for _ in 0..<3_000 { terminal.type((0..<random.upTo(30)).map { _ in UInt8(random.chance(20) ? 0xFF : random.upTo(255)) }) }
        #expect(terminal.read().unicodeScalars.allSatisfy { $0 != "\u{1b}" })
    }
}
