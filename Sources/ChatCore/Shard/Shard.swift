import Bytes
public import ChatDialects
public import ChatProtocol

/// One loop's part of the broker: the sessions it accepted, and the rooms and accounts that hash to it.
///
/// A state machine without I/O, clock or chance of its own: commands, mail and the passage of time come in by the methods below,
/// what is to be done comes out in ``effects``, and what is to be sent in each session's queue. Confined to its loop.
/// The walk of a message: ``receive(_:from:at:)`` → `CommandRules` → the room's home (`Shard+Rooms`, `Shard+Publishing`) → ``endTurn(at:)`` → rosters.
public final class Shard {
    public let index: Int
    public let map: ShardMap
    public let settings: CoreSettings
    /// What is to be done. The adapter does it and empties the lists.
    public var effects: ShardEffects
    public internal(set) var statistics = ShardStatistics()

    var random: SeededRandom
    var now = Moment(monotonicMilliseconds: 0, wallMilliseconds: 0)

    /// Where replies are written.
    var replies = ByteArena()
    var sessions = SessionTable()
    /// Rooms that local sessions are attached to, whatever their home.
    var rosters: [RoomAddress: LocalRoster] = [:]
    /// Rooms whose home is here.
    var rooms: [RoomAddress: Room] = [:] { didSet { lastSpokenIn = nil } }
    /// The room that the last request was about: who speaks sends several messages in a row.
    var lastSpokenIn: Room?
    /// Rooms with a batch to be handed on at the end of the turn.
    var roomsInTurn: ContiguousArray<Room> = []
    /// Rooms without members, kept for a while.
    var emptyRooms: Set<RoomAddress> = []
    /// Conversations whose parties are being asked for.
    var openings: [RoomAddress: ConversationOpening] = [:]
    /// Accounts whose home is here.
    var accounts: [AccountName: Account] = [:]
    /// Where memberships of a renamed account go that were on their way under the old name.
    var renamedAccounts: [AccountReference: RenamedAccount] = [:]
    /// Registered accounts without a connection that are in the lobby still.
    var absentAccounts: Set<AccountName> = []
    /// What is done with the answers that are awaited.
    var questions: [UInt64: CredentialPurpose] = [:]
    var lastQuestion: UInt64 = 0
    /// Refused log-ins that are told only when their time has come, by the monotonic clock.
    var refusals: [(due: UInt64, session: SessionID)] = []
    /// LIST requests that wait for other shards.
    var gatherings: [GatheringKey: RoomGathering] = [:]
    /// MEMBERS requests to rooms of this shard that wait for the states of the members.
    var memberGatherings: [GatheringKey: MemberGathering] = [:]
    /// INBOX requests that wait for the homes of the rooms.
    var inboxGatherings: [GatheringKey: InboxGathering] = [:]
    /// Who is told the presence of the accounts whose home is here, whether they are connected or not.
    var watches: [AccountName: PresenceWatch] = [:]
    /// Accounts whose change of state waits until the last one has been told for long enough.
    var watchesPending: Set<AccountName> = []
    /// What is added to the monotonic clock to number the updates of inboxes.
    let updateNumberOffset: UInt64
    /// Updates before this one were those of another process.
    let firstUpdateNumber: UInt64
    /// Octets of batches queued since the adapter last wrote: no queue can have grown by more of them.
    var unwrittenByteCount = 0
    /// Octets of all sessions that their peers have not taken.
    public internal(set) var backlogByteCount = 0
    var lastEpoch: UInt64 = 0
    var lastIncarnation: UInt64 = 0
    var sweepCursor = 0
    /// For each shard how much mail waits there, as last told by the adapter.
    var mailboxCounts: ContiguousArray<Int>
    /// RESUME requests that wait for the homes of their rooms.
    var resumes: [GatheringKey: ResumeGathering] = [:]

