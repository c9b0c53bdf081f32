import Bytes
import ChatDialects
import ChatProtocol

/// The connections of this shard that are attached to rooms: who is sent what, and who has fallen behind.
extension Shard {
    /// Hands a batch to every attached connection that can take it. The others continue from the ring when they have drained.
    func deliver(_ batch: EventBatch) {
        guard let roster = rosters[batch.room], roster.epoch == batch.epoch else { return }
        roster.head = batch.lastSeq
        roster.floor = batch.floor
        unwrittenByteCount += batch.bytes.count
        noteDeletions(in: batch.bytes, of: batch.room)
        var translations = Translations(batch.bytes)
        var delivered = 0
        for index in roster.attachments.indices {
            let attachment = roster.attachments[index]
            let session = attachment.session
            if attachment.next == batch.firstSeq && attachment.state == .live && hasRoom(session) {
                session.queue.append(translations.octets(for: session))
                schedule(session)
                roster.attachments[index].next = batch.lastSeq + 1
                delivered += 1
            } else {
                deliverOutOfStep(batch, &translations, to: index, of: roster)
            }
        }
        statistics.deliveries += UInt64(delivered) * (batch.lastSeq + 1 - batch.firstSeq)
    }

    /// The rarer cases: not announced yet, joined in the midst of this batch, or behind.
    private func deliverOutOfStep(_ batch: EventBatch, _ translations: inout Translations, to index: Int, of roster: LocalRoster) {
        let attachment = roster.attachments[index]
        guard attachment.next <= batch.lastSeq else { return }
        let session = attachment.session
        let hasRoom = hasRoom(session)
        switch attachment.state {
        case .late, .fetching, .held: return
        case .unannounced:
            // Before its AUTH_OK a connection is sent nothing else; the conversation is announced behind it.
            guard session.account != nil else { return }
            announce(roster, at: index)
            if attachment.next == batch.firstSeq && hasRoom {
                // At once: a party that says one thing and goes ends the conversation, and its ring with it.
                session.queue.append(translations.octets(for: session))
                roster.attachments[index].next = batch.lastSeq + 1
                roster.setState(.live, at: index)
                statistics.deliveries += batch.lastSeq + 1 - batch.firstSeq
                return
            }
        case .live: roster.setState(.late, at: index)
        }
        if hasRoom { fetch(roster, for: session) }
    }

    /// The position first, then the event (docs/PROTOCOL.md, *Direct messages*).
    private func announce(_ roster: LocalRoster, at index: Int) {
        let attachment = roster.attachments[index]
        let joined = Joined(
            room: roster.address, epoch: roster.epoch, head: attachment.next - 1, floor: min(roster.floor, attachment.next),
            next: attachment.next, policy: .twoParty)
        reply(.joined(joined), requestID: 0, attachment.session)
        roster.setState(.late, at: index)
    }

    /// Announces the conversations in which something was said before the connection had its account.
    func announceConversations(to session: Session) {
        for link in session.links where link.roster.attachments[link.index].state == .unannounced {
            if link.roster.attachments[link.index].next <= link.roster.head { announce(link.roster, at: link.index) }
        }
        if session.hasLateAttachments { catchUp(session) }
    }

    /// Asks the rings for what a connection has missed.
    func catchUp(_ session: Session) {
        for link in session.links where link.roster.attachments[link.index].state == .late {
            fetch(link.roster, for: session)
            guard hasRoom(session) else { return }
        }
    }

    private func fetch(_ roster: LocalRoster, for session: Session) {
        guard let index = roster.index(of: session) else { return }
        roster.setState(.fetching, at: index)
        let room = max(1, settings.outboundHighWaterBytes - session.queue.byteCount)
        send(
            .fetch(
                roster.address, epoch: roster.epoch, session: session.id, from: roster.attachments[index].next, byteCountMax: room),
            to: roster.home)
    }

    /// The ring's answer. What it no longer holds is named by number, never passed over.
    func deliver(_ fetched: FetchedEvents) {
        guard let session = sessions[fetched.session], let roster = rosters[fetched.room], roster.epoch == fetched.epoch,
            let index = roster.index(of: session), roster.attachments[index].state == .fetching,
            roster.attachments[index].next == fetched.from
        else { return }
        if fetched.first > fetched.from { lag(session, of: roster, from: fetched.from, to: fetched.first - 1) }
        for events in fetched.events {
            noteDeletions(in: events, of: fetched.room)
            session.queue.append(session.encoding.translation(of: events))
        }
        statistics.deliveries += UInt64(fetched.eventCount)
        schedule(session)
        roster.attachments[index].next = fetched.next
        guard fetched.next <= fetched.publishedHead else { return roster.setState(.live, at: index) }
        roster.setState(.late, at: index)
        if hasRoom(session) { fetch(roster, for: session) }
    }

    // MARK: Attaching

