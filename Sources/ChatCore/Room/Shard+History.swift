import Bytes
import ChatProtocol

/// What HISTORY has found so far: the end of the range, which is in the ring.
struct HistoryReading {
    let query: ReadHistory
    /// Consecutive events behind the range that is read from the store; captured when the request came, so that there is no seam.
    let ring: ContiguousArray<SharedBytes>
    let ringFirstSeq: UInt64
    /// The range that is answered for if all of it is read.
    let fromSeq: UInt64
    let toSeq: UInt64
    let limit: Int
}

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
        // The batch of this turn is not handed on yet.
        let head = room.publishedHead
        guard query.fromSeq <= head else { return answerHistory([], head + 1, head, room, requester) }
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
        let (ring, isFull) = ringEvents(of: room, ringFirst, to, query)
        let takesOldest = query.direction == .oldest
        let isWhole = room.storage == nil || from >= room.ringFloor
        if isFull && !takesOldest { return answerHistory(ring.events, ring.firstSeq, to, room, requester) }
        if isWhole {
            let last = isFull ? ring.firstSeq + UInt64(ring.events.count) - 1 : to
            return answerHistory(ring.events, from, last, room, requester)
        }
        let reading = HistoryReading(
            query: query, ring: ring.events, ringFirstSeq: ring.firstSeq, fromSeq: from, toSeq: to, limit: Int(query.limit ?? 100))
        let stored = min(to, room.ringFloor - 1)
        let count = takesOldest ? reading.limit : reading.limit - ring.events.count
        guard let storage = room.storage, let anchor = storage.anchor else { preconditionFailure("a room without storage is its ring") }
        if stored > anchor.head, isBeingStored(room, storage) { return storage.parked.append(.history(query, requester)) }
        readStore(
            room, anchor, from, stored, count: count, byteCountMax: Self.historyByteCountMax, takesOldest ? .oldest : .newest,
            .history(reading, requester))
    }

    private static func historyLimit(_ limit: UInt64?) -> Int {
        guard let limit, limit > 0 else { return defaultPageLimit }
        return Int(limit)
    }

    /// Events of the ring in a range, as many as are wanted from the end that is wanted; whether that left some out.
    private func ringEvents(
        of room: Room, _ first: UInt64, _ last: UInt64, _ query: ReadHistory
    ) -> (ring: (firstSeq: UInt64, events: ContiguousArray<SharedBytes>), isFull: Bool) {
        guard first <= last else { return ((first, []), false) }
        var events: ContiguousArray<SharedBytes> = []
        var byteCount = 0
        let limit = Int(query.limit ?? 100)
        let seqs = query.direction == .oldest ? Array(first...last) : (first...last).reversed()
        for seq in seqs {
            let event = room.recent.event(seq)
            byteCount += event.count
            guard events.count < limit, events.isEmpty || byteCount <= Self.historyByteCountMax else { break }
            events.append(event)
        }
        if query.direction == .oldest { return ((first, events), events.count < seqs.count) }
        events.reverse()
        return ((last + 1 - UInt64(events.count), events), events.count < seqs.count)
    }

    // MARK: The store

    /// Whether events that are not stored yet are on their way.
    private func isBeingStored(_ room: Room, _ storage: RoomStorage) -> Bool {
        storage.appendsInFlight > 0 || (!room.isTorn && room.batchByteCount > 0)
    }

    private func readStore(
        _ room: Room, _ anchor: LogAnchor, _ from: UInt64, _ to: UInt64, count: Int, byteCountMax: Int,
        _ direction: HistoryQuery.Direction, _ purpose: PendingRead.Purpose
    ) {
        readNumber += 1
        let query = HistoryQuery(
            anchor: anchor, fromSeq: from, toSeq: to, eventCountMax: max(1, count), byteCountMax: max(1, byteCountMax), direction: direction
        )
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
        var last = isThrough ? reading.toSeq : page.covered?.upperBound ?? reading.toSeq
        if isThrough {
            let room = reading.limit - events.count
            if reading.ring.count > room && takesOldest {
                for (offset, event) in reading.ring.prefix(room).enumerated() {
                    events.append((reading.ringFirstSeq + UInt64(offset), event))
                }
                last = room > 0 ? reading.ringFirstSeq + UInt64(room) - 1 : max(reading.ringFirstSeq, 1) - 1
            } else {
                for (offset, event) in reading.ring.enumerated() { events.append((reading.ringFirstSeq + UInt64(offset), event)) }
            }
        }
        if let storage = room.storage { storage.floor = max(storage.floor, page.floor) }
        let first = page.covered?.lowerBound ?? (events.first?.seq ?? reading.fromSeq)
        send(events, first, last, room, requester)
    }

    // MARK: BATCH

    private func answerHistory(
        _ events: ContiguousArray<SharedBytes>, _ first: UInt64, _ last: UInt64, _ room: Room, _ requester: Requester
    ) {
        var numbered: ContiguousArray<(seq: UInt64, frame: SharedBytes)> = []
        // The events are consecutive, and the last is `last` unless none is there.
        let firstEvent = last + 1 - UInt64(events.count)
        for (offset, event) in events.enumerated() { numbered.append((firstEvent + UInt64(offset), event)) }
        send(numbered, first, last, room, requester)
    }

    /// Sends events in as many frames as they need. Each says which seqs it answers for, and they adjoin.
    private func send(
        _ events: ContiguousArray<(seq: UInt64, frame: SharedBytes)>, _ first: UInt64, _ last: UInt64, _ room: Room, _ requester: Requester
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
        guard let page, let covered = page.covered else {
            // Not to be had: LAG names it, and the ring goes on.
            let stretch = ringStretch(of: room, from: ringFloor, byteCountMax: byteCountMax)
            return send(.fetched(fetched(room, session, from: from, first: max(from, ringFloor), stretch)), to: Int(session.shard))
        }
        if let storage = room.storage { storage.floor = max(storage.floor, page.floor) }
        var events = page.count == 0 ? [] : [page.events]
        var count = page.count
        var next = covered.upperBound + 1
        let isContiguous = covered.lowerBound <= emptyThrough + 1
        if page.count == 0, isContiguous, next < ringFloor, let anchor = room.storage?.anchor, next <= anchor.head {
            // Only an event may take the client across seqs that hold none: it is the void event that names them.
            return readStore(
                room, anchor, next, min(ringFloor - 1, anchor.head), count: 512, byteCountMax: byteCountMax, .oldest,
                .fetch(session: session, from: from, byteCountMax: byteCountMax, emptyThrough: next - 1))
        }
        // A jump is told by the void event behind it, and that is in the ring if it is not in the page.
        if next == ringFloor {
            let stretch = ringStretch(of: room, from: next, byteCountMax: max(1, byteCountMax - page.events.count))
            events += stretch
            count += stretch.count
            next += UInt64(stretch.count)
        }
        send(
            .fetched(fetched(room, session, from: from, first: isContiguous ? from : covered.lowerBound, events, next: next, count: count)),
            to: Int(session.shard))
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
            }
        }
    }
}

/// The events of a page, each by itself.
private struct StoredEvents {
    var events: ContiguousArray<(seq: UInt64, frame: SharedBytes)> = []

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
