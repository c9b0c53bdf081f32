import Bytes
import ChatProtocol

/// An event that the store found for a SEARCH, and its place in the page.
public struct FoundEvent: Sendable {
    let place: Int
    let room: RoomAddress
    let frame: SharedBytes
}

/// A SEARCH that the home of some rooms has told what may be read.
struct SearchName: Hashable {
    let shard: UInt16
    let number: UInt64

    init(_ request: SearchRequest) {
        shard = request.requester.session.shard
        number = request.number
    }
}

/// From the page that the store found to FOUND.
///
/// The page may have been read before a deletion was committed, which may have been sent before the page comes. So each event goes to the
/// home of its room and back: what the home lets pass leaves it in front of every later deletion. Deletions that come here while another
/// home's word is awaited are seen as they are delivered.
extension Shard {
    /// Octets of events in one frame of the reply.
    private static let foundByteCountMax = 60_000

    // MARK: At the shard of the session

    /// The store has looked; nil if it could not.
    func settle(search number: UInt64, _ page: SearchPage?) {
        guard var gathering = searches[number] else { return }
        let request = gathering.request
        gathering.page = page
        gathering.homesLeft = gathering.homes.count
        searches[number] = gathering
        if page == nil { finish(request, .error(Self.cannotSearch)) }
        var found: [Int: [FoundEvent]] = [:]
        for (place, frame) in (page?.events ?? []).enumerated() {
            let room = Event(frame: frame).room
            found[map.home(of: room), default: []].append(FoundEvent(place: place, room: room, frame: frame))
        }
        // Those of which nothing was found are told too: they wait for it.
        for home in gathering.homes { send(.searchFound(request, found[home] ?? []), to: home) }
    }

    /// A home has said what was deleted.
    func settle(_ request: SearchRequest, erased places: [Int]) {
        guard var gathering = searches[request.number], let page = gathering.page else { return }
        gathering.erased.formUnion(places)
        gathering.homesLeft -= 1
        searches[request.number] = gathering
        guard gathering.homesLeft == 0 else { return }
        let events = page.events.indices.filter { !gathering.erased.contains($0) }.map { page.events[$0] }
        tell(events, of: page, to: request)
    }

    /// Events are about to be delivered here: what they delete is not told as found behind them.
    func noteDeletions(in frames: SharedBytes, of room: RoomAddress) {
        guard searches.values.contains(where: { $0.page != nil }) else { return }
        let deleted = Self.deletedSeqs(frames)
        guard !deleted.isEmpty else { return }
        for (number, gathering) in searches {
            for (place, frame) in (gathering.page?.events ?? []).enumerated() {
                let event = DeliverView(frame: frame)
                let isOfRoom = frame.withBytes { event.isIn(room, in: $0.extracting(FrameHeader.byteCount..<$0.byteCount)) }
                if isOfRoom, deleted.contains(event.message) { searches[number]?.erased.insert(place) }
            }
        }
    }

    /// The seqs of the messages that are deleted by some of these events.
    private static func deletedSeqs(_ frames: SharedBytes) -> Set<UInt64> {
        var deleted: Set<UInt64> = []
        var start = 0
        while start < frames.count {
            guard let header = frames.withBytes({ FrameHeader($0, at: start) }) else { preconditionFailure("a batch holds whole frames") }
            let event = DeliverView(frame: frames[start..<(start + header.frameByteCount)])
            if event.kind == .delete, let seq = event.reference { deleted.insert(seq) }
            start += header.frameByteCount
        }
        return deleted
    }

    /// Answers in as many frames as it needs.
    private func tell(_ events: [SharedBytes], of page: SearchPage, to request: SearchRequest) {
        var rest = events[...]
        repeat {
            var frames = ByteWriter(minimumCapacity: min(Self.foundByteCountMax, rest.reduce(0) { $0 + $1.count }))
            while let event = rest.first, frames.count == 0 || frames.count + event.count <= Self.foundByteCountMax {
                frames.append(event)
                rest.removeFirst()
            }
            let isLast = rest.isEmpty
            let found = Found(
                frames: frames.finish(), cursor: isLast ? page.next.map(Self.cursor) : nil, isIncomplete: isLast && page.isIncomplete)
            if isLast { return finish(request, .found(found)) }
            answer(request.requester, .found(found), hasMore: true)
        } while true
    }

    // MARK: At the home of rooms

    /// From now on the store may read what is deleted later.
    func noteSearch(_ request: SearchRequest) {
        readNumber += 1
        searchesTold[SearchName(request)] = readNumber
    }

    /// Says which events were deleted since the store may have read them, or are of rooms that have ended.
    func judge(_ events: [FoundEvent], of request: SearchRequest) {
        searchesTold[SearchName(request)] = nil
        let erased = events.filter { event in rooms[event.room]?.storage.map { isErased(event.frame, in: $0) } ?? true }
        send(.searchJudged(request, erased: erased.map(\.place)), to: Int(request.requester.session.shard))
    }
}

extension DeliverView {
    /// The seq of the message that the event is, or edits.
    var message: UInt64 { kind == .edit ? reference ?? seq : seq }
}
