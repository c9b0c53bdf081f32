import Bytes
import ChatProtocol
import Testing

@testable import ChatDialects

/// Simple JSON in the vocabulary of usernames.
@Suite struct SimpleUsernamesTests {
    @Test func aNameIsAskedForInLowerCase() throws {
        var client = SimpleClient()
        #expect(client.lastCommand == .hello(Hello(agent: "simple", capabilities: ["inbox", "marks"])))
        client.say(#"{"type":"SetUsername","username":"Ada"}"#)
        #expect(client.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "ada"))))
        #expect(client.dialect.isWaiting)
        try client.acceptName("ada")
        #expect(!client.dialect.isWaiting)
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Welcome, ada!"}"#])
        client.say(#"{"type":"SetUsername","username":"lovelace"}"#)
        try client.acceptName("lovelace")
        #expect(client.read() == [#"{"type":"SystemMessage","content":"You are now called lovelace"}"#])
    }

    @Test func aPasswordProvesAnAccount() {
        var client = SimpleClient()
        client.say(#"{"type":"SetUsername","username":"ada","password":"pass word"}"#)
        #expect(client.lastCommand == .authenticate(Authenticate(mechanism: "PLAIN", message: SharedBytes(utf8: "\0ada\0pass word"))))
        client.reply(.error(Failure(.authFailed, reason: "the credentials are refused")))
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: the credentials are refused"}"#])
        #expect(!client.dialect.isWaiting)
        // No name of the protocol's is shown where the broker gives no reason.
        client.say(#"{"type":"SetUsername","username":"ada","password":"x"}"#)
        client.reply(.error(Failure(.authFailed)))
        client.reply(.goodbye(Goodbye(.timeout)), to: 0)
        #expect(
            client.read() == [
                #"{"type":"SystemMessage","content":"Error: not the name and password of an account"}"#,
                #"{"type":"SystemMessage","content":"Error: too much time passed"}"#,
            ])
    }

    @Test func unreadMessagesFollowThePassword() throws {
        var client = SimpleClient()
        client.say(#"{"type":"SetUsername","username":"ada","password":"pass word"}"#)
        try client.acceptName("ada")
        #expect(client.lastCommand == .inbox(ReadInbox(since: 0, limit: 1_000)))
        #expect(client.dialect.isWaiting)
        let bob = try RoomAddress("@ada+bob")
        let record = InboxRecord(room: bob, epoch: 7, head: 2, mark: 0, unread: 2, updateNumber: 1, timestamp: 1)
        client.reply(.items(Items(records: [.inbox(record)], updateNumber: 2)))
        let messages = [try said("bob", "while away", seq: 1, in: "@ada+bob"), try said("ada", "mine", seq: 2, in: "@ada+bob")]
        client.reply(.batch(SimpleClient.batch(bob, 1...2, messages)))
        #expect(
            client.read() == [
                #"{"type":"SystemMessage","content":"Welcome, ada!"}"#,
                #"{"type":"PrivateMessage","from":"bob","content":"while away","timestamp":"2024-01-01T12:00:00Z"}"#,
            ])
        #expect(client.lastCommand == .mark(ReadMarker(room: bob, mark: 2, epoch: 7)))
        #expect(!client.dialect.isWaiting)
        // The other vocabulary has no message for them.
        var nick = SimpleClient()
        nick.say(#"{"type":"Join","room":"general","nick":"ada","password":"pass word"}"#)
        try nick.acceptName("ada")
        #expect(nick.lastCommand == .join(Join(room: try RoomAddress("general"))))
    }

    @Test func aNameInUseIsRefusedWithAReason() {
        var client = SimpleClient()
        client.say(#"{"type":"SetUsername","username":"ada"}"#)
        client.reply(.error(Failure(.exists)))
        #expect(
            client.read() == [
                #"{"type":"SystemMessage","content":"Error: that name is in use: choose another, or give the password of its account"}"#
            ])
        client.say(#"{"type":"SetUsername","username":"bob"}"#)
        #expect(client.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bob"))))
    }

    @Test(arguments: ["", "two words", "-a", "é", "a\\u0000", String(repeating: "a", count: 33)])
    func whatIsNoNameIsRefused(_ name: String) {
        var client = SimpleClient()
        let count = client.commands.count
        client.say("{\"type\":\"SetUsername\",\"username\":\"\(name)\"}")
        #expect(client.commands.count == count)
        #expect(client.read().first?.contains("Error: a name has 1 to 32 of a-z 0-9") == true)
    }

    @Test(arguments: ["", "two words", "#general", "@ada+bob", "caf\u{E9}", String(repeating: "a", count: 65)])
    func whatIsNoRoomIsRefused(_ room: String) throws {
        var client = try SimpleClient.named("ada")
        let count = client.commands.count
        client.say("{\"type\":\"JoinRoom\",\"room\":\"\(room)\"}")
        #expect(client.commands.count == count)
        #expect(client.read().first?.contains("Error: a room has a name of 1 to 64") == true)
    }

    @Test(arguments: [
        #"{"type":"JoinRoom","room":"general"}"#, #"{"type":"SendMessage","content":"x"}"#,
        #"{"type":"PrivateMessage","to":"bob","content":"x"}"#,
    ])
    func withoutANameNothingIsDone(_ message: String) {
        var client = SimpleClient()
        client.say(message)
        #expect(client.commands.count == 1)
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: no name yet: SetUsername comes first"}"#])
        client.say(#"{"type":"ListRooms"}"#)
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: no name yet: SetUsername comes first"}"#])
    }

    @Test func withoutARoomNothingIsSaid() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"SendMessage","content":"x"}"#)
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: no room yet: JoinRoom comes first"}"#])
    }

    @Test func joiningReplaysTheLastFifty() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"JoinRoom","room":"General"}"#)
        #expect(client.lastCommand == .join(Join(room: try RoomAddress("general"))))
        var log = try (1...60).map { try said("bob", "m\($0)", seq: $0) }
        log.append(try said("carl", nil, seq: 61, .joined))
        try client.admit(to: "general", after: log)
        client.deliver(try said("ada", nil, seq: 62, .joined))
        let shown = client.read()
        #expect(shown.count == 51)
        #expect(
            shown.first == #"{"type":"Message","username":"bob","content":"m11","timestamp":"2024-01-01T12:00:00Z","room":"general"}"#)
        #expect(shown.last == #"{"type":"UserJoined","username":"ada","room":"general"}"#)
        client.say(#"{"type":"SendMessage","content":"hi"}"#)
        guard case .publish(let publish) = client.lastCommand else {
            Issue.record("nothing was published")
            return
        }
        #expect(publish.room.description == "general")
        #expect(publish.publication.content.body == "hi")
        client.reply(.published(Published(room: publish.room, seq: 63, timestamp: 0, acknowledgement: .accepted)))
        #expect(client.read() == [])
    }

    @Test func aRoomThatIsMissingIsMade() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"JoinRoom","room":"new"}"#)
        client.reply(.error(Failure(.noSuchRoom)))
        #expect(client.lastCommand == .create(CreateRoom(room: try RoomAddress("new"))))
        client.reply(.ok(Success()))
        #expect(client.lastCommand == .join(Join(room: try RoomAddress("new"))))
        // The log has its creation, and nobody came: the maker was a member from the start.
        client.reply(.joined(Joined(room: try RoomAddress("new"), epoch: 7, head: 1, floor: 1, next: 2)))
        client.reply(.batch(SimpleClient.batch(try RoomAddress("new"), 1...1, [try said("ada", nil, in: "new", .created)])))
        #expect(client.read() == [#"{"type":"UserJoined","username":"ada","room":"new"}"#])
        #expect(!client.dialect.isWaiting)
    }

    @Test func whoMadeItMeanwhileIsNoObstacle() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"JoinRoom","room":"new"}"#)
        client.reply(.error(Failure(.noSuchRoom)))
        client.reply(.error(Failure(.exists)))
        #expect(client.lastCommand == .join(Join(room: try RoomAddress("new"))))
        // And once is enough.
        client.reply(.error(Failure(.noSuchRoom, reason: "no room new")))
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: no room new"}"#])
        #expect(!client.dialect.isWaiting)
    }

    @Test func eventsAreShownInTheWordsOfTheVocabulary() throws {
        var client = try SimpleClient.named("ada")
        var renamed = try said("robert", nil, .renamed)
        renamed.user = try AccountName("bob")
        var created = try said("bob", nil, in: "lobby", .created)
        created.title = "dev"
        client.deliver(
            try said("ada", "mine"), try said("bob", "a \"quote\"\n\u{1F600}"), try said("bob", "psst", in: "@ada+bob"),
            try said("bob", nil, .joined), try said("bob", nil, .left), renamed, created, try said("bob", "better", .edit),
            try said("bob", nil, .delete), try said("bob", "👍", .react), try said("bob", nil, .pin), try said("bob", "beep", .notice),
            try said("bob", nil, .void))
        #expect(
            client.read() == [
                #"{"type":"Message","username":"ada","content":"mine","timestamp":"2024-01-01T12:00:00Z","room":"general"}"#,
                #"{"type":"Message","username":"bob","content":"a \"quote\"\n😀","timestamp":"2024-01-01T12:00:00Z","room":"general"}"#,
                #"{"type":"PrivateMessage","from":"bob","content":"psst","timestamp":"2024-01-01T12:00:00Z"}"#,
                #"{"type":"UserJoined","username":"bob","room":"general"}"#, #"{"type":"UserLeft","username":"bob","room":"general"}"#,
                #"{"type":"UserLeft","username":"bob","room":"general"}"#, #"{"type":"UserJoined","username":"robert","room":"general"}"#,
                #"{"type":"SystemMessage","content":"bob created the room dev"}"#,
                #"{"type":"Message","username":"bob","content":"better","timestamp":"2024-01-01T12:00:00Z","room":"general"}"#,
                #"{"type":"SystemMessage","content":"bob deleted a message in general"}"#,
                #"{"type":"SystemMessage","content":"bob reacted 👍 in general"}"#,
                #"{"type":"SystemMessage","content":"bob pinned a message in general"}"#,
                #"{"type":"Message","username":"bob","content":"beep","timestamp":"2024-01-01T12:00:00Z","room":"general"}"#,
            ])
    }

    @Test func privateMessagesAreAskedFor() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"PrivateMessage","to":"Bob","content":"psst"}"#)
        guard case .directMessage(let message) = client.lastCommand else {
            Issue.record("nothing was sent")
            return
        }
        #expect(message.to.description == "bob")
        #expect(message.publication.content.body == "psst")
        client.reply(.error(Failure(.noSuchUser, reason: "no user bob is connected")))
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: no user bob is connected"}"#])
    }

    @Test func roomsAreListed() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"ListRooms"}"#)
        func room(_ name: String) throws -> Record {
            .room(RoomRecord(room: try RoomAddress(name), members: 0, policy: [], head: 0))
        }
        client.reply(.items(Items(records: [try room("tech")], cursor: SharedBytes([1]))))
        #expect(client.lastCommand == .list(ListRooms(limit: 1_000, cursor: SharedBytes([1]))))
        client.reply(.items(Items(records: [try room("general")])))
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Rooms: general, tech"}"#])
    }

    @Test func whatWasMissedAndTheEndAreSaid() throws {
        var client = try SimpleClient.named("ada")
        client.reply(.lag(Lag(room: try RoomAddress("general"), epoch: 7, fromSeq: 3, toSeq: 7, next: 8)), to: 0)
        client.reply(.goodbye(Goodbye(.shuttingDown, reason: "the broker is shutting down")), to: 0)
        #expect(
            client.read() == [
                #"{"type":"SystemMessage","content":"Error: 5 messages of general were missed"}"#,
                #"{"type":"SystemMessage","content":"Error: the broker is shutting down"}"#,
            ])
    }

    @Test(
        arguments: [
            (0, 1_704_067_200_000, "2024-01-01T00:00:00Z"), (1, 0, "1970-01-01T00:00:00Z"), (2, 951_782_399_999, "2000-02-28T23:59:59Z"),
            (3, 951_782_400_000, "2000-02-29T00:00:00Z"), (4, 4_107_542_400_000, "2100-03-01T00:00:00Z"),
        ] as [(Int, Timestamp, String)])
    func momentsAreWrittenAsPeopleDo(_: Int, _ timestamp: Timestamp, _ text: String) {
        #expect(CalendarTime.text(timestamp) == text)
    }
}
