public import Bytes
public import ChatProtocol

/// Who asked for something, and where the answer goes.
public struct Requester: Sendable {
    let session: SessionID
    var account: AccountReference
    let requestID: UInt32
    let isRetry: Bool
}

/// What a client wants of a room, decided by the room's home.
public enum RoomRequest: Sendable {
    /// `isAutomatic`: the broker asks for the client (the lobby).
    case join(Join, isAutomatic: Bool)
    case leave(Leave)
    case members(ListMembers)
    case create(CreateRoom)
    case publish(Publish)
    case history(ReadHistory)
    case search(SearchRequest, RoomAddress)
    /// One room of a RESUME, and its place in it.
    case resume(Join, place: Int)
    /// A publish that may begin the conversation.
    case directMessage(Publish, to: AccountName)
    case mark(ReadMarker)
    case typing(Typing)

    var room: RoomAddress {
        switch self {
        case .join(let join, _): join.room
        case .leave(let leave): leave.room
        case .members(let query): query.room
        case .create(let room): room.room
        case .publish(let publish), .directMessage(let publish, _): publish.room
        case .mark(let marker): marker.room
        case .typing(let typing): typing.room
        case .history(let query): query.room
        case .search(_, let room): room
        case .resume(let join, _): join.room
        }
    }

    /// Whether the account may be a member of one more room afterwards.
    var mayAddMembership: Bool {
        switch self {
        case .join(let join, _): !join.room.isConversation
        case .create: true
        default: false
        }
    }

    /// Whether the request begins a conversation that there is not.
    var mayBeginConversation: Bool {
        if case .directMessage = self { true } else { false }
    }

    /// The number of the frame's type: an ERROR without request id names it.
    var typeNumber: UInt8 {
        switch self {
        case .join: 0x10
        case .leave: 0x12
        case .members: 0x15
        case .create: 0x16
        case .publish: 0x20
        case .history: 0x24
        case .search: 0x2B
        case .resume: 0x0B
        case .directMessage: 0x23
        case .mark: 0x27
        case .typing: 0x28
        }
    }
}

/// A stretch of a log, for a connection that fell behind or begins further back.
public struct FetchedEvents: Sendable {
    let room: RoomAddress
    let epoch: UInt64
    let session: SessionID
    /// Seq that was asked for.
    let from: UInt64
    /// Where the stretch begins; above `from` if the log no longer reaches back.
    let first: UInt64
    /// Frames, each piece one or several of them.
    let events: [SharedBytes]
    let eventCount: Int
    /// Seq after the stretch: those in it without a frame hold no event.
    let next: UInt64
    /// Seq of the last event that has been handed on to the shards.
    let publishedHead: UInt64
    /// Lowest seq retained.
    let floor: UInt64
}

/// A page of rooms asked of every shard.
public struct RoomQuery: Sendable {
    let requester: Requester
    let filter: String?
    let after: RoomAddress?
    let limit: Int
}

/// What one shard says to another. Mail from one shard to another arrives in the order posted.
public enum ShardMail: Sendable {
    // To the home of an account
    case claim(AccountName, session: SessionID, device: SharedBytes?, isRename: Bool, isGenerated: Bool)
    case release(AccountReference, session: SessionID)
    /// An account that was renamed goes on under its new name.
    case settle(AccountReference)
    case renameAccount(AccountReference, to: AccountReference, session: SessionID)
    case membership(AccountReference, RoomAddress, isMember: Bool, by: SessionID?)
    case conversationOpening(RoomAddress, party: AccountName)
    case conversationClosed(RoomAddress, party: AccountReference)
    case logIn(AccountName, session: SessionID, device: SharedBytes?)
    case leftLobby(AccountReference)
    case askFree(Register, session: SessionID, requestID: UInt32)
    case askDevices(AccountReference, session: SessionID, requestID: UInt32)
    case revoke(AccountReference, device: SharedBytes, session: SessionID, requestID: UInt32)
    case endOthers(AccountReference, session: SessionID)

    case presenceSet(AccountReference, session: SessionID, PresenceState)
    /// A connection of the account `by`, a member of the rooms `sharing`, wants to be told the presence of accounts.
    case watch([AccountName], by: AccountName, session: SessionID, sharing: Set<RoomAddress>)
    case unwatch([AccountName], session: SessionID)
    case statesAsked([AccountName], GatheringKey, asking: Int)
    /// A read marker to be told to the connections of an account, but not to the one that moved it.
    case markMoved(ReadMarker, to: AccountReference, except: SessionID)
    case inbox(InboxQuery)
    case searchAsked(SearchRequest)

    // To the home of a room
    case statesTold([AccountName: PresenceState], GatheringKey)
    case inboxPart(InboxQuery, [RoomAddress])
    case searchPart(SearchRequest, [RoomAddress], partCount: Int)
    case searchFound(SearchRequest, [FoundEvent])
    case request(RoomRequest, Requester)
    case fetch(RoomAddress, epoch: UInt64, session: SessionID, from: UInt64, byteCountMax: Int)
    case giveBack(RoomAddress, epoch: UInt64, shard: Int, grants: Int)
    case accountEnded(AccountReference, RoomAddress)
    case renameMember(AccountReference, to: AccountReference, RoomAddress)
    case announceCreation(RoomAddress, by: AccountName)
    case conversationParty(RoomAddress, party: AccountName, AccountReference?, sessions: [SessionID])
    case partyConnected(RoomAddress, session: SessionID)
    case conversationPartyEnded(RoomAddress, AccountReference)
    case leaveLobby(AccountReference)

    // To the shard of a session
    /// With the rooms of which the account is a member already, if it goes on under a new connection.
    case claimed(session: SessionID, AccountReference, memberships: Set<RoomAddress>)
    case claimRefused(session: SessionID)
    case replaced(session: SessionID)
    case loggedIn(session: SessionID, AccountReference, memberships: Set<RoomAddress>)
    case mayRegister(Register, isFree: Bool, session: SessionID, requestID: UInt32)
    case displaced(session: SessionID)
    case endRevoked(session: SessionID)
    case endSuspended(session: SessionID)
    case renamed(session: SessionID, AccountReference, to: AccountReference, rooms: Set<RoomAddress>)
    case renameRefused(session: SessionID)
    /// A membership under the old name became known after the rename.
    case renameLate(session: SessionID, AccountReference, to: AccountReference, RoomAddress)
    case reply(session: SessionID, requestID: UInt32, Reply, hasMore: Bool)
    case attached(session: SessionID, requestID: UInt32, Joined, isAutomatic: Bool, choosesAnew: Bool)
    case membershipChanged(session: SessionID, RoomAddress, isMember: Bool)
    case conversationAttached(session: SessionID, RoomAddress, epoch: UInt64, next: UInt64)
    case resumed(session: SessionID, requestID: UInt32, place: Int, ResumedRoom)
    case left(session: SessionID, requestID: UInt32, RoomAddress, endsMembership: Bool)
    case detached(session: SessionID, RoomAddress)
    case fetched(FetchedEvents)
    /// What may be lost, to those of the connections that want it and read what they are sent.
    case ephemeral(Reply, [SessionID])
    case inboxTold(InboxQuery, InboxPart)
    case searchTold(SearchRequest, SearchPart)
    case searchJudged(SearchRequest, erased: [Int])

    // To a shard with attached sessions
    case events(EventBatch)
    case logEnded(RoomAddress, epoch: UInt64, remains: RecentEvents)
    case typing(Typing, epoch: UInt64)

    // Between all shards
    case listRooms(RoomQuery, asking: Int)
    case listedRooms(RoomQuery, [RoomRecord])
}
