import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// Answers come in the order typed, and whoever leaves misses none.
struct LineOrderTests {
    private static let published = Reply.published(Published(room: .lobby, seq: 1, timestamp: 0, acknowledgement: .accepted))

    private static func members(_ names: String...) throws -> Reply {
        .items(Items(records: try names.map { .member(MemberRecord(user: try AccountName($0), role: .member, state: .online)) }))
    }

    @Test func commandsWaitForOneAnother() throws {
        var terminal = try LineTerminal.loggedIn()
        let before = terminal.commands.count
        terminal.type("/users\n/rooms\n/who\n/help\nhello\n/quit\n")
        #expect(terminal.commands.count == before + 1)
        terminal.reply(try Self.members("ada"), to: terminal.lastID)
        #expect(terminal.lastCommand == .list(ListRooms(limit: 1_000)))
        terminal.reply(.items(Items(records: [])), to: terminal.lastID)
        terminal.reply(try Self.members("bob"), to: terminal.lastID)
        let screen = terminal.read()
        #expect(screen.hasPrefix("Users online: 1\r\nada\r\n* lobby: bob\r\n/users "))
        #expect(screen.hasSuffix("begins with a slash\r\n"))
        terminal.reply(Self.published, to: terminal.lastID)
        #expect(terminal.read() == "Goodbye!\r\n")
        #expect(terminal.lastCommand == .goodbye(Goodbye(.ok)))
    }

    @Test(arguments: [false, true])
    func whoeverLeavesSeesEveryAnswer(_ isEndOfInput: Bool) throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type("one\ntwo\n/pm bob x\n" + (isEndOfInput ? "" : "/quit\n"))
        let said = terminal.commands.suffix(2).map(\.requestID)
        if isEndOfInput { #expect(terminal.dialect.isWaiting) }
        terminal.reply(Self.published, to: said[0])
        terminal.reply(.error(Failure(.rateLimited, reason: "too fast")), to: said[1])
        #expect(terminal.read() == "! 700 too fast\r\n")
        if isEndOfInput { terminal.end() }
        #expect(terminal.read() == "")
        terminal.reply(
            .published(Published(room: try RoomAddress("@ada+bob"), seq: 1, timestamp: 0, acknowledgement: .accepted)), to: terminal.lastID)
        #expect(terminal.read() == "[to bob] x\r\nGoodbye!\r\n")
        #expect(terminal.lastCommand == .goodbye(Goodbye(.ok)))
        let count = terminal.commands.count
        terminal.end()
        #expect(terminal.commands.count == count)
    }

    @Test func whatWasSaidBeforeIsShownToWhoeverLeavesAtOnce() throws {
        var terminal = try LineTerminal.loggedIn()
        let dev = try RoomAddress("dev")
        terminal.type("/join dev\n/quit\n")
        terminal.reply(.joined(Joined(room: dev, epoch: 1, head: 3, floor: 1, next: 2)), to: terminal.lastID)
        for seq in UInt64(2)...3 {
            #expect(!terminal.screen.contains("Goodbye!"))
            var event = Event(room: dev, seq: seq, timestamp: 0, from: try AccountName("bob"))
            event.body = "m\(seq)"
            terminal.deliver(event)
        }
        #expect(terminal.read() == "* you are in dev now\r\n[dev] bob: m2\r\n[dev] bob: m3\r\nGoodbye!\r\n")
    }

    @Test func aReplayThatEndsOtherwiseHoldsNobody() throws {
        let dev = try RoomAddress("dev")
        for endsByLag in [true, false] {
            var terminal = try LineTerminal.loggedIn()
            terminal.type("/join dev\n")
            terminal.reply(.joined(Joined(room: dev, epoch: 1, head: 3, floor: 1, next: 2)), to: terminal.lastID)
            if endsByLag {
                terminal.reply(.lag(Lag(room: dev, epoch: 1, fromSeq: 2, toSeq: 3, next: 4)), to: 0)
            } else {
                terminal.type("/leave\n")
                terminal.reply(.ok(Success()), to: terminal.lastID)
            }
            terminal.type("/quit\n")
            #expect(terminal.read().hasSuffix("Goodbye!\r\n"))
        }
    }

    @Test func theEndOfTheInputEndsEveryPhase() throws {
        for typed in ["", "/login ada\n"] {
            var terminal = LineTerminal()
            terminal.type(typed)
            terminal.end()
            #expect(terminal.read().hasSuffix("Goodbye!\r\n"))
        }
        var entering = LineTerminal()
        entering.type("ada\n")
        entering.end()
        #expect(entering.read() == "Enter your username: ")
        entering.reply(.error(Failure(.exists)), to: entering.lastID)
        #expect(entering.read().hasSuffix("Enter your username: Goodbye!\r\n"))
    }
}
