import ChatProtocol

/// What an event that changes another does besides being in the log.
enum RoomChange {
    case edit
    /// What the event said is deleted, and with it what its edits said.
    case delete(UInt64)
    case react(UInt64, Reaction)
    case unreact(UInt64, Reaction)
    case pin(UInt64)
    case unpin(UInt64)
}

/// Events that change events: who may, and what becomes of the event that they name (docs/PROTOCOL.md, *Events that change events*).
extension Shard {
    /// What a message answers, and the root of its thread, must have been said; whether it is still retained does not matter.
    func requireEvents(of content: EventContent, head: UInt64) throws(Failure) {
        if let thread = content.thread, thread == 0 || thread > head {
            throw Failure(.noSuchEvent, reason: "there is no event \(thread)", field: 8)
        }
        if let reply = content.reply, reply == 0 || reply > head {
            throw Failure(.noSuchEvent, reason: "there is no event \(reply)", field: 9)
        }
    }

    /// Appends a change, if the member has the right to it, and does what it says.
    func change(_ content: EventContent, by member: Member, _ requester: Requester, in room: Room) throws(Failure) -> UInt64 {
        let change = try judge(content, by: member, requester, in: room)
        let seq = append(content, from: requester.account.name, author: member.identity, to: room)
        carryOut(change, in: room)
        return seq
    }

    private func judge(_ content: EventContent, by member: Member, _ requester: Requester, in room: Room) throws(Failure) -> RoomChange {
        guard let seq = content.reference else { preconditionFailure("a change names the event that it changes") }
        if content.kind == .unpin, room.markings?.pins.contains(seq) == true {
            try requirePinning(member, in: room)
            return .unpin(seq)
        }
        let target = try target(seq, of: content.kind, in: room)
        switch content.kind {
        case .edit:
            guard isAuthor(member, requester, of: seq, target, in: room) else {
                throw Failure(.forbidden, reason: "only its author edits a message", field: 7)
            }
            return .edit
        case .delete:
            guard isAuthor(member, requester, of: seq, target, in: room) || member.role >= .moderator else {
                throw Failure(.forbidden, reason: "only its author or a moderator deletes a message", field: 7)
            }
            return .delete(seq)
        case .react, .unreact:
            let reaction = Reaction(account: requester.account.name, content)
            let isThere = room.markings?.reactions[seq]?.contains(reaction) == true
            if content.kind == .unreact {
                guard isThere else { throw Failure(.noSuchEvent, reason: "there is no such reaction of yours", field: 7) }
                return .unreact(seq, reaction)
            }
            guard !isThere else { throw Failure(.exists, reason: "you have reacted so already", field: 7) }
            guard room.hasPlaceForReaction(countMax: settings.reactionsPerRoomMax) else {
                throw Failure(.quota, reason: "the room holds as many reactions as it may")
            }
            return .react(seq, reaction)
        case .pin:
            try requirePinning(member, in: room)
            let pins = room.markings?.pins ?? []
            guard !pins.contains(seq) else { throw Failure(.exists, reason: "event \(seq) is pinned already", field: 7) }
            guard pins.count < settings.pinsPerRoomMax else { throw Failure(.quota, reason: "the room has as many pins as it may") }
            return .pin(seq)
        default: throw Failure(.noSuchEvent, reason: "event \(seq) is not pinned", field: 7)
        }
    }

    /// A guest is known by the incarnation it came in with; registered accounts share one, and are known by their name, which nobody else
    /// can have.
    private func isAuthor(_ member: Member, _ requester: Requester, of seq: UInt64, _ note: EventNote, in room: Room) -> Bool {
        guard note.author == member.identity else { return false }
        guard requester.account.isRegistered else { return true }
        return Event(frame: room.recent.event(seq)).from == requester.account.name
    }

    private func requirePinning(_ member: Member, in room: Room) throws(Failure) {
        guard member.role >= .moderator || room.policy.contains(.twoParty) else {
            throw Failure(.forbidden, reason: "only moderators pin messages here", field: 7)
        }
    }

    /// What is known of the event that a change names.
    ///
    /// This is the seam for events that only the store knows, which are those below the ring. There the change would wait, the store would be
    /// asked for the frame of (room, epoch, seq), and the answer would come back as an input with author, kind and `redacted`, upon which
    /// the change is judged as here. Requests of the same connection for the same room would wait behind it meanwhile. Edits of such an event
    /// can themselves be below the ring, so that erasing it means asking for the events that refer to it as well.
    private func target(_ seq: UInt64, of kind: EventKind, in room: Room) throws(Failure) -> EventNote {
        guard seq >= 1, seq <= room.head else { throw Self.noSuchEvent(seq) }
        // What is changed, and for a deletion all that said the same, must be in the ring and not in the batch of this turn.
        if seq > room.publishedHead || kind == .delete { handOn(room) }
        guard seq >= room.recent.floor else {
            throw Failure(.rangeGone, reason: "event \(seq) is too old to be changed", field: 7, floor: room.recent.floor)
        }
        let note = room.recent.note(seq)
        guard note.kind.isChangeable else { throw Failure(.noSuchEvent, reason: "event \(seq) is no message", field: 7) }
        guard !note.isRedacted else { throw Failure(.noSuchEvent, reason: "event \(seq) was deleted", field: 7) }
        return note
    }

    static func noSuchEvent(_ seq: UInt64) -> Failure { Failure(.noSuchEvent, reason: "there is no event \(seq)", field: 7) }

    /// Does what a change says, once it has its place in the log.
    private func carryOut(_ change: RoomChange, in room: Room) {
        switch change {
        case .edit: break
        case .delete(let seq): erase(seq, in: room)
        case .react(let seq, let reaction): room.noteMarking { $0.insert(reaction, to: seq) }
        case .unreact(let seq, let reaction): room.noteMarking { $0.remove(reaction, from: seq) }
        case .pin(let seq): room.noteMarking { $0.pins.insert(seq) }
        case .unpin(let seq): room.noteMarking { $0.pins.remove(seq) }
        }
    }

    /// Whoever is sent the event from now on gets it without what it said, and so with its edits, which are above it in the ring.
    private func erase(_ seq: UInt64, in room: Room) {
        room.noteMarking { $0.forget(seq) }
        for other in seq...room.publishedHead {
            if other != seq {
                let note = room.recent.note(other)
                guard note.kind == .edit, !note.isRedacted, Event(frame: room.recent.event(other)).reference == seq else { continue }
            }
            let frame = room.redact(other)
            if room.storage != nil { post(.replace(room.address, epoch: room.epoch, seq: other, frame: frame)) }
        }
    }
}
