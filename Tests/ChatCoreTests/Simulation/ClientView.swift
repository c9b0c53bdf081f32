import Bytes
import ChatProtocol

@testable import ChatCore

/// What all clients together have seen of every log, and every promise they saw broken.
struct Truth {
    struct LogName: Hashable {
        let room: RoomAddress
        let epoch: UInt64
    }

    /// For each log its events by seq.
    var logs: [LogName: [UInt64: Event]] = [:]
    /// For each address the incarnations of its log.
    private(set) var epochs: [RoomAddress: Set<UInt64>] = [:]
    private var lastSeqs: [LogName: UInt64] = [:]
    /// For each log the events that somebody was sent without their content, or that stand so in the ring.
    private var redacted: [LogName: Set<UInt64>] = [:]
    /// What still holds of a broker that follows this one: no seq names another event.
    var ofFormerLife: Truth {
        var truth = Truth()
        truth.logs = logs
        return truth
    }

    /// Promises broken, in words.
    var faults: [String] = []
    /// How many events of each ring had been redacted when it was last looked at.
    private var redactedCounts: [LogName: Int] = [:]
    /// Batches received and not looked at yet, each with the seqs it has events of.
    var batches: [(batch: Batch, seqs: Set<UInt64>)] = []
    /// Messages acknowledged as durable and not looked for yet.
    var durables: [(room: RoomAddress, seq: UInt64, id: MessageID)] = []
    /// Message ids acknowledged, each with the place it was said to have.
    var acknowledged: [(room: RoomAddress, seq: UInt64, id: MessageID)] = []

    /// The logs as their homes number them, read from the rings.
    mutating func note(_ rooms: some Sequence<Room>) {
        for room in rooms {
            epochs[room.address, default: []].insert(room.epoch)
            let recent = room.recent
            let log = LogName(room: room.address, epoch: room.epoch)
            var seq = max(recent.floor, (lastSeqs[log] ?? 0) + 1)
            while seq <= recent.lastSeq {
                let event = Self.decode(recent.event(seq))
                if event.seq != seq || event.room != room.address { faults.append("\(room.address): \(event) stands at \(seq)") }
                note(event, epoch: room.epoch, by: "the ring")
                seq += 1
            }
            noteRedactions(in: room, log)
            if recent.lastSeq < lastSeqs[log] ?? 0 { faults.append("\(room.address): the numbering went back") }
            lastSeqs[log] = recent.lastSeq
        }
    }

    /// What was deleted is not in the ring any more, and neither are the edits of it.
    private mutating func noteRedactions(in room: Room, _ log: LogName) {
        let recent = room.recent
        guard recent.floor <= recent.lastSeq else { return }
        // A ring with nothing new, neither at its end nor taken out, has been looked at.
        let redactedCount = (recent.floor...recent.lastSeq).count { recent.note($0).isRedacted }
        if lastSeqs[log] == recent.lastSeq && redactedCounts[log] == redactedCount { return }
        redactedCounts[log] = redactedCount
        let events = (recent.floor...recent.lastSeq).map { Self.decode(recent.event($0)) }
        let deleted = Set(events.compactMap { $0.kind == .delete ? $0.reference : nil })
        for event in events {
            if event.isRedacted { redacted[log, default: []].insert(event.seq) }
            let isDeleted = deleted.contains(event.seq) || event.kind == .edit && event.reference.map(deleted.contains) == true
            if isDeleted && !event.isRedacted { faults.append("\(room.address) \(event.seq) was deleted, and can still be read") }
            if recent.note(event.seq).isRedacted != event.isRedacted { faults.append("\(room.address) \(event.seq): a note that is wrong") }
        }
    }

    /// Changes that have no right to be, in the logs as far as they are known.
    func faultsOfChanges() -> [String] {
        var faults: [String] = []
        for (name, log) in logs {
            let deleted = Set(log.values.compactMap { $0.kind == .delete ? $0.reference : nil })
            for seq in redacted[name] ?? [] where !deleted.contains(seq) {
                guard let event = log[seq], event.kind == .edit, let reference = event.reference, deleted.contains(reference) else {
                    // The deletion itself may have gone by unseen, if the ring is short.
                    if log.count == log.keys.max().map(Int.init) { faults.append("\(name.room) \(seq) was redacted, but not deleted") }
                    continue
                }
            }
            faults += Self.faultsOfReactions(in: log).map { "\(name.room): \($0)" }
        }
        return faults
    }

