import ChatProtocol

/// What a shard begins with, if its rooms were stored.
extension Shard {
    /// Enters the rooms that are stored.
    func restore(_ history: ShardHistory) {
        lastEpoch = max(lastEpoch, history.lastEpoch)
        for stored in history.rooms.map(withTopicOfNow) {
            guard stored.survivesRestart else {
                post(.end(stored.record.address, epoch: stored.record.epoch))
                continue
            }
            let room = Room(
                restoring: stored, shardCount: map.shardCount, now: now.monotonicMilliseconds, updateNumberOffset: updateNumberOffset)
            let storage = RoomStorage(floor: stored.floor)
            storage.anchor = stored.anchor
            storage.removedMessageCount = stored.removedMessageCount
            storage.recalled = RecalledPublications(since: stored.recalledSince, until: now.wallMilliseconds)
            room.storage = storage
            rooms[room.address] = room
            noteEmptiness(of: room)
        }
        for (account, room) in history.memberships { restoreMembership(of: account, in: room) }
        recalledUntil = now.monotonicMilliseconds + settings.deduplicationSeconds * 1_000
        for publication in history.publications {
            rooms[publication.room]?.storage?.recalled?.insert(
                publication.account, publication.messageID, seq: publication.seq, timestamp: publication.timestamp)
        }
    }

    /// The topic of the lobby is the operator's.
    private func withTopicOfNow(_ stored: StoredRoom) -> StoredRoom {
        let topic = settings.lobbyTopic.isEmpty ? nil : settings.lobbyTopic
        guard stored.record.address == .lobby, stored.record.topic != topic else { return stored }
        var stored = stored
        stored.record.topic = topic
        post(.change(stored.record))
        return stored
    }

    /// Forgets what was recalled at the start, once no retry can refer to it.
    func sweepRecalled() {
        guard let recalledUntil, now.monotonicMilliseconds >= recalledUntil else { return }
        self.recalledUntil = nil
        for room in rooms.values { room.storage?.recalled = nil }
    }
}

extension StoredRoom {
    /// A conversation is its parties': one of guests ended with them.
    var survivesRestart: Bool { !record.address.isConversation || !members.isEmpty }
}

extension RoomAddress {
    /// Accounts that a conversation is between: one, if somebody keeps notes.
    var partyCount: Int {
        guard let (first, second) = parties else { return 0 }
        return first == second ? 1 : 2
    }
}
