import Bytes
import ChatProtocol

/// What a shard stores of its rooms, and what it does when the store answers.
///
/// The hot path is one entry in a list for each batch of a room (``store(_:of:_:)``). Everything else is for moments that are rare: a
/// reservation that runs out, a commit that fails, the first event after an unclean stop.
extension Shard {
    /// What a write of a post was for.
    enum StoreContext {
        case append(Room, lastSeq: UInt64)
        case reserve(Room)
        case create(Room)
        case erase(Room, seq: UInt64)
        case mark(Room, AccountName)
        case other
    }

    // MARK: Writing

    /// Notes a write that leaves at the end of the turn.
    func post(_ write: StoreWrite, _ context: StoreContext = .other) {
        storeWrites.append(write)
        storeContexts.append(context)
        switch context {
        case .append, .mark: break
        case .reserve, .create, .erase, .other: isStoreAwaited = true
        }
    }

    /// What this turn has to be stored; nil if nothing. The adapter posts it, and tells by ``accept(_:at:)`` what became of it.
    ///
    /// - Parameter isLast: whether no other will be taken.
    public func takePost(isLast: Bool = false) -> StorePost? {
        noteMarks(isLast: isLast)
        guard !storeWrites.isEmpty else { return nil }
        postNumber += 1
        let post = StorePost(number: postNumber, writes: storeWrites, isAwaited: isStoreAwaited || isLast)
        isStoreAwaited = false
        postsInFlight[postNumber] = storeContexts
        storeWrites = []
        storeContexts = []
        return post
    }

    /// Stores a batch that is handed on, and sees to it that there are seqs for what follows.
    func store(_ batch: EventBatch, _ authors: EventAuthors, of room: Room, _ storage: RoomStorage) {
        // Behind what was lost nothing is stored but the void event that says so, which clears the mark.
        guard !room.isTorn else { return tear(room, storage, through: batch.lastSeq) }
        storage.appendsInFlight += 1
        // A batch may be handed on in a later turn than that of its publishes, when another post has left.
        if let newest = storage.durables.last, newest.seq >= batch.firstSeq { isStoreAwaited = true }
        post(
            .append(room.address, epoch: room.epoch, firstSeq: batch.firstSeq, events: batch.bytes, authors: authors),
            .append(room, lastSeq: batch.lastSeq))
        if room.reservedThrough - room.head < storage.reservedAhead / 2 { reserve(room, storage) }
    }

    private func reserve(_ room: Room, _ storage: RoomStorage) {
        guard !storage.isReserving, isStoreWritable, storage.anchor != nil else { return }
        storage.isReserving = true
        post(.reserve(room.address, epoch: room.epoch, through: room.head + storage.reservedAhead), .reserve(room))
    }

    // MARK: Numbers

    /// Whether a request must wait until the log is created, or until seqs are reserved; then it is kept, and handled when that is done.
    func waitForNumbers(_ request: RoomRequest, _ requester: Requester, in room: Room) -> Bool {
        guard let storage = room.storage, isStoreWritable || storage.anchor == nil else { return false }
        guard storage.waiting.count < settings.mailboxMessagesMax else {
            refuse(Failure(.overloaded, reason: "too much waits to be stored; try later"), request, requester)
            return true
        }
        storage.waiting.append((request, requester))
        // The room is busier than was reserved for.
        if storage.anchor != nil, !storage.isReserving {
            if room.head > 0, storage.storedHead > 0, storage.appendsInFlight > 0 {
                storage.reservedAhead = min(RoomStorage.reservedAheadMax, 4 * storage.reservedAhead)
            }
            reserve(room, storage)
        }
        return true
    }

    /// Handles what waited, as far as there are seqs.
    private func resumeRequests(of room: Room, _ storage: RoomStorage) {
        guard !storage.waiting.isEmpty else { return }
        var waiting: ContiguousArray<(request: RoomRequest, requester: Requester)> = []
        swap(&waiting, &storage.waiting)
        // What has to wait again keeps its place, because whatever comes behind it finds as few seqs.
        for (request, requester) in waiting { handle(request, requester) }
    }

    // MARK: What was lost

