import ChatCore
import ChatProtocol
import ChatStore
import Glibc

/// Measures what searching costs and gives: durable publishes with an index beside the history and without, how soon events are indexed,
/// and how long a page takes. The directory must be empty.
struct SearchBenchmark {
    private static let roomCount = 100
    private static let pageCount = 50
    private static let searchCount = 100

    let directory: String
    let eventCount: Int

    func run() throws {
        mkdir(directory, 0o700)
        try publish()
        try search()
    }

    // MARK: What it costs who publishes

    private func publish() throws {
        var rates: [Bool: [Double]] = [:]
        for round in 0..<3 {
            for isSearchable in round % 2 == 0 ? [true, false] : [false, true] {
                let folder = directory + "/round-\(round)-\(isSearchable)"
                var settings = StoreSettings(directory: folder)
                settings.isSearchable = isSearchable
                let (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
                let rooms = TrialRoom.open(64, in: store, state)
                rates[isSearchable, default: []].append(Producers(store, rooms, text: TrialText(seed: 1)).publish(seconds: 2))
                store.close()
                for name in ["history.sqlite3", "search.sqlite3", "broker.lock"] { unlink(folder + "/" + name) }
                rmdir(folder)
            }
        }
        let (with, without) = (median(rates[true] ?? []), median(rates[false] ?? []))
        print("durable publishes a second, 64 producers: with an index \(Int(with)), without \(Int(without))")
    }

    // MARK: What it gives

    private func search() throws {
        let folder = directory + "/history"
        let settings = StoreSettings(directory: folder)
        let (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
        let rooms = TrialRoom.open(Self.roomCount, in: store, state)
        let producers = Producers(store, rooms, text: TrialText(seed: 2))
        let start = Clock.nanoseconds
        let stored = producers.fill(eventCount, batchCount: 64)
        let filled = Clock.milliseconds(since: start) / 1_000
        let left = store.statistics.unindexedEvents
        let began = Clock.nanoseconds
        while store.statistics.unindexedEvents >= 1_024 { usleep(5_000) }
        let seconds = Clock.milliseconds(since: began) / 1_000
        print("\(stored) events stored in \(filled) s, \(stored - left) of them indexed meanwhile; the others in \(seconds) s")
        print(
            "octets a stored event: history \(size(settings.directory + "/history.sqlite3") / stored), index \(size(folder + "/search.sqlite3") / stored)"
        )
        let anchors = rooms.map(\.anchor)
        let common = TrialText.word(40)
        let queries: [(what: String, words: String, rooms: ArraySlice<LogAnchor>)] = [
            ("a word that nobody said", "zqzqzqzq", anchors[...]),
            ("a rare word", TrialText.rare, anchors[...]),
            ("a common word", common, anchors[...]),
            ("two words", common + " " + TrialText.word(900), anchors[...]),
            ("a rare word in one room", TrialText.rare, anchors[7..<8]),
            ("a word nobody said in one room", "zqzqzqzq", anchors[7..<8]),
            ("two letters", "zq", anchors[...]),
            ("two letters in one room", "zq", anchors[7..<8]),
        ]
        for (what, words, rooms) in queries {
            var times: [Double] = []
            var (hits, incomplete) = (0, 0)
            for _ in 0..<Self.searchCount {
                let page = Waiting<SearchPage>()
                let start = Clock.nanoseconds
                let isTaken = store.search(SearchQuery(in: rooms, words: words, eventCountMax: Self.pageCount)) { result in
                    guard case .success(let found) = result else { return StoreTrial.fail("cannot search: \(result)") }
                    page.give(found)
                }
                guard isTaken else { return StoreTrial.fail("a search is refused") }
                let found = page.take()
                times.append(Clock.milliseconds(since: start))
                hits = found.events.count
                incomplete += found.isIncomplete ? 1 : 0
            }
            times.sort()
            print(
                "search: \(what): \(hits) found, median \(times[times.count / 2]) ms, all within \(times.last ?? 0) ms, \(incomplete) incomplete"
            )
        }
        store.close()
    }

    private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private func size(_ path: String) -> Int {
        [path, path + "-wal"].reduce(0) { sum, path in
            var status = stat()
            return sum + (stat(path, &status) == 0 ? Int(status.st_size) : 0)
        }
    }
}