    private static func faultsOfReactions(in log: [UInt64: Event]) -> [String] {
        struct Key: Hashable {
            let from: AccountName
            let reference: UInt64?
            let body: [UInt8]
        }
        var faults: [String] = []
        var present: Set<Key> = []
        var expected: UInt64 = 1
        let voids = log.values.filter { $0.kind == .void }.compactMap { event in event.fromSeq.map { $0...(event.toSeq ?? $0) } }
        for (seq, event) in log.sorted(by: { $0.key < $1.key }) {
            // Behind a gap nobody knows which reactions there are.
            guard seq == expected else { return faults }
            expected += 1
            // What was lost has changed nothing.
            if voids.contains(where: { $0.contains(seq) }) { continue }
            if let reference = event.reference {
                guard let target = log[reference], reference < seq, target.kind.isChangeable else {
                    faults.append("\(event) changes nothing that there is")
                    continue
                }
            }
            let key = Key(from: event.from, reference: event.reference, body: Array((event.body ?? "").utf8))
            if event.kind == .react, !present.insert(key).inserted { faults.append("\(event) is a second time") }
            if event.kind == .unreact, present.remove(key) == nil { faults.append("\(event) takes back what is not there") }
        }
        return faults
    }

    private static func decode(_ octets: SharedBytes) -> Event {
        octets.withBytes { span in
            guard let header = FrameHeader(span),
                case .event(let event)? = try? FrameDecoder.serverFrame(
                    header, payload: span.extracting(FrameHeader.byteCount..<span.byteCount))
            else { preconditionFailure("a ring holds DELIVER frames") }
            return event
        }
    }

    /// Two connections that are sent the same (epoch, seq) are sent the same event.
    mutating func note(_ event: Event, epoch: UInt64, by who: String) {
        let log = LogName(room: event.room, epoch: epoch)
        if let known = logs[log]?[event.seq] {
            if known != event, known.redacted != event.redacted {
                faults.append("\(who): \(event.room) \(epoch)/\(event.seq) is \(event), for others it is \(known)")
            }
        } else {
            logs[log, default: [:]][event.seq] = event
        }
    }
}

/// What one client believes, and whether each frame agrees with it.
struct ClientView {
    struct Position: Equatable {
        var epoch: UInt64
        /// Seq of the next event.
        var next: UInt64
    }

    let session: SessionID
    var hasPreface = false
    private(set) var name: AccountName?
    private(set) var sessionName: String?
    /// Requests without a final reply.
    private(set) var isRegistered = false
    private(set) var outstanding: [UInt32: Command] = [:]
    /// Logs whose events this connection is sent.
    private(set) var positions: [RoomAddress: Position] = [:]
    /// Rooms that the account is a member of, as far as this connection has been told.
    private(set) var memberships: Set<RoomAddress> = []
    private(set) var lags: [Lag] = []
    /// The messages of each log whose deletion this connection was sent.
    private var deleted: [Truth.LogName: Set<UInt64>] = [:]
    private(set) var hasEnded = false
    private(set) var capabilities: Set<String> = []
    private var lastSeqPublished: [RoomAddress: (epoch: UInt64?, seq: UInt64, id: UInt32)] = [:]

    init(session: SessionID) { self.session = session }

    /// A refusal that should not be, unless another connection has taken the account over.
    private(set) var suspicion: String?
    /// Requests of a member about its room.
    private var safeRequests: Set<UInt32> = []

    mutating func noteRequest(_ id: UInt32, _ command: Command) {
        let room: RoomAddress?
        switch command {
        case .publish(let publish): room = publish.room
        case .members(let query): room = query.room
        // Nobody answers these.
        case .pong, .error, .goodbye: return
        default: room = nil
        }
        if let room, memberships.contains(room), !isLeaving(room) { safeRequests.insert(id) }
        outstanding[id] = command
    }

    private func isLeaving(_ room: RoomAddress) -> Bool {
        outstanding.values.contains { if case .leave(let leave) = $0 { leave.room == room } else { false } }
    }

    mutating func takeSuspicion() -> String? { suspicion.take() }

    mutating func receive(_ received: ReceivedFrame, _ truth: inout Truth) {
        let who = "\(name?.description ?? "?") (\(session.shard)/\(session.slot)/\(session.generation))"
        if hasEnded { truth.faults.append("\(who): \(received.frame) behind GOODBYE") }
        switch received.frame {
        case .event(let event): receive(event, who, &truth)
        case .reply(let reply):
            guard received.requestID != 0, !isPing(reply) else { return receiveAnnouncement(reply, who, &truth) }
            guard let command = outstanding[received.requestID] else {
                return truth.faults.append("\(who): \(reply) answers nothing")
            }
            if !received.hasMore { outstanding[received.requestID] = nil }
            receive(reply, to: command, id: received.requestID, who, &truth)
        }
    }

    private func isPing(_ reply: Reply) -> Bool {
        if case .ping = reply { true } else { false }
    }

