internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// Puts writes into the file, within transactions that its owner begins and ends. Confined to the writer's thread.
///
/// Every write is judged by what the writer knows of the logs before it touches the file, so that one that is rejected leaves no trace
/// and spoils nobody else's transaction.
final class LogWriter {
    let database: Database
    let statements: WriterStatements
    var logs: LogTable
    /// Rows of logs that have ended and are still to be removed.
    var endedLogs: [Int64]
    private var endedLogsBefore = 0
    private let reservedSeqs: UInt64
    private let notedEvents: Int
    private(set) var nextEvent: Int64
    /// Blocks of events out of which something was taken since ``begin()``.
    private var erasedBlocks: Set<Int64> = []
    private let blockEvents: Int64
    private let search: SearchPort?
    private var nextEventBefore: Int64
    private var eventsSinceNote = 0
    /// Whether the write-ahead log may hold something that has been erased from the file.
    var hasErased = false
    /// Events appended since ``begin()``.
    private(set) var eventsInTransaction = 0

    /// Reads where the logs stand.
    ///
    /// - Parameters:
    ///   - search: Who is told what was committed.
    ///   - previous: what was known of them before this process lost its connection. Callers know what they have numbered since,
    ///     so nothing that is merely reserved counts as lost; after an unclean stop, everything does.
    init(_ database: Database, settings: StoreSettings, search: SearchPort?, continuing previous: LogTable? = nil) throws(StoreError) {
        precondition(settings.reservedSeqs >= 2, "a reservation is renewed when half of it is used")
        self.database = database
        reservedSeqs = settings.reservedSeqs
        notedEvents = settings.notedEvents
        blockEvents = settings.indexBlockEvents
        self.search = search
        statements = try WriterStatements(database)
        var states = try StoredLogs.states(in: database)
        for index in states.indices {
            guard let known = previous?[states[index].address, states[index].epoch] else { continue }
            states[index].lostThrough = known.lostThrough > states[index].head ? known.lostThrough : 0
        }
        logs = LogTable(states)
        endedLogs = try StoredLogs.endedLogs(in: database)
        nextEvent = try StoredLogs.nextEvent(in: database)
        nextEventBefore = nextEvent
        eventsSinceNote = Int(nextEvent - 1 - (try database.number("SELECT value FROM state WHERE name = 'noted_event'")))
        search?.noteNextEvent(nextEvent)
    }

    // MARK: Transactions

    func begin() throws(StoreError) {
        eventsInTransaction = 0
        erasedBlocks = []
        nextEventBefore = nextEvent
        endedLogsBefore = endedLogs.count
        try statements.begin.run()
    }

    /// Commits and flushes. After an error nothing is known to be stored; call ``rollBack()``.
    func commit() throws(StoreError) {
        if eventsSinceNote + eventsInTransaction >= notedEvents { try noteHeads() }
        for block in erasedBlocks { try statements.noteErasure.bind(block, at: 1).run() }
        try statements.commit.run()
        eventsSinceNote += eventsInTransaction
        logs.commit()
        search?.noteCommit(lastEvent: nextEvent - 1, hasErased: !erasedBlocks.isEmpty)
    }

    func rollBack() {
        database.rollBack()
        logs.rollBack()
        endedLogs.removeLast(endedLogs.count - endedLogsBefore)
        nextEvent = nextEventBefore
    }

    // MARK: Writes

