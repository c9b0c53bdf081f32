import ChatProtocol

/// What publishing asks of the store (docs/PROTOCOL.md, *Acknowledgement*).
extension Shard {
    static let cannotStore = Failure(.storeFailed, reason: "the broker cannot store anything at present; try later")

    /// Refuses what could not be acknowledged with the truth, or not be numbered.
    func requireStorage(in room: Room, _ storage: RoomStorage, isDurable: Bool) throws(Failure) {
        guard !isStoreBacklogged else { throw Failure(.overloaded, reason: "too much waits to be stored; try later") }
        guard room.head < room.reservedThrough, !isDurable || canStore(in: room, storage) else { throw Self.cannotStore }
    }

    /// Answers a publish whose event is there already.
    func answerDuplicate(
        of seq: UInt64, _ timestamp: Timestamp, in room: Room, isDurable: Bool, _ requester: Requester
    ) throws(Failure) {
        statistics.duplicates += 1
        var level = AcknowledgementLevel.accepted
        if isDurable, let storage = room.storage {
            if seq <= storage.storedHead {
                level = .durable
            } else {
                guard canStore(in: room, storage), !room.isTorn else { throw Self.cannotStore }
                return storage.wait(
                    DurablePublish(seq: seq, timestamp: timestamp, requester: requester, messageID: nil, isDuplicate: true))
            }
        }
        answer(
            requester,
            .published(Published(room: room.address, seq: seq, timestamp: timestamp, acknowledgement: level, isDuplicate: true)))
    }

    /// Whether a first attempt so long ago was made to the broker's former life, and would be known.
    func recalls(_ ageMilliseconds: UInt64, in room: Room) -> Bool {
        room.storage?.recalled?.covers(now.wallMilliseconds - min(ageMilliseconds, now.wallMilliseconds)) ?? false
    }
}

extension Room {
    /// The seq of the first of the newest `count` events, or of as many as are retained. Seqs that were lost count as none.
    func first(ofNewest count: UInt64) -> UInt64 {
        let floor = self.floor
        let retained = head + 1 - min(floor, head + 1)
        guard let lost = storage?.voids.last, lost.upperBound < head else { return head + 1 - min(count, retained) }
        let behind = head - lost.upperBound
        guard count > behind else { return head + 1 - count }
        let first = lost.lowerBound - min(count - behind, lost.lowerBound - 1)
        return max(first, min(floor, head + 1))
    }
}
