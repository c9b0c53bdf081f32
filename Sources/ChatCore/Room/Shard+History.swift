import Bytes
import ChatProtocol

/// What HISTORY has found so far: the end of the range, which is in the ring.
struct HistoryReading {
    let query: ReadHistory
    /// Events behind the range that is read from the store; captured when the request came, so that there is no seam.
    let ring: NumberedEvents
    /// The last seq that is answered for by the events of the ring.
    let ringLastSeq: UInt64
    /// The range that is answered for if all of it is read.
    let fromSeq: UInt64
    let toSeq: UInt64
    let limit: Int
}

/// Events with their seqs, in ascending order.
typealias NumberedEvents = ContiguousArray<(seq: UInt64, frame: SharedBytes)>

/// Reading back: what the rings hold at once, what is older from the store.
extension Shard {
    /// Octets of events in the reply to one HISTORY.
    static let historyByteCountMax = 262_144

    func readHistory(_ query: ReadHistory, in room: Room, _ requester: Requester) throws(Failure) {
        try requireReader(of: room, requester)
        if let epoch = query.epoch, epoch != room.epoch {
            throw Failure(
                .epochChanged, reason: "the log began anew", room: room.address, epoch: room.epoch, head: room.head, floor: room.floor)
        }
        guard query.fromSeq <= query.toSeq else { throw Failure(.badValue, reason: "the range ends before it begins", field: 0x1B) }
        if let thread = query.thread, thread == 0 || thread > room.head {
            throw Failure(.noSuchEvent, reason: "there is no event \(thread)", field: 8)
        }
        // The batch of this turn is not handed on yet.
        let head = room.publishedHead
        guard query.fromSeq <= head else { return send([], head + 1, head, room, requester) }
        let from = max(query.fromSeq, room.floor, 1)
        let to = min(query.toSeq, head)
        guard from <= to else {
            throw Failure(
                .rangeGone, reason: "nothing of the range is retained", room: room.address, epoch: room.epoch, head: head,
                floor: room.floor)
        }
        var query = query
        query.limit = UInt64(Self.historyLimit(query.limit))
        let ringFirst = max(from, room.ringFloor)
        let ring = ringEvents(of: room, ringFirst, to, query)
        let takesOldest = query.direction == .oldest
        let isWhole = room.storage == nil || from >= room.ringFloor
        if ring.isFull && !takesOldest { return send(ring.events, ring.events.first?.seq ?? to, to, room, requester) }
        let ringLast = ring.isFull ? ring.events.last?.seq ?? to : to
        if isWhole { return send(ring.events, from, ringLast, room, requester) }
        if !takesOldest, let first = ring.events.first, ring.events.count == Int(query.limit ?? 100) {
            return send(ring.events, first.seq, to, room, requester)
        }
        let reading = HistoryReading(
            query: query, ring: ring.events, ringLastSeq: ringLast, fromSeq: from, toSeq: to, limit: Int(query.limit ?? 100))
        let stored = min(to, room.ringFloor - 1)
        let count = takesOldest ? reading.limit : reading.limit - ring.events.count
        guard let storage = room.storage, let anchor = storage.anchor else { preconditionFailure("a room without storage is its ring") }
        if stored > anchor.head, isBeingStored(room, storage) { return storage.parked.append(.history(query, requester)) }
        readStore(
            room, anchor, from, stored, count: count, byteCountMax: Self.historyByteCountMax, takesOldest ? .oldest : .newest,
            .history(reading, requester), thread: query.thread)
    }

    private static func historyLimit(_ limit: UInt64?) -> Int {
        guard let limit, limit > 0 else { return defaultPageLimit }
        return Int(limit)
    }

    /// Events of the ring in a range, as many as are wanted from the end that is wanted; whether that left some out.
    private func ringEvents(
        of room: Room, _ first: UInt64, _ last: UInt64, _ query: ReadHistory
    ) -> (events: NumberedEvents, isFull: Bool) {
        guard first <= last else { return ([], false) }
        var events: NumberedEvents = []
        var isFull = false
        var byteCount = 0
        let limit = Int(query.limit ?? 100)
        let seqs = query.direction == .oldest ? Array(first...last) : (first...last).reversed()
        for seq in seqs {
            let event = room.recent.event(seq)
            if let thread = query.thread, seq != thread, DeliverView(frame: event).thread != thread { continue }
            byteCount += event.count
            isFull = events.count == limit || !events.isEmpty && byteCount > Self.historyByteCountMax
            if isFull { break }
            events.append((seq, event))
        }
        if query.direction != .oldest { events.reverse() }
        return (events, isFull)
    }

    // MARK: The store

    /// Whether events that are not stored yet are on their way.
    func isBeingStored(_ room: Room, _ storage: RoomStorage) -> Bool {
        storage.appendsInFlight > 0 || (!room.isTorn && room.batchByteCount > 0)
    }