    func apply(_ write: StoreWrite) throws(StoreError) -> WriteResult {
        switch write {
        case .append(let room, let epoch, let firstSeq, let events, let authors):
            return try append(events, authors, from: firstSeq, to: room, epoch)
        case .erase(let room, let epoch, let seq):
            guard let log = logs[room, epoch] else { return .rejected(.unknownLog) }
            return try erase(seq, of: log)
        case .reserve(let room, let epoch, let through):
            guard var log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try reserve(&log, through: through)
            logs[room] = log
            return .stored(log.committed)
        case .release(let room, let epoch):
            guard var log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try release(&log)
            logs[room] = log
            return .stored(log.committed)
        case .create(let record): return try create(record)
        case .change(let record):
            guard let log = logs[record.address, record.epoch] else { return .rejected(.unknownLog) }
            try statements.changeLog.bind(Int64(bitPattern: record.policy.rawValue), at: 2).bind(record.title, at: 3)
                .bind(record.topic, at: 4).bind(record.owner?.description, at: 5).bind(log.id, at: 1).run()
            return .stored(nil)
        case .end(let room, let epoch):
            guard let log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try end(log)
            return .stored(nil)
        case .admit(let member, let room, let epoch):
            guard let log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try statements.admit.bind(log.id, at: 1).bind(member.account.description, at: 2).bind(Int64(member.role.rawValue), at: 3)
                .bind(member.since, at: 4).bind(member.mark?.seq, at: 5).bind(member.mark?.messageCount ?? 0, at: 6)
                .bind(member.mark?.updateNumber ?? 0, at: 7).run()
            return .stored(nil)
        case .dismiss(let account, let room, let epoch):
            guard let log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try statements.dismiss.bind(log.id, at: 1).bind(account.description, at: 2).run()
            return .stored(nil)
        case .mark(let account, let room, let epoch, let mark):
            guard let log = logs[room, epoch] else { return .rejected(.unknownLog) }
            try statements.mark.bind(log.id, at: 1).bind(account.description, at: 2).bind(mark.seq, at: 3)
                .bind(mark.messageCount, at: 4).bind(mark.updateNumber, at: 5).run()
            return .stored(nil)
        }
    }

    private func append(
        _ events: SharedBytes, _ authors: EventAuthors, from firstSeq: UInt64, to room: RoomAddress, _ epoch: UInt64
    ) throws(StoreError) -> WriteResult {
        guard var log = logs[room, epoch] else { return .rejected(.unknownLog) }
        let frames = StoredFrame.split(events)
        guard let first = frames.first, let last = frames.last else { return .stored(log.committed) }
        precondition(first.view.seq == firstSeq, "events have the seqs that they are announced with")
        // Seqs that an unclean stop took are behind the head too, and only a void event leads across them.
        let taken = max(log.head, log.lostThrough)
        guard firstSeq == log.head + 1 && log.lostThrough == 0 || firstSeq > taken && first.view.kind == .void else {
            return .rejected(.gap(takenThrough: taken))
        }
        guard last.view.seq <= log.reserved else { return .rejected(.notReserved(through: log.reserved)) }
        try statements.events.append(frames, of: events, by: authors, to: log, as: nextEvent)
        for frame in frames { try note(frame, of: events, in: &log) }
        log.lostThrough = 0
        if log.reserved - log.head < reservedSeqs / 2 { try reserve(&log) }
        logs[room] = log
        return .stored(log.committed)
    }

    /// Notes that the next row of the table is an event of a log.
    private func note(_ frame: StoredFrame, of batch: SharedBytes, in log: inout LogState) throws(StoreError) {
        let view = frame.view
        precondition(view.seq == log.head + 1 || view.kind == .void, "the events of a batch follow one another")
        if view.kind == .message { log.messageCount += 1 }
        if LogIndex.hasEntry(view.seq, after: log.lastEvent == 0 ? 0 : log.head) {
            try statements.insertSegment.bind(log.id, at: 1).bind(view.seq, at: 2).bind(nextEvent, at: 3).bind(log.messageCount, at: 4)
                .run()
        }
        try statements.markings.note(frame, of: batch, in: log.id)
        log.lastTimestamp = view.timestamp
        log.head = view.seq
        log.lastEvent = nextEvent
        log.isNoted = false
        nextEvent += 1
        eventsInTransaction += 1
    }

    /// Notes that an event is gone, or what it said.
    func noteErasure(of event: Int64) { erasedBlocks.insert(event / blockEvents) }

    /// Takes what an event said, and what its edits said, out of the file.
    private func erase(_ seq: UInt64, of log: LogState) throws(StoreError) -> WriteResult {
        guard let event = try event(seq, of: log) else { return .rejected(.noSuchEvent) }
        try redact(event)
        var edits: [Int64] = []
        statements.edits.bind(log.id, at: 1).bind(seq, at: 2)
        while try statements.edits.step() { edits.append(statements.edits.number(0)) }
        for edit in edits { try redact(edit) }
        hasErased = true
        return .stored(nil)
    }

    /// Takes what was said out of the frame of one row.
    private func redact(_ event: Int64) throws(StoreError) {
        guard try statements.frame.bind(event, at: 1).step() else { preconditionFailure("the row was found in this transaction") }
        let bytes = Event(frame: statements.frame.bytes(0)).redacted.frame
        statements.frame.reset()
        let frames = StoredFrame.split(bytes)
        let replace = statements.replaceFrame.bind(event, at: 1).bind(Int64(frames[0].view.kind.rawValue), at: 2)
        replace.bind(body: frames[0].bodyRange, at: 3)
        bytes.withBytes { _ = replace.bindBlob($0, at: 5) }
        try replace.run()
        noteErasure(of: event)
    }

