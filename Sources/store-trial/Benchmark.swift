import ChatCore
import ChatProtocol
import ChatStore
import Glibc
import LibUV
import Synchronization

/// Measures what the store promises: shared flushes, a quick start and quick pages. The directory must be empty.
struct Benchmark {
    private static let roomCount = 100
    private static let measuredSeconds = 3.0

    let directory: String
    let eventCount: Int

    func run() throws {
        let settings = StoreSettings(directory: directory)
        var (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
        guard state.rooms.isEmpty else { return StoreTrial.fail("\(directory) is not empty") }
        let rooms = TrialRoom.open(Self.roomCount, in: store, state)
        let single = Producers(store, Array(rooms[..<1])).publish(seconds: Self.measuredSeconds)
        print("durable publishes a second, one commit for each message: \(Int(single))")
        let shared = Producers(store, Array(rooms[1..<65])).publish(seconds: Self.measuredSeconds)
        print("durable publishes a second, 64 producers:                \(Int(shared)), \(Int(shared / single)) times as many")
        store.close()

        (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
        let start = Clock.nanoseconds
        let stored = fill(TrialRoom.open(Self.roomCount, in: store, state), store)
        let seconds = Clock.milliseconds(since: start) / 1_000
        print("\(stored) events in \(seconds) s: \(Int(Double(stored) / seconds)) a second")
        store.close()

        let opening = Clock.nanoseconds
        (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
        print("opened with \(stored) events in \(Clock.milliseconds(since: opening)) ms, \(state.publications.count) publications recalled")
        readPages(state, store)
        store.close()
    }

    /// Batches of 64 events, room after room, with as many posts in flight as the queue's bound lets.
    private func fill(_ rooms: [TrialRoom], _ store: Store) -> Int {
        let producers = Producers(store, rooms)
        return producers.fill(eventCount, batchCount: 64)
    }

    private func readPages(_ state: StoredState, _ store: Store) {
        var times: [Double] = []
        for number in 0..<2_000 {
            let room = state.rooms[number % state.rooms.count]
            guard room.anchor.head > 200 else { continue }
            let from = UInt64.random(in: 1...room.anchor.head - 100)
            let page = Waiting<HistoryPage>()
            let start = Clock.nanoseconds
            let query = HistoryQuery(
                anchor: room.anchor, fromSeq: from, toSeq: from + 99, eventCountMax: 100, direction: number % 2 == 0 ? .newest : .oldest)
            let isTaken = store.read(query) { result in
                guard case .success(let read) = result else { return StoreTrial.fail("cannot read: \(result)") }
                page.give(read)
            }
            guard isTaken, page.take().count == 100 else { return StoreTrial.fail("a page of 100 has other than 100 events") }
            times.append(Clock.milliseconds(since: start))
        }
        times.sort()
        print(
            "pages of 100: median \(times[times.count / 2]) ms, 99 % within \(times[times.count * 99 / 100]) ms, all within \(times.last ?? 0) ms"
        )
    }
}

/// Publishers that wait for the acknowledgement of one post before they make the next, one in each room.
final class Producers: Sendable {
    private let store: Store
    private let rooms: Guarded<[TrialRoom]>
    private let deadline = Atomic<UInt64>(0)
    private let stored = Atomic<Int>(0)
    private let posted = Atomic<Int>(0)
    private let active: Atomic<Int>
    private let end = Waiting<UInt64>()
    private let text: Guarded<TrialText>?

    /// - Parameter text: What is said; nil: the same again and again.
    init(_ store: Store, _ rooms: [TrialRoom], text: TrialText? = nil) {
        self.text = text.map { Guarded($0) }
        self.store = store
        self.rooms = Guarded(rooms)
        active = Atomic(rooms.count)
    }

    /// One message a post; messages a second.
    func publish(seconds: Double) -> Double {
        let start = Clock.nanoseconds
        deadline.store(start + UInt64(seconds * 1e9), ordering: .relaxed)
        let count = rooms.withLock { $0.count }
        for index in 0..<count { post(to: index, batchCount: 1, eventCountMax: .max) }
        let seconds = Double(end.take() - start) / 1e9
        return Double(stored.load(ordering: .relaxed)) / seconds
    }

    /// - Returns: how many events were stored.
    func fill(_ eventCount: Int, batchCount: Int) -> Int {
        deadline.store(.max, ordering: .relaxed)
        let count = rooms.withLock { $0.count }
        for index in 0..<count { post(to: index, batchCount: batchCount, eventCountMax: eventCount) }
        _ = end.take()
        return stored.load(ordering: .relaxed)
    }

    private func post(to index: Int, batchCount: Int, eventCountMax: Int) {
        let isOver =
            Clock.nanoseconds >= deadline.load(ordering: .relaxed) || posted.add(batchCount, ordering: .relaxed).newValue > eventCountMax
        if isOver {
            if active.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { end.give(Clock.nanoseconds) }
            return
        }
        let ids = (0..<batchCount).map { _ in UInt64.random(in: .min ... .max) }
        let usual = "The quick brown fox jumps over the lazy dog; 64 octets of text.."
        let bodies = text?.withLock { text in ids.map { _ in text.text() } } ?? ids.map { _ in usual }
        guard let write = rooms.withLock({ $0[index].append(ids: ids, bodies: bodies, at: Clock.wallMilliseconds) }) else {
            preconditionFailure("a post answered has brought its reservation")
        }
        let isTaken = store.post([write]) { [self] outcome in
            guard case .committed(let results) = outcome, case .stored(let log?) = results[0] else {
                return StoreTrial.fail("not stored: \(outcome)")
            }
            rooms.withLock { $0[index].reservedThrough = log.reservedThrough }
            stored.add(batchCount, ordering: .relaxed)
            post(to: index, batchCount: batchCount, eventCountMax: eventCountMax)
        }
        guard isTaken else { preconditionFailure("so few posts have room") }
    }
}
