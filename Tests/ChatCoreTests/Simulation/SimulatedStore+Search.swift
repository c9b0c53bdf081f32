import ChatProtocol

@testable import ChatCore

extension SimulatedStore {
    /// Looks through everything that a search may see; numbers of events are their places in the order of commits.
    func page(_ query: SearchQuery) -> SearchPage {
        let words = query.words.split(separator: " ")
        var hits: [(number: Int64, event: Event)] = []
        var edited: [Int64: Set<UInt64>] = [:]
        for (index, entry) in commits.enumerated().reversed() {
            let number = Int64(index + 1)
            guard let log = logs.values.first(where: { $0.id == entry.log }), let event = log.events[entry.seq].map(Self.decode) else {
                continue
            }
            // Only the newest edit is what a message says.
            if [.message, .edit, .notice].contains(event.kind) {
                guard edited[entry.log, default: []].insert(event.reference ?? event.seq).inserted else { continue }
            }
            guard number < query.before ?? .max, query.logs.contains(entry.log), query.times.contains(event.timestamp) else { continue }
            guard [.message, .edit, .notice].contains(event.kind), let body = event.body, words.allSatisfy({ body.contains($0) }) else {
                continue
            }
            guard query.author == nil || event.from == query.author else { continue }
            hits.append((number, event))
            if hits.count == query.eventCountMax { break }
        }
        let isFull = hits.count == query.eventCountMax
        return SearchPage(events: hits.map(\.event.frame), next: isFull ? hits.last?.number : nil, isIncomplete: false)
    }
}
