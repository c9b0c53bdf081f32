internal import ChatProtocol

/// Removes what need not be kept, in slices that are transactions of their own: events beyond a log's count or age from its oldest end,
/// and everything of logs that have ended.
struct Retention {
    /// Events or members that one slice removes at most, and logs that it looks at.
    static let sliceCountMax = 512

    private let seqsMax: UInt64?
    private let milliseconds: UInt64?
    private let intervalMilliseconds: Int
    private var toVisit: [RoomAddress] = []
    private var nextPass: Int

    init(_ settings: StoreSettings, now: Int) {
        seqsMax = settings.retainedSeqsMax
        milliseconds = settings.retainedMilliseconds
        intervalMilliseconds = settings.retentionMilliseconds
        nextPass = now
    }

    /// Milliseconds until there may be something to do; nil if never.
    func delay(_ log: LogWriter, now: Int) -> Int? {
        if !log.endedLogs.isEmpty || !toVisit.isEmpty { return 0 }
        return seqsMax == nil && milliseconds == nil ? nil : max(0, nextPass - now)
    }

    /// Works through one slice.
    ///
    /// - Returns: the logs whose floor has risen.
    mutating func work(_ log: LogWriter, now: Int, wall: Timestamp) throws(StoreError) -> [LogState] {
        if let ended = log.endedLogs.last {
            try log.removeSlice(of: ended)
            return []
        }
        if toVisit.isEmpty {
            guard now >= nextPass else { return [] }
            nextPass = now + intervalMilliseconds
            toVisit = log.logs.addresses
        }
        var risen: [LogState] = []
        var removed = 0
        var visited = 0
        try log.begin()
        while removed < Self.sliceCountMax, visited < Self.sliceCountMax, let address = toVisit.last {
            visited += 1
            guard var state = log.logs[address] else {
                toVisit.removeLast()
                continue
            }
            let floor = state.floor
            let target = try self.target(&state, log, wall: wall)
            let count = target > state.floor ? try log.trim(&state, below: target) : 0
            removed += count
            if state.floor > floor { risen.append(state) }
            // A log that has more to give is visited again by the next slice.
            if state.floor >= target && (milliseconds == nil || state.floor == floor) { toVisit.removeLast() }
            log.logs[address] = state
        }
        try log.commit()
        return risen
    }

    /// The seq below which events need not be kept; by age, at most one stride further than the floor.
    private func target(_ state: inout LogState, _ log: LogWriter, wall: Timestamp) throws(StoreError) -> UInt64 {
        var target: UInt64 = 0
        if let seqsMax, state.head >= seqsMax { target = state.head - seqsMax + 1 }
        if let milliseconds, wall > milliseconds, state.floor <= state.head {
            let cutoff = wall - milliseconds
            if let oldest = state.oldestTimestamp, oldest >= cutoff { return target }
            target = max(target, try log.firstSeq(of: &state, notBefore: cutoff))
        }
        return target
    }
}

extension LogWriter {
    /// Removes the events below `seq`, or as many of the oldest strides of them as one slice allows, and raises the floor.
    ///
    /// - Returns: how many events were removed.
    func trim(_ state: inout LogState, below seq: UInt64) throws(StoreError) -> Int {
        var removed = 0
        while state.floor < seq, removed < Retention.sliceCountMax {
            let (behind, end) = try stride(of: state)
            let floor = min(seq, behind)
            var event = end
            while let place = try eventPlace(event, in: state) {
                if place.seq < floor {
                    state.removedThrough = max(state.removedThrough, place.timestamp)
                    if place.kind == EventKind.message.rawValue { state.removedMessageCount += 1 }
                    try statements.deleteEvent.bind(event, at: 1).run()
                    noteErasure(of: event)
                    removed += 1
                }
                event = place.previous
            }
            state.floor = floor
            state.oldestTimestamp = nil
            if floor > state.head { state.lastEvent = 0 }
            try statements.deleteSegments.bind(state.id, at: 1).bind(floor, at: 2).run()
            try statements.markings.trim(state.id, below: floor)
        }
        try note(&state)
        return removed
    }

    /// The first seq of the oldest stride whose event is not older than `cutoff`; the stride's end if all are, which says nothing of
    /// what is behind it.
    func firstSeq(of state: inout LogState, notBefore cutoff: Timestamp) throws(StoreError) -> UInt64 {
        let (behind, end) = try stride(of: state)
        var first = behind
        var event = end
        while let place = try eventPlace(event, in: state) {
            if place.timestamp < cutoff { return first }
            first = place.seq
            state.oldestTimestamp = place.timestamp
            event = place.previous
        }
        return first == behind ? behind : state.floor
    }

    /// The oldest events of a log, up to the next entry of the index: the seq behind them, and the newest of them.
    private func stride(of state: LogState) throws(StoreError) -> (behind: UInt64, end: Int64) {
        let rows = statements.segmentBehind.bind(state.id, at: 1).bind(state.floor, at: 2)
        guard try rows.step() else { return (state.head + 1, state.lastEvent) }
        let (seq, event) = (UInt64(rows.number(0)), rows.number(1))
        rows.reset()
        return (seq, try eventPlace(event, in: state)?.previous ?? 0)
    }

    /// Where an event stands, if it is there.
    func eventPlace(_ event: Int64, in state: LogState) throws(StoreError)
        -> (seq: UInt64, previous: Int64, timestamp: Timestamp, kind: Int64)?
    {
        guard event != 0 else { return nil }
        let rows = statements.eventPlace.bind(event, at: 1).bind(state.id, at: 2)
        guard try rows.step() else { return nil }
        defer { rows.reset() }
        return (UInt64(rows.number(0)), rows.number(1), UInt64(rows.number(2)), rows.number(3))
    }

    /// Removes some of what is left of a log that has ended: its events from the newest to the oldest, then its members, then the rest.
    func removeSlice(of log: Int64) throws(StoreError) {
        try begin()
        var event = try database.number("SELECT last_event FROM log WHERE id = \(log)")
        let ended = LogState(id: log, address: .lobby, epoch: 0)
        var removed = 0
        while removed < Retention.sliceCountMax, let place = try eventPlace(event, in: ended) {
            try statements.deleteEvent.bind(event, at: 1).run()
            noteErasure(of: event)
            event = place.previous
            removed += 1
        }
        if removed == Retention.sliceCountMax {
            try database.execute("UPDATE log SET last_event = \(event) WHERE id = \(log)")
        } else {
            try database.execute(
                """
                UPDATE log SET last_event = 0 WHERE id = \(log);
                DELETE FROM membership WHERE log = \(log) AND account IN
                    (SELECT account FROM membership WHERE log = \(log) LIMIT \(Retention.sliceCountMax));
                DELETE FROM reaction WHERE log = \(log) AND target IN
                    (SELECT DISTINCT target FROM reaction WHERE log = \(log) LIMIT \(Retention.sliceCountMax));
                DELETE FROM pin WHERE log = \(log)
                """)
            let left = try database.number(
                "SELECT EXISTS (SELECT 1 FROM membership WHERE log = \(log)) + EXISTS (SELECT 1 FROM reaction WHERE log = \(log))")
            if left == 0 {
                try database.execute("DELETE FROM segment WHERE log = \(log); DELETE FROM log WHERE id = \(log)")
                endedLogs.removeLast()
            }
        }
        try commit()
    }
}
