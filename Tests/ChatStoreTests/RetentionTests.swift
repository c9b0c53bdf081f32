import ChatCore
import ChatProtocol
import ChatStore
import Synchronization
import Testing

/// What is removed by count and by age, and what is told.
@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    private let lobby = address("lobby")

    /// The floors that a store has told.
    private final class Floors: Sendable {
        private let floors = Mutex<[RoomAddress: UInt64]>([:])
        private let gate = Gate()

        var observer: StoreObserver {
            StoreObserver(floorDidRise: { room, _, floor, _ in
                self.floors.withLock {
                    precondition(floor > $0[room] ?? 0)
                    $0[room] = floor
                }
                self.gate.open()
            })
        }

        /// Waits until the floor of a log is this one.
        func wait(_ room: RoomAddress, _ floor: UInt64) {
            while floors.withLock({ $0[room] }) != floor { gate.wait() }
        }

        func floor(_ room: RoomAddress) -> UInt64? { floors.withLock { $0[room] } }
    }

    private func open(
        _ folder: TemporaryFolder, _ floors: Floors, _ change: (inout StoreSettings) -> Void
    ) throws -> (Store, StoredState) {
        var settings = StoreSettings(directory: folder.path)
        settings.reservedSeqs = 100_000
        settings.retentionMilliseconds = 5
        change(&settings)
        return try Store.open(settings, now: moment, observer: floors.observer)
    }

    @Test(arguments: [1, 63, 64, 65, 100, 999, 1_000])
    func theNewestAreKeptByCount(kept: UInt64) async throws {
        let folder = try TemporaryFolder()
        let floors = Floors()
        let (store, _) = try open(folder, floors) { $0.retainedSeqsMax = kept }
        let other = address("other")
        await store.stored(.create(lobby), .create(other))
        var anchor: LogAnchor?
        for first in stride(from: UInt64(1), to: 1_000, by: 50) {
            let logs = await store.stored(
                .append(lobby, (first..<first + 50).map { TestEvent(seq: $0) }), .append(other, [TestEvent(seq: first / 50 + 1)]))
            anchor = logs[0].anchor
        }
        if kept < 1_000 { floors.wait(lobby, 1_001 - kept) }
        #expect(try await store.seqs(try #require(anchor)) == Array(1_001 - kept...1_000))
        // What is behind the floor has gone from the file too, once the other log was visited.
        if kept < 20 { floors.wait(other, 21 - kept) }
        let shell = try Shell(folder.path + "/history.sqlite3")
        #expect(try shell.run("SELECT count(*) FROM event WHERE log = 1") == ["\(kept)"])
        #expect(try shell.run("SELECT count(*) FROM event WHERE log = 2") == ["\(min(20, kept))"])
        #expect(try shell.run("SELECT count(*) FROM segment LEFT JOIN event ON event.id = segment.event WHERE event.id IS NULL") == ["0"])
        let page = try await store.page(
            HistoryQuery(anchor: try #require(anchor), fromSeq: 1, toSeq: 1_000, eventCountMax: 10, direction: .oldest))
        #expect(page.floor == 1_001 - kept && page.covered?.lowerBound == page.floor)
        let remains = try folder.copy()
        store.close()
        let (again, state) = try Store.open(remains)
        #expect(state.room(lobby)?.floor == 1_001 - kept)
        #expect(state.room(lobby)?.anchor.head == 1_000)
        #expect(try await again.seqs(try #require(state.room(lobby)).anchor) == Array(1_001 - kept...1_000))
        again.close()
    }

    @Test func theOldAreRemovedByAge() async throws {
        let folder = try TemporaryFolder()
        let floors = Floors()
        // The clock of retention is the system's: what is of 2026 or later is kept for 500 years, and what is of 1970 is not.
        let old = (1...300).map { TestEvent(seq: $0, timestamp: 1_000 + $0) }
        let now = Timestamp(4_000_000_000_000)
        let (store, _) = try open(folder, floors) { $0.retainedMilliseconds = 1_000_000_000_000 }
        let (mixed, allOld, allNew) = (address("mixed"), address("all-old"), address("all-new"))
        await store.stored(.create(mixed), .create(allOld), .create(allNew))
        let logs = await store.stored(
            .append(mixed, old), .append(mixed, (301...310).map { TestEvent(seq: $0, timestamp: now) }),
            .append(allOld, old), .append(allNew, (1...300).map { TestEvent(seq: $0, timestamp: now) }))
        floors.wait(mixed, 301)
        floors.wait(allOld, 301)
        #expect(try await store.seqs(logs[1].anchor) == Array(301...310))
        #expect(try await store.seqs(logs[2].anchor) == [])
        #expect(try await store.seqs(logs[3].anchor) == Array(1...300))
        #expect(floors.floor(allNew) == nil)
        // A log whose events are all gone goes on.
        let more = await store.stored(.append(allOld, [TestEvent(seq: 301, timestamp: now), TestEvent(seq: 302, timestamp: now)]))
        #expect(try await store.seqs(more[0].anchor) == [301, 302])
        let empty = try await store.page(HistoryQuery(anchor: logs[2].anchor, fromSeq: 1, toSeq: 300, eventCountMax: 9, direction: .oldest))
        #expect(empty.covered == nil && empty.floor == 301)
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.rooms.map(\.floor) == [1, 301, 301])
        #expect(state.room(allOld)?.anchor.head == 302)
        again.close()
    }

    @Test func aWriterThatIsNeverIdleRemovesToo() async throws {
        let folder = try TemporaryFolder()
        let floors = Floors()
        let (store, _) = try open(folder, floors) { $0.retainedSeqsMax = 100 }
        await store.stored(.create(lobby))
        let head = Atomic<UInt64>(0)
        // Each answer posts the next, so that the queue is never empty.
        let end: UInt64 = await withCheckedContinuation { continuation in
            @Sendable func post() {
                let seq = head.add(1, ordering: .relaxed).newValue
                let isTaken = store.post([.append(lobby, [TestEvent(seq: seq)])]) { _ in
                    if (floors.floor(lobby) ?? 0) > 500 { continuation.resume(returning: seq) } else { post() }
                }
                precondition(isTaken)
            }
            post()
        }
        #expect(end > 500)
        store.close()
    }

    @Test func aPublicationBehindTheFloorIsNotCalledAbsent() async throws {
        let folder = try TemporaryFolder()
        let floors = Floors()
        let (store, _) = try open(folder, floors) { $0.retainedSeqsMax = 10 }
        let events = (1...100).map { TestEvent(seq: $0, id: $0, timestamp: moment + $0) }
        let anchor = await store.stored(.create(lobby), .append(lobby, events))[1].anchor
        floors.wait(lobby, 91)
        var query = PublicationQuery(anchor: anchor, account: account("ada"), messageID: MessageID(5), since: 0)
        #expect(try await store.answer(query) == .unknown)
        query.since = moment + 90
        #expect(try await store.answer(query) == .unknown)
        // All that was removed is older.
        query.since = moment + 91
        #expect(try await store.answer(query) == .absent)
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.room(lobby)?.recalledSince == moment + 90)
        again.close()
    }
}