    /// Appends the void event that must precede whatever is stored next, if it can be stored.
    func mend(_ room: Room) {
        guard let storage = room.storage, isStoreWritable, storage.appendsInFlight == 0, storage.anchor != nil,
            room.reservedThrough - room.head >= 2
        else { return }
        // What is still being written is part of what was lost.
        handOn(room)
        room.isTorn = false
        eraseAgain(in: room, storage)
        guard room.head > storage.storedHead else { return }
        let lost = storage.storedHead + 1...room.head
        storage.noteVoid(lost)
        room.forgetMessages(behind: storage.storedHead, leaving: storage.anchor?.messageCount ?? 0)
        _ = append(.void(lost), from: .broker, to: room)
    }

    /// What has been numbered since the last commit will never be stored: a commit failed.
    private func tear(_ room: Room, _ storage: RoomStorage, through seq: UInt64) {
        room.isTorn = true
        tornRooms.insert(room.address)
        undoChanges(through: seq, in: room, storage)
        for publish in storage.takeDurables(through: seq) {
            // The event has no place in the log, so a repetition is no second one.
            if let id = publish.messageID { room.member(publish.requester.account)?.recentMessages.forget(id) }
            answer(
                publish.requester,
                .error(
                    Failure(
                        .outcomeUnknown, reason: "the event was sent to those attached, and could not be stored", room: room.address)))
        }
    }

    private func mendAll() {
        guard isStoreWritable else { return }
        for address in tornRooms.sorted() {
            guard let room = rooms[address], room.isTorn, let storage = room.storage else {
                tornRooms.remove(address)
                continue
            }
            if room.hasNumbers { mend(room) } else { reserve(room, storage) }
            if !room.isTorn { tornRooms.remove(address) }
        }
    }

    /// Whether something may be said in the room that is to be acknowledged when it is stored.
    func canStore(in room: Room, _ storage: RoomStorage) -> Bool {
        isStoreWritable && storage.anchor != nil && (!room.isTorn || storage.appendsInFlight == 0)
    }

    // MARK: Answers

    /// What became of posts and reads.
    public func accept(_ answers: some Sequence<StoreAnswer>, at moment: Moment) {
        now = moment
        for answer in answers {
            switch answer {
            case .committed(let post, let results):
                guard let contexts = postsInFlight.removeValue(forKey: post) else { continue }
                for (context, result) in zip(contexts, results) { settle(context, result) }
            case .failed(let post):
                guard let contexts = postsInFlight.removeValue(forKey: post) else { continue }
                for context in contexts { settle(context, nil) }
            case .page(let read, let page): settle(read, page)
            case .found(let search, let page): settle(search: search, page)
            case .writability(let isWritable): storeBecame(isWritable)
            case .lookedUp(let lookUp, let finding): settle(lookUp, finding)
            case .floorRose(let address, let epoch, let floor, let removedMessageCount):
                guard let room = rooms[address], room.epoch == epoch, let storage = room.storage else { continue }
                storage.floor = max(storage.floor, floor)
                storage.removedMessageCount = max(storage.removedMessageCount, removedMessageCount)
                noteEmptiness(of: room)
            }
        }
        if !tornRooms.isEmpty { mendAll() }
    }

    private func storeBecame(_ isWritable: Bool) {
        guard isWritable != isStoreWritable else { return }
        isStoreWritable = isWritable
        guard !isWritable else { return }
        // Nobody knows when there will be seqs again: who waits for some is told what becomes of the request without.
        for room in rooms.values.filter({ $0.storage?.waiting.isEmpty == false }).sorted(by: { $0.address < $1.address }) {
            if let storage = room.storage, storage.anchor != nil { resumeRequests(of: room, storage) }
        }
    }