    private mutating func receive(_ event: Event, _ who: String, _ truth: inout Truth) {
        guard var position = positions[event.room] else {
            return truth.faults.append("\(who): event \(event.seq) of \(event.room), to which it is not attached")
        }
        if event.seq != position.next, !Self.covers(event, position.next) {
            truth.faults.append(
                "\(who): event \(event.seq) of \(event.room), expected was \(position.next): \(event.kind.rawValue) \(event.fromSeq ?? 0)")
        }
        truth.note(event, epoch: position.epoch, by: who)
        if event.kind == .delete, let message = event.reference {
            deleted[Truth.LogName(room: event.room, epoch: position.epoch), default: []].insert(message)
        }
        position.next = event.seq + 1
        positions[event.room] = position
    }

    /// Whether a void event says that nothing is between `seq` and itself.
    private static func covers(_ event: Event, _ seq: UInt64) -> Bool {
        guard event.kind == .void, let from = event.fromSeq, let to = event.toSeq else { return false }
        return from <= seq && seq < event.seq && to == event.seq - 1
    }

    private mutating func receiveAnnouncement(_ reply: Reply, _ who: String, _ truth: inout Truth) {
        switch reply {
        case .joined(let joined):
            receive(joined, who, &truth)
        case .lag(let lag):
            lags.append(lag)
            guard let position = positions[lag.room] else { return truth.faults.append("\(who): LAG of \(lag.room), not attached") }
            if position.epoch != lag.epoch || position.next != lag.fromSeq || lag.next != lag.toSeq + 1 || lag.toSeq < lag.fromSeq {
                truth.faults.append("\(who): \(lag) at \(position)")
            }
            positions[lag.room] = Position(epoch: lag.epoch, next: lag.next)
        case .goodbye: hasEnded = true
        case .ping: break
        case .error(let failure):
            if failure.type == nil { truth.faults.append("\(who): ERROR without request id and type: \(failure)") }
        case .mark, .typing, .presence: receiveEphemeral(reply, who, &truth)
        default: truth.faults.append("\(who): \(reply) without request id")
        }
    }

    /// What may come at any time, but only to those who want it.
    private func receiveEphemeral(_ reply: Reply, _ who: String, _ truth: inout Truth) {
        let isFitting: Bool
        switch reply {
        case .typing(let typing):
            isFitting = capabilities.contains("typing") && positions[typing.room] != nil && typing.user != nil && typing.state <= 1
        case .presence(let presence): isFitting = capabilities.contains("presence") && presence.user != nil && presence.state != nil
        case .mark(let marker):
            isFitting = capabilities.contains("marks") && marker.user != nil && marker.epoch != nil && marker.mark > 0
        default: isFitting = false
        }
        if !isFitting { truth.faults.append("\(who): did not want \(reply)") }
    }

    private mutating func receive(_ joined: Joined, _ who: String, _ truth: inout Truth) {
        if positions[joined.room]?.epoch != joined.epoch { lastSeqPublished[joined.room] = nil }
        positions[joined.room] = Position(epoch: joined.epoch, next: joined.next)
        if joined.room.isConversation {
            if joined.policy != .twoParty || joined.members != nil || joined.role != nil || joined.title != nil || joined.topic != nil {
                truth.faults.append("\(who): a conversation's JOINED is \(joined)")
            }
        } else {
            memberships.insert(joined.room)
            if joined.policy == nil || joined.members == nil || joined.role == nil {
                truth.faults.append("\(who): a room's JOINED is \(joined)")
            }
        }
        if joined.floor > joined.head + 1 || joined.next > joined.head + 1 || joined.epoch == 0 {
            truth.faults.append("\(who): the numbers of \(joined)")
        }
    }

