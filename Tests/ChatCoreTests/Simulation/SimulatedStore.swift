import Bytes
import ChatProtocol

@testable import ChatCore

/// A store in memory that keeps what the real one promises (`ChatStore`): posts of one shard are committed in their order, in groups;
/// what fails fails whole, with everything that waits; nothing is stored behind what was lost but a void event.
///
/// It outlives a ``SimulatedBroker``, as a disk does.
final class SimulatedStore {
    struct Log {
        let id: Int64
        var record: LogRecord
        var events: [UInt64: SharedBytes] = [:]
        var authors: [UInt64: Int64] = [:]
        var head: UInt64 = 0
        var reserved: UInt64 = 0
        var lostThrough: UInt64 = 0
        var members: [AccountName: MembershipRecord] = [:]

        var anchor: LogAnchor { LogAnchor(log: id, event: 0, head: head, messageCount: messageCount(through: head)) }

        var inOrder: [Event] { events.sorted { $0.key < $1.key }.map { SimulatedStore.decode($0.value) } }

        func messageCount(through seq: UInt64) -> UInt64 { UInt64(inOrder.count { $0.kind == .message && $0.seq <= seq }) }

        var pins: [UInt64] {
            var pins: Set<UInt64> = []
            for event in inOrder {
                guard let target = event.reference else { continue }
                if event.kind == .pin { pins.insert(target) } else if event.kind == .unpin || event.kind == .delete { pins.remove(target) }
            }
            return pins.sorted()
        }

        func reactions(to seq: UInt64) -> Set<Reaction> {
            var reactions: Set<Reaction> = []
            for event in inOrder where event.reference == seq {
                let reaction = Reaction(account: event.from, EventContent(kind: event.kind, body: event.body))
                if event.kind == .react { reactions.insert(reaction) } else if event.kind == .unreact { reactions.remove(reaction) }
            }
            return reactions
        }
        var committed: CommittedLog {
            CommittedLog(room: record.address, epoch: record.epoch, anchor: anchor, reservedThrough: reserved)
        }
    }

    private(set) var logs: [RoomAddress: Log] = [:]
    private var lastID: Int64 = 0
    private var lastEpoch: UInt64 = 0
    /// Seqs reserved at a time; few, so that they run out.
    let reservedSeqs: UInt64
    /// Whether the disk refuses everything.
    private(set) var isFailing = false
    /// Whether nothing is read at present.
    var holdsReads = false
    /// Whether nobody is told at present what was found.
    var holdsFound = false {
        didSet {
            for (shard, answer) in held { answers[shard].append(answer) }
            held = []
        }
    }
    private var held: [(shard: Int, answer: StoreAnswer)] = []
    /// Whether now and then something cannot be read.
    var failsReads = false
    private var posts: [(shard: Int, post: StorePost)] = []
    /// What was posted last.
    private(set) var lastPost: StorePost?
    private var reads: [(shard: Int, read: StoreRead)] = []
    private var lookUps: [(shard: Int, lookUp: StoreLookUp)] = []
    private var searches: [(shard: Int, search: StoreSearch)] = []
    /// All events in the order in which they were stored.
    private(set) var commits: [(log: Int64, seq: UInt64)] = []
    /// For each shard what it is to be told.
    private var answers: [[StoreAnswer]] = []
    /// Promises broken, in words.
    private(set) var faults: [String] = []

    init(reservedSeqs: UInt64 = 8) { self.reservedSeqs = reservedSeqs }

    // MARK: A broker's life

    /// What a broker begins with; what waited at the end of the former one is lost.
    func open(shards count: Int) -> StoredState {
        posts = []
        reads = []
        lookUps = []
        searches = []
        held = []
        answers = Array(repeating: [], count: count)
        isFailing = false
        var publications: [StoredPublication] = []
        for log in logs.values {
            for event in log.events.values.map(Self.decode).sorted(by: { $0.seq < $1.seq }) {
                guard let id = event.messageID else { continue }
                publications.append(
                    StoredPublication(room: event.room, account: event.from, messageID: id, seq: event.seq, timestamp: event.timestamp))
            }
        }
        for address in logs.keys where logs[address]!.reserved > logs[address]!.head {
            logs[address]!.lostThrough = logs[address]!.reserved
        }
        let rooms = logs.values.sorted { $0.record.address < $1.record.address }.map { log in
            StoredRoom(
                record: log.record, anchor: log.anchor, floor: 1,
                lost: log.lostThrough > log.head ? log.head + 1...log.lostThrough : nil, recalledSince: 0,
                members: log.members.values.sorted { $0.account < $1.account },
                lastTimestamp: log.inOrder.last?.timestamp ?? 0, pins: log.pins)
        }
        return StoredState(rooms: rooms, publications: publications, lastEpoch: lastEpoch)
    }

    /// Gives back the seqs that were not used, as a clean stop does.
    func close() {
        while commit(posts.count) {}
        for address in logs.keys { logs[address]!.reserved = max(logs[address]!.head, logs[address]!.lostThrough) }
    }