    // What is stored (`Shard+Storage`).
    /// Whether rooms are stored.
    let storesRooms: Bool
    var isStoreWritable = true
    /// Whether so much waits to be written that publishes are refused, as last told by the adapter.
    public var isStoreBacklogged = false
    var storeWrites: [StoreWrite] = []
    var storeContexts: ContiguousArray<StoreContext> = []
    /// Whether the next post is waited for.
    var isStoreAwaited = false
    var postsInFlight: [UInt64: ContiguousArray<StoreContext>] = [:]
    var postNumber: UInt64 = 0
    var readsInFlight: [UInt64: PendingRead] = [:]
    /// Counts reads, look-ups and searches.
    var readNumber: UInt64 = 0
    /// Requests that wait for a look-up, by its number.
    var lookUps: [UInt64: LookUp] = [:]
    /// What was looked up for the request that is being handled.
    var findings: Findings?
    /// Read markers that have moved since they were stored, and since when there are any, by the monotonic clock.
    var marksToStore: Set<MarkPlace> = []
    var marksToStoreSince: UInt64 = 0
    /// SEARCH requests of this shard's sessions that are not answered yet.
    var searches: [UInt64: SearchGathering] = [:]
    var searchNumber: UInt64 = 0
    /// SEARCH requests of any shard that may have what is stored of this shard's rooms, each with its place among reads.
    var searchesTold: [SearchName: UInt64] = [:]
    /// Rooms that wait for a void event.
    var tornRooms: Set<RoomAddress> = []
    /// Until when publications of the broker's former life are remembered, by the monotonic clock; nil if none are.
    var recalledUntil: UInt64?

    /// Rooms and conversations whose home is here.
    public var roomCount: Int { rooms.count }
    /// Accounts whose home is here.
    public var accountCount: Int { accounts.count }

    /// - Parameters:
    ///   - index: 0 to `map.shardCount` − 1.
    ///   - seed: the source of chance (guest names, session ids, spread of timers).
    ///   - history: the rooms of this shard as they were stored; nil if rooms are kept in memory only.
    public init(index: Int, map: ShardMap, settings: CoreSettings, history: ShardHistory? = nil, seed: UInt64, at moment: Moment) {
        self.index = index
        self.map = map
        self.settings = settings
        random = SeededRandom(seed: seed)
        effects = ShardEffects(shardCount: map.shardCount)
        mailboxCounts = ContiguousArray(repeating: 0, count: map.shardCount)
        storesRooms = history != nil
        now = moment
        // Above all that were ever given out, even if the wall clock was set back.
        firstUpdateNumber = max(moment.wallMilliseconds, (history?.lastUpdateNumber ?? 0) + 1)
        updateNumberOffset = firstUpdateNumber &- moment.monotonicMilliseconds
        // Guests' lives are not those of another process.
        lastIncarnation = moment.wallMilliseconds
        if let history { restore(history) }
        if map.home(of: .lobby) == index { openLobby() }
        // The lobby was stored when the broker started for the first time.
        if (history?.lastEpoch ?? 0) == 0 { openStandingRooms() }
    }

    // MARK: What happens to a shard

    /// A connection was accepted.
    ///
    public func connect(encoding: WireEncoding = .native, at moment: Moment) -> Session {
        now = moment
        let mark = random.next()
        let session = sessions.insert { slot, generation in
            Session(
                id: SessionID(shard: UInt16(index), slot: slot, generation: generation), mark: mark, encoding: encoding,
                now: moment.monotonicMilliseconds, prefaceMilliseconds: settings.prefaceMilliseconds)
        }
        statistics.connections += 1
        return session
    }

    /// A client sent something.
    public func receive(_ input: DialectInput, from session: Session, at moment: Moment) {
        now = moment
        guard session.state != .draining && session.state != .closed else { return }
        switch input {
        case .opened(let preface): open(session, preface)
        case .command(let command, let requestID, let isRetry):
            handle(command, requestID: requestID, isRetry: isRetry, from: session)
        case .fault(let error, let type, let requestID): refuse(error, type: type, requestID: requestID, session)
        case .skipped: break
        case .fatal(let code, let reason): end(session, Goodbye(code, reason: reason))
        case .foreign: abandon(session, CloseReason(.badPreface, "the first octets are of no known protocol"))
        }
    }

