/// The statements of the writer, compiled once.
struct WriterStatements {
    let begin: Statement
    let commit: Statement
    let events: EventRows
    /// id, kind, body_start, body_count, frame
    let replaceFrame: Statement
    /// log, seq, event, messages
    let insertSegment: Statement
    /// log, reserved
    let reserve: Statement
    /// address
    let greatestEpoch: Statement
    /// address, epoch, created_at, policy, title, topic, owner, reserved; gives the id
    let createLog: Statement
    /// epoch
    let noteEpoch: Statement
    /// log, policy, title, topic, owner
    let changeLog: Statement
    /// log, head, last_event
    let endLog: Statement
    /// log, account, role, since, mark, mark_messages, changed_at
    let admit: Statement
    /// log, account
    let dismiss: Statement
    /// log, account, mark, mark_messages, changed_at
    let mark: Statement
    /// log, head, last_event, floor, removed_through, messages, removed_messages, last_timestamp
    let noteLog: Statement
    /// event
    let noteEvents: Statement
    /// id, log; gives seq, previous, timestamp, kind
    let eventPlace: Statement
    /// log, floor; gives seq, event
    let segmentBehind: Statement
    /// id
    let deleteEvent: Statement
    /// log, floor
    let deleteSegments: Statement
    /// id; gives the frame
    let frame: Statement
    /// log, target; gives the ids of the edits of a message
    let edits: Statement
    let markings: Markings
    /// block
    let noteErasure: Statement

    init(_ database: Database) throws(StoreError) {
        begin = try database.prepare("BEGIN IMMEDIATE")
        commit = try database.prepare("COMMIT")
        events = try EventRows(database)
        replaceFrame = try database.prepare("UPDATE event SET kind = ?2, body_start = ?3, body_count = ?4, frame = ?5 WHERE id = ?1")
        insertSegment = try database.prepare("INSERT INTO segment VALUES (?1, ?2, ?3, ?4)")
        reserve = try database.prepare("UPDATE log SET reserved = ?2 WHERE id = ?1")
        greatestEpoch = try database.prepare("SELECT coalesce(max(epoch), 0) FROM log WHERE address = ?1")
        createLog = try database.prepare(
            """
            INSERT INTO log (address, epoch, created_at, policy, title, topic, owner, reserved)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) RETURNING id
            """)
        noteEpoch = try database.prepare("UPDATE state SET value = max(value, ?1) WHERE name = 'last_epoch'")
        changeLog = try database.prepare("UPDATE log SET policy = ?2, title = ?3, topic = ?4, owner = ?5 WHERE id = ?1")
        endLog = try database.prepare("UPDATE log SET is_ended = 1, head = ?2, last_event = ?3 WHERE id = ?1")
        admit = try database.prepare(
            """
            INSERT INTO membership VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
            ON CONFLICT DO UPDATE SET role = excluded.role, since = excluded.since, mark = excluded.mark,
                mark_messages = excluded.mark_messages, changed_at = excluded.changed_at
            """)
        dismiss = try database.prepare("DELETE FROM membership WHERE log = ?1 AND account = ?2")
        mark = try database.prepare(
            "UPDATE membership SET mark = ?3, mark_messages = ?4, changed_at = ?5 WHERE log = ?1 AND account = ?2")
        noteLog = try database.prepare(
            """
            UPDATE log SET head = ?2, last_event = ?3, floor = ?4, removed_through = ?5, messages = ?6, removed_messages = ?7,
                last_timestamp = ?8 WHERE id = ?1
            """)
        noteEvents = try database.prepare("UPDATE state SET value = ?1 WHERE name = 'noted_event'")
        eventPlace = try database.prepare("SELECT seq, previous, timestamp, kind FROM event WHERE id = ?1 AND log = ?2")
        segmentBehind = try database.prepare("SELECT seq, event FROM segment WHERE log = ?1 AND seq > ?2 ORDER BY seq LIMIT 1")
        deleteEvent = try database.prepare("DELETE FROM event WHERE id = ?1")
        deleteSegments = try database.prepare("DELETE FROM segment WHERE log = ?1 AND seq < ?2")
        frame = try database.prepare("SELECT frame FROM event WHERE id = ?1")
        edits = try database.prepare("SELECT id FROM event WHERE log = ?1 AND target = ?2")
        markings = try Markings(database)
        noteErasure = try database.prepare("INSERT INTO erasure VALUES (?1, 1) ON CONFLICT DO UPDATE SET changes = changes + 1")
    }
}