    private mutating func receive(_ reply: Reply, to command: Command, id: UInt32, _ who: String, _ truth: inout Truth) {
        switch (command, reply) {
        case (_, .error(let failure)):
            // Another connection of a registered account may have left the room meanwhile.
            if safeRequests.remove(id) != nil, !isRegistered, failure.code == .notJoined || failure.code == .noSuchRoom {
                suspicion = "\(who): \(command) of a member is refused: \(failure)"
            }
        case (.hello, .welcome(let welcome)): capabilities = Set(welcome.capabilities)
        case (.mark, .ok), (.typing, .ok), (.presence, .ok), (.inbox, .items): break
        case (.ping(let sent), .pong(let returned)):
            if sent != returned { truth.faults.append("\(who): PONG changed the time") }
        case (.authenticate, .authenticated(let authenticated)):
            name = authenticated.user
            isRegistered = authenticated.role == .member
            let session = authenticated.session.array.description
            if let sessionName, sessionName != session { truth.faults.append("\(who): the session id changed") }
            sessionName = session
        case (.join(let join), .joined(let joined)):
            if join.room != joined.room { truth.faults.append("\(who): JOINED of another room") }
            receive(joined, who, &truth)
        case (.leave(let leave), .ok):
            positions[leave.room] = nil
            if !leave.detachesOnly { memberships.remove(leave.room) }
        case (.create(let create), .ok):
            memberships.insert(create.room)
            lastSeqPublished[create.room] = nil
        case (.list, .items), (.members, .items), (.listDevices, .items), (.register, .ok), (.revokeDevice, .ok): break
        // The exchange goes on under the same id.
        case (.authenticate, .authenticateStep), (.authenticateStep, .authenticateStep): break
        case (.authenticateStep, .authenticated(let authenticated)): name = authenticated.user
        case (.resume(let resume), .resumed(let rooms)):
            if resume.items.map(\.room) != rooms.map(\.room) { truth.faults.append("\(who): RESUMED of other rooms") }
            for room in rooms {
                guard let epoch = room.epoch, let next = room.next else { continue }
                positions[room.room] = Position(epoch: epoch, next: next)
            }
        case (.history(let query), .batch(let batch)): receive(batch, query, who, &truth)
        case (.search(let search), .found(let found)): receive(found, search, who, &truth)
        case (.publish(let publish), .published(let published)):
            if published.room != publish.room { truth.faults.append("\(who): PUBLISHED of another room") }
            receive(published, publish.publication, id, who, &truth)
        case (.directMessage(let message), .published(let published)):
            if let parties = published.room.parties, parties.0 == message.to || parties.1 == message.to {
            } else {
                truth.faults.append("\(who): a direct message to \(message.to) went to \(published.room)")
            }
            receive(published, message.publication, id, who, &truth)
        default: truth.faults.append("\(who): \(reply) answers \(command)")
        }
    }

    /// Each batch has events of its range only, the same as everybody's, and every one that is stored.
    private mutating func receive(_ batch: Batch, _ query: ReadHistory, _ who: String, _ truth: inout Truth) {
        guard let events = try? batch.events() else { return truth.faults.append("\(who): a BATCH that cannot be read") }
        var last = batch.fromSeq == 0 ? 0 : batch.fromSeq - 1
        for event in events {
            if event.seq <= last || event.seq > batch.toSeq || event.room != batch.room {
                truth.faults.append("\(who): \(event.seq) in a BATCH of \(batch.fromSeq)-\(batch.toSeq)")
            }
            last = event.seq
            truth.note(event, epoch: batch.epoch, by: who)
        }
        if batch.room != query.room || batch.toSeq > max(query.toSeq, batch.head ?? 0) || batch.fromSeq > batch.toSeq + 1 {
            truth.faults.append("\(who): BATCH \(batch.fromSeq)-\(batch.toSeq) answers \(query)")
        }
        truth.batches.append((batch, Set(events.map(\.seq))))
    }

    /// What was found is in the room asked for, in no conversation of others, and not deleted.
    private func receive(_ found: Found, _ search: Search, _ who: String, _ truth: inout Truth) {
        guard let events = try? found.events() else { return truth.faults.append("\(who): a FOUND that cannot be read") }
        for event in events {
            if let room = search.room, event.room != room { truth.faults.append("\(who): \(event.room) is found in \(room)") }
            if let parties = event.room.parties, name != parties.0, name != parties.1 {
                truth.faults.append("\(who): \(event.room) is found by \(name?.description ?? "nobody")")
            }
            // FOUND does not name the epoch.
            guard truth.epochs[event.room]?.count == 1, let epoch = truth.epochs[event.room]?.first else { continue }
            if deleted[Truth.LogName(room: event.room, epoch: epoch)]?.contains(event.reference ?? event.seq) == true {
                truth.faults.append("\(who): \(event.room) \(event.seq) is found behind its deletion")
            }
        }
    }

    private mutating func receive(
        _ published: Published, _ publication: Publication, _ id: UInt32, _ who: String, _ truth: inout Truth
    ) {
        if published.acknowledgement > max(publication.acknowledgement ?? .accepted, .accepted) {
            truth.faults.append("\(who): acknowledged as \(published.acknowledgement.rawValue)")
        }
        if published.acknowledgement >= .durable, let id = publication.content.messageID {
            truth.durables.append((published.room, published.seq, id))
        }
        if let messageID = publication.content.messageID { truth.acknowledged.append((published.room, published.seq, messageID)) }
        guard !published.isDuplicate, !published.room.isConversation else { return }
        if let last = lastSeqPublished[published.room], last.id < id, last.seq >= published.seq {
            truth.faults.append("\(who): \(published.room) numbered request \(id) \(published.seq) after request \(last.id) \(last.seq)")
        }
        lastSeqPublished[published.room] = (published.epoch, published.seq, id)
    }
}
