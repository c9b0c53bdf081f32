import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// What is found, against a model that simply looks through everything.
@Suite(.timeLimit(.minutes(2))) struct SearchTests {
    private let lobby = address("lobby")
    private let other = address("other")

    @Test func theNewestComesFirstAcrossLogs() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        await store.stored(.create(lobby), .create(other), .append(lobby, [TestEvent(seq: 1, body: "one apple")]))
        await store.stored(.append(other, [TestEvent(seq: 1, body: "an Apple pie", from: account("bob"))]))
        let here = await store.stored(
            .append(lobby, [TestEvent(seq: 2, body: "pear"), TestEvent(seq: 3, body: "pineapples", kind: .notice)]))[0].anchor
        let there = await store.stored(.reserve(other, epoch: 1))[0].anchor
        #expect(try await store.all("apple", in: [here, there]) == ["lobby 3", "other 1", "lobby 1"])
        #expect(try await store.all("apple", in: [here]) == ["lobby 3", "lobby 1"])
        #expect(try await store.all("apple", in: [here, there], from: "bob") == ["other 1"])
        #expect(try await store.all("apple", in: [here, there], from: "nobody") == [])
        #expect(try await store.all("pie apple", in: [here, there]) == ["other 1"])
        #expect(try await store.all("apple", in: []) == [])
        // Without words, everything that somebody said.
        #expect(try await store.all("", in: [here, there]) == ["lobby 3", "lobby 2", "other 1", "lobby 1"])
        store.close()
    }

    private static let alphabet = Array("ab\"'*AB 東京都的日本é🙂")

    @Test(arguments: [1, 2, 3, 4])
    func whatIsFoundIsWhatAModelFinds(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        // Blocks whose parts are of one event, and of several.
        let store = try Store.openSearchable(folder) { $0.indexBlockEvents = [32, 150, 512][Int(seed % 3)] }
        var random = SeededRandom(seed: seed)
        let rooms = (0..<3).map { address("room-\($0)") }
        let names = ["ada", "bob"]
        var heads = [UInt64](repeating: 0, count: 3)
        var anchors: [LogAnchor] = []
        var model: [(seq: UInt64, room: Int, author: String, body: String, time: Timestamp, message: UInt64)] = []
        /// For each room and message the newest event that says what it says.
        var newest: [[UInt64: UInt64]] = [[:], [:], [:]]
        var clock = moment
        for room in rooms { anchors.append(await store.stored(.create(room))[0].anchor) }
        for round in 0..<200 {
            let index = Int.random(in: 0..<3, using: &random)
            var events: [TestEvent] = []
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                heads[index] += 1
                let author = names.randomElement(using: &random)!
                let body = Self.text(Int.random(in: 0...12, using: &random), &random)
                // The clock is set back now and then.
                clock = clock + UInt64.random(in: 0...20, using: &random) - (Int.random(in: 0..<50, using: &random) == 0 ? 300 : 0)
                var event = TestEvent(seq: heads[index], body: body, from: account(author), timestamp: clock)
                if Int.random(in: 0..<4, using: &random) == 0, let message = newest[index].keys.sorted().randomElement(using: &random) {
                    (event.kind, event.reference) = (.edit, message)
                }
                newest[index][event.reference ?? event.seq] = event.seq
                events.append(event)
                model.append((event.seq, index, author, body, clock, event.reference ?? event.seq))
            }
            anchors[index] = await store.stored(.append(rooms[index], events))[0].anchor
            guard round % 4 == 0 else { continue }
            if round % 40 == 0 { try await store.index(anchors[0]) }
            let words = Self.text(Int.random(in: 0...6, using: &random), &random)
            let author = Bool.random(using: &random) ? names.randomElement(using: &random) : nil
            let chosen = (0..<3).filter { _ in Int.random(in: 0..<3, using: &random) > 0 }
            let ends = [model.randomElement(using: &random)!.time, model.randomElement(using: &random)!.time].sorted()
            let times = Bool.random(using: &random) ? ends[0]..<ends[1] : 0..<Timestamp.max
            let expected = model.reversed().filter { entry in
                chosen.contains(entry.room) && author.map { $0 == entry.author } ?? true && times.contains(entry.time)
                    && newest[entry.room][entry.message] == entry.seq
                    && words.lowercased().split(separator: " ").allSatisfy { entry.body.lowercased().contains($0) }
            }
            let found = try await store.all(
                words, in: chosen.map { anchors[$0] }, from: author, times: times,
                pageCount: [1, 7, 1_000].randomElement(using: &random)!)
            let places = expected.map { "\(rooms[$0.room]) \($0.seq)" }
            try #require(found == places, "\(words) by \(author ?? "anybody") in \(chosen), \(times)")
        }
        store.close()
    }

    private static func text(_ count: Int, _ random: inout SeededRandom) -> String {
        String((0..<count).map { _ in alphabet.randomElement(using: &random)! })
    }

    @Test(arguments: [false, true])
    func nothingAPersonWritesIsSyntax(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let bodies = [
            "this AND that", "NEAR(a b, 2)", "say \"hello\" twice", "5 * 3 = 15", "log:x -y ^z", "100%_sure", "a'b''c", "(((", "col : {x}",
            "back\\slash", "\u{F0000}\u{F0000}\u{F0001}",
        ]
        let filler = (0..<64).map { "filler \($0)" }
        let all = bodies + filler
        let anchor = await store.stored(
            .create(lobby), .append(lobby, all.enumerated().map { TestEvent(seq: UInt64($0 + 1), body: $1) }))[1].anchor
        if isIndexed { try await store.index(anchor) }
        for (index, body) in bodies.enumerated() {
            let found = try await store.all(body, in: [anchor])
            #expect(found.contains("lobby \(index + 1)"), "\(body)")
            #expect(found.count <= 2, "\(body)")
        }
        for (words, count) in [
            ("AND", 1), ("and", 1), ("OR", 0), ("NOT", 0), ("NEAR", 1), ("near(a", 1), ("*", 1), ("\"", 1), ("\"\"", 0), ("''", 1),
            ("(", 2),
            (")", 1), ("{x}", 1), ("^", 1), ("-y", 1), ("%_", 1), ("%", 1), ("\\", 1), ("h*", 0), ("hel*", 0), ("hello\"", 1),
            (String(repeating: "x", count: 256), 0), (String(repeating: "ab ", count: 85), 0), (String(repeating: "\"", count: 256), 0),
            ("   \t\n \u{3000} ", all.count), ("", all.count), ("f", 64), ("FILLER 63", 1), ("6 3", 2), ("🙂", 0), ("log", 1), ("body", 0),
        ] {
            #expect(try await store.all(words, in: [anchor]).count == count, "\(words)")
        }
        store.close()
    }

    @Test(arguments: [false, true])
    func capitalsDoNotMatter(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let bodies = ["ÄRGER im Büro", "ΟΔΟΣ ΑΘΗΝΑΣ", "Привет МИР", "ｆｕｌｌ ＷＩＤＴＨ", "İstanbul", "東京タワーへ行く", "서울특별시에서", "straße"]
        let events = (bodies + (0..<24).map { "filler \($0)" }).enumerated().map { TestEvent(seq: UInt64($0 + 1), body: $1) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        if isIndexed { try await store.index(anchor) }
        for (words, seq) in [
            ("ärger", 1), ("BÜRO", 1), ("οδος", 2), ("οδοσ", 2), ("αθηνας", 2), ("привет", 3), ("мир", 3), ("ＦＵＬＬ", 4), ("i\u{307}stan", 5),
            ("タワー", 6), ("東京", 6), ("京", 6), ("東京 行く", 6), ("특별시", 7), ("시에", 7), ("STRAß", 8),
        ] {
            #expect(try await store.all(words, in: [anchor]) == ["lobby \(seq)"], "\(words)")
        }
        store.close()
    }

    @Test func manyLogsAreTold() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        // More than the index is asked for by name.
        var anchors: [LogAnchor] = []
        for number in 0..<300 {
            let room = address("room-\(number)")
            let logs = await store.stored(.create(room), .append(room, [TestEvent(seq: 1, body: "word \(number % 7)")]))
            anchors.append(logs[1].anchor)
        }
        try await store.index(anchors[0])
        for words in ["word", "wo", ""] {
            #expect(try await store.all(words, in: anchors, pageCount: 50) == (0..<300).reversed().map { "room-\($0) 1" })
        }
        #expect(try await store.all("word 3", in: Array(anchors.prefix(10))) == ["room-3 1"])
        #expect(try await store.all("word 3", in: Array(anchors.prefix(290))).count == 41)
        store.close()
    }

    @Test func aPageHasOneEventHoweverLargeItIs() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let large = String(repeating: "large ", count: 2_500)
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...20).map { TestEvent(seq: $0, body: large) }))[1].anchor
        for _ in 0..<2 {
            var before: Int64?
            var seqs: [UInt64] = []
            repeat {
                let page = try await store.found(
                    SearchQuery(in: [anchor], words: "large", before: before, eventCountMax: 9, byteCountMax: 100))
                #expect(page.events.count == 1 && !page.isIncomplete)
                seqs += page.events.map { Event(frame: $0).seq }
                before = page.next
            } while before != nil && seqs.count < 30
            #expect(seqs == (1...20).reversed())
            try await store.index(anchor)
        }
        store.close()
    }

    // MARK: Bounds

    @Test func whenTimeIsOverItAnswersWithWhatItHas() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) {
            $0.searchMilliseconds = 0
            $0.indexSliceEvents = 1_024
            $0.indexBlockEvents = 65_536
        }
        let events = (1...5_000).map { TestEvent(seq: UInt64($0), body: $0 % 1_000 == 0 ? "a needle" : "hay \($0)") }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        var before: Int64?
        var seqs: [UInt64] = []
        var incompleteCount = 0
        repeat {
            let page = try await store.found(SearchQuery(in: [anchor], words: "ne", before: before, eventCountMax: 100))
            #expect(page.isIncomplete == (page.next != nil))
            // Each goes on where the last one stopped, and comes further.
            if let next = page.next { try #require(next < before ?? .max) }
            if page.isIncomplete { incompleteCount += 1 }
            seqs += page.events.map { Event(frame: $0).seq }
            before = page.next
        } while before != nil
        #expect(seqs == [5_000, 4_000, 3_000, 2_000, 1_000])
        #expect(incompleteCount > 3)
        store.close()
    }

    @Test func moreSearchesThanMayWaitAreRefused() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) { $0.waitingSearchesMax = 2 }
        let anchor = await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))[1].anchor
        let query = SearchQuery(in: [anchor], words: "hello", eventCountMax: 1)
        let gate = Gate()
        #expect(store.search(query) { _ in gate.wait() })
        #expect(store.search(query) { _ in })
        #expect(!store.search(query) { _ in Issue.record("a search refused is answered") })
        gate.open()
        store.close()
        #expect(!store.search(query) { _ in Issue.record("a closed store answers") })
    }

    /// Neither commits nor pages wait for the thread that searches and indexes.
    @Test func nobodyElseWaitsForSearches() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let anchor = await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))[1].anchor
        let gate = Gate()
        #expect(store.search(SearchQuery(in: [anchor], words: "hello", eventCountMax: 1)) { _ in gate.wait() })
        var last = anchor
        for seq in UInt64(2)...100 { last = await store.stored(.append(lobby, [TestEvent(seq: seq)]))[0].anchor }
        #expect(try await store.seqs(last) == Array(1...100))
        #expect(store.statistics.unindexedEvents >= 99)
        gate.open()
        try await store.index(last)
        #expect(try await store.all("hello", in: [last]).count == 100)
        store.close()
    }

    @Test func manySearchesTakeTurns() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) { $0.indexSliceEvents = 1_000_000 }
        let events = (1...60_000).map { TestEvent(seq: UInt64($0), body: $0 == 59_999 ? "here" : "hay") }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        let order = Order()
        await withTaskGroup { group in
            let posted = Gate()
            for (words, count) in [("absent", 1), ("here", 1)] {
                group.addTask {
                    if words == "here" { posted.wait() }
                    await withCheckedContinuation { continuation in
                        let query = SearchQuery(in: [anchor], words: words, eventCountMax: count)
                        precondition(
                            store.search(query) { _ in
                                order.append(words)
                                continuation.resume()
                            })
                        if words == "absent" { posted.open() }
                    }
                }
            }
        }
        #expect(order.words == ["here", "absent"])
        store.close()
    }
}
