import ChatProtocol
import Testing

/// The conversation without a terminal: plain lines in, plain lines out, on a real socket.
@Suite struct TranscriptTests {
    private let stamp = "22:13:20 "

    @Test func everyCommandInBothStyles() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run(
            [peer.url, "--user", "ada"],
            input: """
                hello
                ::not a command
                :users
                /users
                :lrs
                :lru dev
                :cr dev
                :cr new
                :jr lobby
                :jr dev
                :rm dev in dev
                :pm bob psst
                /pm nobody psst
                /lr dev
                :nick ada2
                :frob
                :jr nowhere

                """)
        #expect(program.status == 1, "some were refused")
        #expect(program.complaints.isEmpty)
        let output = Set(program.output)
        for line in [
            "-- connected to peer as ada; :help lists the commands", stamp + "[lobby] <ada (you)> hello",
            stamp + "[lobby] <ada (you)> :not a command",
            "-- connected (2): bob, ada", "-- rooms: 2", "   dev, 2 members", "-- in dev (2): bob, ada",
            "!! the room dev exists already; :jr dev enters it (408 EXISTS)", "-- created new",
            "-- you are in dev, with 1 other; :room dev makes it the current room", stamp + "[dev] <ada (you)> in dev",
            stamp + "[you -> bob] psst",
            "!! there is no user nobody (405 NO_SUCH_USER)", "-- you left dev", "-- you are now called ada2",
            "!! there is no command :frob; :help lists them, and ::frob says it as text",
            "!! there is no room nowhere; :cr nowhere creates it (404 NO_SUCH_ROOM)",
        ] {
            #expect(output.contains(line), "\(line)\nin\n\(program.output.joined(separator: "\n"))")
        }
    }

    @Test(arguments: [
        (":rm nowhere hi", Int32(1)), (":pm nobody hi", 1), (":frob", 2), (":edit more", 2), (":jr lobby", 1), (":quit", 0), ("hi", 0),
    ])
    func aScriptLearnsByTheStatusWhatFailed(line: String, status: Int32) throws {
        let peer = try ScriptedPeer { peer, command, id in
            if case .publish(let publish) = command, publish.room == PeerConnection.room("nowhere") {
                peer.refuse(.noSuchRoom, to: id)
            } else {
                peer.standard(command, id)
            }
        }
        for json in [[], ["--json"]] {
            #expect(try Program.run([peer.url, "--user", "ada"] + json, input: line + "\n:users\n").status == status, "\(line) \(json)")
        }
    }

    @Test func aLineThatIsNoTextIsSaidToBeDropped() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "ada"], octets: [0xFF, 0x0A] + Array("hi\n".utf8))
        #expect(program.status == 2)
        #expect(program.output.contains("!! a line that is not text in UTF-8 was dropped"))
        #expect(program.output.contains(stamp + "[lobby] <ada (you)> hi"))
    }

    /// The peer acknowledges what is said before it delivers it, with an answer to something else in between.
    @Test func aPipedLineHasWhatTheOneBeforeBrought() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .publish(let publish) = command else { return peer.standard(command, id) }
            let content = publish.publication.content
            if content.kind == .edit, content.reference != 1 || content.body != "changed" { return peer.refuse(.noSuchEvent, to: id) }
            peer.send(.published(Published(room: publish.room, seq: peer.head + 1, timestamp: 1, acknowledgement: .accepted)), to: id)
            if content.kind == .message { peer.deliver(publish.room, from: "ada", "hello", id: content.messageID) }
        }
        let program = try Program.run([peer.url, "--user", "ada"], input: ":pin\nhello\n:edit changed\n")
        #expect(program.output.first == "-- connected to peer as ada; :help lists the commands")
        #expect(program.output.dropFirst().first == "!! no message was seen in lobby")
        #expect(program.output.count { $0.hasPrefix("!!") } == 1, "\(program.output)")
    }

    @Test func quitOfAPipeWaitsForAnswersAndEndsTheInput() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "ada"], input: "said\n:quit\nnot said\n")
        #expect(program.status == 0)
        #expect(program.output.filter { $0.hasPrefix(stamp) } == [stamp + "[lobby] <ada (you)> said"])
    }

    @Test func textOfOthersCannotDriveTheTerminal() throws {
        let peer = try ScriptedPeer { peer, command, id in
            peer.standard(command, id)
            if case .join = command { peer.deliver(.lobby, from: "mallory", "a\tb\nc\u{202E}d\u{200B}") }
        }
        let program = try Program.run([peer.url, "--user", "ada"], input: "x\n")
        #expect(program.output.contains(stamp + "[lobby] <mallory> a    b^Jc\\u{202E}d\\u{200B}"))
        let octets = program.output.joined().unicodeScalars.filter { $0.value < 0x20 || (0x7F...0x9F).contains($0.value) }
        #expect(octets.isEmpty)
    }

    @Test func controlCharactersOfOnesOwnAreRefusedHere() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "ada"], input: "a\u{1B}[2Jb\n")
        #expect(program.status == 2)
        #expect(program.output.contains { $0.contains("not sent: the text holds characters that are not accepted (401 BAD_TEXT)") })
    }

    @Test func nameInUseIsAReasonAndStatus1() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "taken"])
        #expect(program.status == 1)
        #expect(program.output.contains("!! the name taken is in use (408 EXISTS)"))
    }

    @Test func comesBackByItselfAndTellsWhatWasMissed() throws {
        let peer = try ScriptedPeer { peer, command, id in
            switch (peer.number, command) {
            case (1, .publish):
                // The first connection takes the message and dies before it answers.
                peer.drop()
            case (2, .join(let join)) where join.room == .lobby:
                peer.joined(.lobby, next: 1, head: 2, to: id)
                peer.deliver(.lobby, from: "bob", "while you were away")
                peer.deliver(.lobby, from: "bob", "and more")
            default: peer.standard(command, id)
            }
        }
        let program = try Program.run([peer.url, "--user", "ada"], input: "important\n")
        #expect(program.status == 0)
        let told = program.output.filter { !$0.contains("; trying again ") }
        #expect(
            told == [
                "-- connected to peer as ada; :help lists the commands", stamp + "[lobby] <bob> while you were away",
                stamp + "[lobby] <bob> and more",
                "-- a message had not been accepted before the connection was lost; sent again", "-- back; 2 messages caught up",
                stamp + "[lobby] <ada (you)> important",
            ])
        #expect(program.output.contains { $0.hasPrefix("-- connection lost: ") })
    }

    @Test func tellsMissedRangesByNumbers() throws {
        let peer = try ScriptedPeer { peer, command, id in
            switch (peer.number, command) {
            case (1, .members): peer.drop()
            case (2, .join(let join)) where join.room == .lobby:
                peer.joined(.lobby, next: 53, head: 53, to: id)
                peer.deliver(.lobby, from: "bob", "last", seq: 53)
            default: peer.standard(command, id)
            }
        }
        let program = try Program.run([peer.url, "--user", "ada"], input: "one\n:users\n")
        #expect(program.output.contains("-- back; 1 message caught up; missed events 2–52 of lobby"), "\(program.output)")
    }

    @Test func jsonIsOneObjectALine() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "ada", "--json"], input: "hi\n:users\n:jr nowhere\n")
        #expect(program.output.allSatisfy { $0.hasPrefix("{\"t\":\"") && $0.hasSuffix("}") })
        #expect(program.output.contains(#"{"t":"deliver","room":"lobby","seq":1,"ts":1700000000000,"from":"ada","body":"hi"}"#))
        #expect(program.output.contains(#"{"t":"member","user":"bob","role":2,"state":1}"#))
        #expect(program.output.contains(#"{"t":"error","code":404,"name":"NO_SUCH_ROOM","reason":"no such room"}"#))
        #expect(program.output.contains(#"{"t":"published","room":"lobby","seq":1,"ts":1,"ack":1}"#))
    }

    @Test func noColoursWithoutATerminal() throws {
        let peer = try ScriptedPeer()
        let program = try Program.run([peer.url, "--user", "ada"], input: "hi\n", environment: ["TERM": "xterm-256color"])
        #expect(!program.output.joined().contains("\u{1B}"))
    }

    @Test func manyLinesOfAPipeAllArriveInOrder() throws {
        let peer = try ScriptedPeer()
        let lines = (1...500).map { "line \($0)" }
        let program = try Program.run([peer.url, "--user", "ada"], input: lines.joined(separator: "\n"))
        #expect(program.status == 0)
        #expect(program.output.filter { $0.hasPrefix(stamp) } == lines.map { stamp + "[lobby] <ada (you)> " + $0 })
    }
}