    private func readStore(
        _ room: Room, _ anchor: LogAnchor, _ from: UInt64, _ to: UInt64, count: Int, byteCountMax: Int,
        _ direction: HistoryQuery.Direction, _ purpose: PendingRead.Purpose, thread: UInt64? = nil
    ) {
        readNumber += 1
        let query = HistoryQuery(
            anchor: anchor, fromSeq: from, toSeq: to, eventCountMax: max(1, count), byteCountMax: max(1, byteCountMax),
            direction: direction,
            thread: thread)
        readsInFlight[readNumber] = PendingRead(room: room, purpose: purpose, toSeq: to, storedSeq: min(to, anchor.head))
        effects.reads.append(StoreRead(number: readNumber, query: query))
    }

    /// A page has come from the store, or nothing could be read.
    func settle(_ number: UInt64, _ page: HistoryPage?) {
        guard let read = readsInFlight.removeValue(forKey: number) else { return }
        switch read.purpose {
        case .fetch(let session, let from, let byteCountMax, let emptyThrough):
            finishFetch(read, page, session: session, from: from, byteCountMax: byteCountMax, emptyThrough: emptyThrough)
        case .history(let reading, let requester): finishHistory(read, page, reading, requester)
        }
        if let storage = read.room.storage { settleChanges(of: read.room, storage) }
    }

    private func finishHistory(_ read: PendingRead, _ page: HistoryPage?, _ reading: HistoryReading, _ requester: Requester) {
        let room = read.room
        guard let page else {
            return refuse(
                Failure(.overloaded, reason: "the store cannot be read at present", room: room.address),
                .history(reading.query), requester)
        }
        let takesOldest = reading.query.direction == .oldest
        let stored = StoredEvents(page)
        // Seqs between the last event stored and the ring hold none.
        let isThrough = (page.covered?.upperBound ?? read.storedSeq) >= read.storedSeq
        var events = stored.events
        var last = isThrough ? reading.ringLastSeq : page.covered?.upperBound ?? reading.toSeq
        if isThrough {
            let room = takesOldest ? reading.limit - events.count : reading.ring.count
            events += reading.ring.prefix(room)
            if reading.ring.count > room { last = reading.ring[room].seq - 1 }
        }
        if let storage = room.storage { storage.floor = max(storage.floor, page.floor) }
        let first = page.covered?.lowerBound ?? (events.first?.seq ?? reading.fromSeq)
        send(withoutErased(events, of: room), first, last, room, requester)
    }

    // MARK: BATCH

    /// Sends events in as many frames as they need. Each says which seqs it answers for, and they adjoin.
    private func send(
        _ events: NumberedEvents, _ first: UInt64, _ last: UInt64, _ room: Room, _ requester: Requester
    ) {
        var rest = events[...]
        var first = first
        repeat {
            var frames = ByteWriter(minimumCapacity: min(60_000, rest.reduce(0) { $0 + $1.frame.count }))
            var end = last
            while let event = rest.first {
                guard frames.count == 0 || frames.count + event.frame.count <= 60_000 else {
                    end = event.seq - 1
                    break
                }
                frames.append(event.frame)
                rest.removeFirst()
            }
            let batch = Batch(
                room: room.address, epoch: room.epoch, head: max(room.publishedHead, last), floor: room.floor, fromSeq: first, toSeq: end,
                frames: frames.finish())
            answer(requester, .batch(batch), hasMore: !rest.isEmpty)
            first = end + 1
        } while !rest.isEmpty
    }

    // MARK: Connections that are behind

    /// A stretch of the log for a connection that fell behind or begins further back: of the ring, or of the store where the ring does not
    /// reach.
    ///
    /// It reaches up to what has been handed on, never into the batch of this turn: that one comes to the shard by itself.
    func fetch(_ address: RoomAddress, epoch: UInt64, session: SessionID, from: UInt64, byteCountMax: Int) {
        guard let room = rooms[address], room.epoch == epoch else { return }
        if let storage = room.storage, let anchor = storage.anchor, from < room.ringFloor {
            if from <= anchor.head {
                let to = min(room.ringFloor - 1, anchor.head)
                return readStore(
                    room, anchor, from, to, count: 512, byteCountMax: byteCountMax, .oldest,
                    .fetch(session: session, from: from, byteCountMax: byteCountMax, emptyThrough: from - 1))
            }
            if isBeingStored(room, storage) {
                return storage.parked.append(.fetch(session: session, from: from, byteCountMax: byteCountMax))
            }
        }
        let stretch = ringStretch(of: room, from: from, byteCountMax: byteCountMax)
        send(.fetched(fetched(room, session, from: from, first: max(from, room.ringFloor), stretch)), to: Int(session.shard))
    }

