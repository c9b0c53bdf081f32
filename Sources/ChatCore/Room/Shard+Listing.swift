import Bytes
import ChatProtocol

/// Names a LIST request that waits for other shards.
struct GatheringKey: Hashable {
    let session: SessionID
    let requestID: UInt32
}

/// The pages that shards have sent for one LIST request.
struct RoomGathering {
    var records: [RoomRecord] = []
    var shardsLeft: Int
}

/// LIST and MEMBERS: pages in ascending order of names. The cursor of a page is the last name on it.
extension Shard {
    static let defaultPageLimit = 100

    func listRooms(_ query: ListRooms, _ requester: Requester) {
        do throws(Failure) {
            let after = try query.cursor.map { (cursor) throws(Failure) in
                try Self.read(cursor) { (span) throws(BadName) in try RoomAddress(span) }
            }
            let page = RoomQuery(requester: requester, filter: query.filter, after: after, limit: Self.limit(query.limit))
            gatherings[GatheringKey(session: requester.session, requestID: requester.requestID)] = RoomGathering(shardsLeft: map.shardCount)
            for shard in 0..<map.shardCount { send(.listRooms(page, asking: index), to: shard) }
        } catch {
            var failure = error
            if requester.requestID == 0 { failure.type = FrameType.list.rawValue }
            statistics.refusals += 1
            answer(requester, .error(failure))
        }
    }

    /// The first rooms of this shard that a query asks for, one more than its limit, so that the asker sees whether there are more.
    func visibleRooms(_ query: RoomQuery) -> [RoomRecord] {
        let visible = rooms.values.lazy.filter { room in
            room.policy.isDisjoint(with: [.unlisted, .twoParty]) && room.isBegun && query.after.map { room.address > $0 } ?? true
                && query.filter.map { room.matches($0) } ?? true
        }
        return Self.smallest(query.limit + 1, of: visible, by: \.address).map(\.record)
    }

    func gather(_ records: [RoomRecord], for query: RoomQuery) {
        let requester = query.requester
        let key = GatheringKey(session: requester.session, requestID: requester.requestID)
        guard var gathering = gatherings[key] else { return }
        gathering.records += records
        gathering.shardsLeft -= 1
        gatherings[key] = gathering
        guard gathering.shardsLeft == 0 else { return }
        gatherings[key] = nil
        let sorted = gathering.records.sorted { $0.room < $1.room }
        let page = Array(sorted.prefix(query.limit))
        let cursor = sorted.count > page.count ? page.last.map { SharedBytes(utf8: $0.room.description) } : nil
        answerItems(page.map(Record.room), cursor: cursor, room: nil, requester)
    }

    func listMembers(_ query: ListMembers, _ requester: Requester) throws(Failure) {
        guard let room = rooms[query.room] else { throw Failure(.noSuchRoom, reason: "no room \(query.room)") }
        guard room.member(requester.account) != nil else {
            // Conversations are nobody else's business, not even that they exist.
            if room.policy.contains(.twoParty) { throw Failure(.noSuchRoom, reason: "no room \(query.room)") }
            throw Failure(.notJoined, reason: "not a member of \(query.room)")
        }
        let after = try query.cursor.map { (cursor) throws(Failure) in
            try Self.read(cursor) { (span) throws(BadName) in try AccountName(span) }
        }
        let limit = Self.limit(query.limit)
        let names =
            after.map { after in Self.smallest(limit + 1, of: room.members.keys.lazy.filter { $0 > after }, by: \.self) }
            ?? Self.smallest(limit + 1, of: room.members.keys, by: \.self)
        let page = names.prefix(limit)
        let records = page.map {
            Record.member(MemberRecord(user: $0, role: room.members[$0]?.role ?? .none, state: room.members[$0]?.state ?? .offline))
        }
        let cursor = names.count > page.count ? page.last.map { SharedBytes(utf8: $0.description) } : nil
        answerItems(records, cursor: cursor, room: query.room, requester)
    }

    /// Sends records in as many frames as they need; flag M joins them, the last one has the cursor.
    private func answerItems(_ records: [Record], cursor: SharedBytes?, room: RoomAddress?, _ requester: Requester) {
        var rest = records[...]
        repeat {
            var byteCount = 256
            let page = rest.prefix { record in
                byteCount += record.byteCountBound
                return byteCount <= 60_000
            }
            rest = rest.dropFirst(page.count)
            let items = Items(records: Array(page), cursor: rest.isEmpty ? cursor : nil, room: room)
            answer(requester, .items(items), hasMore: !rest.isEmpty)
        } while !rest.isEmpty
    }

    private static func limit(_ limit: UInt64?) -> Int {
        guard let limit, limit > 0 else { return defaultPageLimit }
        return Int(limit)
    }

    private static func read<Name>(_ cursor: SharedBytes, _ read: (RawSpan) throws(BadName) -> Name) throws(Failure) -> Name {
        do throws(BadName) {
            return try cursor.withBytes { (span) throws(BadName) in try read(span) }
        } catch {
            throw Failure(.badValue, reason: "no cursor of this broker", field: 0x2E)
        }
    }

    /// The `count` elements with the smallest keys, ascending: one pass, and never more than twice `count` elements at hand.
    private static func smallest<Elements: Sequence, Key: Comparable>(
        _ count: Int, of elements: Elements, by key: (Elements.Element) -> Key
    ) -> [Elements.Element] {
        var kept: [Elements.Element] = []
        for element in elements {
            if kept.count >= 2 * count {
                kept.sort { key($0) < key($1) }
                kept.removeSubrange(count...)
            }
            kept.append(element)
        }
        kept.sort { key($0) < key($1) }
        return Array(kept.prefix(count))
    }
}

extension Room {
    /// Whether there is the room: one that is being created is told of when it is.
    fileprivate var isBegun: Bool { storage == nil || storage?.anchor != nil }

    fileprivate func matches(_ filter: String) -> Bool {
        // Octet for octet: strings are equal to strings of other octets.
        address.description.utf8.contains(filter.utf8) || title?.utf8.contains(filter.utf8) ?? false
    }

    fileprivate var record: RoomRecord {
        RoomRecord(room: address, title: title, topic: topic, members: UInt64(members.count), policy: policy, head: head)
    }
}

extension Record {
    /// No fewer octets than the record takes in an ITEMS frame.
    fileprivate var byteCountBound: Int {
        switch self {
        case .room(let record): 64 + record.room.count + (record.title?.utf8.count ?? 0) + (record.topic?.utf8.count ?? 0)
        case .member(let record): 16 + record.user.count
        case .device: 128
        }
    }
}