    /// A room's home has granted an attachment.
    func attached(_ id: SessionID, requestID: UInt32, _ joined: Joined, isAutomatic: Bool, choosesAnew: Bool) {
        guard let session = sessions[id], !session.isEnding, !isAutomatic || !session.encoding.isSimple else {
            send(.giveBack(joined.room, epoch: joined.epoch, shard: index, grants: 1), to: map.home(of: joined.room))
            // A connection that is ending is answered, and sent no events.
            var joined = joined
            joined.mark = nil
            if let session = sessions[id], !isAutomatic { answer(requestID, .joined(joined), session) }
            return
        }
        if !joined.room.isConversation && joined.room != .lobby { session.memberships.insert(joined.room) }
        let roster = self.roster(of: joined.room, epoch: joined.epoch)
        roster.grants += 1
        var joined = joined
        if !session.capabilities.contains(.marks) { joined.mark = nil }
        if let place = roster.index(of: session) {
            if roster.attachments[place].isAutomatic && choosesAnew {
                roster.attachments[place].next = joined.next
                roster.setState(.late, at: place)
                roster.attachments[place].isAutomatic = false
            } else {
                joined.next = roster.attachments[place].next
                if roster.attachments[place].state == .unannounced { roster.setState(.late, at: place) }
            }
        } else {
            // Late until the ring has said that nothing is missing: replay and live delivery have no seam.
            roster.attach(session, next: joined.next, state: .late, isAutomatic: isAutomatic)
        }
        answer(requestID, .joined(joined), session)
        if let place = roster.index(of: session), roster.attachments[place].state == .late, hasRoom(session) {
            fetch(roster, for: session)
        }
    }

    /// A room's home says that a session's account is a member, or that what it asked for did not make it one.
    func membershipChanged(_ id: SessionID, _ room: RoomAddress, isMember: Bool) {
        guard room != .lobby, let session = sessions[id] else { return }
        if isMember { session.memberships.insert(room) } else { session.memberships.remove(room) }
    }

    func conversationAttached(_ id: SessionID, to address: RoomAddress, epoch: UInt64, next: UInt64) {
        // The word may come before that of the account's home that the connection is let in.
        guard let session = sessions[id], !session.isEnding,
            session.account != nil || session.claim != nil || session.logIn?.exchange?.accepted != nil
        else {
            return send(.giveBack(address, epoch: epoch, shard: index, grants: 1), to: map.home(of: address))
        }
        let roster = self.roster(of: address, epoch: epoch)
        roster.grants += 1
        guard roster.index(of: session) == nil else { return }
        roster.attach(session, next: next, state: .unannounced, isAutomatic: true)
    }

    /// A room's home has let a session go, or lets it stay a member without delivery.
    func left(_ id: SessionID, requestID: UInt32, _ room: RoomAddress, endsMembership: Bool) {
        guard let session = sessions[id] else { return }
        if endsMembership { session.memberships.remove(room) }
        if let roster = rosters[room], roster.index(of: session) != nil {
            detach(session, from: roster)
        } else if !endsMembership {
            var failure = Failure(.notJoined, reason: "not attached to \(room)", room: room)
            if requestID == 0 { failure.type = FrameType.leave.rawValue }
            return answer(requestID, .error(failure), session)
        }
        answer(requestID, .ok(Success()), session)
    }

    func detach(_ session: Session, from roster: LocalRoster) {
        roster.detach(session)
        guard roster.attachments.isEmpty else { return }
        if rosters[roster.address] === roster { rosters[roster.address] = nil }
        send(.giveBack(roster.address, epoch: roster.epoch, shard: index, grants: roster.grants), to: roster.home)
    }

    /// A log has ended for good (a conversation one of whose parties is gone). Who was behind gets what the ring held at the end, or is
    /// told what it will not get.
    func endRoster(of address: RoomAddress, epoch: UInt64, remains: RecentEvents) {
        guard let roster = rosters[address], roster.epoch == epoch else { return }
        rosters[address] = nil
        while let last = roster.attachments.last {
            if last.state != .unannounced && last.state != .held && last.next <= remains.lastSeq { finish(last, of: roster, with: remains) }
            roster.detach(last.session)
        }
    }

    private func finish(_ attachment: Attachment, of roster: LocalRoster, with remains: RecentEvents) {
        let session = attachment.session
        let first = hasRoom(session) ? max(attachment.next, remains.floor) : remains.lastSeq + 1
        if first > attachment.next { lag(session, of: roster, from: attachment.next, to: first - 1) }
        for seq in first..<(remains.lastSeq + 1) { session.queue.append(session.encoding.translation(of: remains.event(seq))) }
        statistics.deliveries += remains.lastSeq + 1 - first
        schedule(session)
    }

    /// Names the events that a connection is not sent.
    private func lag(_ session: Session, of roster: LocalRoster, from: UInt64, to: UInt64) {
        statistics.lags += 1
        let lag = Lag(room: roster.address, epoch: roster.epoch, fromSeq: from, toSeq: to, next: to + 1)
        reply(.lag(lag), requestID: 0, session)
    }

    func roster(of address: RoomAddress, epoch: UInt64) -> LocalRoster {
        if let roster = rosters[address] {
            if roster.epoch == epoch { return roster }
            // The word that the older log has ended is in front of any word of the newer one, so this cannot be.
            preconditionFailure("a log begins anew only after it has ended")
        }
        let roster = LocalRoster(address: address, epoch: epoch, home: map.home(of: address))
        rosters[address] = roster
        return roster
    }
}
