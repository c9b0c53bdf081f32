internal import ChatCore
internal import ChatProtocol

/// What the writer knows of one log that has not ended.
struct LogState {
    let id: Int64
    let address: RoomAddress
    let epoch: UInt64
    /// Highest seq stored.
    var head: UInt64 = 0
    /// The row of the event `head`; 0 if it is not retained.
    var lastEvent: Int64 = 0
    var floor: UInt64 = 1
    /// Messages (kind 0) up to the head since the log began, and those of them below the floor.
    var messageCount: UInt64 = 0
    var removedMessageCount: UInt64 = 0
    /// The time of the event `head`; 0 if there never was one.
    var lastTimestamp: Timestamp = 0
    /// Latest timestamp of the events below the floor; 0 if there were none.
    var removedThrough: Timestamp = 0
    /// Highest seq that may be given to an event.
    var reserved: UInt64 = 0
    /// Highest seq that an unclean stop took, until events behind it are stored; 0 if none.
    var lostThrough: UInt64 = 0
    /// Whether the file's row of the log has this head.
    var isNoted = true
    /// Timestamp of the oldest event retained, once it has been looked up.
    var oldestTimestamp: Timestamp?

    var committed: CommittedLog { CommittedLog(room: address, epoch: epoch, anchor: anchor, reservedThrough: reserved) }

    var anchor: LogAnchor { LogAnchor(log: id, event: lastEvent, head: head, messageCount: messageCount) }
}

/// The logs by address, with what a transaction changes until it is committed.
struct LogTable {
    private var logs: [RoomAddress: LogState] = [:]
    private var before: [RoomAddress: LogState?] = [:]

    init(_ states: [LogState]) {
        logs = Dictionary(uniqueKeysWithValues: states.map { ($0.address, $0) })
    }

    var states: Dictionary<RoomAddress, LogState>.Values { logs.values }
    var addresses: [RoomAddress] { Array(logs.keys) }

    /// A log, or nil if there is none.
    subscript(address: RoomAddress) -> LogState? {
        get { logs[address] }
        set {
            if before.index(forKey: address) == nil { before.updateValue(logs[address], forKey: address) }
            logs[address] = newValue
        }
    }

    /// The log, if it has that epoch.
    subscript(address: RoomAddress, epoch: UInt64) -> LogState? {
        guard let state = logs[address], state.epoch == epoch else { return nil }
        return state
    }

    /// What has changed is on stable storage.
    mutating func commit() { before.removeAll(keepingCapacity: true) }

    /// What has changed since the last commit is undone.
    mutating func rollBack() {
        for (address, state) in before { logs[address] = state }
        before.removeAll(keepingCapacity: true)
    }
}
