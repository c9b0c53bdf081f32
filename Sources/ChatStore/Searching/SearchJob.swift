internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// One search, worked through in slices from the newest event to the oldest: what is not indexed is looked through, then the blocks of the
/// index are asked and what they give is looked at, because only the history knows what an event says now.
final class SearchJob {
    /// Events that are looked at between two looks at the clock.
    private static let stepEvents = 256
    /// How long one slice takes.
    private static let sliceMilliseconds = 5

    private let query: SearchQuery
    private let scope: SearchScope
    private let expression: String?
    private let deadline: Int
    private let answer: (Result<SearchPage, StoreError>) -> Void
    /// Everything from here on has been looked through.
    private var position: Int64
    private var hits: [SearchHit] = []
    private var byteCount = 0

    init(_ query: SearchQuery, deadline: Int, then answer: @escaping (Result<SearchPage, StoreError>) -> Void) {
        self.query = query
        self.deadline = deadline
        self.answer = answer
        let words = SearchWords(query.words)
        scope = SearchScope(logs: query.logs, author: query.author?.description, times: query.times, words: words)
        expression = words.expression(logs: query.logs, author: query.author)
        position = query.before ?? .max
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    /// Works for one slice, and answers when through.
    ///
    /// - Parameter index: nil if there is none at present; everything is looked through then.
    /// - Returns: whether it is through.
    func advance(_ texts: StoredTexts, _ index: SearchIndex?) throws(StoreError) -> Bool {
        guard !query.logs.isEmpty else { return finish(next: nil) }
        let end = StoreThread.monotonicMilliseconds + Self.sliceMilliseconds
        while position > 1 {
            guard try step(texts, index) else { return finish(next: hits.last?.event) }
            let now = StoreThread.monotonicMilliseconds
            if position > 1, now >= deadline { return finish(next: position, isIncomplete: true) }
            if now >= end { return position <= 1 && finish(next: nil) }
        }
        return finish(next: nil)
    }

    /// Goes a few events on. False if the page is full.
    private func step(_ texts: StoredTexts, _ index: SearchIndex?) throws(StoreError) -> Bool {
        let next = index?.next ?? 1
        guard let index, position <= next else { return try lookThrough(texts, downTo: next) }
        guard let stretch = try index.stretch(below: position, in: query.times) else {
            position = 1
            return true
        }
        position = stretch.upperBound
        guard let expression else { return try lookThrough(texts, downTo: stretch.lowerBound) }
        let events = try index.events(expression, in: stretch, countMax: Self.stepEvents)
        for event in events {
            position = event
            if let hit = try texts.look(at: event, for: scope), !take(hit) { return false }
        }
        if events.count < Self.stepEvents { position = stretch.lowerBound }
        return true
    }

    private func lookThrough(_ texts: StoredTexts, downTo low: Int64) throws(StoreError) -> Bool {
        var isFull = false
        position = try texts.look(below: position, downTo: low, countMax: Self.stepEvents, for: scope) { hit in
            isFull = !take(hit)
            return !isFull
        }
        return !isFull
    }

    /// Takes an event into the page. False if that is full, perhaps without it.
    private func take(_ hit: SearchHit) -> Bool {
        guard hits.isEmpty || hit.frame.count <= query.byteCountMax - byteCount else { return false }
        hits.append(hit)
        byteCount += hit.frame.count
        return hits.count < query.eventCountMax
    }

    private func finish(next: Int64?, isIncomplete: Bool = false) -> Bool {
        let next = next.flatMap { $0 > 1 ? $0 : nil }
        answer(.success(SearchPage(events: hits.map(\.frame), next: next, isIncomplete: isIncomplete)))
        return true
    }
}
