import ChatProtocol

extension ClientSession {
    /// DELIVER: one event of a room.
    mutating func deliver(_ event: Event, at now: UInt64) {
        noteEcho(event)
        guard let room = rooms[event.room], room.cursor != nil || room.isJoining else {
            notify(.fault(Failure(.badState, reason: "an event came before its room's position", room: event.room)))
            return notify(.event(event))
        }
        if room.isJoining {
            rooms[event.room]?.hold(event)
        } else {
            take(event, at: now)
        }
    }

    /// Judges an event by its room's cursor and tells it, once.
    private mutating func take(_ event: Event, at now: UInt64) {
        guard var room = rooms[event.room], var cursor = room.cursor else { return }
        let verdict = cursor.judge(event)
        if verdict == .duplicate { return }
        room.cursor = cursor
        if case .deliverAfterHole(let range) = verdict {
            notify(.hole(event.room, range, isUnreadable: room.mayHaveUnreadable))
            room.mayHaveUnreadable = false
            recovery?.rooms[event.room]?.miss(range)
        }
        rooms[event.room] = room
        tell(event)
        settle(event.room, at: now)
    }

    private mutating func tell(_ event: Event) {
        notify(.event(event))
        if event.kind == .message || event.kind == .notice { recovery?.rooms[event.room]?.summary.messageCount += 1 }
    }

    /// The log shows what became of a publish.
    private mutating func noteEcho(_ event: Event) {
        guard event.messageID != nil else { return }
        let account = account
        if let id = requests.firstID(where: { $0.isEcho(event, account: account) }) {
            requests.update(id) { $0.echo = event }
        } else if let index = undecided.firstIndex(where: { $0.isEcho(event, account: account) }) {
            complete(undecided.remove(at: index).token, .seenInLog(event))
        }
    }

    /// LAG: the broker names what it skipped.
    mutating func handleLag(_ lag: Lag, at now: UInt64) {
        // While joining, the reply will choose the position anew and with it name what is missing.
        guard var room = rooms[lag.room], var cursor = room.cursor, !room.isJoining else { return }
        let skip = cursor.skip(lag)
        room.cursor = cursor
        rooms[lag.room] = room
        if skip.isNewEpoch {
            notify(.logReset(lag.room, nil))
            recovery?.rooms[lag.room]?.reset()
        }
        if let hole = skip.hole {
            notify(.hole(lag.room, hole, isUnreadable: room.mayHaveUnreadable))
            recovery?.rooms[lag.room]?.miss(hole)
        }
        if let range = skip.skipped { miss(range, in: lag.room) }
        settle(lag.room, at: now)
    }

    /// Events that will not come are told in the summary of a recovery under way, or at once.
    private mutating func miss(_ range: ClosedRange<UInt64>, in room: RoomAddress) {
        if recovery?.rooms[room] != nil {
            recovery?.rooms[room]?.miss(range)
        } else {
            notify(.skipped(room, range))
        }
    }

    /// JOINED with id 0: the broker attached this connection by itself, to the lobby or to a conversation.
    mutating func handleUnaskedJoined(_ joined: Joined, at now: UInt64) {
        // Who was a member already begins behind the last event.
        arrivals[joined.room] = joined.next <= joined.head && !joined.room.isConversation ? joined.next : nil
        var room = rooms[joined.room] ?? RoomState()
        // The reply to the JOIN under way will tell the position that counts.
        if room.isJoining { return }
        let before = room.cursor?.position
        room.cursor = RoomCursor(epoch: joined.epoch, next: joined.next)
        rooms[joined.room] = room
        guard let before else { return notify(.attached(joined)) }
        guard before.epoch == joined.epoch else { return notify(.logReset(joined.room, nil)) }
        if joined.next > before.seq + 1 {
            miss((before.seq + 1)...(joined.next - 1), in: joined.room)
        } else {
            rooms[joined.room]?.cursor = RoomCursor(epoch: before.epoch, next: before.seq + 1)
        }
    }

    /// JOINED: the position from which this connection is sent the room, each event once.
    mutating func handleJoined(_ joined: Joined, _ pending: PendingRequest, at now: UInt64) {
        var room = rooms[joined.room] ?? RoomState()
        room.isJoining = false
        // What was held and lies behind `next` will come again; what lies before it was sent only then.
        let early = room.takeHeld().filter { $0.seq < joined.next }
        let resumed = pending.cursor?.epoch == joined.epoch ? pending.cursor : nil
        if resumed == nil, pending.cursor != nil {
            notify(.logReset(joined.room, nil))
            recovery?.rooms[joined.room]?.reset()
        }
        recovery?.rooms[joined.room]?.target = joined.head
        var expected = resumed.map { $0.seq + 1 } ?? 0
        var missed: [ClosedRange<UInt64>] = []
        for event in early where event.seq >= expected {
            if resumed != nil, event.seq > expected { missed.append(expected...(event.seq - 1)) }
            tell(event)
            expected = event.seq + 1
        }
        if resumed != nil, joined.next > expected { missed.append(expected...(joined.next - 1)) }
        room.cursor = RoomCursor(epoch: joined.epoch, next: resumed == nil ? joined.next : max(expected, joined.next))
        rooms[joined.room] = room
        for range in missed { miss(range, in: joined.room) }
        finish(pending, .joined(joined))
        settle(joined.room, at: now)
    }

    /// ERROR to a JOIN. 600 and 601 say that the cursor is worth nothing: the room is joined again without it.
    mutating func handleJoinRefused(_ address: RoomAddress, _ failure: Failure, _ pending: PendingRequest, at now: UInt64) {
        var room = rooms[address] ?? RoomState()
        room.isJoining = false
        let isStale = pending.cursor != nil && (failure.code == .epochChanged || failure.code == .cursorAhead)
        if isStale, !address.isConversation {
            room.cursor = nil
            room.isJoining = true
            rooms[address] = room
            notify(.logReset(address, failure))
            recovery?.rooms[address]?.reset()
            var again = pending
            again.request = .join(address, tail: settings.resumeTail)
            requests.urgent.append(again)
            return
        }
        let held = room.takeHeld()
        // A room that the broker attached before the refused JOIN stays as it was.
        rooms[address] = room.cursor != nil && pending.purpose != .rejoin ? room : nil
        for event in held { notify(.event(event)) }
        if pending.purpose == .rejoin {
            // A guest's conversations end with its last connection: that is no news.
            if !address.isConversation { notify(.roomLost(address, failure)) }
            recovery?.rooms[address] = nil
            settleUndecided(in: address, isContiguous: false, at: now)
            finishRecoveryIfDone()
        } else {
            finish(pending, .refused(failure))
        }
    }

    /// Another name: the conversations stay under the old one, and end.
    mutating func changeAccount(to account: AccountName) {
        self.account = account
        for address in rooms.keys {
            if let parties = address.parties, parties.0 != account, parties.1 != account { rooms[address] = nil }
        }
    }
}
