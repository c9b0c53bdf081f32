internal import Bytes
internal import ChatProtocol

/// Schema 2: who said an event and what it refers to, reactions and pins in force, read markers, and counts of messages.
enum SchemaVersion2 {
    static let tables = """
        ALTER TABLE event ADD COLUMN author INTEGER;
        ALTER TABLE event ADD COLUMN target INTEGER;
        ALTER TABLE event ADD COLUMN thread INTEGER;
        CREATE INDEX event_target ON event (log, target) WHERE target IS NOT NULL;
        CREATE INDEX event_thread ON event (log, thread, seq) WHERE thread IS NOT NULL;
        CREATE TABLE reaction (
            log INTEGER NOT NULL,
            target INTEGER NOT NULL,
            account TEXT NOT NULL,
            body BLOB NOT NULL,
            PRIMARY KEY (log, target, account, body)
        ) WITHOUT ROWID;
        CREATE TABLE pin (
            log INTEGER NOT NULL,
            target INTEGER NOT NULL,
            PRIMARY KEY (log, target)
        ) WITHOUT ROWID;
        ALTER TABLE segment ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE log ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE log ADD COLUMN removed_messages INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE log ADD COLUMN last_timestamp INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE membership ADD COLUMN mark INTEGER;
        ALTER TABLE membership ADD COLUMN mark_messages INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE membership ADD COLUMN changed_at INTEGER NOT NULL DEFAULT 0;
        """

    /// Events read at a time.
    private static let sliceCount = 4_096

    /// Looks through all events for what the new columns and tables say of them. Who said them is not known any more.
    ///
    /// Takes some microseconds for each event, once.
    @Sendable static func fill(_ database: Database) throws(StoreError) {
        var noted: [Int64: UInt64] = [:]
        let heads = try database.prepare("SELECT id, head FROM log")
        while try heads.step() { noted[heads.number(0)] = UInt64(heads.number(1)) }
        let slice = try database.prepare(
            "SELECT id, log, seq, kind, timestamp, frame FROM event WHERE id > ?1 ORDER BY id LIMIT \(sliceCount)")
        let refer = try database.prepare("UPDATE event SET target = ?2, thread = ?3 WHERE id = ?1")
        let count = try database.prepare("UPDATE segment SET messages = ?3 WHERE log = ?1 AND seq = ?2")
        let markings = try Markings(database)
        var logs: [Int64: (head: UInt64, messages: UInt64)] = [:]
        // What the rows of logs are to say, which stand as of the heads in them.
        var notes: [Int64: (messages: UInt64, timestamp: UInt64)] = [:]
        var last: Int64 = 0
        while true {
            var events: [(id: Int64, log: Int64, seq: UInt64, timestamp: UInt64, bytes: SharedBytes, frame: StoredFrame)] = []
            slice.bind(last, at: 1)
            while try slice.step() {
                let bytes = slice.bytes(5)
                for frame in StoredFrame.split(bytes) {
                    events.append((slice.number(0), slice.number(1), UInt64(slice.number(2)), UInt64(slice.number(4)), bytes, frame))
                }
            }
            guard let end = events.last else { break }
            last = end.id
            for event in events {
                let before = logs[event.log] ?? (head: 0, messages: 0)
                let messages = before.messages + (event.frame.view.kind == .message ? 1 : 0)
                logs[event.log] = (event.seq, messages)
                if event.seq <= noted[event.log] ?? 0 { notes[event.log] = (messages, event.timestamp) }
                if LogIndex.hasEntry(event.seq, after: before.head) {
                    try count.bind(event.log, at: 1).bind(event.seq, at: 2).bind(messages, at: 3).run()
                }
                if event.frame.target != nil || event.frame.view.thread != nil {
                    refer.bind(event.id, at: 1).bind(event.frame.target, at: 2).bind(event.frame.view.thread, at: 3)
                    try refer.run()
                }
                try markings.note(event.frame, of: event.bytes, in: event.log)
            }
        }
        let note = try database.prepare("UPDATE log SET messages = ?2, last_timestamp = ?3 WHERE id = ?1")
        for (log, state) in notes { try note.bind(log, at: 1).bind(state.messages, at: 2).bind(state.timestamp, at: 3).run() }
    }
}
