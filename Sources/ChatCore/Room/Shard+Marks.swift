import ChatProtocol

/// Read markers: each belongs to an account and a room, and is kept with the membership.
extension Shard {
    /// MARK: the account has read up to an event. A marker only grows.
    func move(_ marker: ReadMarker, in room: Room, _ requester: Requester) throws(Failure) {
        guard let member = room.member(requester.account) else { throw Failure(.notJoined, reason: "not a member of \(room.address)") }
        guard marker.epoch == nil || marker.epoch == room.epoch else {
            throw Failure(
                .epochChanged, reason: "the log began anew", room: room.address, epoch: room.epoch, head: room.head, floor: room.floor)
        }
        guard marker.mark <= room.head else { throw Failure(.noSuchEvent, reason: "there is no event \(marker.mark)", field: 0x42) }
        answer(requester, .ok(Success()))
        guard marker.mark > member.mark else { return }
        // Where rooms are not stored the number means nothing.
        member.mark = marker.mark
        member.markMessageCount =
            room.messageCount(through: marker.mark) ?? findings?.messageCount.map(UInt32.init(truncatingIfNeeded:)) ?? room.messageCount
        member.changedAt = now.monotonicMilliseconds
        noteMark(of: requester.account, in: room)
        let notice = ReadMarker(
            room: room.address, mark: marker.mark, user: requester.account.name, timestamp: now.wallMilliseconds, epoch: room.epoch)
        let account = requester.account
        send(.markMoved(notice, to: account, except: requester.session), to: map.home(of: account.name))
        guard room.policy.contains(.twoParty) else { return }
        for (name, member) in room.members where name != account.name {
            let peer = AccountReference(name: name, incarnation: member.incarnation)
            send(.markMoved(notice, to: peer, except: requester.session), to: map.home(of: name))
        }
    }

    /// Tells the connections of an account of a read marker.
    func tell(_ marker: ReadMarker, to reference: AccountReference, except session: SessionID) {
        guard let account = accounts[reference.name], account.incarnation == reference.incarnation else { return }
        tell(.mark(marker), to: account.sessions.filter { $0 != session })
    }
}
