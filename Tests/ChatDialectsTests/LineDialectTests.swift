import Bytes
import ChatDialects
import ChatProtocol
import Testing

private func event(_ from: String, _ body: String?, in room: String = "lobby", kind: EventKind = .message, id: MessageID? = nil) throws
    -> Event
{
    var event = Event(room: try RoomAddress(room), seq: 1, timestamp: 0, from: try AccountName(from))
    event.kind = kind
    event.body = body
    event.messageID = id
    return event
}

struct LineDialectTests {
    @Test(arguments: ["\n", "\r\n", "\r\0"])
    func theTranscriptIsThatOfTheMission(_ end: String) throws {
        var terminal = LineTerminal()
        #expect(terminal.read() == "Enter your username: ")
        terminal.type("Ada\(end)")
        #expect(terminal.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "ada"))))
        terminal.reply(
            .authenticated(Authenticated(user: try AccountName("ada"), session: SharedBytes([UInt8](0..<16)))), to: terminal.lastID)
        #expect(terminal.read() == "Welcome to the chat!\r\n")

        terminal.type("hello\(end)")
        guard case .publish(let publish) = terminal.lastCommand else {
            Issue.record("\(String(describing: terminal.lastCommand))")
            return
        }
        #expect(publish.room == .lobby)
        terminal.reply(.published(Published(room: .lobby, seq: 1, timestamp: 0, acknowledgement: .accepted)), to: terminal.lastID)
        try terminal.deliver(event("ada", "hello", id: publish.publication.content.messageID))
        #expect(terminal.read() == "")
        try terminal.deliver(event("bob", "hi ada"))
        #expect(terminal.read() == "bob: hi ada\r\n")

        terminal.type("/users\(end)")
        // Accounts stay members when they go.
        let members = try [("bob", PresenceState.away), ("gone", .offline), ("ada", .online)].map {
            Record.member(MemberRecord(user: try AccountName($0), role: .member, state: $1))
        }
        terminal.reply(.items(Items(records: members)), to: terminal.lastID)
        #expect(terminal.read() == "Users online: 2\r\nada\r\nbob\r\n")
        terminal.type("/who\(end)")
        terminal.reply(.items(Items(records: members)), to: terminal.lastID)
        #expect(terminal.read() == "* lobby: ada, bob\r\n")

        terminal.type("/quit\(end)")
        #expect(terminal.read() == "Goodbye!\r\n")
        #expect(terminal.lastCommand == .goodbye(Goodbye(.ok)))
        let count = terminal.commands.count
        terminal.type("more\(end)")
        #expect(terminal.commands.count == count)
    }