    /// One write is through; `result` is nil if it failed.
    private func settle(_ context: StoreContext, _ result: WriteResult?) {
        switch context {
        case .append(let room, let lastSeq):
            guard let storage = room.storage else { return }
            storage.appendsInFlight -= 1
            guard case .stored(let log?) = result else {
                tear(room, storage, through: lastSeq)
                return unpark(room, storage)
            }
            note(log, room, storage)
            for publish in storage.takeDurables(through: lastSeq) {
                answer(
                    publish.requester,
                    .published(
                        Published(
                            room: room.address, seq: publish.seq, timestamp: publish.timestamp, acknowledgement: .durable,
                            isDuplicate: publish.isDuplicate)))
            }
            unpark(room, storage)
            // What was sent while a commit failed is stored by now as something else, or nobody waits for it any more.
            if room.isTorn && storage.appendsInFlight == 0 { mend(room) }
        case .reserve(let room):
            guard let storage = room.storage else { return }
            storage.isReserving = false
            if case .stored(let log?) = result { note(log, room, storage) }
            resumeRequests(of: room, storage)
        case .create(let room):
            guard let storage = room.storage else { return }
            if case .stored(let log?) = result {
                note(log, room, storage)
                finishCreation(of: room, storage)
            } else {
                abandonCreation(of: room, storage)
            }
        case .erase(let room, let seq): noteErasure(of: seq, in: room, isStored: result != nil)
        case .mark(let room, let account): if result == nil { marksToStore.insert(MarkPlace(room: room, account: account)) }
        case .other: break
        }
    }

    /// Stores what an account is in a room, if both outlive its connections.
    func storeMembership(of account: AccountReference, in room: Room) {
        guard account.isRegistered, room.storage != nil else { return }
        if let member = room.member(account) {
            let record = MembershipRecord(
                account: account.name, role: member.role, since: now.wallMilliseconds, mark: storedMark(of: member))
            post(.admit(record, to: room.address, epoch: room.epoch))
        } else {
            post(.dismiss(account.name, from: room.address, epoch: room.epoch))
        }
    }

    private func note(_ log: CommittedLog, _ room: Room, _ storage: RoomStorage) {
        storage.anchor = log.anchor
        settleChanges(of: room, storage)
        room.reservedThrough = max(room.reservedThrough, log.reservedThrough)
    }

    // MARK: Rooms

    /// Enters a new room, and does `request` with it at once, or when the log is created in the store.
    func begin(_ room: Room, with request: RoomRequest?, _ requester: Requester?) {
        rooms[room.address] = room
        guard storesRooms else { return }
        let storage = RoomStorage(floor: 1)
        room.storage = storage
        room.reservedThrough = 0
        if let request, let requester { storage.waiting.append((request, requester)) }
        post(
            .create(
                LogRecord(
                    address: room.address, epoch: room.epoch, createdAt: now.wallMilliseconds, policy: room.policy, title: room.title,
                    topic: room.topic)), .create(room))
    }

    private func finishCreation(of room: Room, _ storage: RoomStorage) {
        guard rooms[room.address] === room else { return }
        if case .create(let create)? = storage.waiting.first?.request {
            let (_, requester) = storage.waiting.removeFirst()
            open(room, create, requester)
        }
        noteEmptiness(of: room)
        resumeRequests(of: room, storage)
    }

    /// The log could not be created, so there is no room: nothing has happened in it yet.
    private func abandonCreation(of room: Room, _ storage: RoomStorage) {
        guard rooms[room.address] === room else { return }
        let failure = Failure(.storeFailed, reason: "the broker cannot store anything at present", room: room.address)
        let waiting = storage.waiting
        storage.waiting = []
        if isStanding(room.address) {
            // There is a lobby, stored or not, and so with the others.
            room.storage = nil
            room.reservedThrough = .max
            for (request, requester) in waiting { handle(request, requester) }
            return
        }
        dissolve(room)
        for (request, requester) in waiting { refuse(failure, request, requester) }
    }

    /// Removes a log for good, and what is stored of it.
    func erase(_ room: Room) {
        guard room.storage != nil else { return }
        post(.end(room.address, epoch: room.epoch))
    }

    /// The log has ended; what waits for seqs waits in vain.
    func refuseWaiting(in room: Room, _ failure: (RoomRequest) -> Failure) {
        guard let storage = room.storage, !storage.waiting.isEmpty else { return }
        let waiting = storage.waiting
        storage.waiting = []
        for (request, requester) in waiting { refuse(failure(request), request, requester) }
    }

    /// Notes a room that has no members as one to be removed. One whose events are stored is kept for their sake.
    func noteEmptiness(of room: Room) {
        guard room.members.isEmpty, !isStanding(room.address) else { return }
        if let storage = room.storage, storage.floor <= room.head { return }
        emptyRooms.insert(room.address)
    }
}
