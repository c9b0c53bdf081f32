import Bytes
import ChatProtocol

@testable import ChatCore

/// What holds of every broker that is at rest, whatever happened before.
extension SimulatedBroker {
    /// Every promise found broken: by a frame some client was sent, or by what the shards hold now.
    func faultsAtRest() -> [String] {
        var faults = truth.faults + truth.faultsOfChanges() + (store?.faults ?? [])
        let accounts = accounts
        checkSessions(accounts, &faults)
        checkRooms(accounts, &faults)
        checkRosters(&faults)
        checkWatches(&faults)
        checkAcknowledgements(&faults)
        return faults
    }

    private func checkSessions(_ accounts: [AccountName: Account], _ faults: inout [String]) {
        let ready = clients.filter { $0.session.state == .ready }
        let connected = accounts.filter { !$0.value.connections.isEmpty }
        if Set(connected.keys) != Set(ready.compactMap(\.session.accountName))
            || accounts.contains(where: { $0.value.connections.isEmpty && !$0.value.isRegistered })
        {
            faults.append("accounts \(accounts.keys.sorted()), but connected are \(ready.compactMap(\.session.accountName).sorted())")
        }
        for client in clients {
            let session = client.session
            let who = "\(session.accountName?.description ?? "?") \(session.id)"
            if !session.requestsInFlight.isEmpty { faults.append("\(who): in flight at rest: \(session.requestsInFlight)") }
            if client.isOpen, !client.view.hasEnded, session.state == .ready, !client.view.outstanding.isEmpty {
                faults.append("\(who): unanswered: \(client.view.outstanding)")
            }
            if session.lateAttachmentCount != 0, session.queue.isEmpty { faults.append("\(who): late, and nothing to wait for") }
            guard session.state == .ready, let account = session.account else { continue }
            if client.view.name != account.name { faults.append("\(who): believes to be \(String(describing: client.view.name))") }
            guard let held = accounts[account.name], held.incarnation == account.incarnation,
                held.isRegistered ? held.sessions.contains(session.id) : held.sessions == [session.id]
            else {
                faults.append("\(who): its account is not its own")
                continue
            }
            // Nobody is told that another connection of the account has left a room.
            for room in client.view.memberships where !held.isRegistered && room != .lobby && !held.memberships.contains(room) {
                faults.append("\(who): believes to be a member of \(room)")
            }
            checkPositions(of: client, who, &faults)
        }
    }

    /// Whether both parties of a conversation are there, or one with an account to whom a guest has left it.
    private func arePresent(_ parties: Set<AccountName>, in room: Room) -> Bool {
        let present = Set(room.members.keys)
        if present == parties { return true }
        return present.count == 1 && present.isSubset(of: parties) && room.members.values.allSatisfy { $0.incarnation == .max }
    }

    private func checkPositions(of client: SimulatedClient, _ who: String, _ faults: inout [String]) {
        let session = client.session
        for (address, position) in client.view.positions {
            guard let roster = client.shard.rosters[address], roster.epoch == position.epoch, let index = roster.index(of: session) else {
                // Nobody is told that a conversation has ended.
                if session.account?.isRegistered == true, client.shard.rosters[address]?.index(of: session) == nil { continue }
                if address.isConversation, room(address).map({ $0.epoch != position.epoch }) ?? true { continue }
                faults.append("\(who): believes to be attached to \(address)")
                continue
            }
            let attachment = roster.attachments[index]
            guard session.queue.isEmpty else { continue }
            if attachment.state != .live || attachment.next != position.next {
                faults.append("\(who): \(address) is \(attachment.state) at \(attachment.next), the client at \(position.next)")
            }
            if let room = room(address), room.epoch == position.epoch, room.head + 1 != position.next {
                faults.append("\(who): \(address) reaches \(room.head), the client expects \(position.next)")
            }
        }
        for link in session.links {
            if link.roster.attachments[link.index].session !== session { faults.append("\(who): a link to another's attachment") }
            guard client.view.positions[link.roster.address] == nil else { continue }
            let attachment = link.roster.attachments[link.index]
            if attachment.state != .unannounced, session.queue.isEmpty {
                faults.append("\(who): attached to \(link.roster.address) unawares")
            }
            if let room = room(link.roster.address), room.head + 1 != attachment.next {
                faults.append("\(who): was not sent \(attachment.next)...\(room.head) of \(link.roster.address)")
            }
        }
    }

