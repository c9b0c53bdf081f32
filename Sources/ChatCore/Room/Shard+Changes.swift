import ChatProtocol

/// What an event that changes another does besides being in the log.
enum RoomChange {
    case edit
    /// What the message said is deleted, and with it what its edits said.
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
        carryOut(change, seq, in: room)
        return seq
    }

    private func judge(_ content: EventContent, by member: Member, _ requester: Requester, in room: Room) throws(Failure) -> RoomChange {
        guard let seq = content.reference else { preconditionFailure("a change names the event that it changes") }
        let isPinned = room.markings?.pins.contains(seq) == true
        if content.kind == .unpin, isPinned {
            try requirePinning(member, in: room)
            return .unpin(seq)
        }
        if content.kind == .pin, isPinned {
            try requirePinning(member, in: room)
            throw Failure(.exists, reason: "event \(seq) is pinned already", field: 7)
        }
        let target = try target(seq, of: content.kind, by: member, requester, in: room)
        switch content.kind {
        case .edit:
            guard target.isOwn else { throw Failure(.forbidden, reason: "only its author edits a message", field: 7) }
            return .edit
        case .delete:
            guard target.isOwn || member.role >= .moderator else {
                throw Failure(.forbidden, reason: "only its author or a moderator deletes a message", field: 7)
            }
            return .delete(seq)
        case .react, .unreact:
            let reaction = Reaction(account: requester.account.name, content)
            let isThere = has(reaction, seq, target, in: room)
            if content.kind == .unreact {
                guard isThere else { throw Failure(.noSuchEvent, reason: "there is no such reaction of yours", field: 7) }
                return .unreact(seq, reaction)
            }
            guard !isThere else { throw Failure(.exists, reason: "you have reacted so already", field: 7) }
            let countMax = settings.reactionsPerRoomMax
            guard target.stored.map({ $0.reactionCount < countMax }) ?? room.hasPlaceForReaction(countMax: countMax) else {
                throw Failure(.quota, reason: "the room holds as many reactions as it may")
            }
            return .react(seq, reaction)
        case .pin:
            try requirePinning(member, in: room)
            guard room.markings?.pins.count ?? 0 < settings.pinsPerRoomMax else {
                throw Failure(.quota, reason: "the room has as many pins as it may")
            }
            return .pin(seq)
        default: throw Failure(.noSuchEvent, reason: "event \(seq) is not pinned", field: 7)
        }
    }

    private func requirePinning(_ member: Member, in room: Room) throws(Failure) {
        guard member.role >= .moderator || room.policy.contains(.twoParty) else {
            throw Failure(.forbidden, reason: "only moderators pin messages here", field: 7)
        }
    }

    // MARK: The event that is changed

    /// What is known of it: by its note in the ring, or as it was found in the store.
    private struct Target {
        let isOwn: Bool
        var stored: StoredTarget?
    }

    private func target(
        _ seq: UInt64, of kind: EventKind, by member: Member, _ requester: Requester, in room: Room
    ) throws(Failure) -> Target {
        guard seq >= 1, seq <= room.head else { throw Self.noSuchEvent(seq) }
        // It must be in the ring and not in the batch of this turn.
        if seq > room.publishedHead { handOn(room) }
        if seq >= room.ringFloor {
            let note = room.recent.note(seq)
            try requireChangeable(seq, note.kind, isRedacted: note.isRedacted)
            return Target(isOwn: note.author == member.identity)
        }
        guard room.storage != nil, seq >= room.floor else {
            throw Failure(.rangeGone, reason: "event \(seq) is too old to be changed", field: 7, floor: room.floor)
        }
        // What is not pinned needs no look-up to be told so.
        guard kind != .unpin, let found = findings?.target, let stored = found else { throw Self.noSuchEvent(seq) }
        let isRedacted = stored.isRedacted || room.storage?.erasures[seq] != nil
        try requireChangeable(seq, stored.kind, isRedacted: isRedacted)
        let isOwn =
            requester.account.isRegistered
            ? stored.author == EventAuthors.registered && stored.from == requester.account.name
            : stored.author == Int64(exactly: member.identity)
        return Target(isOwn: isOwn, stored: stored)
    }

    private func requireChangeable(_ seq: UInt64, _ kind: EventKind, isRedacted: Bool) throws(Failure) {
        guard kind.isChangeable else { throw Failure(.noSuchEvent, reason: "event \(seq) is no message", field: 7) }
        guard !isRedacted else { throw Failure(.noSuchEvent, reason: "event \(seq) was deleted", field: 7) }
    }

    /// Whether an event has a reaction: as the store says, and what has come since.
    private func has(_ reaction: Reaction, _ seq: UInt64, _ target: Target, in room: Room) -> Bool {
        guard let stored = target.stored else { return room.markings?.reactions[seq]?.contains(reaction) == true }
        var isThere = stored.hasReaction
        for change in room.storage?.changes ?? [] {
            switch change.change {
            case .react(seq, reaction): isThere = true
            case .unreact(seq, reaction): isThere = false
            default: break
            }
        }
        return isThere
    }

    static func noSuchEvent(_ seq: UInt64) -> Failure { Failure(.noSuchEvent, reason: "there is no event \(seq)", field: 7) }

    // MARK: What a change does

    /// Does what a change says, once it has its place in the log.
    private func carryOut(_ change: RoomChange, _ changeSeq: UInt64, in room: Room) {
        switch change {
        case .edit: return
        case .delete(let seq): return erase(seq, in: room)
        case .react(let seq, let reaction): if seq >= room.ringFloor { room.noteMarking { $0.insert(reaction, to: seq) } }
        case .unreact(let seq, let reaction): room.noteMarking { $0.remove(reaction, from: seq) }
        case .pin(let seq): room.noteMarking { $0.pins.insert(seq) }
        case .unpin(let seq): room.noteMarking { $0.pins.remove(seq) }
        }
        noteUnstored(change, changeSeq, in: room)
    }

    /// Whoever is sent the event from now on gets it without what it said, and so with its edits, which are above it.
    private func erase(_ seq: UInt64, in room: Room) {
        room.noteMarking { $0.forget(seq) }
        // The deletion and all edits are in the ring, and posted before the erasure if they are stored.
        handOn(room)
        if room.publishedHead >= room.recent.floor {
            for other in max(seq, room.recent.floor)...room.publishedHead {
                let note = room.recent.note(other)
                guard !note.isRedacted else { continue }
                if other == seq || note.kind == .edit && Event(frame: room.recent.event(other)).reference == seq { room.redact(other) }
            }
        }
        if let storage = room.storage { storeErasure(of: seq, in: room, storage) }
    }
}
