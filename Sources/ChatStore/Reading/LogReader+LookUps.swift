internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// What is looked up of single events.
extension LogReader {
    /// The row of an event; nil if no event that is retained has the seq.
    private func row(of seq: UInt64, _ anchor: LogAnchor) throws(StoreError) -> Int64? {
        guard seq >= 1, seq <= anchor.head, let floor = try floor(of: anchor.log), seq >= floor.seq else { return nil }
        var event = try start(for: seq, anchor)
        while event != 0 {
            places.bind(event, at: 1).bind(anchor.log, at: 2)
            guard try places.step() else { return nil }
            defer { places.reset() }
            let found = UInt64(places.number(1))
            if found <= seq { return found == seq ? event : nil }
            event = places.number(0)
        }
        return nil
    }

    /// What is to be known of an event before it is changed.
    func target(_ query: TargetQuery) throws(StoreError) -> StoredTarget? {
        guard let row = try row(of: query.seq, query.anchor), try targets.bind(row, at: 1).step() else { return nil }
        let event = Event(frame: targets.bytes(0))
        var found = StoredTarget(
            from: event.from, author: targets.isNull(1) ? nil : targets.number(1), kind: event.kind, isRedacted: event.isRedacted)
        targets.reset()
        guard let reaction = query.reaction else { return found }
        reactions.bind(query.anchor.log, at: 1).bind(query.seq, at: 2).bind(reaction.account.description, at: 3)
        reactions.bindBlob(reaction.body.span.bytes, at: 4)
        found.hasReaction = try reactions.step()
        reactions.reset()
        reactionCounts.bind(query.anchor.log, at: 1).bind(query.seq, at: 2)
        if try reactionCounts.step() { found.reactionCount = Int(reactionCounts.number(0)) }
        reactionCounts.reset()
        return found
    }

    /// Messages of a log up to a seq. Every 64 seqs the number is noted, and the rest is counted.
    func messageCount(_ query: MessageCountQuery) throws(StoreError) -> UInt64 {
        guard query.seq < query.anchor.head else { return query.anchor.messageCount }
        var (event, count) = (query.anchor.event, query.anchor.messageCount)
        prefixes.bind(query.anchor.log, at: 1).bind(query.seq, at: 2).bind(query.anchor.head, at: 3)
        if try prefixes.step() { (event, count) = (prefixes.number(0), UInt64(prefixes.number(1))) }
        prefixes.reset()
        while event != 0 {
            kinds.bind(event, at: 1).bind(query.anchor.log, at: 2)
            guard try kinds.step() else { break }
            defer { kinds.reset() }
            if UInt64(kinds.number(1)) <= query.seq { break }
            if kinds.number(2) == EventKind.message.rawValue, count > 0 { count -= 1 }
            event = kinds.number(0)
        }
        return count
    }

    /// Events of a thread from one end of a range: its root, and those that name it.
    func thread(
        _ root: UInt64, _ anchor: LogAnchor, from low: UInt64, to high: UInt64, takesOldest: Bool, countMax: Int
    ) throws(StoreError) -> [(seq: UInt64, frame: SharedBytes)] {
        var events: [(seq: UInt64, frame: SharedBytes)] = []
        let hasRoot = low <= root && root <= high
        if takesOldest, hasRoot, let frame = try frame(of: root, anchor) { events.append((root, frame)) }
        let rows = takesOldest ? oldestOfThread : newestOfThread
        rows.bind(anchor.log, at: 1).bind(root, at: 2).bind(low, at: 3).bind(high, at: 4).bind(Int64(countMax - events.count), at: 5)
        while try rows.step() { events.append((UInt64(rows.number(0)), rows.bytes(1))) }
        // The root is older than all that name it.
        if !takesOldest, hasRoot, events.count < countMax, let frame = try frame(of: root, anchor) { events.append((root, frame)) }
        return events
    }

    private func frame(of seq: UInt64, _ anchor: LogAnchor) throws(StoreError) -> SharedBytes? {
        guard let row = try row(of: seq, anchor), try targets.bind(row, at: 1).step() else { return nil }
        defer { targets.reset() }
        return targets.bytes(0)
    }
}
