import Bytes
import ChatProtocol

/// The rooms whose home is this shard: membership, publishing, and what their rings answer.
extension Shard {
    func openLobby() {
        guard rooms[.lobby] == nil else { return }
        let topic = settings.lobbyTopic.isEmpty ? nil : settings.lobbyTopic
        begin(makeRoom(.lobby, policy: policyOfNewRooms, topic: topic), with: nil, nil)
    }

    func makeRoom(_ address: RoomAddress, policy: RoomPolicy, title: String? = nil, topic: String? = nil) -> Room {
        // A log that begins anew under an old address must have a higher epoch, even if the wall clock was set back.
        lastEpoch = max(now.wallMilliseconds, lastEpoch + 1)
        return Room(
            address: address, epoch: lastEpoch, policy: policy, title: title, topic: topic, shardCount: map.shardCount,
            now: now.monotonicMilliseconds)
    }

    /// The room at an address whose home is here, if there is one.
    func room(at address: RoomAddress) -> Room? {
        if let lastSpokenIn, lastSpokenIn.address == address { return lastSpokenIn }
        let room = rooms[address]
        lastSpokenIn = room
        return room
    }

    /// The policy of rooms whose creator wishes for none.
    var policyOfNewRooms: RoomPolicy { storesRooms ? [.logsMembership, .keepsHistory] : .logsMembership }

    func handle(_ request: RoomRequest, _ requester: Requester) {
        let room = room(at: request.room)
        if let room {
            if room.storage?.behind.isEmpty == false, waitBehind(request, requester, in: room) { return }
            if !room.hasNumbers, waitForNumbers(request, requester, in: room) { return }
        }
        // What comes behind the direct message that begins the conversation keeps its place.
        if !openings.isEmpty, !request.mayBeginConversation, waitForOpening(request, requester) { return }
        do throws(Failure) {
            switch request {
            case .join(let join, let isAutomatic):
                try self.join(join, in: try visible(room, at: join.room, to: requester), isAutomatic: isAutomatic, requester)
            case .leave(let leave): try self.leave(leave, in: try visible(room, at: leave.room, to: requester), requester)
            case .members(let query): try listMembers(query, requester)
            case .create(let create): try self.create(create, requester)
            case .publish(let publish):
                let room = try speakable(room, at: publish.room, to: requester)
                if mayNeedLookUp(publish.publication, requester), waitForLookUp(request, about: publish.publication, in: room, requester) {
                    return
                }
                try self.publish(publish.publication, in: room, requester)
            case .directMessage(let publish, let to): try directMessage(publish, to: to, requester)
            case .mark(let marker):
                let room = try visible(room, at: marker.room, to: requester)
                if waitForLookUp(request, about: marker, in: room, requester) { return }
                try move(marker, in: room, requester)
            case .typing(let typing): try note(typing, in: try speakable(room, at: typing.room, to: requester), requester)
            case .history(let query): try readHistory(query, in: try visible(room, at: query.room, to: requester), requester)
            case .search(let search, let address): try self.search(search, in: try visible(room, at: address, to: requester))
            case .resume(let join, let place):
                try resumeRoom(join, place: place, in: try visible(room, at: join.room, to: requester), requester)
            }
        } catch {
            refuse(error, request, requester)
        }
    }

    func refuse(_ failure: Failure, _ request: RoomRequest, _ requester: Requester) {
        var failure = failure
        if failure.room == nil { failure.room = request.room }
        if requester.requestID == 0 { failure.type = request.typeNumber }
        if case .search(let search, _) = request { return refuse(failure, search) }
        statistics.refusals += 1
        if case .resume(let join, let place) = request { return refuseResuming(failure, join.room, place: place, requester) }
        if request.mayAddMembership, rooms[request.room]?.member(requester.account) == nil {
            let change = ShardMail.membershipChanged(session: requester.session, request.room, isMember: false)
            send(change, to: Int(requester.session.shard))
        }
        // Nobody asked for the lobby, so nobody is told that it is full.
        if case .join(_, isAutomatic: true) = request { return }
        answer(requester, .error(failure))
    }

    func answer(_ requester: Requester, _ reply: Reply, hasMore: Bool = false) {
        // Nobody waits for a success without request id, so nothing is sent on its way.
        if requester.requestID == 0, case .published = reply { return }
        let shard = Int(requester.session.shard)
        guard shard == index else {
            effects.mail[shard].append(.reply(session: requester.session, requestID: requester.requestID, reply, hasMore: hasMore))
            return
        }
        if let session = sessions[requester.session] { answer(requester.requestID, reply, hasMore: hasMore, session) }
    }

    /// The room, or the refusal that hides whether it exists from those who may not see it.
    func visible(_ room: Room?, at address: RoomAddress, to requester: Requester) throws(Failure) -> Room {
        guard let room, !room.policy.contains(.twoParty) || room.member(requester.account) != nil else {
            throw Failure(.noSuchRoom, reason: "no room \(address)")
        }
        return room
    }

