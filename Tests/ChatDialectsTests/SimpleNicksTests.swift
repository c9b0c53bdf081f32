import Bytes
import ChatProtocol
import Testing

@testable import ChatDialects

/// Simple JSON in the vocabulary of nicks, and how a connection comes to one of the two.
@Suite struct SimpleNicksTests {
    private static func joined(isNested: Bool = false) throws -> SimpleClient {
        var client = SimpleClient()
        client.say(isNested ? #"{"Join":{"room":"general","nick":"ada"}}"# : #"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.acceptName("ada")
        try client.admit(to: "general", members: ["bob", "ada"])
        client.deliver(try said("ada", nil, .joined))
        return client
    }

    @Test func joiningIsAnsweredWithTheMembersAndNotWithOnesOwnArrival() throws {
        var client = try Self.joined()
        #expect(client.read() == [#"{"type":"Joined","room":"general","members":["ada","bob"]}"#])
        client.deliver(try said("carl", nil, .joined), try said("carl", nil, .left))
        #expect(client.read() == [#"{"type":"UserJoined","nick":"carl"}"#, #"{"type":"UserLeft","nick":"carl"}"#])
        // Who came again later is told of.
        client.deliver(try said("ada", nil, .joined))
        #expect(client.read() == [#"{"type":"UserJoined","nick":"ada"}"#])
    }

    @Test func onesOwnArrivalIsTakenOutFromAmongOthers() throws {
        var client = SimpleClient()
        client.say(#"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.acceptName("ada")
        try client.admit(to: "general", members: ["ada"])
        _ = client.read()
        client.deliver(try said("bob", "before"), try said("ada", nil, .joined), try said("bob", String(repeating: "x", count: 200)))
        let shown = client.read()
        #expect(shown.count == 2)
        #expect(shown.allSatisfy { $0.contains("\"from\":\"bob\"") })
    }

    @Test func anAnswerHasTheStyleOfTheQuestion() throws {
        var client = try Self.joined(isNested: true)
        client.deliver(try said("bob", "hi"))
        #expect(
            client.read() == [
                #"{"Joined":{"room":"general","members":["ada","bob"]}}"#, #"{"Message":{"from":"bob","text":"hi","ts":1704110400250}}"#,
            ])
        client.say(#""Leave""#)
        client.reply(.ok(Success()))
        client.say(#"{"type":"SendMsg","text":"x"}"#)
        client.say(#"{"SendMsg":{"text":"x"}}"#)
        #expect(
            client.read() == [
                #"{"UserLeft":{"nick":"ada"}}"#, #"{"type":"Error","reason":"you are in no room: Join comes first"}"#,
                #"{"Error":{"reason":"you are in no room: Join comes first"}}"#,
            ])
    }

    @Test func theRoomIsReplayedBehindJoined() throws {
        var client = SimpleClient()
        client.say(#"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.acceptName("ada")
        try client.admit(to: "general", after: (1...60).map { try said("bob", "m\($0)", seq: $0) }, members: ["ada"])
        let shown = client.read()
        #expect(shown.count == 51)
        #expect(shown[0] == #"{"type":"Joined","room":"general","members":["ada"]}"#)
        #expect(shown[1] == #"{"type":"Message","from":"bob","text":"m11","ts":1704110400250}"#)
    }

    @Test func whatIsSaidWhileThePastIsReadWaits() throws {
        var client = SimpleClient()
        client.say(#"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.acceptName("ada")
        #expect(!client.dialect.isReplaying)
        client.reply(.joined(Joined(room: try RoomAddress("general"), epoch: 7, head: 4, floor: 1, next: 4)))
        #expect(client.dialect.isReplaying)
        #expect(client.dialect.isWaiting)
        let (history, members) = (client.commands[client.commands.count - 2], client.commands[client.commands.count - 1])
        client.reply(.items(Items(records: [])), to: members.requestID)
        #expect(client.dialect.isReplaying)
        // The broker has numbered more than it has handed on: it is asked again.
        client.reply(.batch(SimpleClient.batch(try RoomAddress("general"), 1...2, [])), to: history.requestID)
        #expect(client.dialect.isReplaying)
        client.reply(.batch(SimpleClient.batch(try RoomAddress("general"), 1...3, [try said("bob", "x", seq: 3)])))
        #expect(!client.dialect.isReplaying)
        #expect(client.read().count == 2)
    }

    @Test func whatCannotBeReadIsNoObstacle() throws {
        var client = SimpleClient()
        client.say(#"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.acceptName("ada")
        client.reply(.joined(Joined(room: try RoomAddress("general"), epoch: 7, head: 4, floor: 1, next: 4)))
        let ids = client.commands.suffix(2).map(\.requestID)
        client.reply(.error(Failure(.overloaded)), to: ids[0])
        client.reply(.error(Failure(.overloaded)), to: ids[1])
        #expect(client.read() == [#"{"type":"Joined","room":"general","members":[]}"#])
    }

    @Test(arguments: [(2_048, true), (2_049, false), (100_000, false)])
    func longTextsAreErrors(_ byteCount: Int, _ isSaid: Bool) throws {
        var client = try Self.joined()
        _ = client.read()
        let count = client.commands.count
        client.say("{\"type\":\"SendMsg\",\"text\":\"\(String(repeating: "x", count: byteCount))\"}")
        #expect(client.commands.count == count + (isSaid ? 1 : 0))
        #expect(client.read() == (isSaid ? [] : [#"{"type":"Error","reason":"a text of more than 2048 octets"}"#]))
    }

    @Test func theBrokersOwnLimitHoldsToo() throws {
        var client = try SimpleClient.named("ada")
        client.say(#"{"type":"PrivateMessage","to":"bob","content":"four"}"#, bodyByteCountMax: 3)
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Error: a text of more than 3 octets"}"#])
    }

    @Test(arguments: [
        ("", "nothing was said"), ("\\u0000", "a text with control characters"), ("\\u001b[2J", "a text with control characters"),
        ("\\r", "a text with control characters"), ("\\u0085", "a text with control characters"),
    ])
    func textsThatNobodyMaySendAreErrors(_ text: String, _ reason: String) throws {
        var client = try Self.joined()
        _ = client.read()
        client.say("{\"type\":\"SendMsg\",\"text\":\"\(text)\"}")
        #expect(client.read() == ["{\"type\":\"Error\",\"reason\":\"\(reason)\"}"])
    }

    @Test func linesOfWindowsAreLines() throws {
        var client = try Self.joined()
        client.say(#"{"type":"SendMsg","text":"a\r\nb"}"#)
        guard case .publish(let publish) = client.lastCommand else {
            Issue.record("nothing was published")
            return
        }
        #expect(publish.publication.content.body == "a\nb")
    }

    @Test func messagesOutOfOrderAreErrors() throws {
        var client = SimpleClient()
        client.say(#"{"type":"SendMsg","text":"x"}"#)
        client.say(#"{"type":"Leave"}"#)
        #expect(client.commands.count == 1)
        #expect(client.read() == Array(repeating: #"{"type":"Error","reason":"you are in no room: Join comes first"}"#, count: 2))
        client = try Self.joined()
        _ = client.read()
        client.say(#"{"type":"Join","room":"tech","nick":"ada"}"#)
        #expect(client.read() == [#"{"type":"Error","reason":"you are in general: Leave comes first"}"#])
    }

    @Test func whoLeftMayJoinAgain() throws {
        var client = try Self.joined()
        client.say(#"{"type":"Leave"}"#)
        #expect(client.lastCommand == .leave(Leave(room: try RoomAddress("general"))))
        client.reply(.ok(Success()))
        // The same name is not asked for again, another one is.
        client.say(#"{"type":"Join","room":"tech","nick":"ada"}"#)
        #expect(client.lastCommand == .join(Join(room: try RoomAddress("tech"))))
        client.reply(.error(Failure(.overloaded, reason: "the room is full")))
        client.say(#"{"type":"Join","room":"tech","nick":"bob"}"#)
        #expect(client.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bob"))))
        try client.acceptName("bob")
        #expect(client.lastCommand == .join(Join(room: try RoomAddress("tech"))))
    }

    @Test func theLobbyIsOnlyLeftByNotListening() throws {
        var client = SimpleClient()
        client.say(#"{"type":"Join","room":"lobby","nick":"ada"}"#)
        try client.acceptName("ada")
        try client.admit(to: "lobby", members: ["ada"])
        client.say(#"{"type":"Leave"}"#)
        #expect(client.lastCommand == .leave(Leave(room: .lobby, detachesOnly: true)))
    }

    @Test func roomsAreListedBeforeThereIsAName() throws {
        var client = SimpleClient()
        client.say(#"{"ListRooms":null}"#)
        #expect(client.lastCommand == .authenticate(Authenticate(mechanism: "ANONYMOUS")))
        try client.acceptName("guest-1")
        #expect(client.lastCommand == .list(ListRooms(limit: 1_000)))
        client.reply(.items(Items(records: [.room(RoomRecord(room: .lobby, members: 0, policy: [], head: 0))])))
        #expect(client.read() == [#"{"RoomList":{"rooms":["lobby"]}}"#])
        // That decided nothing.
        client.say(#"{"type":"SetUsername","username":"ada"}"#)
        try client.acceptName("ada")
        #expect(client.read() == [#"{"type":"SystemMessage","content":"Welcome, ada!"}"#])
    }

    @Test func whatIsSaidToOneDoesNotLookAsIfSaidToAll() throws {
        var client = try Self.joined()
        _ = client.read()
        client.deliver(try said("bob", "psst", in: "@ada+bob"), try said("bob", nil, .delete), try said("bob", "👍", .react))
        #expect(client.read() == [#"{"type":"Message","from":"bob","text":"[private] psst","ts":1704110400250}"#])
    }

    @Test func theTwoVocabulariesAreNotMixed() throws {
        var nicks = try Self.joined()
        _ = nicks.read()
        nicks.say(#"{"type":"SendMessage","content":"x"}"#)
        #expect(
            nicks.read() == [
                #"{"type":"Error","reason":"this connection speaks the other vocabulary: Join, SendMsg, Leave, ListRooms"}"#
            ])
        var usernames = try SimpleClient.named("ada")
        usernames.say(#"{"type":"SendMsg","text":"x"}"#)
        #expect(usernames.read().first?.hasPrefix(#"{"type":"SystemMessage","content":"Error: this connection speaks"#) == true)
    }

    @Test func heartbeatsAreAnsweredAndAsked() throws {
        var client = try Self.joined(isNested: true)
        _ = client.read()
        client.say(#""Ping""#)
        #expect(client.read() == [#"{"Pong":{}}"#])
        client.reply(.ping(timestamp: 1), to: 1)
        #expect(client.controls == [0x89])
    }

    @Test(arguments: [
        "", "nonsense", "[]", "7", "{", "{}", #"{"type":"Join"}"#, #"{"type":7}"#, #"{"type":"What"}"#, #"{"Join":7}"#,
        #"{"Join":{},"x":1}"#,
        #"{"type":"Join","room":"a","room":"b","nick":"c"}"#, #"{"type":"Join","room":7,"nick":"c"}"#, #"{"type":"Leave"}{}"#, "\"What\"",
        #"{"type":"Join","nick":"a"}"#, #"{"type":"SendMsg","text":"\ud800"}"#, "{\"type\":\"SendMsg\",\"text\":\"\u{1}\"}",
    ])
    func whatIsNoMessageIsAnErrorAndNotTheEnd(_ text: String) throws {
        var client = SimpleClient()
        let count = client.commands.count
        client.say(text)
        #expect(client.commands.count == count)
        let shown = client.read()
        #expect(shown.count == 1)
        #expect(shown[0].contains("rror"))
        client.say(#"{"type":"Join","room":"general","nick":"ada","more":[{"deep":{}}]}"#)
        #expect(client.commands.count == count + 1)
    }

    /// Whatever is sent, something is answered or asked of the core, and what the core says never fails.
    @Test func noiseIsHarmless() throws {
        var random = SeededRandom(seed: 24)
        let words = [
            "{", "}", "[", "]", ":", ",", "\"", "type", "\"type\":", "\"Join\"", "\"SendMsg\"", "\"Leave\"", "\"ListRooms\"",
            "\"SetUsername\"",
            "\"JoinRoom\"", "\"SendMessage\"", "\"PrivateMessage\"", "\"room\":\"general\"", "\"nick\":\"ada\"", "\"text\":\"hi\"",
            "\"username\":\"ada\"", "\"content\":\"hi\"", "\"to\":\"bob\"", "null", "7", "\\u", "\u{e9}", " ",
        ]
        var commands = 0
        for _ in 0..<5_000 {
            var client = SimpleClient()
            for _ in 0..<random.upTo(6) {
                let name = words[9 + random.upTo(7)]
                let members = words[17...22].filter { _ in random.chance(90) }
                let isGood = random.chance(60)
                let text =
                    isGood
                    ? "{\"type\":\(name)\(members.map { "," + $0 }.joined())}"
                    : (0..<random.upTo(12)).map { _ in words[random.upTo(27)] }.joined()
                let before = (client.commands.count, client.messages.count)
                client.say(text)
                #expect((client.commands.count, client.messages.count) != before, "\(text)")
                let replies: [Reply] = [
                    .ok(Success()), .error(Failure(.noSuchRoom)), .error(Failure(.exists)), .pong(timestamp: nil), .goodbye(Goodbye(.ok)),
                    .joined(Joined(room: .lobby, epoch: 1, head: 3, floor: 1, next: 3)), .items(Items(records: [])),
                    .authenticated(Authenticated(user: try AccountName("ada"), session: SharedBytes([UInt8](0..<16)))),
                    .batch(Batch(room: .lobby, epoch: 1, floor: 1, fromSeq: 1, toSeq: 2)), .ping(timestamp: 1),
                ]
                for _ in 0..<random.upTo(4) {
                    client.reply(replies[random.upTo(replies.count - 1)], to: UInt32(random.upTo(client.commands.count + 1)))
                }
                client.deliver(try said("ada", "x"), try said("ada", nil, in: "lobby", .joined))
            }
            commands += client.commands.count
        }
        #expect(commands > 7_500)
    }

    @Test func octetsThatAreNoTextAreAnError() {
        var dialect = SimpleDialect(mark: 1)
        let octets: [UInt8] = [0xFF, 0xFE]
        guard case .write(let answer)? = dialect.take(octets.span.bytes, bodyByteCountMax: 10).first else {
            Issue.record("no answer")
            return
        }
        #expect(String(decoding: answer.array.dropFirst(2), as: UTF8.self) == #"{"type":"Error","reason":"not UTF-8"}"#)
    }
}
