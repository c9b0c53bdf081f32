import ChatProtocol

/// A conversation whose parties are being asked for, with the messages that wait for them.
struct ConversationOpening {
    let first: AccountName
    let second: AccountName
    var answers: [AccountName: (account: AccountReference, sessions: [SessionID])] = [:]
    var waiting: ContiguousArray<(publish: Publish, to: AccountName, requester: Requester)> = []
    var partiesLeft: Int
    /// A party ended while the other was being asked for.
    var isVoid = false
}

/// Two-party conversations: logs whose members are two accounts, both attached with all their connections.
extension Shard {
    func directMessage(_ publish: Publish, to peer: AccountName, _ requester: Requester) throws(Failure) {
        if let room = rooms[publish.room] {
            return try self.publish(publish.publication, in: room, requester)
        }
        if openings[publish.room] != nil {
            openings[publish.room]!.waiting.append((publish, peer, requester))
            return
        }
        guard rooms.count < settings.roomsMax else { throw Failure(.quota, reason: "the broker holds as many rooms as it may") }
        guard let (first, second) = publish.room.parties else { preconditionFailure("a direct message goes to a conversation") }
        var opening = ConversationOpening(first: first, second: second, partiesLeft: first == second ? 1 : 2)
        opening.waiting.append((publish, peer, requester))
        openings[publish.room] = opening
        send(.conversationOpening(publish.room, party: first), to: map.home(of: first))
        if first != second { send(.conversationOpening(publish.room, party: second), to: map.home(of: second)) }
    }

    /// The home of an account says who the party is, or that there is no such account.
    func noteParty(_ party: AccountName, _ account: AccountReference?, sessions: [SessionID], of address: RoomAddress) {
        guard openings[address] != nil else { return }
        openings[address]!.partiesLeft -= 1
        if let account { openings[address]!.answers[party] = (account, sessions) }
        guard openings[address]!.partiesLeft == 0, let opening = openings.removeValue(forKey: address) else { return }
        guard !opening.isVoid, let first = opening.answers[opening.first], let second = opening.answers[opening.second] else {
            for answer in opening.answers.values {
                send(.conversationClosed(address, party: answer.account), to: map.home(of: answer.account.name))
            }
            for waiting in opening.waiting {
                let failure = Failure(.noSuchUser, reason: "no user \(waiting.to) is connected")
                refuse(failure, .directMessage(waiting.publish, to: waiting.to), waiting.requester)
            }
            return
        }
        begin(address, first, second, opening.waiting)
    }

    private func begin(
        _ address: RoomAddress, _ first: (account: AccountReference, sessions: [SessionID]),
        _ second: (account: AccountReference, sessions: [SessionID]),
        _ waiting: ContiguousArray<(publish: Publish, to: AccountName, requester: Requester)>
    ) {
        let room = makeRoom(address, policy: .twoParty)
        rooms[address] = room
        room.admit(first.account, role: .member, now: now.monotonicMilliseconds)
        room.admit(second.account, role: .member, now: now.monotonicMilliseconds)
        for session in Set(first.sessions + second.sessions) { attachParty(session, to: address) }
        for message in waiting {
            do throws(Failure) {
                try publish(message.publish.publication, in: room, message.requester)
            } catch {
                refuse(error, .directMessage(message.publish, to: message.to), message.requester)
            }
        }
    }

    /// Attaches a connection of a party; the client learns of it right before the first event.
    func attachParty(_ session: SessionID, to address: RoomAddress) {
        guard let room = rooms[address] else { return }
        room.grants[Int(session.shard)] += 1
        send(.conversationAttached(session: session, address, epoch: room.epoch, next: room.head + 1), to: Int(session.shard))
    }

    /// A party is gone, and the conversation with it: under the same address a later one begins anew.
    func endConversation(_ address: RoomAddress, because account: AccountReference) {
        openings[address]?.isVoid = true
        guard let room = rooms[address], room.member(account) != nil else { return }
        handOn(room)
        rooms[address] = nil
        for shard in room.grants.indices where room.grants[shard] > 0 {
            send(.logEnded(address, epoch: room.epoch), to: shard)
        }
        for (name, member) in room.members where name != account.name {
            let other = AccountReference(name: name, incarnation: member.incarnation)
            send(.conversationClosed(address, party: other), to: map.home(of: name))
        }
    }
}
