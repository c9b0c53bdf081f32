internal import Bytes
internal import ChatProtocol

/// Keeps the tables of reactions and pins in force, which are made of the events that are appended.
struct Markings {
    private let react: Statement
    private let unreact: Statement
    private let pin: Statement
    private let unpin: Statement
    private let forgetReactions: Statement
    private let trimReactions: Statement

    init(_ database: Database) throws(StoreError) {
        react = try database.prepare("INSERT OR IGNORE INTO reaction VALUES (?1, ?2, ?3, ?4)")
        unreact = try database.prepare("DELETE FROM reaction WHERE log = ?1 AND target = ?2 AND account = ?3 AND body = ?4")
        pin = try database.prepare("INSERT OR IGNORE INTO pin VALUES (?1, ?2)")
        unpin = try database.prepare("DELETE FROM pin WHERE log = ?1 AND target = ?2")
        forgetReactions = try database.prepare("DELETE FROM reaction WHERE log = ?1 AND target = ?2")
        trimReactions = try database.prepare("DELETE FROM reaction WHERE log = ?1 AND target < ?2")
    }

    /// Does what an event of a batch says of another one of the log.
    func note(_ frame: StoredFrame, of batch: SharedBytes, in log: Int64) throws(StoreError) {
        guard frame.view.kind.isChange, let target = frame.view.reference else { return }
        switch frame.view.kind {
        case .react, .unreact:
            let statement = frame.view.kind == .react ? react : unreact
            statement.bind(log, at: 1).bind(target, at: 2)
            batch.withBytes { octets in
                let from = frame.place(of: frame.fromRange)
                let body = frame.place(of: frame.bodyRange ?? 0..<0)
                _ = statement.bindText(octets.extracting(from), at: 3).bindBlob(octets.extracting(body), at: 4)
            }
            try statement.run()
        case .pin: try pin.bind(log, at: 1).bind(target, at: 2).run()
        case .unpin: try unpin.bind(log, at: 1).bind(target, at: 2).run()
        case .delete:
            try unpin.bind(log, at: 1).bind(target, at: 2).run()
            try forgetReactions.bind(log, at: 1).bind(target, at: 2).run()
        default: break
        }
    }

    /// Forgets the reactions to events that retention removes. Pins stay until they are taken off.
    func trim(_ log: Int64, below floor: UInt64) throws(StoreError) {
        try trimReactions.bind(log, at: 1).bind(floor, at: 2).run()
    }
}
