import Bytes
import ChatProtocol
import Testing

/// `search` as a process, and `:search` in a conversation.
@Suite struct SearchVerbTests {
    /// A peer in whose `dev` something was said, in pages of two; the first one had no time for more.
    private func peer() throws -> ScriptedPeer {
        try ScriptedPeer { peer, command, id in
            guard case .search(let search) = command else { return peer.standard(command, id) }
            guard search.query == "release notes" else { return peer.send(.found(Found()), to: id) }
            let said = { (seq: UInt64, body: String) in
                var event = Event(
                    room: search.room ?? .lobby, seq: seq, timestamp: 1_700_000_000_000 + seq,
                    from: search.from ?? PeerConnection.user("bob"))
                event.body = body
                return event.frame.array
            }
            if let cursor = search.cursor {
                guard cursor == SharedBytes([7]) else { return peer.refuse(.badValue, to: id) }
                return peer.send(.found(Found(frames: SharedBytes(said(1, "the release notes")))), to: id)
            }
            let newest = said(4, "Release notes\nof today") + (search.limit == 1 ? [] : said(2, "release notes?"))
            peer.send(.found(Found(frames: SharedBytes(newest), cursor: SharedBytes([7]), isIncomplete: true)), to: id)
        }
    }

    @Test func printsAllPagesTheNewestLast() throws {
        let peer = try peer()
        let program = try Program.run([peer.url, "search", "release", "notes"])
        #expect(program.status == 0)
        #expect(
            program.output == [
                "2023-11-14 22:13:20 #1 [lobby] <bob> the release notes", "2023-11-14 22:13:20 #2 [lobby] <bob> release notes?",
                "2023-11-14 22:13:20 #4 [lobby] <bob> Release notes^Jof today",
            ])
        #expect(try Program.run([peer.url, "search", "release notes", "--limit", "1"]).output.count == 1)
        let json = try Program.run(["search", "--url", peer.url, "--json", "--room", "dev", "--from", "ada", "release notes"])
        #expect(json.output.count == 3)
        #expect(json.output[1] == #"{"t":"deliver","room":"dev","seq":2,"ts":1700000000002,"from":"ada","body":"release notes?"}"#)
    }

    @Test func timesAreThoseOfISO8601() throws {
        let peer = try ScriptedPeer { peer, command, id in
            guard case .search(let search) = command else { return peer.standard(command, id) }
            var event = Event(room: .lobby, seq: 1, timestamp: 1, from: PeerConnection.user("bob"))
            event.body = "\(search.since.map(String.init) ?? "-") \(search.until.map(String.init) ?? "-")"
            peer.send(.found(Found(frames: event.frame)), to: id)
        }
        let said = { (arguments: [String]) throws -> String? in
            // One hour east of UTC, all year.
            let program = try Program.run([peer.url, "search", "x"] + arguments, environment: ["TZ": "CET-1"])
            return program.output.first?.split(separator: "> ").last.map(String.init)
        }
        #expect(try said([]) == "- -")
        #expect(try said(["--since", "2026-11-21", "--until", "2026-11-22"]) == "1795215600000 1795302000000")
        for (text, milliseconds) in [
            ("1970-01-01T01:00", 0), ("1970-01-01T00:00Z", 0), ("2026-11-21T00:00Z", 1_795_219_200_000),
            ("2026-11-21 12:34:56.5", 1_795_260_896_500), ("2026-11-21T12:34:56.078+01:00", 1_795_260_896_078),
            ("2026-11-21T12:34:56.007-09:30", 1_795_298_696_007), ("2024-02-29T23:59:59Z", 1_709_251_199_000),
        ] {
            #expect(try said(["--since", text]) == "\(milliseconds) -", "\(text)")
        }
    }

    @Test func nothingFoundIsNoFailure() throws {
        let peer = try peer()
        let program = try Program.run([peer.url, "search", "nothing"])
        #expect(program.status == 0 && program.output.isEmpty && program.complaints.isEmpty)
    }

    @Test func refusalsAreTold() throws {
        // The standard peer searches nothing.
        let silent = try ScriptedPeer()
        let program = try Program.run([silent.url, "search", "x"])
        #expect(program.status == 1)
        #expect(program.complaints.count == 1 && program.complaints[0].contains("501 NOT_IMPLEMENTED"), "\(program.complaints)")
        let peer = try peer()
        #expect(try Program.run([peer.url, "search", "x", "--room", "nowhere"]).status == 1)
    }

    @Test(arguments: [
        ["search"], ["search", "x", "--limit", "0"], ["search", "x", "--room", "Bad Room"], ["search", "x", "--from", "Bad"],
        ["search", String(repeating: "x", count: 257)], ["search", "x", "--since", "yesterday"], ["search", "x", "--since", ""],
        ["search", "x", "--until", "2026-02-29"], ["search", "x", "--until", "2026-11-21T24:00"],
        ["search", "x", "--until", "2026-11-21T12:00+24:00"], ["search", "x", "--until", "1969-12-31T23:59Z"],
        ["search", "x", "--since", "2026-11-21T12:00 "], ["search", "x", "--since", "٢٠٢٦-11-21"],
        ["search", "x", "--since", "2026-11-22", "--until", "2026-11-21"],
    ])
    func wrongCommandLineIs2(arguments: [String]) throws {
        let program = try Program.run(arguments)
        #expect(program.status == 2 && !program.complaints.isEmpty && program.output.isEmpty)
    }

    @Test func inAConversation() throws {
        let peer = try peer()
        let program = try Program.run([peer.url, "--user", "ada"], input: ":search release notes\n/search nothing\n:search\n")
        #expect(program.status == 2)
        for line in [
            "2023-11-14 22:13:20 #2 [lobby] <bob> release notes?", "-- not everything could be looked through in time",
            "-- nothing was found", "!! usage: :search WORDS",
        ] {
            #expect(program.output.contains(line), "\(line)\nin\n\(program.output.joined(separator: "\n"))")
        }
    }
}
