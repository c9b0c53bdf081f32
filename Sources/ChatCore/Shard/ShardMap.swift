public import ChatProtocol

/// Says which loop owns a room or an account: by hash, the same on every loop of the process.
public struct ShardMap: Sendable {
    /// Number of shards, one for each loop.
    public let shardCount: Int
    private let key: UInt64

    /// - Parameter key: a secret of the process, so that nobody can choose names that all fall to one shard.
    public init(shardCount: Int, key: UInt64) {
        precondition((1...256).contains(shardCount), "a broker has 1 to 256 shards")
        self.shardCount = shardCount
        self.key = key
    }

    /// The shard that owns the log, the members and the ring of a room.
    public func home(of room: RoomAddress) -> Int {
        shardCount == 1 ? 0 : Int(room.digest(key: key) % UInt64(shardCount))
    }

    /// The shard that owns the name and the connections of an account.
    public func home(of account: AccountName) -> Int {
        shardCount == 1 ? 0 : Int(account.digest(key: key) % UInt64(shardCount))
    }
}