    /// Largest frame and body that are taken from a session at present.
    public func limits(of session: Session) -> DialectLimits {
        DialectLimits(
            payloadByteCountMax: session.state == .ready ? settings.frameByteCountMax : settings.unauthenticatedFrameByteCountMax,
            bodyByteCountMax: settings.bodyByteCountMax)
    }

    /// Octets arrived, whether or not they make a request: the peer lives.
    public func touch(_ session: Session, at moment: Moment) {
        session.lastReceived = moment.monotonicMilliseconds
        session.isProbed = false
    }

    /// The client is not to be served, and will be told why as soon as it has opened the conversation.
    public func refuse(_ session: Session, with goodbye: Goodbye) { session.farewell = Farewell(goodbye) }

    /// The client has sent all it will: what it asked for is still answered.
    public func inputEnded(_ session: Session, at moment: Moment) {
        now = moment
        inputEnded(session)
    }

    /// The connection is gone.
    public func disconnect(_ session: Session, at moment: Moment) {
        now = moment
        guard session.state != .closed else { return }
        session.state = .closed
        statistics.connections -= 1
        for link in session.links.reversed() { detach(session, from: link.roster) }
        endWatching(session)
        if let account = session.account { send(.release(account, session: session.id), to: map.home(of: account.name)) }
        if let claim = session.claim, let granted = claim.granted {
            send(.release(granted, session: session.id), to: map.home(of: granted.name))
        }
        session.queue.removeAll()
        noteBacklog(session, 0)
        sessions.remove(session.id)
    }

    /// The adapter has written what the peer takes.
    ///
    /// - Parameter pendingByteCount: octets that have left the queue and still wait for the peer.
    public func drained(_ session: Session, pendingByteCount: Int = 0, at moment: Moment) {
        now = moment
        guard session.state != .closed else { return }
        noteProgress(session)
        noteBacklog(session, session.queue.byteCount + pendingByteCount)
        regulateInput(session)
        guard session.hasLateAttachments, session.queue.byteCount <= settings.outboundLowWaterBytes, hasRoom(session) else { return }
        catchUp(session)
    }

    /// Mail from other shards.
    public func accept(_ mail: some Sequence<ShardMail>, at moment: Moment) {
        now = moment
        for message in mail { handle(message) }
    }

    /// Whether so much has been queued since the adapter last wrote that connections which take everything would soon count as late. The
    /// adapter then writes at once, in the midst of the turn.
    public var isPressed: Bool { unwrittenByteCount >= settings.outboundHighWaterBytes / 2 }

    /// The adapter has written what the kernel takes of every queue in ``ShardEffects/writable``.
    public func noteWritten() { unwrittenByteCount = 0 }

    /// Whether rooms have something that the end of a turn hands on.
    public var hasBatches: Bool { !roomsInTurn.isEmpty }

    /// The loop is about to wait: what came in this turn is handed on, one batch for each room.
    public func endTurn(at moment: Moment) {
        now = moment
        while let room = roomsInTurn.popLast() { handOn(room) }
    }

    /// How much mail waits for another shard: above the bound, publishes are refused.
    public func noteMailbox(of shard: Int, count: Int) { mailboxCounts[shard] = count }

    /// The adapter has begun to write a session's queue.
    public func beganWriting(_ session: Session) {
        session.isScheduledForWriting = false
        session.byteCountBeforeWriting = UInt32(session.queue.byteCount)
    }

    // MARK: Mail

    /// Hands a message to the shard that is to act on it; at once if that is this one.
    func send(_ message: ShardMail, to shard: Int) {
        if shard == index { handle(message) } else { effects.mail[shard].append(message) }
    }

