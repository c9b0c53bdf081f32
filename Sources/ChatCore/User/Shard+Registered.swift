import Bytes
public import ChatProtocol

extension AccountReference {
    /// The one life of a registered account. It displaces whatever guest has had the name.
    public init(registered name: AccountName) {
        self.init(name: name, incarnation: .max)
    }

    /// Whether somebody registered this account; else it is a guest's.
    public var isRegistered: Bool { incarnation == .max }
}

/// Registered accounts whose home is this shard: they outlive their connections, of which each may have several.
extension Shard {
    /// How long an account without a connection stays in the lobby.
    private static let absenceMilliseconds: UInt64 = 30_000

    /// Somebody has proved to be an account's owner.
    func logIn(_ name: AccountName, by session: SessionID, device: SharedBytes?) {
        let reference = AccountReference(registered: name)
        if let guest = accounts[name], !guest.isRegistered { displace(guest, name) }
        let account = accounts[name] ?? Account(registeredAt: now.monotonicMilliseconds)
        accounts[name] = account
        guard !account.isLeavingLobby else { return account.arrivals.append(AccountConnection(device: device, session: session)) }
        admit(AccountConnection(device: device, session: session), to: account, reference)
    }

    private func admit(_ connection: AccountConnection, to account: Account, _ reference: AccountReference) {
        // A half-dead connection does not outlive its successor.
        if let device = connection.device {
            for old in account.connections where old.device == device { send(.replaced(session: old.session), to: Int(old.session.shard)) }
            for old in account.connections where old.device == device { account.states[old.session] = nil }
            account.connections.removeAll { $0.device == device }
        }
        account.connections.append(connection)
        account.absentSince = nil
        absentAccounts.remove(reference.name)
        stateChanged(of: reference.name)
        send(.loggedIn(session: connection.session, reference, memberships: account.memberships), to: Int(connection.session.shard))
        for conversation in account.conversations.sorted() {
            send(.partyConnected(conversation, session: connection.session), to: map.home(of: conversation))
        }
    }

    /// A guest had taken the name before it was registered.
    private func displace(_ guest: Account, _ name: AccountName) {
        for session in guest.sessions { send(.displaced(session: session), to: Int(session.shard)) }
        endGuest(AccountReference(name: name, incarnation: guest.incarnation), guest)
    }

    /// The last connection of a registered account is gone.
    func noteAbsence(of account: Account, _ name: AccountName) {
        account.absentSince = now.monotonicMilliseconds
        absentAccounts.insert(name)
    }

    /// Takes accounts out of the lobby that have been away for a while.
    func sweepAbsentAccounts() {
        guard !absentAccounts.isEmpty else { return }
        for name in absentAccounts.sorted() {
            guard let account = accounts[name], let since = account.absentSince else {
                absentAccounts.remove(name)
                continue
            }
            guard now.monotonicMilliseconds >= since + Self.absenceMilliseconds else { continue }
            absentAccounts.remove(name)
            // Until the lobby has answered nobody is let in, or its word would cross with the newcomer's.
            account.isLeavingLobby = true
            send(.leaveLobby(AccountReference(registered: name)), to: map.home(of: .lobby))
        }
    }

    /// At the lobby's home.
    func leaveLobby(_ reference: AccountReference) {
        endMembership(of: reference, in: .lobby)
        send(.leftLobby(reference), to: map.home(of: reference.name))
    }

    func leftLobby(_ reference: AccountReference) {
        guard let account = accounts[reference.name], account.isRegistered else { return }
        account.isLeavingLobby = false
        let arrivals = account.arrivals
        account.arrivals = []
        for arrival in arrivals { admit(arrival, to: account, reference) }
        forgetIfIdle(account, reference.name)
    }

    /// A registered account that nobody uses, and that is nowhere a member, need not be held.
    func forgetIfIdle(_ account: Account, _ name: AccountName) {
        guard account.isRegistered, account.connections.isEmpty, account.memberships.isEmpty, account.conversations.isEmpty,
            !account.isLeavingLobby, account.arrivals.isEmpty, !absentAccounts.contains(name)
        else { return }
        accounts[name] = nil
    }

    /// A registered account is a member of a room, or a party of a conversation, that has outlived the process. For the shard that is
    /// the home of the account, before anybody connects; the room's own home holds it as `AccountReference(registered:)`.
    func restoreMembership(of name: AccountName, in room: RoomAddress) {
        precondition(map.home(of: name) == index, "an account is restored at its home")
        let account = accounts[name] ?? Account(registeredAt: now.monotonicMilliseconds)
        precondition(account.isRegistered, "only registered accounts outlive the process")
        if account.connections.isEmpty { account.absentSince = account.absentSince ?? now.monotonicMilliseconds }
        accounts[name] = account
        if room.isConversation {
            account.conversations.insert(room)
        } else if room != .lobby {
            account.memberships.insert(room)
        } else if account.connections.isEmpty {
            absentAccounts.insert(name)
        }
    }

