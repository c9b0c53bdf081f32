import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// A search of some time finds all of it, and looks at little else.
@Suite(.timeLimit(.minutes(2))) struct SearchTimeTests {
    private let lobby = address("lobby")

    private func places(_ seqs: some Sequence<Int>) -> [String] { seqs.map { "lobby \($0)" } }

    @Test(arguments: [false, true])
    func theBeginningIsPartOfItAndTheEndIsNot(isIndexed: Bool) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder)
        // Two events of each moment.
        let events = (1...40).map { TestEvent(seq: UInt64($0), body: "word", timestamp: UInt64(1_000 + ($0 - 1) / 2)) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        if isIndexed { try await store.index(anchor) }
        for words in ["word", "wo", ""] {
            for (times, seqs) in [
                (0..<Timestamp.max, 1...40), (1_000..<1_020, 1...40), (1_001..<1_019, 3...38), (0..<1_001, 1...2),
                (1_019..<Timestamp.max, 39...40), (1_005..<1_006, 11...12), (1_005..<1_005, nil), (0..<1_000, nil),
                (1_020..<Timestamp.max, nil), (0..<0, nil), (Timestamp.max - 1..<Timestamp.max, nil),
            ] as [(Range<Timestamp>, ClosedRange<Int>?)] {
                let expected = places(seqs.map { Array($0.reversed()) } ?? [])
                #expect(try await store.all(words, in: [anchor], times: times, pageCount: 7) == expected, "\(words) in \(times)")
            }
        }
        store.close()
    }

    /// A clock that is set back, and loops whose events are stored in another order than they were said.
    @Test(arguments: [UInt64(1), 2, 3])
    func timesNeedNotAscend(seed: UInt64) async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) { $0.indexBlockEvents = 500 }
        var random = SeededRandom(seed: seed)
        var clock: UInt64 = 10_000_000
        var times: [Timestamp] = []
        for _ in 0..<2_000 {
            clock += UInt64.random(in: 0...100, using: &random)
            if Int.random(in: 0..<400, using: &random) == 0 { clock -= 50_000 }
            times.append(clock - UInt64.random(in: 0...300, using: &random))
        }
        let events = times.enumerated().map { TestEvent(seq: UInt64($0 + 1), body: "word", timestamp: $1) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        try await store.index(anchor)
        for _ in 0..<40 {
            let ends = [times.randomElement(using: &random)!, times.randomElement(using: &random)!].sorted()
            let expected = places((1...2_000).reversed().filter { (ends[0]..<ends[1]).contains(times[$0 - 1]) })
            for words in ["word", ""] {
                #expect(try await store.all(words, in: [anchor], times: ends[0]..<ends[1], pageCount: 300) == expected)
            }
        }
        store.close()
    }

    /// With no time at all, each page is one step. What lies outside takes no steps.
    @Test func whatLiesOutsideIsPassedOver() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) {
            $0.searchMilliseconds = 0
            $0.indexBlockEvents = 1_024
        }
        let events = (1...20_000).map { TestEvent(seq: UInt64($0), body: "word", timestamp: UInt64($0)) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        try await store.index(anchor)
        for words in ["word", "wo"] {
            for (times, pagesMax) in [(1..<11, 3), (9_000..<9_020, 5), (0..<1, 2), (30_000..<40_000, 2)] as [(Range<Timestamp>, Int)] {
                var (before, pages, found): (Int64?, Int, Int) = (nil, 0, 0)
                repeat {
                    let page = try await store.found(
                        SearchQuery(in: [anchor], words: words, times: times, before: before, eventCountMax: 100))
                    before = page.next
                    pages += 1
                    found += page.events.count
                } while before != nil
                #expect(found == events.count { times.contains($0.timestamp) } && pages <= pagesMax, "\(words) in \(times): \(pages)")
            }
        }
        store.close()
    }

    /// The times of a block are those of what is in it still.
    @Test func timesLeaveTheIndexWithTheirEvents() async throws {
        let folder = try TemporaryFolder()
        let store = try Store.openSearchable(folder) {
            $0.retainedSeqsMax = 20
            $0.retentionMilliseconds = 5
        }
        let events = (1...200).map { TestEvent(seq: UInt64($0), body: "word", timestamp: UInt64($0)) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        let shell = try Shell(folder.path + "/search.sqlite3")
        while try shell.run("SELECT min(first) FROM part") != ["181"] { _ = try await store.all("word", in: [anchor]) }
        #expect(try await store.all("word", in: [anchor], times: 0..<191) == places((181...190).reversed()))
        store.close()
    }
}