    /// The same for who wants to say something.
    private func speakable(_ room: Room?, at address: RoomAddress, to requester: Requester) throws(Failure) -> Room {
        let room = try visible(room, at: address, to: requester)
        guard !room.isLeft else { throw Failure(.noSuchRoom, reason: "the other party of \(address) is gone") }
        return room
    }

    // MARK: Membership

    private func join(_ join: Join, in room: Room, isAutomatic: Bool, _ requester: Requester) throws(Failure) {
        let next = try self.next(for: join, in: room)
        let member = room.member(requester.account)
        let role = member?.role ?? room.roleOfNewcomers
        if member == nil {
            guard room.members.count < settings.membersPerRoomMax else { throw Failure(.overloaded, reason: "the room is full") }
            admit(requester.account, to: room, role: role, by: requester.session)
        }
        grant(room, to: requester, role: role, next: next, isAutomatic: isAutomatic, choosesAnew: join.choosesNext)
    }

    /// Which event an attaching connection is sent first (docs/PROTOCOL.md, *How `next` is chosen*).
    func next(for join: Join, in room: Room) throws(Failure) -> UInt64 {
        // The seqs that an unclean stop took are told of before anybody counts.
        if room.isTorn { mend(room) }
        guard let cursor = join.cursor else { return room.first(ofNewest: join.tail ?? 0) }
        let position = (epoch: room.epoch, head: room.head, floor: room.floor)
        guard cursor.epoch == room.epoch else {
            throw Failure(
                .epochChanged, reason: "the log began anew", room: room.address, epoch: position.epoch, head: position.head,
                floor: position.floor)
        }
        guard cursor.seq <= room.head else {
            throw Failure(
                .cursorAhead, reason: "the cursor is beyond the head", room: room.address, epoch: position.epoch, head: position.head,
                floor: position.floor)
        }
        return max(cursor.seq + 1, room.first(ofNewest: join.tail ?? 100))
    }

    private func grant(
        _ room: Room, to requester: Requester, role: Role, next: UInt64, isAutomatic: Bool, choosesAnew: Bool
    ) {
        let shard = Int(requester.session.shard)
        room.grants[shard] += 1
        var joined = Joined(room: room.address, epoch: room.epoch, head: room.head, floor: room.floor, next: next, policy: room.policy)
        joined.mark = room.member(requester.account).flatMap { $0.mark > 0 ? $0.mark : nil }
        if !room.policy.contains(.twoParty) {
            joined.title = room.title
            joined.topic = room.topic
            joined.members = UInt64(room.members.count)
            joined.role = role
        }
        send(
            .attached(
                session: requester.session, requestID: requester.requestID, joined, isAutomatic: isAutomatic, choosesAnew: choosesAnew),
            to: shard)
    }

    private func admit(_ account: AccountReference, to room: Room, role: Role, by session: SessionID) {
        makeWay(for: account, in: room)
        let isKnown = room.admit(account, role: role, now: now.monotonicMilliseconds)
        storeMembership(of: account, in: room)
        emptyRooms.remove(room.address)
        send(.membership(account, room.address, isMember: true, by: session), to: map.home(of: account.name))
        if isKnown { notice(.joined(account.name), from: account.name, in: room) }
    }

    /// The name had another life, whose end or new name has not reached this room yet.
    private func makeWay(for account: AccountReference, in room: Room) {
        guard let namesake = room.members[account.name], namesake.incarnation < account.incarnation else { return }
        room.displace(account.name)
        notice(.left(account.name), from: account.name, in: room)
    }

    private func dismiss(_ account: AccountReference, from room: Room, reason: String? = nil) {
        if room.dismiss(account, now: now.monotonicMilliseconds) {
            notice(.left(account.name, reason: reason), from: account.name, in: room)
        }
        storeMembership(of: account, in: room)
        noteEmptiness(of: room)
    }

    /// Appends what the broker says of membership, in rooms small enough that it does not drown what people say.
    private func notice(_ content: EventContent, from account: AccountName, in room: Room) {
        guard room.policy.contains(.logsMembership), room.members.count <= settings.noticeMembersMax, room.hasNumbers else { return }
        _ = append(content, from: account, to: room)
    }

    private func leave(_ leave: Leave, in room: Room, _ requester: Requester) throws(Failure) {
        guard room.member(requester.account) != nil else { throw Failure(.notJoined, reason: "not a member of \(leave.room)") }
        if leave.detachesOnly {
            guard !room.policy.contains(.twoParty) else { throw Failure(.forbidden, reason: "a conversation cannot be detached") }
        } else {
            guard !room.policy.contains(.twoParty) else { throw Failure(.forbidden, reason: "a conversation cannot be left") }
            guard room.address != .lobby || !settings.attachesToLobby else {
                throw Failure(.forbidden, reason: "everyone is in the lobby; it can be detached")
            }
            send(
                .membership(requester.account, room.address, isMember: false, by: requester.session),
                to: map.home(of: requester.account.name))
        }
        send(
            .left(session: requester.session, requestID: requester.requestID, room.address, endsMembership: !leave.detachesOnly),
            to: Int(requester.session.shard))
        if !leave.detachesOnly { dismiss(requester.account, from: room, reason: leave.reason) }
    }

