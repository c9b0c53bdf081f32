import ChatProtocol

/// An INBOX request on its way through the shards.
public struct InboxQuery: Sendable {
    let requester: Requester
    let since: UInt64
    let limit: Int
}

/// What one shard has to say to an INBOX request.
public struct InboxPart: Sendable {
    var records: [InboxRecord]
    /// Every change here of up to this number has happened and is in `records`.
    let completeThrough: UInt64
    /// Whether the number asked from is one of this process.
    let isKnown: Bool
}

/// The parts that have come for one INBOX request.
struct InboxGathering {
    var records: [InboxRecord] = []
    var completeThrough = UInt64.max
    var isKnown = true
    var shardsLeft: Int
}

/// INBOX: which logs of an account changed. Nothing is kept for it: markers are with the memberships, and updates are numbered by the
/// milliseconds of a clock that never goes back. The account's home knows the rooms, their homes the rest.
///
/// With a store the numbers go on where the last process ended: those of markers are stored with them, those of events are their times.
extension Shard {
    func readInbox(_ query: ReadInbox, _ requester: Requester) {
        guard requester.requestID != 0 else { return }
        let key = GatheringKey(session: requester.session, requestID: requester.requestID)
        inboxGatherings[key] = InboxGathering(shardsLeft: map.shardCount)
        let query = InboxQuery(requester: requester, since: query.since, limit: Self.limit(query.limit))
        send(.inbox(query), to: map.home(of: requester.account.name))
    }

    /// Asks every shard, whether it has rooms of the account or not: up to where the answer reaches is known only from all of them.
    func distribute(_ query: InboxQuery) {
        var byHome = [[RoomAddress]](repeating: [], count: map.shardCount)
        for room in logs(of: query.requester.account).sorted() { byHome[map.home(of: room)].append(room) }
        for shard in 0..<map.shardCount { send(.inboxPart(query, byHome[shard]), to: shard) }
    }

    /// The rooms and conversations of an account whose home is here.
    func logs(of reference: AccountReference) -> Set<RoomAddress> {
        var rooms: Set<RoomAddress> = [.lobby]
        if let account = accounts[reference.name], account.incarnation == reference.incarnation {
            rooms.formUnion(account.memberships)
            rooms.formUnion(account.conversations)
        }
        return rooms
    }

    /// The number of an update, by when it happened on the monotonic clock.
    func updateNumber(_ moment: Int64) -> UInt64 { UInt64(bitPattern: moment) &+ updateNumberOffset }

    /// By how much numbers that a former process gave out may be above the times of the events: as far as its wall clock was set back.
    private static let formerNumbersMilliseconds: UInt64 = 60_000

    /// The rooms of this shard that changed.
    func inbox(of query: InboxQuery, in addresses: [RoomAddress]) -> InboxPart {
        let present = now.monotonicMilliseconds &+ updateNumberOffset
        let isKnown = query.since == 0 || query.since <= present && (storesRooms || query.since >= firstUpdateNumber)
        // What was numbered by a former process is known by the time of its events, which may differ a little.
        let since = query.since < firstUpdateNumber ? query.since - min(query.since, Self.formerNumbersMilliseconds) : query.since
        // More may happen in this millisecond.
        var part = InboxPart(records: [], completeThrough: present - 1, isKnown: isKnown)
        for address in addresses {
            guard let room = rooms[address], let member = room.member(query.requester.account) else { continue }
            let number = updateNumber(max(Int64(bitPattern: room.lastAppend.monotonicMilliseconds), Int64(bitPattern: member.changedAt)))
            guard number > since else { continue }
            // What is counted is in the ring.
            handOn(room)
            part.records.append(
                InboxRecord(
                    room: address, epoch: room.epoch, head: room.head, mark: member.mark,
                    unread: room.unreadCount(of: member), updateNumber: number,
                    timestamp: room.head == 0 ? nil : room.lastAppend.wallMilliseconds))
        }
        return part
    }

    func gather(_ part: InboxPart, for query: InboxQuery) {
        let requester = query.requester
        let key = GatheringKey(session: requester.session, requestID: requester.requestID)
        guard var gathering = inboxGatherings[key] else { return }
        gathering.records += part.records
        gathering.completeThrough = min(gathering.completeThrough, part.completeThrough)
        gathering.isKnown = gathering.isKnown && part.isKnown
        gathering.shardsLeft -= 1
        inboxGatherings[key] = gathering
        guard gathering.shardsLeft == 0 else { return }
        inboxGatherings[key] = nil
        guard gathering.isKnown else {
            return answer(requester, .error(Failure(.epochChanged, reason: "the inbox began anew: ask from 0")))
        }
        let sorted = gathering.records.sorted { ($0.updateNumber, $0.room) < ($1.updateNumber, $1.room) }
        var count = min(query.limit, sorted.count)
        // Those of one number are not parted: the next page begins behind it.
        while count > 0, count < sorted.count, sorted[count].updateNumber == sorted[count - 1].updateNumber { count += 1 }
        var next = gathering.completeThrough
        if count < sorted.count { next = min(next, sorted[count - 1].updateNumber) }
        answerItems(sorted.prefix(count).map(Record.inbox), cursor: nil, room: nil, updateNumber: max(next, query.since), requester)
    }
}
