import Bytes
import ChatProtocol

/// A SEARCH on its way through the shards. An object, so that mail stays small.
public final class SearchRequest: Sendable {
    let search: Search
    let requester: Requester
    /// By which the shard of the session knows it.
    let number: UInt64
    let before: Int64?
    /// Rooms that the session knows of: word of the latest may not have come to the account's home.
    let known: Set<RoomAddress>

    init(_ search: Search, _ requester: Requester, number: UInt64, before: Int64?, known: Set<RoomAddress>) {
        self.search = search
        self.requester = requester
        self.number = number
        self.before = before
        self.known = known
    }
}

/// What the home of some rooms has to say to a SEARCH.
public struct SearchPart: Sendable {
    /// The shard that says so.
    let home: Int
    /// The logs of these rooms that the account may read.
    var anchors: [LogAnchor] = []
    /// How many homes are asked.
    var partCount = 1
    var failure: Failure?
}

/// A SEARCH that this shard's session has asked for, until it is answered.
struct SearchGathering {
    let request: SearchRequest
    var anchors: [LogAnchor] = []
    /// The homes that have said what may be read.
    var homes: [Int] = []
    /// What the store found, and those of its places that must not be told.
    var page: SearchPage?
    var erased: Set<Int> = []
    var homesLeft = 0
}

/// SEARCH: the account's home knows its rooms, their homes say which of their logs it may read, by the rule of HISTORY, and the store looks
/// through these. What it found goes past those homes, which know what was deleted meanwhile (`Shard+FoundEvents`). A search of one room
/// asks only that room's home.
extension Shard {
    /// Searches of one connection, and of all connections of a shard, at a time.
    static let searchesPerSessionMax = 4
    static let searchesMax = 64

    /// Whether there is anything that could be searched.
    var offersSearch: Bool { storesRooms && settings.offersSearch }

    func search(_ search: Search, _ session: Session, _ requestID: UInt32) {
        let requester = Requester(session, requestID, false)
        do throws(Failure) {
            guard offersSearch else { throw Failure(.notImplemented, reason: "this broker keeps nothing that could be searched") }
            let before = try search.cursor.map { (cursor) throws(Failure) in try Self.position(cursor) }
            guard search.since ?? 0 <= search.until ?? .max else {
                throw Failure(.badValue, reason: "the time ends before it begins", field: 0x28)
            }
            guard searches.count < Self.searchesMax,
                searches.values.count(where: { $0.request.requester.session == requester.session }) < Self.searchesPerSessionMax
            else { throw Self.cannotSearch }
            searchNumber += 1
            let known = session.memberships.union(session.links.map(\.roster.address))
            let request = SearchRequest(search, requester, number: searchNumber, before: before, known: known)
            searches[searchNumber] = SearchGathering(request: request)
            if let room = search.room {
                send(.request(.search(request, room), requester), to: map.home(of: room))
            } else {
                send(.searchAsked(request), to: map.home(of: requester.account.name))
            }
        } catch {
            statistics.refusals += 1
            answer(requester, .error(error))
        }
    }

    static let cannotSearch = Failure(.overloaded, reason: "nothing can be searched at present; try later")

    // MARK: At the home of the account

    /// Asks the homes of all rooms of the account.
    func distribute(_ request: SearchRequest) {
        var byHome: [Int: [RoomAddress]] = [:]
        for room in logs(of: request.requester.account).union(request.known).sorted() {
            byHome[map.home(of: room), default: []].append(room)
        }
        for (home, rooms) in byHome.sorted(by: { $0.key < $1.key }) {
            send(.searchPart(request, rooms, partCount: byHome.count), to: home)
        }
    }

    // MARK: At the home of rooms

    /// The rule by which events may be read, once the room is visible.
    func requireReader(of room: Room, _ requester: Requester) throws(Failure) {
        guard room.member(requester.account) != nil else { throw Failure(.notJoined, reason: "not a member of \(room.address)") }
    }

    /// One room was named.
    func search(_ request: SearchRequest, in room: Room) throws(Failure) {
        try requireReader(of: room, request.requester)
        tell(SearchPart(home: index, anchors: room.storage?.anchor.map { [$0] } ?? []), to: request)
    }

    /// Those of some rooms that the account may read.
    func search(_ request: SearchRequest, in addresses: [RoomAddress], partCount: Int) {
        var part = SearchPart(home: index, partCount: partCount)
        for address in addresses {
            guard let room = rooms[address], let anchor = room.storage?.anchor else { continue }
            do throws(Failure) {
                try requireReader(of: room, request.requester)
                part.anchors.append(anchor)
            } catch {
                // The membership ended on the way here.
                continue
            }
        }
        tell(part, to: request)
    }

    func refuse(_ failure: Failure, _ request: SearchRequest) { tell(SearchPart(home: index, failure: failure), to: request) }

    private func tell(_ part: SearchPart, to request: SearchRequest) {
        if part.failure == nil { noteSearch(request) }
        send(.searchTold(request, part), to: Int(request.requester.session.shard))
    }

    // MARK: At the shard of the session

    func gather(_ part: SearchPart, for request: SearchRequest) {
        guard var gathering = searches[request.number] else { return }
        if let failure = part.failure { return finish(request, .error(failure)) }
        gathering.anchors += part.anchors
        gathering.homes.append(part.home)
        searches[request.number] = gathering
        guard gathering.homes.count == part.partCount else { return }
        // Nobody waits for it any more.
        guard sessions[request.requester.session] != nil else { return settle(search: request.number, nil) }
        let search = request.search
        let query = SearchQuery(
            in: gathering.anchors, words: search.query, author: search.from, times: (search.since ?? 0)..<(search.until ?? .max),
            before: request.before, eventCountMax: Self.limit(search.limit))
        effects.searches.append(StoreSearch(number: request.number, query: query))
    }

    func finish(_ request: SearchRequest, _ reply: Reply) {
        searches[request.number] = nil
        if case .error = reply { statistics.refusals += 1 }
        answer(request.requester, reply)
    }

    // MARK: Cursors

    static func cursor(_ position: Int64) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: 8)
        writer.appendBigEndian(UInt64(position), byteCount: 8)
        return writer.finish()
    }

    private static func position(_ cursor: SharedBytes) throws(Failure) -> Int64 {
        let position = cursor.withBytes { $0.byteCount == 8 ? Int64(bitPattern: $0.bigEndian(at: 0, byteCount: 8)) : 0 }
        guard position > 0 else { throw Failure(.badValue, reason: "no cursor of this broker", field: 0x2E) }
        return position
    }
}
