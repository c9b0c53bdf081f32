import ChatProtocol

/// Whose read marker in which room.
struct MarkPlace: Hashable {
    let room: Room
    let account: AccountName

    static func == (left: MarkPlace, right: MarkPlace) -> Bool { left.room === right.room && left.account == right.account }

    func hash(into hasher: inout Hasher) {
        hasher.combine(ObjectIdentifier(room))
        hasher.combine(account)
    }
}

/// Read markers of registered accounts on their way to the store: each is written once for all its moves of a second, or earlier with
/// something else that is written anyway.
extension Shard {
    private static let markDelayMilliseconds: UInt64 = 1_000
    /// Markers that one post takes along.
    private static let marksPerPostMax = 1_024

    func noteMark(of account: AccountReference, in room: Room) {
        guard account.isRegistered, room.storage != nil else { return }
        if marksToStore.isEmpty { marksToStoreSince = now.monotonicMilliseconds }
        marksToStore.insert(MarkPlace(room: room, account: account.name))
    }

    func storedMark(of member: Member) -> StoredMark {
        StoredMark(
            seq: member.mark, messageCount: UInt64(member.markMessageCount),
            updateNumber: updateNumber(Int64(bitPattern: member.changedAt)))
    }

    /// Adds the markers that have moved to what this turn has to be stored.
    func noteMarks(isLast: Bool) {
        guard !marksToStore.isEmpty, isStoreWritable else { return }
        let isDue = now.monotonicMilliseconds >= marksToStoreSince + Self.markDelayMilliseconds
        guard isLast || isDue || !storeWrites.isEmpty || marksToStore.count >= Self.marksPerPostMax else { return }
        marksToStoreSince = now.monotonicMilliseconds
        for place in isLast ? Array(marksToStore) : Array(marksToStore.prefix(Self.marksPerPostMax)) {
            marksToStore.remove(place)
            let account = AccountReference(registered: place.account)
            guard rooms[place.room.address] === place.room, let member = place.room.member(account) else { continue }
            post(
                .mark(place.account, in: place.room.address, epoch: place.room.epoch, storedMark(of: member)),
                .mark(place.room, place.account))
        }
    }
}
