public import ChatProtocol

/// The limits, deadlines and policies by which a shard acts. The defaults are those of config/broker.toml.
public struct CoreSettings: Sendable {
    /// Who may come without credentials.
    public enum GuestMode: String, Sendable {
        /// Nobody.
        case off
        /// Everybody, under a name that the broker gives.
        case numbered
        /// Everybody, under a name of their choice that is free.
        case named
    }

    public var nodeName = "n1"
    public var guestMode = GuestMode.named

    // Accounts.
    /// Whether there is somebody who answers a ``CredentialQuestion``.
    public var offersAccounts = false
    public var isRegistrationOpen = false
    public var acceptsBearerTokens = false
    /// Whether devices may come back by a token.
    public var givesTokens = false
    /// Whether passwords are proved on connections that others may read: they do not see the password, but may guess it at leisure.
    public var offersPasswordsInClear = false

    // Deadlines: total, not per read.
    public var prefaceMilliseconds: UInt64 = 5_000
    public var helloMilliseconds: UInt64 = 10_000
    public var authenticationMilliseconds: UInt64 = 30_000
    /// Greatest silence in each direction.
    public var heartbeatMilliseconds: UInt64 = 30_000
    /// How long a peer may take nothing of what is queued for it.
    public var slowConsumerMilliseconds: UInt64 = 60_000
    /// How long requests already read may still be answered once a connection is ending.
    public var drainMilliseconds: UInt64 = 2_000

    // Frames and requests.
    public var frameByteCountMax = 65_536
    public var unauthenticatedFrameByteCountMax = 16_384
    public var bodyByteCountMax = 16_384
    public var requestsInFlightMax = 256
    public var unauthenticatedRequestsInFlightMax = 8
    public var malformedFramesMax = 8
    /// Publishes a second and connection; 0 means no limit. Above it the connection is not read for a while.
    public var publishesPerSecond = 0
    public var publishBurst = 0

    // Rooms.
    /// Rooms of this shard.
    public var roomsMax = 1_000_000
    public var roomsPerAccountMax = 1_000
    public var membersPerRoomMax = 100_000
    /// Events of a room kept in memory: what `tail`, cursors and lagging readers can reach.
    public var recentEventsPerRoom = 128
    public var recentEventBytesPerRoomMax = 262_144
    /// Joins, leaves and renames are events only in rooms of at most so many members.
    public var noticeMembersMax = 64
    public var deduplicationEntriesPerAccountMax = 1_024
    public var deduplicationSeconds: UInt64 = 600
    /// Reactions of a room that are remembered, those to events that the ring no longer reaches not counted.
    public var reactionsPerRoomMax = 4_096
    public var pinsPerRoomMax = 64
    /// How long a room without members is kept.
    public var emptyRoomSeconds: UInt64 = 3_600
    public var attachesToLobby = true
    public var lobbyTopic = ""
    /// Rooms that a broker has from its first start on, besides the lobby.
    public var standingRooms: Set<RoomAddress> = []

    /// Whether the store can be searched.
    public var offersSearch = true

    // Queues.
    /// Above it a connection lags: events are no longer queued for it.
    public var outboundHighWaterBytes = 262_144
    /// Below it a lagging connection continues.
    public var outboundLowWaterBytes = 65_536
    /// Room for replies above the high-water mark; beyond it the connection is not read.
    public var outboundControlBytes = 65_536
    /// Above this many octets that peers have not taken, who has such octets gets no more events until all of its are gone.
    public var outboundTotalBytesMax = 268_435_456
    /// Events of one room are handed on at the latest when so many octets wait.
    public var batchByteCountMax = 65_536
    /// Messages that may wait for another shard; beyond it publishes are refused.
    public var mailboxMessagesMax = 65_536
    /// Requests that may wait for something to be looked up in the store; beyond it they are refused.
    public var lookUpsMax = 1_024

    public init() {}
}
