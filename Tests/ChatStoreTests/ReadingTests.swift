import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Synchronization
import Testing

/// Pages against a model that simply knows all events.
@Suite(.timeLimit(.minutes(1))) struct ReadingTests {
    private let lobby = address("lobby")

    /// What a page must hold, by the rules of HISTORY.
    private func expected(
        _ seqs: [UInt64], head: UInt64, floor: UInt64, _ from: UInt64, _ to: UInt64, countMax: Int, _ direction: HistoryQuery.Direction
    ) -> (covered: ClosedRange<UInt64>?, seqs: [UInt64]) {
        var (low, high) = (max(from, floor, 1), min(to, head))
        guard low <= high else { return (nil, []) }
        let inRange = seqs.filter { (low...high).contains($0) }
        let taken = direction == .newest ? inRange.suffix(countMax) : inRange.prefix(countMax)
        if taken.count < inRange.count || taken.count == countMax {
            if direction == .newest { low = taken.first! } else if taken.count < inRange.count { high = inRange[taken.count] - 1 }
        }
        return (low...high, Array(taken))
    }

    @Test(arguments: [HistoryQuery.Direction.newest, .oldest], [1, 7, 128])
    func pagesAreWhatTheLogHolds(direction: HistoryQuery.Direction, sliceEventsMax: Int) async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.sliceEventsMax = sliceEventsMax
            $0.reservedSeqs = 100_000
        }
        var random = SeededRandom(seed: UInt64(sliceEventsMax))
        let rooms = (0..<4).map { address("room-\($0)") }
        var seqs = [[UInt64]](repeating: [], count: 4)
        var anchors: [LogAnchor] = []
        for room in rooms { anchors.append(await store.stored(.create(room))[0].anchor) }
        var older = anchors
        for round in 0..<250 {
            let index = Int(random.next() % 4)
            var next = (seqs[index].last ?? 0) + 1
            var events: [TestEvent] = []
            // Now and then seqs are lost, few or many.
            if random.next() % 12 == 0 {
                next += random.next() % (random.next() % 3 == 0 ? 400 : 10)
                events.append(TestEvent(seq: next, kind: .void))
                next += 1
            }
            for _ in 0..<random.next() % 12 {
                events.append(TestEvent(seq: next, body: String(repeating: "x", count: Int(random.next() % 50))))
                next += 1
            }
            guard !events.isEmpty else { continue }
            anchors[index] = await store.stored(.append(rooms[index], events))[0].anchor
            seqs[index] += events.map(\.seq)
            if round == 150 { older = anchors }
        }
        for _ in 0..<400 {
            let index = Int(random.next() % 4)
            let anchor = random.next() % 4 == 0 ? older[index] : anchors[index]
            let head = anchor.head
            let ends = [random.next() % (head + 3), random.next() % (head + 3)].sorted()
            let countMax = [1, 2, 5, 63, 64, 65, 1_000][Int(random.next() % 7)]
            let page = try await store.page(
                HistoryQuery(anchor: anchor, fromSeq: ends[0], toSeq: ends[1], eventCountMax: countMax, direction: direction))
            let known = seqs[index].filter { $0 <= head }
            let wanted = expected(known, head: head, floor: 1, ends[0], ends[1], countMax: countMax, direction)
            try #require(page.seqs == wanted.seqs, "\(ends) of \(head), \(countMax)")
            try #require(covers(page.covered, wanted.covered, wanted.seqs, known), "\(page.covered as Any) for \(wanted.covered as Any)")
            #expect(page.count == wanted.seqs.count && page.floor == 1)
            #expect(page.parts.allSatisfy { $0.room == rooms[index] })
        }
        store.close()
    }

    /// A page may answer for less than it could, if what is left out holds no event that the page should have had; but for all its own.
    private func covers(_ found: ClosedRange<UInt64>?, _ wanted: ClosedRange<UInt64>?, _ events: [UInt64], _ all: [UInt64]) -> Bool {
        guard let found, let wanted else { return found == nil && wanted == nil }
        guard wanted.contains(found.lowerBound), wanted.contains(found.upperBound) else { return false }
        return all.filter { found.contains($0) } == events
    }

    @Test(arguments: [HistoryQuery.Direction.newest, .oldest])
    func followingTheCoveredRangesGivesEveryEventOnce(direction: HistoryQuery.Direction) async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 100_000 }
        await store.stored(.create(lobby), .append(lobby, (1...300).map { TestEvent(seq: $0) }))
        let anchor = await store.stored(
            .append(lobby, [TestEvent(seq: 1_000, kind: .void)] + (1_001...1_500).map { TestEvent(seq: $0) }))[0].anchor
        var (low, high) = (UInt64(1), anchor.head)
        var found: [UInt64] = []
        while low <= high {
            let page = try await store.page(
                HistoryQuery(anchor: anchor, fromSeq: low, toSeq: high, eventCountMax: 37, byteCountMax: 2_000, direction: direction))
            let covered = try #require(page.covered)
            #expect(page.count > 0 || direction == .oldest)
            #expect(page.events.count <= 2_000)
            if direction == .newest {
                #expect(covered.upperBound == high)
                found = page.seqs + found
                high = covered.lowerBound - 1
            } else {
                #expect(covered.lowerBound == low)
                found += page.seqs
                low = covered.upperBound + 1
            }
        }
        #expect(found == Array(1...300) + Array(1_000...1_500))
        store.close()
    }

    @Test func aPageHasOneEventHoweverLargeItIs() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let large = String(repeating: "x", count: 16_000)
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...3).map { TestEvent(seq: $0, body: large) }))[1].anchor
        for direction in [HistoryQuery.Direction.newest, .oldest] {
            let page = try await store.page(
                HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: 3, eventCountMax: 9, byteCountMax: 100, direction: direction))
            #expect(page.seqs == [direction == .newest ? 3 : 1])
        }
        store.close()
    }

    @Test func anEmptyLogHasAnEmptyPage() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let anchor = await store.stored(.create(lobby))[0].anchor
        let page = try await store.page(HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: .max, eventCountMax: 9, direction: .newest))
        #expect(page.covered == nil && page.count == 0 && page.events.isEmpty && page.floor == 1)
        store.close()
    }

    @Test func aLongRequestDoesNotKeepShortOnesWaiting() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.readers = 1
            $0.reservedSeqs = 100_000
        }
        let anchor = await store.stored(.create(lobby), .append(lobby, (1...20_000).map { TestEvent(seq: $0) }))[1].anchor
        let order = Order()
        await withTaskGroup { group in
            let posted = Gate()
            group.addTask {
                await withCheckedContinuation { continuation in
                    let long = HistoryQuery(
                        anchor: anchor, fromSeq: 1, toSeq: 20_000, eventCountMax: 20_000, byteCountMax: .max, direction: .newest)
                    precondition(
                        store.read(long) { _ in
                            order.append("long")
                            continuation.resume()
                        })
                    posted.open()
                }
            }
            group.addTask {
                posted.wait()
                await withCheckedContinuation { continuation in
                    let short = HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: 5, eventCountMax: 5, direction: .oldest)
                    precondition(
                        store.read(short) { _ in
                            order.append("short")
                            continuation.resume()
                        })
                }
            }
        }
        #expect(order.words == ["short", "long"])
        store.close()
    }

    @Test func moreRequestsThanMayWaitAreRefused() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.readers = 1
            $0.waitingReadsMax = 2
        }
        let anchor = await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))[1].anchor
        let query = HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: 1, eventCountMax: 1, direction: .newest)
        let gate = Gate()
        #expect(store.read(query) { _ in gate.wait() })
        #expect(store.read(query) { _ in })
        #expect(!store.read(query) { _ in Issue.record("a request refused is answered") })
        gate.open()
        store.close()
        #expect(!store.read(query) { _ in Issue.record("a closed store answers") })
    }

    @Test func publicationsAreFoundByAccountAndMessageID() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.sliceEventsMax = 3 }
        var events = (1...40).map { TestEvent(seq: UInt64($0), id: UInt64($0 * 10), timestamp: moment + UInt64($0)) }
        events[6].from = account("bob")
        events[7].id = nil
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        func find(_ name: String, _ id: UInt64, since: Timestamp = moment, countMax: Int = 1_000) async throws -> PublicationAnswer {
            try await store.answer(
                PublicationQuery(anchor: anchor, account: account(name), messageID: MessageID(id), since: since, eventCountMax: countMax))
        }
        #expect(try await find("ada", 400) == .found(seq: 40, timestamp: moment + 40))
        #expect(try await find("ada", 10) == .found(seq: 1, timestamp: moment + 1))
        #expect(try await find("ada", 70) == .absent)
        #expect(try await find("bob", 70) == .found(seq: 7, timestamp: moment + 7))
        #expect(try await find("ada", 80) == .absent)
        #expect(try await find("ada", 10, since: moment + 3) == .absent)
        #expect(try await find("ada", 10, countMax: 39) == .unknown)
        #expect(try await find("ada", 10, countMax: 40) == .found(seq: 1, timestamp: moment + 1))
        store.close()
    }
}

/// What happened, in order.
final class Order: Sendable {
    private let entries = Mutex<[String]>([])

    func append(_ word: String) { entries.withLock { $0.append(word) } }

    var words: [String] { entries.withLock { $0 } }
}
