internal import ChatCore
internal import Synchronization

/// The thread that searches, and between searches keeps the index. Nobody waits for it but who searches.
final class SearchService {
    /// How long indexing is left alone after it has failed, as when no space is left.
    private static let patienceMilliseconds = 10_000

    private let settings: StoreSettings
    private let port: SearchPort
    /// The number of the history, by which the index knows it.
    private let history: Int64
    private let texts: StoredTexts
    private var index: SearchIndex?
    private var indexer: Indexer
    private var jobs: [SearchJob] = []
    private var nextAttempt = 0

    /// - Parameter database: A connection to the history, for this thread alone.
    init(_ database: Database, settings: StoreSettings, port: SearchPort) throws(StoreError) {
        self.settings = settings
        self.port = port
        // What is looked through is seldom looked through again.
        try database.execute("PRAGMA cache_size = -4096")
        history = try database.number("SELECT value FROM state WHERE name = 'history'")
        texts = try StoredTexts(database)
        indexer = Indexer(settings, port)
    }

    /// The thread's body.
    func run() {
        while true {
            openIndex()
            for order in port.box.take(waitingMilliseconds: jobs.isEmpty ? delay() : 0) {
                switch order {
                case .search(let query, let deadline, let answer): jobs.append(SearchJob(query, deadline: deadline, then: answer))
                case .lookAround:
                    port.noteRoused()
                    if port.hasErased.exchange(false, ordering: .acquiringAndReleasing) { indexer.noteErasure() }
                case .nextEvent(let event): retreat(to: event)
                case .close: return close()
                }
            }
            search()
            keepIndex()
        }
    }

    private func delay() -> Int? {
        let now = StoreThread.monotonicMilliseconds
        guard let index else { return max(1, nextAttempt - now) }
        guard let delay = indexer.delay(index, now: now) else { return nil }
        return max(delay, nextAttempt - now)
    }

    private func close() {
        for job in jobs {
            port.settle()
            job.fail(StoreError(.closed, path: settings.path))
        }
        jobs = []
        // A block that is being made anew is as it was before, and will be found stale.
        index?.rollBack()
        index = nil
    }

    // MARK: Searches

    /// One slice for each search; those that are through leave.
    private func search() {
        guard !jobs.isEmpty else { return }
        var left: [SearchJob] = []
        for job in jobs { if !isThrough(job) { left.append(job) } }
        jobs = left
    }

    private func isThrough(_ job: SearchJob) -> Bool {
        do throws(StoreError) {
            guard try job.advance(texts, index) else { return false }
        } catch {
            if error.path == settings.indexPath {
                // It goes on without.
                abandonIndex(error)
                return false
            }
            job.fail(error)
        }
        port.settle()
        return true
    }

    // MARK: The index

    private func openIndex() {
        guard index == nil, StoreThread.monotonicMilliseconds >= nextAttempt else { return }
        do throws(StoreError) {
            let nextEvent = Int64(port.lastEvent.load(ordering: .acquiring)) + 1
            index = try SearchIndex(settings, history: history, nextEvent: nextEvent)
            indexer.reset()
            if let index { port.nextIndexed.store(Int(index.next), ordering: .relaxed) }
        } catch {
            nextAttempt = StoreThread.monotonicMilliseconds + Self.patienceMilliseconds
        }
    }

    private func keepIndex() {
        guard let index, StoreThread.monotonicMilliseconds >= nextAttempt else { return }
        do throws(StoreError) {
            try indexer.work(index, texts)
        } catch {
            abandonIndex(error)
        }
    }

    private func retreat(to event: Int64) {
        guard let index else { return }
        index.rollBack()
        indexer.reset()
        do throws(StoreError) {
            try index.retreat(to: event)
        } catch {
            abandonIndex(error)
        }
    }

    /// Lets go of the index until later; of one that is damaged nothing is kept.
    private func abandonIndex(_ error: StoreError) {
        index?.rollBack()
        index = nil
        indexer.reset()
        if error.path == settings.indexPath, error.kind == .damaged || error.kind == .other { SearchIndex.remove(settings) }
        nextAttempt = StoreThread.monotonicMilliseconds + Self.patienceMilliseconds
    }
}