    /// What shards say to each other about registered accounts.
    func handleRegistered(_ message: ShardMail) {
        switch message {
        case .logIn(let name, let session, let device): logIn(name, by: session, device: device)
        case .leftLobby(let account): leftLobby(account)
        case .askFree(let wish, let session, let requestID): askFree(wish, session, requestID)
        case .askDevices(let account, let session, let requestID): askDevices(account, session, requestID)
        case .revoke(let account, let device, let session, let requestID): revoke(account, device, session, requestID)
        case .endOthers(let account, let session): endOthers(account, except: session)
        case .leaveLobby(let account): leaveLobby(account)
        case .loggedIn(let session, let account, let memberships): loggedIn(session, account, memberships: memberships)
        case .mayRegister(let wish, let isFree, let session, let requestID): mayRegister(wish, isFree: isFree, session, requestID)
        case .displaced(let session): displace(session)
        case .endRevoked(let session): endRevoked(session)
        case .endSuspended(let session): endSuspended(session)
        default: preconditionFailure("other messages are handled elsewhere")
        }
    }

    // MARK: Questions of connections

    func askFree(_ wish: Register, _ session: SessionID, _ requestID: UInt32) {
        let account = accounts[wish.user]
        let isFree = account == nil || account?.isRegistered == false && account?.sessions == [session]
        send(.mayRegister(wish, isFree: isFree, session: session, requestID: requestID), to: Int(session.shard))
    }

    func askDevices(_ reference: AccountReference, _ session: SessionID, _ requestID: UInt32) {
        let connected = accounts[reference.name]?.connections.compactMap(\.device) ?? []
        ask(.devices(reference.name, connected: connected), for: nil, .devices(session, requestID: requestID))
    }

    func listDevices(_ session: SessionID, _ requestID: UInt32, _ answer: CredentialAnswer) {
        let reply: Reply
        switch answer {
        case .devices(let records): reply = .items(Items(records: records.map { .device($0) }))
        case .refused(let code, let reason, _): reply = .error(Failure(code, reason: reason))
        default: preconditionFailure("a list is not answered like this")
        }
        send(.reply(session: session, requestID: requestID, reply, hasMore: false), to: Int(session.shard))
    }

    func revoke(_ reference: AccountReference, _ device: SharedBytes, _ session: SessionID, _ requestID: UInt32) {
        let connected = accounts[reference.name]?.connections.compactMap(\.device) ?? []
        ask(
            .revoke(reference.name, device: device, connected: connected), for: nil,
            .revocation(reference, session, requestID: requestID))
    }

    func finishRevocation(_ reference: AccountReference, _ session: SessionID, _ requestID: UInt32, _ answer: CredentialAnswer) {
        let reply: Reply
        switch answer {
        case .revoked(let device):
            reply = .ok(Success())
            if let device, let account = accounts[reference.name] {
                for connection in account.connections where connection.device == device && connection.session != session {
                    send(.endRevoked(session: connection.session), to: Int(connection.session.shard))
                }
            }
        case .refused(let code, let reason, _): reply = .error(Failure(code, reason: reason))
        default: preconditionFailure("a revocation is not answered like this")
        }
        send(.reply(session: session, requestID: requestID, reply, hasMore: false), to: Int(session.shard))
    }

    /// The password has changed: who logged in with the old one is sent away.
    func endOthers(_ reference: AccountReference, except session: SessionID) {
        for connection in accounts[reference.name]?.connections ?? [] where connection.session != session {
            send(.endRevoked(session: connection.session), to: Int(connection.session.shard))
        }
    }

    /// Accounts that must not be used any more; names of other shards' accounts are passed over.
    public func suspend(_ names: [AccountName], at moment: Moment) {
        now = moment
        for name in names where map.home(of: name) == index {
            guard let account = accounts[name], account.isRegistered else { continue }
            for connection in account.connections { send(.endSuspended(session: connection.session), to: Int(connection.session.shard)) }
        }
    }

    // MARK: Conversations

    /// Somebody writes to an account that has not been connected since the broker began.
    func noteRegistration(of party: AccountName, in address: RoomAddress, _ answer: CredentialAnswer) {
        if case .registered(true) = answer, accounts[party] == nil {
            let account = Account(registeredAt: now.monotonicMilliseconds)
            account.absentSince = now.monotonicMilliseconds
            accounts[party] = account
        }
        nameParty(party, of: address)
    }
}