    private func checkRooms(_ accounts: [AccountName: Account], _ faults: inout [String]) {
        var memberships: [AccountName: Set<RoomAddress>] = [:]
        for shard in shards {
            if !shard.openings.isEmpty { faults.append("openings at rest: \(shard.openings.keys)") }
            if !shard.resumes.isEmpty { faults.append("resumes at rest: \(shard.resumes.count)") }
            if !shard.readsInFlight.isEmpty || !shard.postsInFlight.isEmpty { faults.append("the store is asked at rest") }
            if !shard.searches.isEmpty || !shard.searchesTold.isEmpty { faults.append("searches at rest") }
            if !shard.lookUps.isEmpty { faults.append("look-ups at rest: \(shard.lookUps.count)") }
            if !shard.gatherings.isEmpty { faults.append("gatherings at rest: \(shard.gatherings.keys)") }
            if !shard.memberGatherings.isEmpty { faults.append("member gatherings at rest: \(shard.memberGatherings.keys)") }
            if !shard.inboxGatherings.isEmpty { faults.append("inbox gatherings at rest: \(shard.inboxGatherings.keys)") }
            if !shard.roomsInTurn.isEmpty { faults.append("batches at rest") }
            for (address, room) in shard.rooms {
                for (name, member) in room.members {
                    if member.mark > room.head { faults.append("\(address): \(name) has read what there is not") }
                    if accounts[name]?.incarnation != member.incarnation { faults.append("\(address): \(name) is a ghost") }
                    if !address.isConversation && address != .lobby { memberships[name, default: []].insert(address) }
                }
                if !room.displaced.isEmpty { faults.append("\(address): displaced at rest are \(room.displaced.keys)") }
                if room.recent.count > settings.recentEventsPerRoom || room.recent.byteCount > settings.recentEventBytesPerRoomMax {
                    faults.append("\(address): the ring is out of bounds")
                }
                if let markings = room.markings {
                    if markings.isEmpty || markings.reactionCount != markings.reactions.values.reduce(0, { $0 + $1.count })
                        || markings.reactionCount > settings.reactionsPerRoomMax || markings.pins.count > settings.pinsPerRoomMax
                    {
                        faults.append("\(address): the markings are \(markings)")
                    }
                }
                if let parties = address.parties, !arePresent([parties.0, parties.1], in: room) {
                    faults.append("\(address): its parties are \(room.members.keys)")
                }
                if let storage = room.storage { check(storage, of: room, in: shard, &faults) }
                if room.members.isEmpty, address != .lobby, room.storage == nil, !shard.emptyRooms.contains(address) {
                    faults.append("\(address): is empty, and nobody will remove it")
                }
            }
        }
        for (name, account) in accounts where account.memberships != memberships[name] ?? [] {
            faults.append("\(name): member of \(memberships[name] ?? []), at home \(account.memberships)")
        }
        if settings.attachesToLobby, settings.membersPerRoomMax >= accounts.count, let lobby = room(.lobby) {
            let connected = Set(accounts.filter { !$0.value.connections.isEmpty }.keys)
            let staying = Set(accounts.filter { $0.value.connections.isEmpty && $0.value.isRegistered }.keys)
            if !connected.isSubset(of: lobby.members.keys) || !connected.union(staying).isSuperset(of: lobby.members.keys) {
                faults.append("in the lobby are \(lobby.members.keys.sorted()), connected are \(accounts.keys.sorted())")
            }
        }
    }

    private func check(_ storage: RoomStorage, of room: Room, in shard: Shard, _ faults: inout [String]) {
        let address = room.address
        if storage.appendsInFlight != 0 || storage.isReserving { faults.append("\(address): something is still to be stored at rest") }
        if !storage.behind.isEmpty { faults.append("\(address): something waits behind a look-up at rest") }
        if !storage.waiting.isEmpty || !storage.durables.isEmpty || !storage.parked.isEmpty {
            faults.append("\(address): \(storage.waiting.count), \(storage.durables.count), \(storage.parked.count) wait at rest")
        }
        guard shard.isStoreWritable, !room.isTorn else { return }
        if storage.changes.contains(where: { $0.storedAtRead == nil }) || storage.erasures.contains(where: { $0.value.storedAtRead == nil })
        {
            faults.append("\(address): a change that is still to be stored at rest")
        }
        guard let log = store?.logs[address], log.record.epoch == room.epoch else {
            return faults.append("\(address): is not stored")
        }
        if storage.storedHead != room.head || log.head != room.head {
            faults.append("\(address): reaches \(room.head), and is stored up to \(log.head), as it believes \(storage.storedHead)")
        }
        if room.reservedThrough > log.reserved { faults.append("\(address): numbers up to \(room.reservedThrough), not reserved") }
        if room.head > 0 {
            // Whatever was delivered is stored, or named by a void event.
            let voids = voids(of: log)
            for seq in 1...room.head where log.events[seq] == nil && !storage.isVoid(seq) && !voids.contains(where: { $0.contains(seq) }) {
                faults.append("\(address): \(seq) is neither stored nor void")
            }
        }
        for seq in log.events.keys where storage.isVoid(seq) { faults.append("\(address): \(seq) is stored and void") }
    }

    /// The ranges that the stored void events name.
    private func voids(of log: SimulatedStore.Log) -> [ClosedRange<UInt64>] {
        log.events.values.map(SimulatedStore.decode).compactMap { event in
            guard event.kind == .void, let from = event.fromSeq, let to = event.toSeq, from <= to else { return nil }
            return from...to
        }
    }