    private func handle(_ message: ShardMail) {
        switch message {
        case .claim(let name, let session, let device, let isRename, let isGenerated):
            claim(name, by: session, device: device, isRename: isRename, isGenerated: isGenerated)
        case .release(let account, let session): release(account, session: session)
        case .renameAccount(let old, let new, let session): renameAccount(old, to: new, session: session)
        case .settle(let account): settle(account)
        case .membership(let account, let room, let isMember, let session):
            noteMembership(account, in: room, isMember: isMember, by: session)
        case .conversationOpening(let address, let party): noteConversation(address, party: party)
        case .conversationClosed(let address, let party): forgetConversation(address, party: party)
        case .logIn, .leftLobby, .askFree, .askDevices, .revoke, .endOthers, .leaveLobby, .loggedIn, .mayRegister, .displaced, .endRevoked,
            .endSuspended:
            handleRegistered(message)
        case .presenceSet(let account, let session, let state): setState(state, of: account, session: session)
        case .watch(let names, let watcher, let session, let sharing): watch(names, by: watcher, session: session, sharing: sharing)
        case .unwatch(let names, let session): unwatch(names, session: session)
        case .statesAsked(let names, let key, let asking): send(.statesTold(states(of: names), key), to: asking)
        case .markMoved(let marker, let account, let session): tell(marker, to: account, except: session)
        case .inbox(let query): distribute(query)
        case .searchAsked(let request): distribute(request)

        case .request(let request, let requester): handle(request, requester)
        case .statesTold(let states, let key): gather(states, for: key)
        case .searchPart(let request, let rooms, let partCount): search(request, in: rooms, partCount: partCount)
        case .searchFound(let request, let events): judge(events, of: request)
        case .inboxPart(let query, let rooms): send(.inboxTold(query, inbox(of: query, in: rooms)), to: Int(query.requester.session.shard))
        case .fetch(let room, let epoch, let session, let from, let byteCountMax):
            fetch(room, epoch: epoch, session: session, from: from, byteCountMax: byteCountMax)
        case .giveBack(let room, let epoch, let shard, let grants): takeBack(grants, of: room, epoch: epoch, from: shard)
        case .accountEnded(let account, let room): endMembership(of: account, in: room)
        case .renameMember(let old, let new, let room): renameMember(old, to: new, in: room)
        case .announceCreation(let room, let creator): announceCreation(of: room, by: creator)
        case .conversationParty(let address, let party, let account, let sessions):
            noteParty(party, account, sessions: sessions, of: address)
        case .partyConnected(let address, let session): attachParty(session, to: address)
        case .conversationPartyEnded(let address, let account): endConversation(address, because: account)

        case .claimed(let session, let account, let memberships): claimGranted(session, account, memberships: memberships)
        case .claimRefused(let session): claimRefused(session)
        case .replaced(let session): replace(session)
        case .renamed(let session, let old, let new, let rooms): renamed(session, old, to: new, rooms: rooms)
        case .renameRefused(let session): renameRefused(session)
        case .renameLate(let session, let old, let new, let room): renameMembers(old, to: new, in: [room], session: session)
        case .reply(let session, let requestID, let reply, let hasMore):
            if let session = sessions[session] { answer(requestID, reply, hasMore: hasMore, session) }
        case .attached(let session, let requestID, let joined, let isAutomatic, let choosesAnew):
            attached(session, requestID: requestID, joined, isAutomatic: isAutomatic, choosesAnew: choosesAnew)
        case .membershipChanged(let session, let room, let isMember): membershipChanged(session, room, isMember: isMember)
        case .conversationAttached(let session, let address, let epoch, let next):
            conversationAttached(session, to: address, epoch: epoch, next: next)
        case .resumed(let session, let requestID, let place, let room): resumed(session, requestID: requestID, place: place, room)
        case .left(let session, let requestID, let room, let endsMembership):
            left(session, requestID: requestID, room, endsMembership: endsMembership)
        case .detached(let session, let room):
            if let session = sessions[session], let roster = rosters[room] { detach(session, from: roster) }
        case .fetched(let fetched): deliver(fetched)
        case .ephemeral(let reply, let sessions): deliver(reply, to: sessions)
        case .inboxTold(let query, let part): gather(part, for: query)
        case .searchTold(let request, let part): gather(part, for: request)
        case .searchJudged(let request, let places): settle(request, erased: places)

        case .events(let batch): deliver(batch)
        case .typing(let typing, let epoch): relay(typing, epoch: epoch)
        case .logEnded(let room, let epoch, let remains): endRoster(of: room, epoch: epoch, remains: remains)

        case .listRooms(let query, let asking): send(.listedRooms(query, visibleRooms(query)), to: asking)
        case .listedRooms(let query, let records): gather(records, for: query)
        }
    }
}
