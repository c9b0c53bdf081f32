public import ChatProtocol

/// What a shard wants stored: everything of one turn of its loop.
public struct StorePost: Sendable {
    /// By which the answer names it.
    public let number: UInt64
    /// To be committed together, in this order, and behind the posts with lower numbers.
    public let writes: [StoreWrite]
    /// Whether a client, or the shard itself, waits for the commit.
    public let isAwaited: Bool
}

/// What a shard wants read.
public struct StoreRead: Sendable {
    /// By which the answer names it.
    public let number: UInt64
    public let query: HistoryQuery
}

/// What the store tells a shard.
public enum StoreAnswer: Sendable {
    /// A post is on stable storage; the results stand in the order of its writes.
    case committed(post: UInt64, [WriteResult])
    /// Nothing of a post is stored, nor ever will be.
    case failed(post: UInt64)
    /// What was read; nil if it cannot be read.
    case page(read: UInt64, HistoryPage?)
    /// What was found; nil if it cannot be looked up.
    case lookedUp(UInt64, StoreFinding?)
    /// What was found; nil if nothing can be searched at present.
    case found(search: UInt64, SearchPage?)
    /// Whether the store takes anything at present.
    case writability(Bool)
    /// Retention has removed what is below the floor of a log, so many messages (kind 0) in all among it.
    case floorRose(RoomAddress, epoch: UInt64, floor: UInt64, removedMessageCount: UInt64)
}

/// What a shard begins with if its rooms are stored.
public struct ShardHistory: Sendable {
    /// The rooms whose home the shard is.
    public var rooms: [StoredRoom]
    /// Publications in those rooms, in the order of commits.
    public var publications: [StoredPublication]
    /// Accounts whose home is the shard, and the rooms and conversations they are in, whose homes may be others.
    public var memberships: [(account: AccountName, room: RoomAddress)]
    /// The greatest epoch of any log that ever was.
    public var lastEpoch: UInt64
    /// The greatest number that any update of an inbox can have had.
    public var lastUpdateNumber: UInt64

    /// The part of a shard.
    public init(of index: Int, _ map: ShardMap, in state: StoredState) {
        rooms = state.rooms.filter { map.home(of: $0.record.address) == index }
        publications = state.publications.filter { map.home(of: $0.room) == index }
        memberships = state.rooms.filter(\.survivesRestart).flatMap { room in
            room.members.filter { map.home(of: $0.account) == index }.map { ($0.account, room.record.address) }
        }
        lastEpoch = state.lastEpoch
        lastUpdateNumber = state.rooms.reduce(0) { number, room in
            room.members.reduce(max(number, room.lastTimestamp)) { max($0, $1.mark?.updateNumber ?? 0) }
        }
    }
}