    func take(_ shard: Shard, isLast: Bool = false) {
        if let post = shard.takePost(isLast: isLast) {
            posts.append((shard.index, post))
            lastPost = post
        }
        for read in shard.effects.reads { reads.append((shard.index, read)) }
        shard.effects.reads.removeAll()
        for lookUp in shard.effects.lookUps { lookUps.append((shard.index, lookUp)) }
        shard.effects.lookUps.removeAll()
        for search in shard.effects.searches { searches.append((shard.index, search)) }
        shard.effects.searches.removeAll()
    }

    // MARK: What can happen

    var hasPosts: Bool { !posts.isEmpty }
    var hasReads: Bool { !holdsReads && (!reads.isEmpty || !lookUps.isEmpty) }
    var hasSearches: Bool { !searches.isEmpty }
    func hasAnswers(for shard: Int) -> Bool { !answers[shard].isEmpty }

    /// Some of what waits to be told to a shard.
    func takeAnswers(for shard: Int, _ random: inout SeededRandom) -> [StoreAnswer] {
        let count = Int.random(in: 1...answers[shard].count, using: &random)
        defer { answers[shard].removeFirst(count) }
        return Array(answers[shard].prefix(count))
    }

    /// The disk begins to refuse, or takes what is written again.
    func setFailing(_ isFailing: Bool) {
        guard isFailing != self.isFailing else { return }
        // What was posted while nothing could be written is not stored behind what failed.
        if !isFailing { refuseAll() }
        self.isFailing = isFailing
        tellAll(.writability(!isFailing))
        if isFailing { refuseAll() }
    }

    private func tellAll(_ answer: StoreAnswer) {
        for shard in answers.indices { answers[shard].append(answer) }
    }

    private func refuseAll() {
        for (shard, post) in posts { answers[shard].append(.failed(post: post.number)) }
        posts = []
    }

    /// Commits a group of at most so many posts.
    @discardableResult
    func commit(_ count: Int) -> Bool {
        guard !posts.isEmpty else { return false }
        guard !isFailing else {
            refuseAll()
            return true
        }
        for (shard, post) in posts.prefix(count) {
            answers[shard].append(.committed(post: post.number, post.writes.map(apply)))
        }
        posts.removeFirst(min(count, posts.count))
        return true
    }

    func read(_ random: inout SeededRandom) {
        let fails = failsReads && Int.random(in: 0..<20, using: &random) == 0
        let place = Int.random(in: 0..<reads.count + lookUps.count, using: &random)
        if place >= reads.count {
            let (shard, lookUp) = lookUps.remove(at: place - reads.count)
            return answers[shard].append(.lookedUp(lookUp.number, fails ? nil : find(lookUp.question)))
        }
        let (shard, read) = reads.remove(at: place)
        answers[shard].append(.page(read: read.number, fails ? nil : page(read.query)))
    }

    func search(_ random: inout SeededRandom) {
        let (shard, search) = searches.remove(at: Int.random(in: 0..<searches.count, using: &random))
        let fails = failsReads && Int.random(in: 0..<20, using: &random) == 0
        let answer = StoreAnswer.found(search: search.number, fails ? nil : page(search.query))
        if holdsFound { held.append((shard, answer)) } else { answers[shard].append(answer) }
    }

    // MARK: Writes

    private func apply(_ write: StoreWrite) -> WriteResult {
        switch write {
        case .create(let record):
            guard record.epoch > lastEpoch || logs[record.address].map({ record.epoch > $0.record.epoch }) ?? true else {
                return .rejected(.epochNotNew)
            }
            lastID += 1
            lastEpoch = max(lastEpoch, record.epoch)
            logs[record.address] = Log(id: lastID, record: record, reserved: reservedSeqs)
            return .stored(logs[record.address]!.committed)
        case .append(let room, let epoch, let firstSeq, let events, let authors):
            guard var log = logs[room], log.record.epoch == epoch else { return .rejected(.unknownLog) }
            let frames = Self.split(events)
            let taken = max(log.head, log.lostThrough)
            guard firstSeq == log.head + 1 && log.lostThrough == 0 || firstSeq > taken && frames[0].event.kind == .void else {
                return .rejected(.gap(takenThrough: taken))
            }
            if frames[0].event.kind == .void, frames[0].event.fromSeq != log.head + 1 || frames[0].event.toSeq != firstSeq - 1 {
                faults.append("\(room): \(frames[0].event) behind \(log.head)")
            }
            var next = firstSeq
            for (index, (event, frame)) in frames.enumerated() {
                log.authors[event.seq] = authors[index]
                if event.seq != next || event.room != room { faults.append("\(room): \(event) is stored as \(next)") }
                log.events[event.seq] = frame
                commits.append((log.id, event.seq))
                next += 1
            }
            if next - 1 > log.reserved { faults.append("\(room): \(next - 1) is beyond what is reserved, \(log.reserved)") }
            log.head = next - 1
            log.lostThrough = 0
            if log.reserved - log.head < reservedSeqs / 2 { log.reserved = log.head + reservedSeqs }
            logs[room] = log
            return .stored(log.committed)
        case .reserve(let room, let epoch, let through):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            // Less than is asked for, so that it runs out.
            let log = logs[room]!
            let asked = min(through, max(log.head, log.lostThrough, log.reserved) + reservedSeqs)
            logs[room]!.reserved = max(log.reserved, asked)
            return .stored(logs[room]!.committed)
        case .release(let room, let epoch):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            logs[room]!.reserved = max(logs[room]!.head, logs[room]!.lostThrough)
            return .stored(logs[room]!.committed)
        case .end(let room, let epoch):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            logs[room] = nil
            return .stored(nil)
        case .change(let record):
            guard logs[record.address]?.record.epoch == record.epoch else { return .rejected(.unknownLog) }
            logs[record.address]!.record = record
            return .stored(nil)
        case .admit(let member, let room, let epoch):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            logs[room]!.members[member.account] = member
            return .stored(nil)
        case .dismiss(let account, let room, let epoch):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            logs[room]!.members[account] = nil
            return .stored(nil)
        case .erase(let room, let epoch, let seq):
            guard let log = logs[room], log.record.epoch == epoch else { return .rejected(.unknownLog) }
            guard log.events[seq] != nil else { return .rejected(.noSuchEvent) }
            for event in log.inOrder where event.seq == seq || event.kind == .edit && event.reference == seq {
                logs[room]!.events[event.seq] = event.redacted.frame
            }
            return .stored(nil)
        case .mark(let account, let room, let epoch, let mark):
            guard logs[room]?.record.epoch == epoch else { return .rejected(.unknownLog) }
            logs[room]!.members[account]?.mark = mark
            return .stored(nil)
        }
    }

