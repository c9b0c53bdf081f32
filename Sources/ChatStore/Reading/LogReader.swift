internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// Walks the chains of logs on a connection of its own. Confined to one reader's thread.
final class LogReader {
    private let frames: Statement
    private let publications: Statement
    let places: Statement
    private let entry: Statement
    private let floors: Statement
    let targets: Statement
    let reactions: Statement
    let reactionCounts: Statement
    let prefixes: Statement
    let kinds: Statement
    let oldestOfThread: Statement
    let newestOfThread: Statement

    init(_ database: Database) throws(StoreError) {
        // The frame is the last column: a row that is passed over is not read to its end.
        frames = try database.prepare("SELECT previous, seq, frame FROM event WHERE id = ?1 AND log = ?2")
        publications = try database.prepare(
            "SELECT previous, seq, timestamp, sender = ?3 AND message_id IS ?4 FROM event WHERE id = ?1 AND log = ?2")
        places = try database.prepare("SELECT previous, seq FROM event WHERE id = ?1 AND log = ?2")
        entry = try database.prepare("SELECT seq, event FROM segment WHERE log = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1")
        floors = try database.prepare("SELECT floor, removed_through FROM log WHERE id = ?1")
        targets = try database.prepare("SELECT frame, author FROM event WHERE id = ?1")
        reactions = try database.prepare("SELECT 1 FROM reaction WHERE log = ?1 AND target = ?2 AND account = ?3 AND body = ?4")
        reactionCounts = try database.prepare("SELECT count(*) FROM reaction WHERE log = ?1 AND target = ?2")
        prefixes = try database.prepare(
            "SELECT event, messages FROM segment WHERE log = ?1 AND seq >= ?2 AND seq <= ?3 ORDER BY seq LIMIT 1")
        kinds = try database.prepare("SELECT previous, seq, kind FROM event WHERE id = ?1 AND log = ?2")
        let ofThread = "SELECT seq, frame FROM event WHERE log = ?1 AND thread = ?2 AND seq >= ?3 AND seq <= ?4 ORDER BY seq"
        oldestOfThread = try database.prepare(ofThread + " LIMIT ?5")
        newestOfThread = try database.prepare(ofThread + " DESC LIMIT ?5")
    }

    /// Lowest seq retained, and the latest timestamp of what was removed below it; nil if the log is gone.
    func floor(of log: Int64) throws(StoreError) -> (seq: UInt64, removedThrough: Timestamp)? {
        floors.bind(log, at: 1)
        guard try floors.step() else { return nil }
        defer { floors.reset() }
        return (UInt64(floors.number(0)), UInt64(floors.number(1)))
    }

    /// An event from which `seq` is reached by few steps back.
    func start(for seq: UInt64, _ anchor: LogAnchor) throws(StoreError) -> Int64 {
        guard seq < anchor.head else { return anchor.event }
        entry.bind(anchor.log, at: 1).bind(seq, at: 2)
        guard try entry.step() else { return anchor.event }
        defer { entry.reset() }
        // An entry that is newer than the anchor leads to the same event, by the way of events that the anchor does not know.
        return UInt64(entry.number(0)) > anchor.head ? anchor.event : entry.number(1)
    }

    /// Visits up to `eventCountMax` events of a log backwards from the row `event`, until `body` wants no more.
    ///
    /// - Parameter low: Events below it are not visited.
    /// - Returns: The row to go on from; nil if there is nothing more to visit.
    func walk(
        _ log: Int64, from event: Int64, downTo low: UInt64, from high: UInt64, eventCountMax: Int,
        _ body: (_ seq: UInt64, _ frame: () -> SharedBytes) -> Bool
    ) throws(StoreError) -> Int64? {
        var event = event
        for _ in 0..<eventCountMax {
            guard event != 0 else { return nil }
            frames.bind(event, at: 1).bind(log, at: 2)
            guard try frames.step() else { return nil }
            defer { frames.reset() }
            let seq = UInt64(frames.number(1))
            guard seq >= low else { return nil }
            event = frames.number(0)
            if seq <= high, !body(seq, { frames.bytes(2) }) { return nil }
        }
        return event
    }

    /// As ``walk(_:from:downTo:from:eventCountMax:_:)``, for one publication. `found` is nil as long as it is not.
    func search(
        _ query: PublicationQuery, from event: Int64, eventCountMax: Int
    ) throws(StoreError) -> (found: PublicationAnswer?, next: Int64) {
        var event = event
        publications.bind(query.account.description, at: 3).bind(Int64(bitPattern: query.messageID.value), at: 4)
        for _ in 0..<eventCountMax {
            publications.bind(event, at: 1).bind(query.anchor.log, at: 2)
            let isThere = event == 0 ? false : try publications.step()
            guard isThere else {
                // Where the chain ends because of retention, the publish may have been on the other side.
                guard let floor = try floor(of: query.anchor.log) else { return (.unknown, 0) }
                return (floor.removedThrough < query.since || floor.removedThrough == 0 ? .absent : .unknown, 0)
            }
            defer { publications.reset() }
            let (seq, timestamp) = (UInt64(publications.number(1)), UInt64(publications.number(2)))
            if publications.number(3) == 1 { return (.found(seq: seq, timestamp: timestamp), 0) }
            if timestamp < query.since { return (.absent, 0) }
            event = publications.number(0)
        }
        return (nil, event)
    }
}
