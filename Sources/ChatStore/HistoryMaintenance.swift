public import ChatProtocol
internal import Glibc

/// What an operator does with a history while no broker uses it.
public enum HistoryMaintenance {
    /// Begins a new epoch of every log of a data directory, because the history is older than what clients have seen of it, as behind the
    /// restoration of a backup: the seqs that were given out since would name other events otherwise. Nothing that is stored is lost.
    ///
    /// - Returns: how many rooms and conversations there are, and the epoch that all of them have now.
    /// - Throws: as when a broker opens the history, and if there is none.
    public static func beginNewEpoch(in directory: String, now: Timestamp) throws(StoreError) -> (logCount: Int, epoch: UInt64) {
        let settings = StoreSettings(directory: directory)
        guard access(settings.path, F_OK) == 0 else {
            throw StoreError(path: settings.path, errorNumber: errno, doing: "looking for the history")
        }
        let opening = try StoreOpening(settings)
        let database = opening.database
        let states = try StoredLogs.states(in: database)
        let epoch = max(now, UInt64(try database.number("SELECT value FROM state WHERE name = 'last_epoch'")) + 1)
        try database.execute("BEGIN IMMEDIATE")
        do throws(StoreError) {
            // What is reserved was reserved in the old epoch, and no seq of it names anything in the new one.
            let renew = try database.prepare(
                """
                UPDATE log SET epoch = ?2, head = ?3, last_event = ?4, reserved = ?3, messages = ?5, last_timestamp = ?6 WHERE id = ?1
                """)
            for state in states {
                renew.bind(state.id, at: 1).bind(epoch, at: 2).bind(state.head, at: 3).bind(state.lastEvent, at: 4)
                try renew.bind(state.messageCount, at: 5).bind(state.lastTimestamp, at: 6).run()
            }
            try database.execute(
                """
                UPDATE membership SET changed_at = \(now);
                UPDATE state SET value = \(epoch) WHERE name = 'last_epoch';
                COMMIT
                """)
        } catch {
            database.rollBack()
            throw error
        }
        _ = try database.checkpoint(.truncate)
        return (states.count, epoch)
    }
}