    func endMembership(of account: AccountReference, in address: RoomAddress) {
        guard let room = rooms[address], room.member(account) != nil else { return }
        dismiss(account, from: room)
    }

    func renameMember(_ old: AccountReference, to new: AccountReference, in address: RoomAddress) {
        guard let room = rooms[address] else { return }
        room.storage?.rename(old, to: new)
        guard room.member(old) != nil else { return }
        // The word was late, and the account has come in by itself under its new name.
        guard room.member(new) == nil else { return dismiss(old, from: room) }
        makeWay(for: new, in: room)
        let (wasKnown, isKnown) = room.rename(old, to: new)
        if isKnown {
            notice(wasKnown ? .renamed(from: old.name) : .joined(new.name), from: new.name, in: room)
        } else if wasKnown {
            notice(.left(old.name), from: old.name, in: room)
        }
        send(.membership(new, address, isMember: true, by: nil), to: map.home(of: new.name))
    }

    private func create(_ create: CreateRoom, _ requester: Requester) throws(Failure) {
        guard !create.room.isConversation else { throw Failure(.badName, reason: "a conversation is begun by a direct message", field: 1) }
        guard rooms[create.room] == nil else { throw Failure(.exists, reason: "room \(create.room) exists") }
        var policy = create.policy ?? policyOfNewRooms
        guard policy.isSubset(of: .assigned), !policy.contains(.twoParty) else {
            throw Failure(.badValue, reason: "policy bits that nobody may set", field: 0x26)
        }
        if storesRooms { policy.insert(.keepsHistory) }
        guard policy.isSubset(of: storesRooms ? [.supported, .keepsHistory] : .supported) else {
            throw Failure(.notImplemented, reason: "this broker does not offer that policy", field: 0x26)
        }
        guard rooms.count < settings.roomsMax else { throw Failure(.quota, reason: "the broker holds as many rooms as it may") }
        let room = makeRoom(create.room, policy: policy, title: create.title, topic: create.topic)
        if storesRooms {
            guard isStoreWritable else { throw Self.cannotStore }
            return begin(room, with: .create(create), requester)
        }
        begin(room, with: nil, nil)
        open(room, create, requester)
    }

    /// A new room's first event and member, and word of it.
    func open(_ room: Room, _ create: CreateRoom, _ requester: Requester) {
        _ = append(.created(title: create.title, topic: create.topic), from: requester.account.name, to: room)
        room.admit(requester.account, role: .owner, now: now.monotonicMilliseconds)
        storeMembership(of: requester.account, in: room)
        send(
            .membership(requester.account, room.address, isMember: true, by: requester.session), to: map.home(of: requester.account.name))
        send(.membershipChanged(session: requester.session, room.address, isMember: true), to: Int(requester.session.shard))
        answer(requester, .ok(Success()))
        if !room.policy.contains(.unlisted) { send(.announceCreation(room.address, by: requester.account.name), to: map.home(of: .lobby)) }
    }

    func announceCreation(of room: RoomAddress, by creator: AccountName) {
        guard let lobby = rooms[.lobby] else { return }
        notice(.created(title: room.description), from: creator, in: lobby)
    }

    /// Drops rooms that have had no members for a while.
    func sweepRooms() {
        for address in emptyRooms {
            guard let room = rooms[address], room.members.isEmpty else {
                emptyRooms.remove(address)
                continue
            }
            guard now.monotonicMilliseconds >= room.emptySince + settings.emptyRoomSeconds * 1_000, room.grants.allSatisfy({ $0 == 0 })
            else {
                continue
            }
            rooms[address] = nil
            emptyRooms.remove(address)
            erase(room)
        }
    }

    /// A shard gives back attachments; with the last one, events are no longer sent there.
    func takeBack(_ grants: Int, of address: RoomAddress, epoch: UInt64, from shard: Int) {
        guard let room = rooms[address], room.epoch == epoch else { return }
        room.grants[shard] -= grants
        precondition(room.grants[shard] >= 0, "more attachments given back than granted")
    }
}

extension Join {
    /// Whether the client says where it wants to begin.
    fileprivate var choosesNext: Bool { cursor != nil || tail != nil }
}

extension RoomPolicy {
    /// The bits that have a meaning.
    fileprivate static let assigned = RoomPolicy(rawValue: 127)
    /// The bits that CREATE may set in this release.
    fileprivate static let supported: RoomPolicy = [.unlisted, .moderated, .logsMembership]
}
