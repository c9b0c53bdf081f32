import ChatProtocol

/// `/search`: what was said, the newest message last, as people read.
extension LineDialect {
    /// Messages that are shown at most.
    private static let foundCountMax: UInt64 = 20

    mutating func search(_ words: String) {
        guard words.utf8.count <= Field.query.maximum else { return refuse(.badValue, "that is too much to search for") }
        request(.search(Search(query: words, limit: Self.foundCountMax)), .search)
    }

    mutating func show(_ found: Found, hasMore: Bool) {
        self.found += (try? found.events()) ?? []
        guard !hasMore else { return }
        let events = self.found
        self.found = []
        if found.isIncomplete { write(LineText.notice("not everything could be looked through in time")) }
        if events.isEmpty { return write(LineText.notice("nothing was found")) }
        for event in events.reversed() { if let text = LineText.event(event, to: name) { write(text) } }
    }
}