    @Test func aNameThatIsTakenIsAskedForAgain() throws {
        var terminal = LineTerminal()
        terminal.type("ada\nbob\n")
        terminal.reply(.error(Failure(.exists)), to: terminal.lastID)
        #expect(
            terminal.read()
                == "Enter your username: ! 408 the name ada is taken: choose another, or /login ada if it is your account\r\nEnter your username: "
        )
        // What was typed ahead is the next answer.
        #expect(terminal.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bob"))))
    }

    @Test(arguments: ["two words", "-a", "é", "/join x", "a\u{1b}[2J", String(repeating: "a", count: 33)])
    func whatIsNoNameIsRefused(_ line: String) {
        var terminal = LineTerminal()
        let count = terminal.commands.count
        terminal.type("\(line)\n")
        let screen = terminal.read()
        #expect(screen.contains("! "))
        #expect(screen.hasSuffix("\r\nEnter your username: "))
        #expect(terminal.commands.count == count)
    }

    @Test func aPasswordIsAskedForAndSent() throws {
        var terminal = LineTerminal()
        terminal.type("/login ada\n")
        #expect(terminal.read().hasSuffix("Password: "))
        terminal.type("pass word\n")
        #expect(terminal.lastCommand == .authenticate(Authenticate(mechanism: "PLAIN", message: SharedBytes(utf8: "\0ada\0pass word"))))
    }

    @Test func telnetClientsHideTheirPasswords() throws {
        var terminal = LineTerminal()
        terminal.type([0xFF, 0xFD, 0x03] + Array("/login ada\r\n".utf8))
        #expect(terminal.dialect.isWaiting == false)
        let screen = terminal.read()
        #expect(screen.contains("Password: "))
        #expect(screen.unicodeScalars.contains("\u{FFFD}"))
    }

    @Test func changesAreSaidInWords() throws {
        var terminal = try LineTerminal.loggedIn()
        for (kind, body, line) in [
            (EventKind.edit, "better", "* bob now says: better\r\n"), (.delete, nil, "* bob deleted a message\r\n"),
            (.react, "+1", "* bob reacted +1\r\n"), (.unreact, "+1", ""), (.pin, nil, "* bob pinned a message\r\n"), (.unpin, nil, ""),
        ] as [(EventKind, String?, String)] {
            var change = try event("bob", body, kind: kind)
            change.reference = 1
            terminal.deliver(change)
            #expect(terminal.read() == line)
        }
        // What was deleted before it came says nothing.
        terminal.deliver(try event("bob", "gone").redacted)
        terminal.deliver(try event("bob", "gone", kind: .edit).redacted)
        #expect(terminal.read().isEmpty)
    }

    @Test func commandsBecomeRequests() throws {
        var terminal = try LineTerminal.loggedIn()
        let expected: [(String, Command)] = [
            ("/join dev/swift", .join(Join(room: try RoomAddress("dev/swift"), tail: 20))), ("/leave", .leave(Leave(room: .lobby))),
            ("/rooms", .list(ListRooms(limit: 1_000))), ("/who dev", .members(ListMembers(room: try RoomAddress("dev"), limit: 1_000))),
            ("/nick Bea", .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bea")))),
            ("/ping", .ping(timestamp: nil)),
            (
                "/history 5",
                .history(ReadHistory(room: .lobby, fromSeq: 1, toSeq: ProtocolLimits.integerMax, limit: 200, direction: .newest))
            ),
            ("/create dev", .create(CreateRoom(room: try RoomAddress("dev")))),
        ]
        for (line, command) in expected {
            let count = terminal.commands.count
            terminal.type(line + "\n")
            #expect(terminal.lastCommand == command)
            // Some wait for their outcome.
            for sent in terminal.commands[count...] { terminal.reply(.ok(Success()), to: sent.requestID) }
        }
        // What is made is entered.
        #expect(terminal.lastCommand == .join(Join(room: try RoomAddress("dev"))))
        terminal.reply(.error(Failure(.overloaded)), to: terminal.lastID)
        _ = terminal.read()
        terminal.type("/pm\tbob  hi there \n")
        guard case .directMessage(let message) = terminal.lastCommand else {
            Issue.record("no message")
            return
        }
        #expect(message.to == (try AccountName("bob")))
        #expect(message.publication.content.body == "hi there")
        terminal.reply(
            .published(Published(room: try RoomAddress("@ada+bob"), seq: 1, timestamp: 0, acknowledgement: .accepted)), to: terminal.lastID)
        #expect(terminal.read() == "[to bob] hi there\r\n")
        // Its event says nothing new.
        try terminal.deliver(event("ada", "hi there", in: "@ada+bob", id: message.publication.content.messageID))
        terminal.type("//join is a command\n")
        guard case .publish = terminal.lastCommand else {
            Issue.record("not said")
            return
        }
        #expect(terminal.read() == "")
    }

    @Test(arguments: [
        "/nonsense", "/join", "/join Not!", "/pm bob", "/history x", "/history 1 2", "/search", "/nick Bob Smith",
        "/create Tea Room", "/join a b", "/users x", " /pm bob secret", "\t/quit", "/", "/frob", "/nick\tB\tx", "é\u{9b}", "/login ada",
        "a\u{7}b",
    ])
    func whatCannotBeDoneIsSaid(_ line: String) throws {
        var terminal = try LineTerminal.loggedIn()
        let count = terminal.commands.count
        terminal.type(line + "\n")
        #expect(terminal.read().hasPrefix("! "))
        #expect(terminal.commands.count <= count + 1)
    }

    @Test func historyHasWhatWasSaidBeforeIt() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type("one\n/history 2\nlater\n")
        guard case .publish = terminal.lastCommand else {
            Issue.record("\(String(describing: terminal.lastCommand))")
            return
        }
        terminal.reply(.published(Published(room: .lobby, seq: 5, timestamp: 0, acknowledgement: .accepted)), to: terminal.lastID)
        let asked = Command.history(
            ReadHistory(room: .lobby, fromSeq: 1, toSeq: ProtocolLimits.integerMax, limit: 200, direction: .newest))
        #expect(terminal.lastCommand == asked)
        // The broker has numbered the message and not handed it on: it is asked again.
        let first = terminal.lastID
        terminal.reply(.batch(Batch(room: .lobby, epoch: 1, floor: 1, fromSeq: 1, toSeq: 4)), to: first)
        #expect(terminal.lastCommand == asked)
        #expect(terminal.lastID != first)
        var own = try event("ada", "one")
        own.seq = 5
        terminal.reply(.batch(Batch(room: .lobby, epoch: 1, floor: 1, fromSeq: 1, toSeq: 5, frames: own.frame)), to: terminal.lastID)
        #expect(terminal.read() == "ada: one\r\n")
        guard case .publish = terminal.lastCommand else {
            Issue.record("what was typed behind it is lost")
            return
        }
    }

    @Test func speakingGoesToTheRoomEntered() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type("/join dev\n")
        let dev = try RoomAddress("dev")
        terminal.reply(.joined(Joined(room: dev, epoch: 1, head: 0, floor: 1, next: 1)), to: terminal.lastID)
        #expect(terminal.read() == "* you are in dev now\r\n")
        terminal.type("hi\n")
        guard case .publish(let publish) = terminal.lastCommand else {
            Issue.record("not said")
            return
        }
        #expect(publish.room == dev)
        try terminal.deliver(event("bob", "hi", in: "dev"))
        try terminal.deliver(event("bob", "psst", in: "@ada+bob"))
        try terminal.deliver(event("ada", "yes?", in: "@ada+bob"))
        #expect(terminal.read() == "[dev] bob: hi\r\n[from bob] psst\r\n[to bob] yes?\r\n")
    }

    @Test func whatIsTypedAheadWaitsForTheRoom() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type("/join dev\nhi\n")
        guard case .join = terminal.lastCommand else {
            Issue.record("did not wait")
            return
        }
        terminal.reply(.joined(Joined(room: try RoomAddress("dev"), epoch: 1, head: 0, floor: 1, next: 1)), to: terminal.lastID)
        guard case .publish(let publish) = terminal.lastCommand else {
            Issue.record("not said")
            return
        }
        #expect(publish.room == (try RoomAddress("dev")))
    }

    @Test func noTextLooksLikeAnotherLine() throws {
        var terminal = try LineTerminal.loggedIn()
        try terminal.deliver(event("eve", "x\nbob: I am bob\n* bob left\n! 500"))
        #expect(terminal.read() == "eve: x\r\n| bob: I am bob\r\n| * bob left\r\n| ! 500\r\n")
    }

    @Test func nothingInvisibleReachesTheTerminal() throws {
        var terminal = try LineTerminal.loggedIn()
        try terminal.deliver(event("eve", "\u{202E}live\u{2066} ada\u{200B}\tשלום 👍"))
        #expect(terminal.read() == "eve: \\u{202E}live\\u{2066} ada\\u{200B}    שלום 👍\r\n")
    }

    @Test(arguments: [
        ("/frob", "! 108 there is no /frob; /help lists the commands"), ("/", "! 108 there is no /; /help lists the commands"),
        ("/Nick\tx y", "! 108 that is used like this: /nick NAME"),
        ("a\u{1b}[A", "! 401 a line with control characters, such as cursor keys type"),
        (" /pm bob x", "! 108 neither said nor obeyed: begin the line with / for a command, with // to say it"),
    ])
    func whatIsWrongIsNamed(_ line: String, _ shown: String) throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type(line + "\n")
        #expect(terminal.read() == shown + "\r\n")
    }

    @Test func theLobbyIsNotLeft() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.type("/leave\n")
        terminal.reply(.error(Failure(.forbidden, reason: "it can be detached")), to: terminal.lastID)
        #expect(terminal.read() == "! 300 everybody is in the lobby; /join ROOM speaks elsewhere\r\n")
    }

    @Test func aWrongPasswordIsSaidInWords() throws {
        var terminal = LineTerminal()
        terminal.type("/login ada\nx\n")
        _ = terminal.read()
        terminal.reply(.error(Failure(.authFailed)), to: terminal.lastID)
        #expect(terminal.read() == "! 201 not the name and password of an account\r\nEnter your username: ")
    }

    @Test func newsIsTold() throws {
        var terminal = try LineTerminal.loggedIn()
        var joined = try event("bob", nil, kind: .joined)
        joined.user = try AccountName("bob")
        terminal.deliver(joined)
        var renamed = try event("bea", nil, kind: .renamed)
        renamed.user = try AccountName("bob")
        terminal.deliver(renamed)
        var left = try event("bea", nil, in: "dev", kind: .left)
        left.user = try AccountName("bea")
        left.reason = "tea"
        terminal.deliver(left)
        terminal.reply(.lag(Lag(room: .lobby, epoch: 1, fromSeq: 3, toSeq: 7, next: 8)), to: 0)
        terminal.reply(.goodbye(Goodbye(.shuttingDown, reason: "the broker is shutting down")), to: 0)
        #expect(
            terminal.read()
                == "* bob joined\r\n* bob is now called bea\r\n* bea left dev (tea)\r\n* 5 messages of lobby were missed\r\n"
                + "! 503 the broker is shutting down\r\n")
    }

    @Test func whatIsFoundIsShownTheNewestLast() throws {
        var terminal = try LineTerminal.loggedIn()
        _ = terminal.read()
        terminal.type("/search  two words \n")
        #expect(terminal.lastCommand == .search(Search(query: "two words", limit: 20)))
        func found(_ bodies: String..., cursor: SharedBytes? = nil, isIncomplete: Bool = false) throws -> Reply {
            var frames = ByteWriter()
            for body in bodies { FrameEncoder.append(try event("bob", body), to: &frames) }
            return .found(Found(frames: frames.finish(), cursor: cursor, isIncomplete: isIncomplete))
        }
        terminal.reply(try found("third", "second"), to: terminal.lastID, hasMore: true)
        #expect(terminal.read() == "")
        terminal.reply(try found("first", cursor: SharedBytes([1]), isIncomplete: true), to: terminal.lastID)
        #expect(
            terminal.read() == "* not everything could be looked through in time\r\nbob: first\r\nbob: second\r\nbob: third\r\n")
        terminal.type("/search x\n")
        terminal.reply(try found(), to: terminal.lastID)
        #expect(terminal.read() == "* nothing was found\r\n")
        terminal.type("/search " + String(repeating: "x", count: 257) + "\n")
        #expect(terminal.read().hasPrefix("! 108 "))
    }

    @Test func probesAreAnswered() throws {
        var terminal = try LineTerminal.loggedIn()
        terminal.reply(.ping(timestamp: 7), to: 3)
        #expect(terminal.lastCommand == .pong(timestamp: 7))
        #expect(terminal.lastID == 3)
        #expect(terminal.read() == "")
    }

}
