import ChatProtocol

/// Publishing at a room's home: what a publish is judged by, the number it gets, and how a turn's events are handed on.
extension Shard {
    func publish(_ publication: Publication, in room: Room, _ requester: Requester) throws(Failure) {
        guard let member = room.member(requester.account) else {
            throw Failure(.notJoined, reason: "not a member of \(room.address)")
        }
        guard !room.policy.contains(.moderated) || member.role > .reader else {
            throw Failure(.forbidden, reason: "readers may not publish here")
        }
        let now = now.monotonicMilliseconds
        let memoryMilliseconds = settings.deduplicationSeconds * 1_000
        guard !requester.isRetry || publication.content.messageID != nil else {
            throw Failure(.missingField, reason: "a retry needs the client message id", field: 6)
        }
        // Whether the acknowledgement waits until the event is stored.
        let isDurable = room.storage != nil && requester.requestID != 0 && publication.acknowledgement ?? .accepted >= .durable
        if let id = publication.content.messageID {
            if let entry = member.recentMessages.entry(for: id, milliseconds: memoryMilliseconds, now: now) {
                guard room.storage?.isVoid(entry.seq) == true else {
                    return try answerDuplicate(of: entry.seq, entry.timestamp, in: room, isDurable: isDurable, requester)
                }
                member.recentMessages.forget(id)
            }
            if requester.isRetry {
                if let known = room.storage?.recalled?.entry(requester.account.name, id) {
                    return try answerDuplicate(of: known.seq, known.timestamp, in: room, isDurable: isDurable, requester)
                }
                if let age = publication.ageMilliseconds, !isCovered(age, member, in: room) {
                    // What memory does not cover was looked up, unless the store cannot know it either.
                    switch findings?.publication {
                    case .found(let seq, let timestamp)? where room.storage?.isVoid(seq) == false:
                        return try answerDuplicate(of: seq, timestamp, in: room, isDurable: isDurable, requester)
                    case .absent?: break
                    default: throw Self.retryTooOld
                    }
                }
            }
        }
        try requireEvents(of: publication.content, head: room.head)
        if let storage = room.storage { try requireStorage(in: room, storage, isDurable: isDurable) }
        let seq: UInt64
        if publication.content.kind.isChange {
            seq = try change(publication.content, by: member, requester, in: room)
        } else {
            seq = append(publication.content, from: requester.account.name, author: member.identity, to: room)
        }
        if let id = publication.content.messageID {
            member.recentMessages.insert(
                id, .init(seq: seq, timestamp: self.now.wallMilliseconds, acceptedAt: now),
                countMax: settings.deduplicationEntriesPerAccountMax, milliseconds: memoryMilliseconds)
            // It counts as one of the publishes of the broker's former life, whose outcome another life of the account may ask for.
            if requester.isRetry {
                room.storage?.recalled?.insert(requester.account.name, id, seq: seq, timestamp: self.now.wallMilliseconds)
            }
        }
        statistics.publishes += 1
        guard requester.requestID != 0 else { return }
        if isDurable, let storage = room.storage {
            isStoreAwaited = true
            return storage.wait(
                DurablePublish(
                    seq: seq, timestamp: self.now.wallMilliseconds, requester: requester, messageID: publication.content.messageID,
                    isDuplicate: false))
        }
        answer(
            requester,
            .published(Published(room: room.address, seq: seq, timestamp: self.now.wallMilliseconds, acknowledgement: .accepted)))
    }

    /// What a conversation that has not begun would refuse, were it begun: a refusal begins none.
    func requireNothingOfThePast(_ publication: Publication, _ requester: Requester) throws(Failure) {
        // No memory covers it, so a retry may be the second copy of what a former conversation had.
        if requester.isRetry && publication.ageMilliseconds != nil { throw Self.retryTooOld }
        try requireEvents(of: publication.content, head: 0)
        if let reference = publication.content.reference { throw Self.noSuchEvent(reference) }
    }

    /// Whether a first attempt so long ago would be known.
    func isCovered(_ ageMilliseconds: UInt64, _ member: Member, in room: Room) -> Bool {
        guard ageMilliseconds <= settings.deduplicationSeconds * 1_000 else { return false }
        let now = now.monotonicMilliseconds
        return member.recentMessages.covers(ageMilliseconds, at: now, isLastResort: room.storage == nil)
            || recalls(ageMilliseconds, in: room)
    }

    private static let retryTooOld = Failure(.retryTooOld, reason: "whether the first attempt had its effect is no longer known")

    /// Numbers and encodes an event; it is handed on with the others of this turn.
    func append(_ content: EventContent, from account: AccountName, author: UInt64 = 0, to room: Room) -> UInt64 {
        if room.isTorn { mend(room) }
        let (seq, beginsBatch) = room.append(content, from: account, author: author, at: now)
        if beginsBatch { roomsInTurn.append(room) }
        if room.batchByteCount >= settings.batchByteCountMax { handOn(room) }
        return seq
    }

    /// Hands a room's batch to the shards that have connections attached, each once.
    func handOn(_ room: Room) {
        guard let (batch, authors) = room.takeBatch(settings: settings) else { return }
        statistics.batches += 1
        if let storage = room.storage { store(batch, authors, of: room, storage) }
        for shard in room.grants.indices where room.grants[shard] > 0 {
            if shard == index { deliver(batch) } else { effects.mail[shard].append(.events(batch)) }
        }
    }
}
