import ChatProtocol

/// A conversation whose parties are being asked for, with the messages that wait for them.
struct ConversationOpening {
    let first: AccountName
    let second: AccountName
    var answers: [AccountName: (account: AccountReference, sessions: [SessionID])] = [:]
    /// What to do once there is a conversation: direct messages, and requests sent behind them.
    var waiting: ContiguousArray<(request: RoomRequest, requester: Requester)> = []
    var partiesLeft: Int
    /// Connections that took over from one that a party had named.
    var latecomers: [SessionID] = []
    /// A party ended while the other was being asked for.
    var isVoid = false
}

/// Two-party conversations: logs whose members are two accounts, both attached with all their connections.
///
/// A conversation of two guests ends with one of them. One of a guest and a registered account is *left* when the guest ends: the account
/// can read it, and nothing is said in it any more, until somebody of the guest's name begins another one.
extension Shard {
    func directMessage(_ publish: Publish, to peer: AccountName, _ requester: Requester) throws(Failure) {
        let request = RoomRequest.directMessage(publish, to: peer)
        if let room = rooms[publish.room], !room.isLeft {
            if let namesake = room.members[requester.account.name], namesake.incarnation < requester.account.incarnation {
                // The name's former life had the conversation, and the word of its end is still under way.
                endConversation(publish.room, because: AccountReference(name: requester.account.name, incarnation: namesake.incarnation))
            } else {
                guard room.member(requester.account) != nil else {
                    throw Failure(.noSuchUser, reason: "this account has ended or has another name by now")
                }
                if mayNeedLookUp(publish.publication, requester), waitForLookUp(request, about: publish.publication, in: room, requester) {
                    return
                }
                return try self.publish(publish.publication, in: room, requester)
            }
        }
        if waitForOpening(request, requester) { return }
        try requireNothingOfThePast(publish.publication, requester)
        guard rooms.count < settings.roomsMax else { throw Failure(.quota, reason: "the broker holds as many rooms as it may") }
        guard let (first, second) = publish.room.parties else { preconditionFailure("a direct message goes to a conversation") }
        var opening = ConversationOpening(first: first, second: second, partiesLeft: first == second ? 1 : 2)
        opening.waiting.append((request, requester))
        openings[publish.room] = opening
        send(.conversationOpening(publish.room, party: first), to: map.home(of: first))
        if first != second { send(.conversationOpening(publish.room, party: second), to: map.home(of: second)) }
    }

    /// Whether a conversation is being begun, behind which the request now waits.
    func waitForOpening(_ request: RoomRequest, _ requester: Requester) -> Bool {
        guard openings[request.room] != nil else { return false }
        openings[request.room]!.waiting.append((request, requester))
        return true
    }

    /// The home of an account says who the party is, or that there is no such account.
    func noteParty(_ party: AccountName, _ account: AccountReference?, sessions: [SessionID], of address: RoomAddress) {
        guard openings[address] != nil else { return }
        openings[address]!.partiesLeft -= 1
        if let account { openings[address]!.answers[party] = (account, sessions) }
        guard openings[address]!.partiesLeft == 0, let opening = openings.removeValue(forKey: address) else { return }
        guard !opening.isVoid, let first = opening.answers[opening.first], let second = opening.answers[opening.second] else {
            for answer in opening.answers.values where rooms[address]?.member(answer.account) == nil {
                send(.conversationClosed(address, party: answer.account), to: map.home(of: answer.account.name))
            }
            for (request, requester) in opening.waiting { refuse(Self.refusal(of: request), request, requester) }
            return
        }
        // The parties know that there is one, and need not be told that it is another.
        if let left = rooms[address] { dissolve(left) }
        begin(address, first.account, second.account, sessions: first.sessions + second.sessions + opening.latecomers)
        for (request, requester) in opening.waiting { handle(request, requester) }
    }

    private static func refusal(of request: RoomRequest) -> Failure {
        guard case .directMessage(_, let peer) = request else { return Failure(.noSuchRoom, reason: "no room \(request.room)") }
        return Failure(.noSuchUser, reason: "no user \(peer) is connected")
    }

    private func begin(_ address: RoomAddress, _ first: AccountReference, _ second: AccountReference, sessions: [SessionID]) {
        let room = makeRoom(address, policy: .twoParty)
        begin(room, with: nil, nil)
        for party in [first, second] {
            room.admit(party, role: .member, now: now.monotonicMilliseconds)
            storeMembership(of: party, in: room)
        }
        var attached: Set<SessionID> = []
        for session in sessions where attached.insert(session).inserted { attachParty(session, to: address) }
    }

    /// Attaches a connection of a party; the client learns of it right before the first event.
    func attachParty(_ session: SessionID, to address: RoomAddress) {
        guard let room = rooms[address] else {
            openings[address]?.latecomers.append(session)
            return
        }
        room.grants[Int(session.shard)] += 1
        send(.conversationAttached(session: session, address, epoch: room.epoch, next: room.head + 1), to: Int(session.shard))
    }

    /// A party is gone: the conversation is left to the other one, or ends.
    func endConversation(_ address: RoomAddress, because account: AccountReference) {
        if openings[address]?.answers[account.name]?.account == account { openings[address]!.isVoid = true }
        guard let room = rooms[address], room.member(account) != nil else { return }
        _ = room.dismiss(account, now: now.monotonicMilliseconds)
        let others = room.members.map { AccountReference(name: $0.key, incarnation: $0.value.incarnation) }
        // Guests who come and go must not be able to fill the broker.
        if !others.contains(where: \.isRegistered) || rooms.count > settings.roomsMax / 2 {
            dissolve(room)
            for other in others { send(.conversationClosed(address, party: other), to: map.home(of: other.name)) }
        }
        refuseWaiting(in: room, Self.refusal)
    }

    /// Ends a log for good, and what is stored of it.
    func dissolve(_ room: Room) {
        handOn(room)
        rooms[room.address] = nil
        erase(room)
        for shard in room.grants.indices where room.grants[shard] > 0 {
            send(.logEnded(room.address, epoch: room.epoch, remains: room.recent), to: shard)
        }
    }
}