    // MARK: Reads

    private func page(_ query: HistoryQuery) -> HistoryPage {
        guard let log = logs.values.first(where: { $0.id == query.anchor.log }) else {
            return HistoryPage(covered: nil, floor: query.anchor.head + 1, events: .empty, count: 0)
        }
        let low = max(1, query.fromSeq)
        let high = min(query.toSeq, query.anchor.head)
        guard low <= high else { return HistoryPage(covered: nil, floor: 1, events: .empty, count: 0) }
        var seqs = (low...high).filter { seq in
            guard let frame = log.events[seq] else { return false }
            guard let thread = query.thread else { return true }
            return seq == thread || Self.decode(frame).thread == thread
        }
        var covered = low...high
        if seqs.count > query.eventCountMax {
            if query.direction == .newest {
                seqs = seqs.suffix(query.eventCountMax)
                covered = seqs[0]...high
            } else {
                covered = low...(seqs[query.eventCountMax] - 1)
                seqs = Array(seqs.prefix(query.eventCountMax))
            }
        }
        var writer = ByteWriter()
        for seq in seqs { writer.append(log.events[seq]!) }
        return HistoryPage(covered: covered, floor: 1, events: writer.finish(), count: seqs.count)
    }

    private func find(_ question: StoreQuestion) -> StoreFinding {
        switch question {
        case .target(let query):
            guard let log = log(query.anchor), let frame = log.events[query.seq] else { return .target(nil) }
            let event = Self.decode(frame)
            let reactions = log.reactions(to: query.seq)
            return .target(
                StoredTarget(
                    from: event.from, author: log.authors[query.seq], kind: event.kind, isRedacted: event.isRedacted,
                    hasReaction: query.reaction.map(reactions.contains) ?? false, reactionCount: reactions.count))
        case .publication(let query):
            guard let log = log(query.anchor) else { return .publication(.unknown) }
            let found = log.inOrder.last { $0.from == query.account && $0.messageID == query.messageID && $0.timestamp >= query.since }
            return .publication(found.map { .found(seq: $0.seq, timestamp: $0.timestamp) } ?? .absent)
        case .messageCount(let query): return .messageCount(log(query.anchor)?.messageCount(through: query.seq) ?? 0)
        }
    }

    private func log(_ anchor: LogAnchor) -> Log? { logs.values.first { $0.id == anchor.log } }

    /// The event that is stored in a log of that epoch.
    func event(_ room: RoomAddress, epoch: UInt64, _ seq: UInt64) -> Event? {
        guard let log = logs[room], log.record.epoch == epoch else { return nil }
        return log.events[seq].map(Self.decode)
    }

    private static func split(_ batch: SharedBytes) -> [(event: Event, frame: SharedBytes)] {
        var frames: [(Event, SharedBytes)] = []
        var offset = 0
        while offset < batch.count {
            let start = offset
            let end = batch.withBytes { start + (FrameHeader($0, at: start)?.frameByteCount ?? 0) }
            frames.append((decode(batch[start..<end]), batch[start..<end]))
            offset = end
        }
        return frames
    }

    static func decode(_ octets: SharedBytes) -> Event {
        octets.withBytes { span in
            guard let header = FrameHeader(span),
                case .event(let event)? = try? FrameDecoder.serverFrame(
                    header, payload: span.extracting(FrameHeader.byteCount..<span.byteCount))
            else { preconditionFailure("what is stored are DELIVER frames") }
            return event
        }
    }
}