    private func ringStretch(of room: Room, from: UInt64, byteCountMax: Int) -> [SharedBytes] {
        var events: [SharedBytes] = []
        var byteCount = 0
        var seq = max(from, room.ringFloor)
        while seq <= room.recent.lastSeq, byteCount < byteCountMax {
            let event = room.recent.event(seq)
            events.append(event)
            byteCount += event.count
            seq += 1
        }
        return events
    }

    private func fetched(
        _ room: Room, _ session: SessionID, from: UInt64, first: UInt64, _ events: [SharedBytes], next: UInt64? = nil, count: Int? = nil
    ) -> FetchedEvents {
        FetchedEvents(
            room: room.address, epoch: room.epoch, session: session, from: from, first: first, events: events,
            eventCount: count ?? events.count, next: next ?? first + UInt64(events.count), publishedHead: room.recent.lastSeq,
            floor: room.floor)
    }

    private func finishFetch(
        _ read: PendingRead, _ page: HistoryPage?, session: SessionID, from: UInt64, byteCountMax: Int, emptyThrough: UInt64
    ) {
        let room = read.room
        guard rooms[room.address] === room else { return }
        let ringFloor = room.ringFloor
        guard let page, let covered = page.covered else { return skipToRing(room, session, from: from, byteCountMax: byteCountMax) }
        if let storage = room.storage { storage.floor = max(storage.floor, page.floor) }
        var events = page.count == 0 ? [] : [page.events]
        if room.storage?.erasures.isEmpty == false { events = withoutErased(StoredEvents(page).events, of: room).map(\.frame) }
        var count = page.count
        var next = covered.upperBound + 1
        let isContiguous = covered.lowerBound <= emptyThrough + 1
        var first = isContiguous ? from : covered.lowerBound
        if next < ringFloor, page.count < covered.count {
            // Only an event may take the client across seqs that hold none: it is the void event that names them.
            if let last = StoredEvents(page).events.last {
                next = last.seq + 1
            } else if !isContiguous {
                first = next
            } else if let anchor = room.storage?.anchor, next <= anchor.head {
                return readStore(
                    room, anchor, next, min(ringFloor - 1, anchor.head), count: 512, byteCountMax: byteCountMax, .oldest,
                    .fetch(session: session, from: from, byteCountMax: byteCountMax, emptyThrough: next - 1))
            } else if let storage = room.storage, isBeingStored(room, storage) {
                return storage.parked.append(.fetch(session: session, from: from, byteCountMax: byteCountMax))
            } else {
                return skipToRing(room, session, from: from, byteCountMax: byteCountMax)
            }
        }
        // A jump is told by the void event behind it, and that is in the ring if it is not in the page.
        if next == ringFloor {
            let stretch = ringStretch(of: room, from: next, byteCountMax: max(1, byteCountMax - page.events.count))
            events += stretch
            count += stretch.count
            next += UInt64(stretch.count)
        }
        send(
            .fetched(fetched(room, session, from: from, first: first, events, next: next, count: count)),
            to: Int(session.shard))
    }

    /// What is below the ring is not to be had: LAG names it, and the ring goes on.
    private func skipToRing(_ room: Room, _ session: SessionID, from: UInt64, byteCountMax: Int) {
        let stretch = ringStretch(of: room, from: room.ringFloor, byteCountMax: byteCountMax)
        send(.fetched(fetched(room, session, from: from, first: max(from, room.ringFloor), stretch)), to: Int(session.shard))
    }

    /// More of a log is stored, or will not be: what waited for it is asked again.
    func unpark(_ room: Room, _ storage: RoomStorage) {
        guard !storage.parked.isEmpty else { return }
        var parked: ContiguousArray<ParkedRead> = []
        swap(&parked, &storage.parked)
        for read in parked {
            switch read {
            case .fetch(let session, let from, let byteCountMax):
                fetch(room.address, epoch: room.epoch, session: session, from: from, byteCountMax: byteCountMax)
            case .history(let query, let requester): handle(.history(query), requester)
            case .lookUp(let number): goOnWithLookUp(number)
            }
        }
    }
}

/// The events of a page, each by itself.
private struct StoredEvents {
    var events: NumberedEvents = []

    init(_ page: HistoryPage) {
        events.reserveCapacity(page.count)
        var offset = 0
        while offset < page.events.count {
            let start = offset
            let (seq, end) = page.events.withBytes { octets -> (UInt64, Int) in
                guard let header = FrameHeader(octets, at: start), header.frameByteCount <= octets.byteCount - start,
                    let view = try? DeliverView(octets.extracting(start + FrameHeader.byteCount..<start + header.frameByteCount))
                else { preconditionFailure("the store holds whole DELIVER frames") }
                return (view.seq, start + header.frameByteCount)
            }
            events.append((seq, page.events[start..<end]))
            offset = end
        }
    }
}
