import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// A store with an index in small pieces, so that few events fill several.
extension Store {
    static func openSearchable(_ folder: TemporaryFolder, _ change: (inout StoreSettings) -> Void = { _ in }) throws -> Store {
        try open(folder) {
            $0.reservedSeqs = 100_000
            $0.indexSliceEvents = 8
            $0.indexBlockEvents = 32
            // Time is no matter but where it is what is tested.
            $0.searchMilliseconds = 60_000
            change(&$0)
        }.0
    }

    func found(_ query: SearchQuery) async throws -> SearchPage {
        let result: Result<SearchPage, StoreError> = await withCheckedContinuation { continuation in
            let isTaken = search(query) { continuation.resume(returning: $0) }
            precondition(isTaken, "a test does not fill the queue unless it means to")
        }
        return try result.get()
    }

    /// All that is found, in pages of at most so many events, each as `room seq`.
    func all(
        _ words: String, in anchors: [LogAnchor], from author: String? = nil, times: Range<Timestamp> = 0..<Timestamp.max,
        pageCount: Int = 1_000
    ) async throws -> [String] {
        var found: [String] = []
        var before: Int64?
        repeat {
            let query = SearchQuery(
                in: anchors, words: words, author: author.map(account), times: times, before: before, eventCountMax: pageCount)
            let page = try await self.found(query)
            #expect(page.events.count <= pageCount)
            found += page.events.map { frame in
                let event = Event(frame: frame)
                return "\(event.room) \(event.seq)"
            }
            before = page.next
        } while before != nil
        return found
    }

    /// Waits until no whole slice is left to be indexed. Every search lets one more be.
    func index(_ anchor: LogAnchor, slice: Int = 8) async throws {
        while statistics.unindexedEvents >= slice {
            _ = try await found(SearchQuery(in: [anchor], words: "", eventCountMax: 1))
        }
    }
}