    private func checkRosters(_ faults: inout [String]) {
        for shard in shards {
            for (address, room) in shard.rooms {
                for index in shards.indices {
                    let held = shards[index].rosters[address].map { $0.epoch == room.epoch ? $0.grants : 0 } ?? 0
                    if room.grants[index] != held {
                        faults.append("\(address): granted \(room.grants[index]) to shard \(index), which holds \(held)")
                    }
                }
            }
            for (address, roster) in shard.rosters {
                if roster.attachments.isEmpty { faults.append("\(address): a roster of nobody") }
                if roster.grants < roster.attachments.count { faults.append("\(address): more attachments than grants") }
                if room(address)?.epoch != roster.epoch { faults.append("\(address): a roster of a log that is no more") }
                if roster.attachments.contains(where: { $0.session.state == .closed }) {
                    faults.append("\(address): a closed session is attached")
                }
            }
        }
    }

    /// Who watches is known where the watched is at home, and nowhere else.
    private func checkWatches(_ faults: inout [String]) {
        var watching: [AccountName: Set<SessionID>] = [:]
        for client in clients where client.isOpen {
            for name in client.session.watched { watching[name, default: []].insert(client.session.id) }
        }
        for shard in shards {
            for (name, watch) in shard.watches where !watch.sessions.isSubset(of: watching[name] ?? []) || watch.sessions.isEmpty {
                faults.append("\(name): watched by \(watch.sessions), but wanted by \(watching[name] ?? [])")
            }
            if !shard.watchesPending.isSubset(of: shard.watches.keys) { faults.append("pending of nobody: \(shard.watchesPending)") }
            for (name, account) in shard.accounts where !Set(account.states.keys).isSubset(of: account.sessions) {
                faults.append("\(name): states of connections that are not its own")
            }
        }
    }

    private func checkAcknowledgements(_ faults: inout [String]) {
        for (address, seq, id) in truth.acknowledged {
            // An acknowledgement does not name the epoch, so only logs that never began anew can be judged.
            guard let room = room(address), room.epoch == truth.epochs[address]?.first, truth.epochs[address]?.count == 1,
                !address.isConversation, let event = truth.logs[.init(room: address, epoch: room.epoch)]?[seq]
            else { continue }
            if event.messageID != id { faults.append("\(address) \(seq) was acknowledged for \(id), but is \(event)") }
        }
    }

    /// What is left once everybody has gone and the times for which anything is kept have passed.
    func remains() -> [String] {
        var remains: [String] = []
        for shard in shards {
            if !shard.rosters.isEmpty { remains.append("rosters \(shard.rosters.keys)") }
            let guests = shard.accounts.filter { !$0.value.isRegistered }
            if !guests.isEmpty { remains.append("guests \(guests.keys)") }
            // Registered accounts are kept for what they are members of, and with them their rooms.
            let idle = shard.accounts.filter { $0.value.isRegistered && $0.value.memberships.isEmpty && $0.value.conversations.isEmpty }
            if !idle.isEmpty { remains.append("idle accounts \(idle.keys)") }
            if !shard.questions.isEmpty { remains.append("questions \(shard.questions.count)") }
            if !shard.refusals.isEmpty { remains.append("refusals \(shard.refusals.count)") }
            if !shard.absentAccounts.isEmpty { remains.append("absent accounts \(shard.absentAccounts)") }
            if !settings.offersAccounts, !shard.accounts.isEmpty { remains.append("accounts \(shard.accounts.keys)") }
            if !shard.renamedAccounts.isEmpty { remains.append("renamed accounts \(shard.renamedAccounts.count)") }
            if !shard.openings.isEmpty { remains.append("openings \(shard.openings.keys)") }
            if !shard.gatherings.isEmpty { remains.append("gatherings \(shard.gatherings.count)") }
            if !shard.memberGatherings.isEmpty { remains.append("gatherings of members \(shard.memberGatherings.count)") }
            if !shard.inboxGatherings.isEmpty { remains.append("gatherings of inboxes \(shard.inboxGatherings.count)") }
            let online = shard.accounts.filter { $0.value.state != .offline }
            if !online.isEmpty { remains.append("online \(online.keys)") }
            if !shard.watches.isEmpty { remains.append("watches \(shard.watches.keys)") }
            if !shard.watchesPending.isEmpty { remains.append("watches pending \(shard.watchesPending)") }
            if !shard.emptyRooms.isEmpty { remains.append("empty rooms \(shard.emptyRooms)") }
            if !shard.roomsInTurn.isEmpty { remains.append("batches") }
            if shard.statistics.connections != 0 { remains.append("connections \(shard.statistics.connections)") }
            for (address, room) in shard.rooms {
                let onlyRegistered = !room.members.isEmpty && room.members.values.allSatisfy { $0.incarnation == .max }
                if address != .lobby, onlyRegistered {
                    if room.grants.contains(where: { $0 != 0 }) { remains.append("grants of \(address): \(room.grants)") }
                    continue
                }
                if address != .lobby, room.storage == nil || address.isConversation { remains.append("room \(address)") }
                if !room.members.isEmpty { remains.append("members of \(address): \(room.members.keys)") }
                if room.grants.contains(where: { $0 != 0 }) { remains.append("grants of \(address): \(room.grants)") }
            }
        }
        return remains
    }
}