    /// The row of an event.
    private func event(_ seq: UInt64, of log: LogState) throws(StoreError) -> Int64? {
        guard seq >= log.floor, seq <= log.head else { return nil }
        let rows = statements.segmentBehind.bind(log.id, at: 1).bind(seq - 1, at: 2)
        var event = log.lastEvent
        if try rows.step() {
            event = rows.number(1)
            rows.reset()
        }
        while let place = try eventPlace(event, in: log) {
            if place.seq <= seq { return place.seq == seq ? event : nil }
            event = place.previous
        }
        return nil
    }

    private func reserve(_ log: inout LogState, through asked: UInt64 = 0) throws(StoreError) {
        let through = max(asked, max(log.head, log.lostThrough) + reservedSeqs)
        guard through > log.reserved else { return }
        log.reserved = through
        try statements.reserve.bind(log.id, at: 1).bind(log.reserved, at: 2).run()
    }

    private func release(_ log: inout LogState) throws(StoreError) {
        // What an unclean stop took stays taken until a void event covers it.
        log.reserved = max(log.head, log.lostThrough)
        try statements.reserve.bind(log.id, at: 1).bind(log.reserved, at: 2).run()
    }

    private func create(_ record: LogRecord) throws(StoreError) -> WriteResult {
        let greatest = statements.greatestEpoch.bind(record.address.description, at: 1)
        let present = try greatest.step() ? UInt64(greatest.number(0)) : 0
        greatest.reset()
        guard record.epoch > present else { return .rejected(.epochNotNew) }
        if let older = logs[record.address] { try end(older) }
        let create = statements.createLog
        create.bind(record.address.description, at: 1).bind(record.epoch, at: 2).bind(record.createdAt, at: 3)
        create.bind(Int64(bitPattern: record.policy.rawValue), at: 4).bind(record.title, at: 5).bind(record.topic, at: 6)
        create.bind(record.owner?.description, at: 7).bind(reservedSeqs, at: 8)
        guard try create.step() else { preconditionFailure("an insertion that returns its key has a row") }
        let id = create.number(0)
        create.reset()
        try statements.noteEpoch.bind(record.epoch, at: 1).run()
        let log = LogState(id: id, address: record.address, epoch: record.epoch, reserved: reservedSeqs)
        logs[record.address] = log
        return .stored(log.committed)
    }

    private func end(_ log: LogState) throws(StoreError) {
        try statements.endLog.bind(log.id, at: 1).bind(log.head, at: 2).bind(log.lastEvent, at: 3).run()
        logs[log.address] = nil
        endedLogs.append(log.id)
    }

    // MARK: Notes

    /// Writes the heads of logs into their rows, within a transaction, so that fewer events are looked through when the file is opened.
    func noteHeads() throws(StoreError) {
        for address in logs.addresses {
            guard var log = logs[address], !log.isNoted else { continue }
            try note(&log)
            logs[address] = log
        }
        try statements.noteEvents.bind(nextEvent - 1, at: 1).run()
        eventsSinceNote = -eventsInTransaction
    }

    /// Writes where one log stands into its row.
    func note(_ log: inout LogState) throws(StoreError) {
        try statements.noteLog.bind(log.id, at: 1).bind(log.head, at: 2).bind(log.lastEvent, at: 3).bind(log.floor, at: 4)
            .bind(log.removedThrough, at: 5).bind(log.messageCount, at: 6).bind(log.removedMessageCount, at: 7)
            .bind(log.lastTimestamp, at: 8).run()
        log.isNoted = true
    }

    /// Gives reserved seqs back: the last thing that is written when the store is closed.
    func releaseAll(but torn: Set<RoomAddress> = []) throws(StoreError) {
        try begin()
        for address in logs.addresses where !torn.contains(address) {
            guard var log = logs[address], log.reserved > max(log.head, log.lostThrough) else { continue }
            try release(&log)
            logs[address] = log
        }
        try noteHeads()
        try commit()
    }

    /// Writes and flushes something of a size that a full disk would refuse.
    func probe() throws(StoreError) {
        try database.execute("UPDATE state SET value = zeroblob(65536) WHERE name = 'probe'")
        try database.execute("UPDATE state SET value = 0 WHERE name = 'probe'")
    }
}
