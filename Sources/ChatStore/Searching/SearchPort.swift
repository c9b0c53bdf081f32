internal import ChatCore
internal import Synchronization

/// What any thread may ask of the search thread or tell it.
final class SearchPort: Sendable {
    enum Order: Sendable {
        /// To be answered by that time of ``StoreThread/monotonicMilliseconds``.
        case search(SearchQuery, deadline: Int, then: @Sendable (Result<SearchPage, StoreError>) -> Void)
        /// There is something to be indexed or erased.
        case lookAround
        /// The first event that the history does not have, now that it was opened.
        case nextEvent(Int64)
        case close
    }

    let box = PostBox<Order>()
    /// The newest event that is committed.
    let lastEvent = Atomic<Int>(0)
    /// The first event that is not indexed.
    let nextIndexed = Atomic<Int>(1)
    let hasErased = Atomic<Bool>(false)
    private let isRoused = Atomic<Bool>(false)
    private let waiting = Atomic<Int>(0)
    private let waitingMax: Int
    private let sliceEvents: Int
    private let milliseconds: Int

    init(_ settings: StoreSettings) {
        waitingMax = settings.waitingSearchesMax
        sliceEvents = Int(settings.indexSliceEvents)
        milliseconds = settings.searchMilliseconds
    }

    /// Events that are committed and not indexed.
    var unindexedCount: Int { max(0, lastEvent.load(ordering: .relaxed) + 1 - nextIndexed.load(ordering: .relaxed)) }

    /// Searches that are not answered yet.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Leaves a search. False if as many wait as may.
    func post(_ query: SearchQuery, then answer: @escaping @Sendable (Result<SearchPage, StoreError>) -> Void) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= waitingMax else {
            settle()
            return false
        }
        box.post(.search(query, deadline: StoreThread.monotonicMilliseconds + milliseconds, then: answer))
        return true
    }

    /// A search waits no longer.
    func settle() { waiting.subtract(1, ordering: .relaxed) }

    /// The writer has committed. Costs it nothing but when there is something to be done.
    func noteCommit(lastEvent event: Int64, hasErased: Bool) {
        let last = Int(event)
        let previous = lastEvent.exchange(last, ordering: .acquiringAndReleasing)
        if hasErased { self.hasErased.store(true, ordering: .releasing) }
        if hasErased || last / sliceEvents != previous / sliceEvents, !isRoused.exchange(true, ordering: .acquiringAndReleasing) {
            box.post(.lookAround)
        }
    }

    /// The writer has opened the history.
    func noteNextEvent(_ event: Int64) {
        lastEvent.store(Int(event) - 1, ordering: .releasing)
        box.post(.nextEvent(event))
    }

    /// What was committed until now will be seen.
    func noteRoused() { isRoused.store(false, ordering: .releasing) }

    func close() { box.post(.close) }
}
