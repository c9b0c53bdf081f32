import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// Direct messages that came before a log-in with a password.
struct UnreadMessagesTests {
    private let ada = "ada"

    private func record(_ room: String, head: UInt64, mark: UInt64, unread: UInt64, at timestamp: UInt64 = 1) throws -> Record {
        .inbox(
            InboxRecord(
                room: try RoomAddress(room), epoch: 7, head: head, mark: mark, unread: unread, updateNumber: timestamp, timestamp: timestamp
            ))
    }

    private func batch(_ room: String, _ range: ClosedRange<UInt64>, _ said: [(seq: UInt64, from: String, body: String, at: UInt64)]) throws
        -> Reply
    {
        let address = try RoomAddress(room)
        var frames = ByteWriter()
        for message in said {
            var event = Event(room: address, seq: message.seq, timestamp: message.at, from: try AccountName(message.from))
            event.body = message.body
            FrameEncoder.append(event, to: &frames)
        }
        return .batch(Batch(room: address, epoch: 7, floor: 1, fromSeq: range.lowerBound, toSeq: range.upperBound, frames: frames.finish()))
    }

    private func history(_ room: String, _ from: UInt64, _ to: UInt64) throws -> Command {
        .history(ReadHistory(room: try RoomAddress(room), fromSeq: from, toSeq: to, limit: 200, direction: .newest))
    }

    @Test func theyAreShownInOrderAndCountAsRead() throws {
        var terminal = try LineTerminal.atTheInbox()
        terminal.type("/ping\n")
        #expect(terminal.lastCommand == .inbox(ReadInbox(since: 0, limit: 1_000)))
        let items = [
            try record("@ada+bob", head: 4, mark: 2, unread: 2, at: 20), try record("lobby", head: 9, mark: 1, unread: 8, at: 40),
            try record("@ada+carl", head: 1, mark: 0, unread: 1, at: 30), try record("@ada+dan", head: 5, mark: 5, unread: 0, at: 50),
        ]
        terminal.reply(.items(Items(records: Array(items.prefix(2)))), to: terminal.lastID, hasMore: true)
        terminal.reply(.items(Items(records: Array(items.suffix(2)), updateNumber: 51)), to: terminal.lastID)
        #expect(terminal.lastCommand == (try history("@ada+carl", 1, 1)))
        terminal.reply(try batch("@ada+carl", 1...1, [(1, "carl", "at 30", 30)]), to: terminal.lastID)
        #expect(terminal.lastCommand == (try history("@ada+bob", 3, 4)))
        terminal.reply(try batch("@ada+bob", 3...4, [(3, "bob", "at 10", 10), (4, ada, "mine", 20)]), to: terminal.lastID)
        #expect(
            terminal.read()
                == "Welcome to the chat!\r\n* 2 direct messages that you have not read:\r\n[from bob] at 10\r\n[from carl] at 30\r\n")
        let marks = terminal.commands.suffix(3).dropLast().map(\.command)
        #expect(
            marks == [
                .mark(ReadMarker(room: try RoomAddress("@ada+carl"), mark: 1, epoch: 7)),
                .mark(ReadMarker(room: try RoomAddress("@ada+bob"), mark: 4, epoch: 7)),
            ])
        // What was typed meanwhile is answered behind them.
        #expect(terminal.lastCommand == .ping(timestamp: nil))
    }

    @Test func theyAreBounded() throws {
        for (count, countIsCut) in [(20, false), (21, true)] {
            var terminal = try LineTerminal.atTheInbox()
            let head = UInt64(count)
            terminal.reply(
                .items(Items(records: [try record("@ada+bob", head: head, mark: 0, unread: head)], updateNumber: 2)), to: terminal.lastID)
            terminal.reply(try batch("@ada+bob", 1...head, (1...head).map { ($0, "bob", "m\($0)", $0) }), to: terminal.lastID)
            let lines = terminal.read().split(separator: "\r\n")
            #expect(lines.count == 22)
            #expect(lines.last == "[from bob] m\(count)")
            #expect(
                lines[1]
                    == (countIsCut
                        ? "* the newest 20 of the direct messages that you have not read:" : "* 20 direct messages that you have not read:")
            )
            // Where some were left out, none counts as read.
            #expect((terminal.lastCommand == .mark(ReadMarker(room: try RoomAddress("@ada+bob"), mark: head, epoch: 7))) == !countIsCut)
        }
        // Nor are more conversations looked into.
        var terminal = try LineTerminal.atTheInbox()
        let records = try (10..<40).map { try record("@ada+bob\($0)", head: 1, mark: 0, unread: 1, at: UInt64($0)) }
        terminal.reply(.items(Items(records: records, updateNumber: 2)), to: terminal.lastID)
        let before = terminal.commands.count
        while terminal.dialect.isWaiting {
            guard case .history(let query) = terminal.lastCommand, let (_, from) = query.room.parties else { break }
            terminal.reply(try batch(query.room.description, 1...1, [(1, from.description, "x", 1)]), to: terminal.lastID)
        }
        #expect(terminal.commands.count == before + 19)
        #expect(terminal.read().contains("* the newest 20 of "))
    }

    @Test func whatIsDeliveredAnywayIsShownOnce() throws {
        var terminal = try LineTerminal.atTheInbox()
        let bob = try RoomAddress("@ada+bob")
        let inbox = terminal.lastID
        terminal.reply(.joined(Joined(room: bob, epoch: 7, head: 1, floor: 1, next: 2)), to: 0)
        var live = Event(room: bob, seq: 2, timestamp: 2, from: try AccountName("bob"))
        live.body = "live"
        terminal.deliver(live)
        #expect(terminal.lastCommand == .mark(ReadMarker(room: bob, mark: 2)))
        terminal.reply(.items(Items(records: [try record("@ada+bob", head: 2, mark: 0, unread: 2)], updateNumber: 2)), to: inbox)
        terminal.reply(try batch("@ada+bob", 1...2, [(1, "bob", "before", 1), (2, "bob", "live", 2)]), to: terminal.lastID)
        #expect(
            terminal.read()
                == "Welcome to the chat!\r\n[from bob] live\r\n* a direct message that you have not read:\r\n[from bob] before\r\n")
    }

    @Test func withoutAnyNothingIsSaid() throws {
        for reply in [Reply.items(Items(records: [], updateNumber: 1)), .error(Failure(.notImplemented))] {
            var terminal = try LineTerminal.atTheInbox()
            terminal.reply(reply, to: terminal.lastID)
            #expect(terminal.read() == "Welcome to the chat!\r\n")
            #expect(!terminal.dialect.isWaiting)
        }
        // Guests have no such messages, and are not asked about.
        let guest = try LineTerminal.loggedIn()
        #expect(!guest.commands.contains { if case .inbox = $0.command { true } else { false } })
    }
}
