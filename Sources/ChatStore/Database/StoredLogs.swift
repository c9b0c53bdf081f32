internal import ChatCore
internal import ChatProtocol

/// Reads from the file where the logs stand. Costs the logs, the events since heads were last noted, and what is to be recalled; never
/// all events.
enum StoredLogs {
    /// Logs that have not ended.
    static func states(in database: Database) throws(StoreError) -> [LogState] {
        var ends: [Int64: (head: UInt64, event: Int64, messages: UInt64, timestamp: Timestamp)] = [:]
        // Rows may be ahead of `noted_event`, each by itself. SQLite takes `seq` and `timestamp` from the row that has the greatest id (sqlite.org/lang_select.html, "bare columns").
        let tail = try database.prepare(
            """
            SELECT log, seq, max(event.id), timestamp, sum(kind = \(EventKind.message.rawValue)) FROM event JOIN log ON log.id = event.log
            WHERE event.id > (SELECT value FROM state WHERE name = 'noted_event') AND event.seq > log.head GROUP BY log
            """)
        while try tail.step() {
            ends[tail.number(0)] = (UInt64(tail.number(1)), tail.number(2), UInt64(tail.number(4)), UInt64(tail.number(3)))
        }
        var states: [LogState] = []
        let rows = try database.prepare(
            """
            SELECT id, address, epoch, head, last_event, floor, reserved, removed_through, messages, removed_messages, last_timestamp
            FROM log WHERE is_ended = 0
            """)
        while try rows.step() {
            let id = rows.number(0)
            let noted = (head: UInt64(rows.number(3)), event: rows.number(4))
            let end = ends[id]
            let reserved = UInt64(rows.number(6))
            var state = LogState(id: id, address: try address(rows.text(1), database), epoch: UInt64(rows.number(2)))
            state.head = end?.head ?? noted.head
            state.lastEvent = end?.event ?? noted.event
            state.messageCount = UInt64(rows.number(8)) + (end?.messages ?? 0)
            state.removedMessageCount = UInt64(rows.number(9))
            state.lastTimestamp = end?.timestamp ?? UInt64(rows.number(10))
            state.floor = UInt64(rows.number(5))
            state.removedThrough = UInt64(rows.number(7))
            state.reserved = reserved
            state.lostThrough = reserved > state.head ? reserved : 0
            state.isNoted = ends[id] == nil
            states.append(state)
        }
        return states
    }

    /// Rows of logs that have ended.
    static func endedLogs(in database: Database) throws(StoreError) -> [Int64] {
        let rows = try database.prepare("SELECT id FROM log WHERE is_ended = 1")
        var logs: [Int64] = []
        while try rows.step() { logs.append(rows.number(0)) }
        return logs
    }

    /// The row of the next event: behind all that are there, and all that logs refer to.
    static func nextEvent(in database: Database) throws(StoreError) -> Int64 {
        try database.number(
            """
            SELECT 1 + max(coalesce((SELECT max(id) FROM event), 0), coalesce((SELECT max(last_event) FROM log), 0),
                (SELECT value FROM state WHERE name = 'noted_event'))
            """)
    }

    /// Everything that a broker starts with. `states` are those of the same file.
    static func state(
        in database: Database, states: some Collection<LogState>, settings: StoreSettings, now: Timestamp
    ) throws(StoreError) -> StoredState {
        var members: [Int64: [MembershipRecord]] = [:]
        let memberRows = try database.prepare(
            "SELECT log, account, role, since, mark, mark_messages, changed_at FROM membership ORDER BY log, account")
        while try memberRows.step() {
            let record = MembershipRecord(
                account: try account(memberRows.text(1), database), role: Role(rawValue: UInt8(clamping: memberRows.number(2))),
                since: UInt64(memberRows.number(3)),
                mark: memberRows.isNull(4)
                    ? nil
                    : StoredMark(
                        seq: UInt64(memberRows.number(4)), messageCount: UInt64(memberRows.number(5)),
                        updateNumber: UInt64(memberRows.number(6))))
            members[memberRows.number(0), default: []].append(record)
        }
        var pins: [Int64: [UInt64]] = [:]
        let pinRows = try database.prepare("SELECT log, target FROM pin ORDER BY log, target")
        while try pinRows.step() { pins[pinRows.number(0), default: []].append(UInt64(pinRows.number(1))) }
        var byID: [Int64: LogState] = [:]
        for state in states { byID[state.id] = state }
        let recalled = try publications(in: database, of: byID, settings: settings, now: now)
        var rooms: [StoredRoom] = []
        let rows = try database.prepare(
            "SELECT id, created_at, policy, title, topic, owner FROM log WHERE is_ended = 0 ORDER BY address")
        while try rows.step() {
            guard let state = byID[rows.number(0)] else { preconditionFailure("the states are those of the file") }
            var record = LogRecord(
                address: state.address, epoch: state.epoch, createdAt: UInt64(rows.number(1)),
                policy: RoomPolicy(rawValue: UInt64(bitPattern: rows.number(2))), title: rows.text(3), topic: rows.text(4))
            if let owner = rows.text(5) { record.owner = try account(owner, database) }
            rooms.append(
                StoredRoom(
                    record: record, anchor: state.anchor, floor: min(state.floor, state.head + 1),
                    lost: state.lostThrough > state.head ? state.head + 1...state.lostThrough : nil,
                    recalledSince: max(recalled.since, state.removedThrough), members: members[state.id] ?? [],
                    removedMessageCount: state.removedMessageCount, lastTimestamp: state.lastTimestamp, pins: pins[state.id] ?? []))
        }
        return StoredState(
            rooms: rooms, publications: recalled.publications,
            lastEpoch: UInt64(try database.number("SELECT value FROM state WHERE name = 'last_epoch'")))
    }

    private static let stepMilliseconds: UInt64 = 60_000

    private static func publications(
        in database: Database, of logs: [Int64: LogState], settings: StoreSettings, now: Timestamp
    ) throws(StoreError) -> (publications: [StoredPublication], since: Timestamp) {
        var since = now - min(now, settings.recalledMilliseconds)
        var publications: [StoredPublication] = []
        let rows = try database.prepare("SELECT log, sender, message_id, seq, timestamp FROM event ORDER BY id DESC LIMIT ?1")
        rows.bind(Int64(settings.recalledPublicationsMax) + 1, at: 1)
        var count = 0
        while try rows.step() {
            let timestamp = UInt64(rows.number(4))
            count += 1
            // Commits of different logs are slightly out of step, which a minute more than covers.
            if timestamp + stepMilliseconds < since { break }
            if count > settings.recalledPublicationsMax {
                since = max(since, timestamp + stepMilliseconds)
                break
            }
            guard !rows.isNull(2), let log = logs[rows.number(0)] else { continue }
            publications.append(
                StoredPublication(
                    room: log.address, account: try account(rows.text(1), database),
                    messageID: MessageID(UInt64(bitPattern: rows.number(2))), seq: UInt64(rows.number(3)), timestamp: timestamp))
        }
        rows.reset()
        return (publications.reversed(), since)
    }

    private static func address(_ text: String?, _ database: Database) throws(StoreError) -> RoomAddress {
        if let text, let address = try? RoomAddress(text) { return address }
        throw StoreError(.damaged, path: database.path, detail: "a log without an address")
    }

    private static func account(_ text: String?, _ database: Database) throws(StoreError) -> AccountName {
        if let text, let account = try? AccountName(text) { return account }
        throw StoreError(.damaged, path: database.path, detail: "an account without a name")
    }
}
