import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Glibc
import Testing

/// The index against the history that it is made of: what leaves the one leaves the other, and what is lost of it is made again.
@Suite(.timeLimit(.minutes(2))) struct SearchIndexTests {
    private let lobby = address("lobby")
    /// A word that is its own trigram, so that it stands in the file as it is.
    private let secret = "鱻龘靐"

    private func files(of folder: TemporaryFolder, hold text: String) throws -> Bool {
        try folder.files.filter { $0.hasPrefix("search.") && !$0.hasSuffix("-shm") }.contains { name in
            String(decoding: try folder.contents(of: name), as: UTF8.self).contains(text)
        }
    }

    /// Waits for something that the search thread does. Every search lets it do a slice of work.
    private func wait(_ store: Store, _ anchor: LogAnchor, until condition: () throws -> Bool) async throws {
        while try !condition() { _ = try await store.found(SearchQuery(in: [anchor], words: "", eventCountMax: 1)) }
    }

    @Test func whatIsDeletedLeavesTheIndexAndItsFile() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        var events = (1...100).map { TestEvent(seq: UInt64($0), body: "message \($0)", id: UInt64($0)) }
        events[9].body = "the word is \(secret)"
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        try await store.index(anchor)
        #expect(try files(of: folder, hold: secret))
        #expect(try await store.all(secret, in: [anchor]) == ["lobby 10"])
        await store.stored(.erase(lobby, epoch: 1, seq: 10))
        // At once, whatever the index still holds.
        #expect(try await store.all(secret, in: [anchor]) == [])
        try await wait(store, anchor) { try !files(of: folder, hold: secret) }
        #expect(try await store.all("message", in: [anchor]).count == 99)
        store.close()
        #expect(try !files(of: folder, hold: secret))
    }

    @Test func whatIsDeletedWhileNobodyIndexesIsGoneAfterARestart() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        var events = (1...64).map { TestEvent(seq: UInt64($0), body: "message \($0)", id: UInt64($0)) }
        events[9].body = secret
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        try await store.index(anchor)
        store.close()
        let index = try folder.contents(of: "search.sqlite3")
        store = try Store.openSearchable(folder)
        await store.stored(.erase(lobby, epoch: 1, seq: 10))
        store.close()
        // As if the process had been killed before the index was looked after.
        try folder.write(index, to: "search.sqlite3")
        #expect(try files(of: folder, hold: secret))
        store = try Store.openSearchable(folder)
        #expect(try await store.all(secret, in: [anchor]) == [])
        try await wait(store, anchor) { try !files(of: folder, hold: secret) }
        store.close()
    }

    @Test func whatRetentionRemovesLeavesTheIndex() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) {
            $0.retainedSeqsMax = 20
            $0.retentionMilliseconds = 5
        }
        await store.stored(.create(lobby), .append(lobby, (1...10).map { TestEvent(seq: $0, body: secret) }))
        let anchor = await store.stored(.append(lobby, (11...200).map { TestEvent(seq: $0, body: "message \($0)") }))[0].anchor
        try await wait(store, anchor) { try store.statistics.unindexedEvents < 8 && !files(of: folder, hold: secret) }
        #expect(try await store.all("message", in: [anchor]) == (181...200).reversed().map { "lobby \($0)" })
        // Blocks of which nothing is left go away.
        let shell = try Shell(folder.path + "/search.sqlite3")
        try await wait(store, anchor) { try shell.run("SELECT min(number) FROM block") == ["5"] }
        #expect(try shell.run("SELECT count(*) FROM sqlite_schema WHERE name = 'block_0'") == ["0"])
        store.close()
    }

    @Test func whatARoomSaidGoesWithIt() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        let gone = address("gone")
        await store.stored(.create(gone), .append(gone, (1...20).map { TestEvent(seq: $0, body: secret) }))
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...40).map { TestEvent(seq: $0, body: "kept") }))[1].anchor
        try await store.index(anchor)
        #expect(try files(of: folder, hold: secret))
        await store.stored(.end(gone, epoch: 1))
        try await wait(store, anchor) { try !files(of: folder, hold: secret) }
        #expect(try await store.all("kept", in: [anchor]).count == 40)
        store.close()
    }

    @Test func anIndexThatIsGoneIsMadeAgain() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...100).map { TestEvent(seq: $0, body: "word \($0)") }))[1].anchor
        try await store.index(anchor)
        store.close()
        let index = try folder.contents(of: "search.sqlite3")
        for damage in [nil, [], Array("no database at all".utf8), [UInt8](index.prefix(4_096)), index.map { $0 ^ 0x55 }] {
            unlink(folder.path + "/search.sqlite3")
            if let damage { try folder.write(damage, to: "search.sqlite3") }
            store = try Store.openSearchable(folder)
            // While it is being made, what is not in it is looked through.
            #expect(try await store.all("word", in: [anchor], pageCount: 30).count == 100)
            try await store.index(anchor)
            #expect(try await store.all("word 99", in: [anchor]) == ["lobby 99"])
            store.close()
        }
    }

    @Test func damageThatIsMetLaterIsRepairedToo() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...100).map { TestEvent(seq: $0, body: "word \($0)") }))[1].anchor
        try await store.index(anchor)
        store.close()
        var index = try folder.contents(of: "search.sqlite3")
        // The tables that describe it are whole; the blocks are not.
        for offset in 4 * 4_096..<index.count { index[offset] = 0xFF }
        try folder.write(index, to: "search.sqlite3")
        store = try Store.openSearchable(folder)
        #expect(try await store.all("word", in: [anchor]).count == 100)
        #expect(try await store.all("word 7", in: [anchor]).first == "lobby 97")
        store.close()
        store = try Store.openSearchable(folder)
        try await store.index(anchor)
        #expect(try await store.all("word 99", in: [anchor]) == ["lobby 99"])
        store.close()
    }

    @Test func anIndexOfAnotherHistoryIsNotUsed() async throws {
        let (folder, other) = (try TemporaryFolder(), try TemporaryFolder())
        for (folder, word) in [(folder, "here"), (other, "there")] {
            let store = try Store.openSearchable(folder)
            let anchor = await store.stored(.create(lobby), .append(lobby, (1...64).map { TestEvent(seq: $0, body: word) }))[1].anchor
            try await store.index(anchor)
            store.close()
        }
        try folder.write(try other.contents(of: "search.sqlite3"), to: "search.sqlite3")
        let store = try Store.openSearchable(folder)
        let anchor = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        try await store.index(anchor)
        #expect(try await store.all("here", in: [anchor]).count == 64)
        store.close()
    }

    /// A backup of the history is older than the index beside it, and its events' numbers are given to others.
    @Test func anIndexThatIsAheadGoesBack() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        await store.stored(.create(lobby), .append(lobby, (1...40).map { TestEvent(seq: $0, body: "old \($0)") }))
        store.close()
        let backup = try folder.contents(of: "history.sqlite3")
        store = try Store.openSearchable(folder)
        await store.stored(.reserve(lobby, epoch: 1))
        let later = await store.stored(.append(lobby, (41...140).map { TestEvent(seq: $0, body: "undone \($0)") }))[0].anchor
        try await store.index(later)
        store.close()
        try folder.write(backup, to: "history.sqlite3")
        store = try Store.openSearchable(folder)
        await store.stored(.reserve(lobby, epoch: 1))
        let anchor = await store.stored(.append(lobby, (41...100).map { TestEvent(seq: $0, body: "new \($0)") }))[0].anchor
        try await store.index(anchor)
        #expect(try await store.all("new", in: [anchor]) == (41...100).reversed().map { "lobby \($0)" })
        #expect(try await store.all("old", in: [anchor]).count == 40)
        #expect(try await store.all("undone", in: [anchor]) == [])
        try await wait(store, anchor) { try !files(of: folder, hold: "und") }
        store.close()
    }

    /// The program of these tests is killed while it writes; here the index is behind, as it may be then.
    @Test func whatAStopLeftBehindIsCaughtUpWith() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        await store.stored(.create(lobby), .append(lobby, (1...40).map { TestEvent(seq: $0, body: "first \($0)") }))
        let early = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        try await store.index(early)
        store.close()
        let index = try folder.contents(of: "search.sqlite3")
        store = try Store.openSearchable(folder)
        await store.stored(.reserve(lobby, epoch: 1))
        let anchor = await store.stored(.append(lobby, (41...140).map { TestEvent(seq: $0, body: "second \($0)") }))[0].anchor
        store.close()
        try folder.write(index, to: "search.sqlite3")
        store = try Store.openSearchable(folder)
        #expect(try await store.all("second", in: [anchor]).count == 100)
        try await store.index(anchor)
        #expect(try await store.all("second", in: [anchor]) == (41...140).reversed().map { "lobby \($0)" })
        #expect(try await store.all("first", in: [anchor]).count == 40)
        store.close()
    }

    @Test func withoutAnIndexNothingIsSearchedAndNoneIsLeft() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder)
        let anchor = await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1, body: secret)]))[1].anchor
        _ = try await store.all(secret, in: [anchor])
        store.close()
        #expect(folder.files.contains("search.sqlite3"))
        store = try Store.openSearchable(folder) { $0.isSearchable = false }
        #expect(!store.search(SearchQuery(in: [anchor], words: secret, eventCountMax: 1)) { _ in Issue.record("nothing answers") })
        store.close()
        #expect(!folder.files.contains { $0.hasPrefix("search.") })
    }

    @Test func aFileOfAnEarlierFormIsBroughtUpToDate() async throws {
        let folder = try TemporaryFolder()
        var store = try Store.openSearchable(folder) { $0.isSearchable = false }
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...20).map { TestEvent(seq: $0, body: "word \($0)") }))[1].anchor
        store.close()
        do {
            let shell = try Shell(folder.path + "/history.sqlite3")
            for sql in ["DROP TABLE erasure", "DELETE FROM state WHERE name = 'history'", "PRAGMA user_version = 2"] { try shell.run(sql) }
        }
        store = try Store.openSearchable(folder)
        try await store.index(anchor)
        #expect(try await store.all("word 7", in: [anchor]) == ["lobby 17", "lobby 7"])
        store.close()
    }
}
