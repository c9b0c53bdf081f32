import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// A message is found by what it says now.
@Suite(.timeLimit(.minutes(2))) struct SearchEditTests {
    private let lobby = address("lobby")
    private let other = address("other")

    private func edit(_ seq: UInt64, of message: UInt64, _ body: String) -> TestEvent {
        TestEvent(seq: seq, body: body, kind: .edit, reference: message)
    }

    @Test(arguments: [false, true])
    func onlyTheNewestEditIsFound(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let filler = (8...80).map { TestEvent(seq: $0, body: "filler") }
        let here = await store.stored(
            .create(lobby), .create(other),
            .append(
                lobby,
                [
                    TestEvent(seq: 1, body: "an apple"), TestEvent(seq: 2, body: "a notice of apples", kind: .notice),
                    edit(3, of: 1, "two apples"), TestEvent(seq: 4, body: "an apple, too"), edit(5, of: 1, "a pear"),
                    edit(6, of: 2, "a notice of pears"), edit(7, of: 4, ""),
                ] + filler))[2].anchor
        // Another log has the same numbers.
        let there = await store.stored(
            .append(other, (1...30).map { TestEvent(seq: $0, body: "apple") } + [edit(31, of: 5, "pear")]))[0].anchor
        if isIndexed { try await store.index(there) }
        #expect(try await store.all("apple", in: [here]) == [])
        #expect(try await store.all("pear", in: [here]) == ["lobby 6", "lobby 5"])
        #expect(try await store.all("too", in: [here]) == [])
        #expect(try await store.all("", in: [here]).suffix(3) == ["lobby 7", "lobby 6", "lobby 5"])
        #expect(try await store.all("apple", in: [here, there]).count == 29)
        #expect(try await store.all("pear", in: [there]) == ["other 31"])
        store.close()
    }

    @Test(arguments: [false, true])
    func deletionTakesTheEditsToo(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let events = [TestEvent(seq: 1, body: "word one"), TestEvent(seq: 2, body: "word two"), edit(3, of: 1, "word three")]
        let filler = (4...40).map { TestEvent(seq: $0, body: "filler") }
        let anchor = await store.stored(.create(lobby), .append(lobby, events + filler))[1].anchor
        if isIndexed { try await store.index(anchor) }
        #expect(try await store.all("word", in: [anchor]) == ["lobby 3", "lobby 2"])
        await store.stored(.erase(lobby, epoch: 1, seq: 1))
        #expect(try await store.all("word", in: [anchor]) == ["lobby 2"])
        store.close()
    }

    /// What is left out neither ends a page nor is told by the next one.
    @Test(arguments: [false, true])
    func pagesGoOnAcrossWhatIsLeftOut(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        // 300 messages, of which each but the first hundred was edited twice.
        let messages = (1...300).map { TestEvent(seq: $0, body: "word \($0)") }
        let edits = (0..<400).map { edit(301 + $0, of: 101 + $0 % 200, "word again") }
        let anchor = await store.stored(.create(lobby), .append(lobby, messages), .append(lobby, edits))[2].anchor
        if isIndexed { try await store.index(anchor) }
        let expected = ((501...700).reversed() + (1...100).reversed()).map { "lobby \($0)" }
        for pageCount in [1, 7, 200, 300, 301] {
            #expect(try await store.all("word", in: [anchor], pageCount: pageCount) == expected)
        }
        // Nothing is left behind a full page but what is left out.
        let query = SearchQuery(in: [anchor], words: "word again", eventCountMax: 200)
        let page = try await store.found(query)
        #expect(page.events.count == 200)
        let rest = try await store.found(SearchQuery(in: [anchor], words: "word again", before: page.next, eventCountMax: 200))
        #expect(rest.events.isEmpty && rest.next == nil && !rest.isIncomplete)
        store.close()
    }

    @Test func anEditOutlivesWhatRetentionRemoves() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) {
            $0.retainedSeqsMax = 20
            $0.retentionMilliseconds = 5
        }
        await store.stored(.create(lobby), .append(lobby, (1...100).map { TestEvent(seq: $0, body: "word \($0)") }))
        let anchor = await store.stored(.append(lobby, [edit(101, of: 3, "word new"), edit(102, of: 90, "word newer")]))[0].anchor
        while try await store.seqs(anchor).first != 83 {}
        let expected = ["lobby 102", "lobby 101"] + (83...100).reversed().filter { $0 != 90 }.map { "lobby \($0)" }
        #expect(try await store.all("word", in: [anchor]) == expected)
        store.close()
    }
}
