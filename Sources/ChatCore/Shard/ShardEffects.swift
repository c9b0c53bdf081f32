public import ChatProtocol

/// Why a connection ended: for the log, for counters, and where the protocol allows it, on the wire.
public struct CloseReason: Sendable, Equatable {
    public var text: String
    public var code: ResultCode

    public init(_ code: ResultCode, _ text: String) {
        self.code = code
        self.text = text
    }
}

/// What a shard wants done. The adapter does it and empties the lists.
public struct ShardEffects {
    /// For each shard what it is to be posted, in order.
    public var mail: [[ShardMail]]
    /// Sessions whose queue has something to be written; each at most once.
    public var writable: ContiguousArray<Session> = []
    /// Sessions whose input may be read again.
    public var resumed: ContiguousArray<Session> = []
    /// Connections to be ended: what is queued is written first, then the sending side is shut down.
    public var ended: ContiguousArray<(session: Session, reason: CloseReason)> = []
    /// What is to be asked of those who judge credentials.
    public var questions: ContiguousArray<CredentialQuestion> = []
    /// What is to be read from the store.
    public var reads: [StoreRead] = []
    /// What is to be looked up in the store.
    public var lookUps: [StoreLookUp] = []
    /// What is to be searched in the store.
    public var searches: [StoreSearch] = []
    /// Connections to be closed at once, because the peer did not do its part of the ending in time.
    public var aborted: ContiguousArray<Session> = []

    init(shardCount: Int) {
        mail = Array(repeating: [], count: shardCount)
    }
}

/// What a shard has counted since it began.
public struct ShardStatistics: Sendable {
    public var connections = 0
    public var publishes: UInt64 = 0
    public var duplicates: UInt64 = 0
    public var batches: UInt64 = 0
    public var deliveries: UInt64 = 0
    public var lags: UInt64 = 0
    public var refusals: UInt64 = 0

    init() {}
}
