import ChatProtocol

/// Whether accounts are there: their own word, and those who are told.
extension Shard {
    /// Between two notices about one account.
    private static let presenceIntervalMilliseconds: UInt64 = 1_000

    // MARK: For the connections of this shard

    /// PRESENCE: the connection's own state, and whose state it is told from now on.
    func setPresence(_ presence: Presence, _ session: Session, requestID: UInt32) {
        guard let account = session.account else { preconditionFailure("a ready session has an account") }
        if let state = presence.state, state.rawValue < 1 || state.rawValue > 3 {
            var failure = Failure(.badValue, reason: "a state of one's own is online, away or do not disturb", field: 0x40)
            if requestID == 0 { failure.type = FrameType.presence.rawValue }
            return answer(requestID, .error(failure), session)
        }
        answer(requestID, .ok(Success()), session)
        if let state = presence.state { send(.presenceSet(account, session: session.id, state), to: map.home(of: account.name)) }
        guard let users = presence.users else { return }
        let wanted = Set(users)
        forEachHome(of: session.watched.subtracting(wanted)) { names, home in send(.unwatch(names, session: session.id), to: home) }
        session.watched = wanted
        forEachHome(of: wanted) { names, home in
            send(.watch(names, by: account.name, session: session.id, sharing: session.memberships), to: home)
        }
    }

    func endWatching(_ session: Session) {
        guard !session.watched.isEmpty else { return }
        forEachHome(of: session.watched) { names, home in send(.unwatch(names, session: session.id), to: home) }
        session.watched = []
    }

    /// In order, because a set's own order differs from run to run.
    func forEachHome(of names: some Sequence<AccountName>, _ body: ([AccountName], _ home: Int) -> Void) {
        var byHome = [[AccountName]](repeating: [], count: map.shardCount)
        for name in names.sorted() { byHome[map.home(of: name)].append(name) }
        for home in byHome.indices where !byHome[home].isEmpty { body(byHome[home], home) }
    }

    // MARK: For the accounts of this shard

    func setState(_ state: PresenceState, of reference: AccountReference, session: SessionID) {
        guard let account = accounts[reference.name], account.incarnation == reference.incarnation, account.sessions.contains(session)
        else { return }
        account.states[session] = state == .online ? nil : state
        stateChanged(of: reference.name)
    }

    func states(of names: [AccountName]) -> [AccountName: PresenceState] {
        names.reduce(into: [:]) { $0[$1] = accounts[$1]?.state ?? .offline }
    }

    func watch(_ names: [AccountName], by watcher: AccountName, session: SessionID, sharing: Set<RoomAddress>) {
        for name in names where mayWatch(name, watcher, sharing) {
            let state = accounts[name]?.state ?? .offline
            let watch = watches[name] ?? PresenceWatch(state: state)
            watches[name] = watch
            watch.sessions.insert(session)
            // Of whom nothing is said, is not there.
            if state != .offline { tell(.presence(Presence(state: state, user: name)), to: [session]) }
        }
    }

    /// Accounts see each other that share a room or a conversation.
    private func mayWatch(_ name: AccountName, _ watcher: AccountName, _ sharing: Set<RoomAddress>) -> Bool {
        if settings.attachesToLobby || name == watcher { return true }
        guard let account = accounts[name] else { return false }
        return !account.memberships.isDisjoint(with: sharing)
            || account.conversations.contains(RoomAddress(conversationOf: name, and: watcher))
    }

    func unwatch(_ names: [AccountName], session: SessionID) {
        for name in names {
            guard let watch = watches[name] else { continue }
            watch.sessions.remove(session)
            if watch.sessions.isEmpty {
                watches[name] = nil
                watchesPending.remove(name)
            }
        }
    }

    /// The state of an account may have become another: those who watch it are told, once a second at most.
    func stateChanged(of name: AccountName) {
        guard let watch = watches[name], !watchesPending.contains(name) else { return }
        if now.monotonicMilliseconds >= watch.toldAt + Self.presenceIntervalMilliseconds {
            tellState(of: name, watch)
        } else {
            watchesPending.insert(name)
        }
    }

    private func tellState(of name: AccountName, _ watch: PresenceWatch) {
        let state = accounts[name]?.state ?? .offline
        guard state != watch.toldState else { return }
        watch.toldState = state
        watch.toldAt = now.monotonicMilliseconds
        tell(.presence(Presence(state: state, user: name)), to: watch.sessions.sorted())
    }

    /// Tells what had to wait.
    func sweepWatches() {
        guard !watchesPending.isEmpty else { return }
        for name in watchesPending.sorted() {
            guard let watch = watches[name] else { preconditionFailure("what is pending is watched") }
            guard now.monotonicMilliseconds >= watch.toldAt + Self.presenceIntervalMilliseconds else { continue }
            watchesPending.remove(name)
            tellState(of: name, watch)
        }
    }
}

extension SessionID: Comparable {
    public static func < (left: SessionID, right: SessionID) -> Bool {
        (left.shard, left.slot, left.generation) < (right.shard, right.slot, right.generation)
    }
}
