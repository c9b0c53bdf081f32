import Bytes
import ChatProtocol

/// Name claims, connections and memberships of the accounts whose home is this shard.
extension Shard {
    private func account(_ reference: AccountReference) -> Account? {
        guard let account = accounts[reference.name], account.incarnation == reference.incarnation else { return nil }
        return account
    }

    /// A connection wishes for a name.
    func claim(_ name: AccountName, by session: SessionID, device: SharedBytes?, isRename: Bool, isGenerated: Bool) {
        if let account = accounts[name] {
            guard !isRename, !isGenerated, !account.isArriving, !account.isRegistered, let device, account.device == device else {
                return send(.claimRefused(session: session), to: Int(session.shard))
            }
            // The same device has come back before its old connection was known to be dead: the new one takes over.
            let replaced = account.sessions
            account.connections = [AccountConnection(device: device, session: session)]
            account.states = [:]
            stateChanged(of: name)
            let reference = AccountReference(name: name, incarnation: account.incarnation)
            for old in replaced { send(.replaced(session: old), to: Int(old.shard)) }
            send(.claimed(session: session, reference, memberships: account.memberships), to: Int(session.shard))
            for conversation in account.conversations.sorted() {
                send(.partyConnected(conversation, session: session), to: map.home(of: conversation))
            }
            return
        }
        // A name that only the broker gives is granted to a wish only when a device takes its own connection over.
        guard isGenerated || !name.isReserved else { return send(.claimRefused(session: session), to: Int(session.shard)) }
        lastIncarnation += 1
        // The shard is part of the number, so that no two lives of any accounts share one.
        let incarnation = lastIncarnation << 8 | UInt64(index)
        accounts[name] = Account(incarnation: incarnation, device: device, session: session, isArriving: isRename)
        let reference = AccountReference(name: name, incarnation: incarnation)
        send(.claimed(session: session, reference, memberships: []), to: Int(session.shard))
        stateChanged(of: name)
    }

    /// A connection of an account has ended; with the last one a guest ends too.
    func release(_ reference: AccountReference, session: SessionID) {
        guard let account = account(reference) else { return }
        defer { stateChanged(of: reference.name) }
        let wasPresent = !account.connections.isEmpty
        account.connections.removeAll { $0.session == session }
        account.arrivals.removeAll { $0.session == session }
        account.states[session] = nil
        guard wasPresent, account.connections.isEmpty else { return }
        if account.isRegistered { noteAbsence(of: account, reference.name) } else { endGuest(reference, account) }
    }

    /// A guest ends, with its memberships and conversations.
    func endGuest(_ reference: AccountReference, _ account: Account) {
        accounts[reference.name] = nil
        // In order, here and elsewhere: a set's own order differs from run to run, and a run is to be repeatable.
        for room in [.lobby] + account.memberships.sorted() { send(.accountEnded(reference, room), to: map.home(of: room)) }
        for conversation in account.conversations.sorted() {
            send(.conversationPartyEnded(conversation, reference), to: map.home(of: conversation))
        }
    }

    /// A guest has been granted another name: its rooms learn it, its conversations end.
    func renameAccount(_ old: AccountReference, to new: AccountReference, session: SessionID) {
        // A newer connection may have taken the account over; then it keeps its name.
        guard let account = account(old), account.sessions == [session] else {
            return send(.renameRefused(session: session), to: Int(session.shard))
        }
        accounts[old.name] = nil
        stateChanged(of: old.name)
        renamedAccounts[old] = RenamedAccount(reference: new, session: session, forgetAt: now.monotonicMilliseconds + 60_000)
        send(.renamed(session: session, old, to: new, rooms: account.memberships.union([.lobby])), to: Int(session.shard))
        for conversation in account.conversations.sorted() {
            send(.conversationPartyEnded(conversation, old), to: map.home(of: conversation))
        }
    }

    /// The account that a name was reserved for goes on under it.
    func settle(_ reference: AccountReference) {
        account(reference)?.isArriving = false
        stateChanged(of: reference.name)
    }

    /// A room says that an account is or is no longer a member.
    func noteMembership(_ reference: AccountReference, in room: RoomAddress, isMember: Bool, by session: SessionID?) {
        guard let account = account(reference) else {
            guard isMember else { return }
            // The word was under way when the account ended or changed its name.
            if let renamed = renamedAccounts[reference] {
                send(.renameLate(session: renamed.session, reference, to: renamed.reference, room), to: Int(renamed.session.shard))
            } else {
                send(.accountEnded(reference, room), to: map.home(of: room))
            }
            return
        }
        if isMember {
            if room != .lobby { account.memberships.insert(room) }
            guard account.isRegistered else { return }
            noteMembershipOfOthers(account, room, isMember: true, except: session)
        } else {
            account.memberships.remove(room)
            forgetIfIdle(account, reference.name)
            for other in account.sessions where other != session { send(.detached(session: other, room), to: Int(other.shard)) }
            noteMembershipOfOthers(account, room, isMember: false, except: session)
        }
    }

    /// All connections of an account count its rooms.
    private func noteMembershipOfOthers(_ account: Account, _ room: RoomAddress, isMember: Bool, except session: SessionID?) {
        for other in account.sessions where other != session {
            send(.membershipChanged(session: other, room, isMember: isMember), to: Int(other.shard))
        }
    }

    /// A conversation begins, and asks for one of its parties.
    func noteConversation(_ address: RoomAddress, party: AccountName) {
        guard accounts[party] == nil, settings.offersAccounts, !party.isReserved else { return nameParty(party, of: address) }
        ask(.isRegistered(party), for: nil, .party(address, party))
    }

    /// Says who a party of a conversation is.
    func nameParty(_ party: AccountName, of address: RoomAddress) {
        let home = map.home(of: address)
        guard let account = accounts[party] else { return send(.conversationParty(address, party: party, nil, sessions: []), to: home) }
        account.conversations.insert(address)
        let reference = AccountReference(name: party, incarnation: account.incarnation)
        send(.conversationParty(address, party: party, reference, sessions: account.sessions), to: home)
    }

    func forgetConversation(_ address: RoomAddress, party: AccountReference) {
        guard let account = account(party) else { return }
        account.conversations.remove(address)
        forgetIfIdle(account, party.name)
    }

    /// Forgets renames that no message under way can still concern.
    func sweepAccounts() {
        sweepAbsentAccounts()
        guard !renamedAccounts.isEmpty else { return }
        renamedAccounts = renamedAccounts.filter { $0.value.forgetAt > now.monotonicMilliseconds }
    }
}
