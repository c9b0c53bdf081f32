import ChatProtocol

/// What is still to come after a reconnect before the user's requests go on.
struct RecoveryProgress: Sendable {
    struct Room: Sendable {
        var summary: Recovery.Room
        /// Head of the log when it was joined again; nil until then. The room is caught up when its cursor is there.
        var target: UInt64?
        /// Whether every event since the old cursor came.
        var isContiguous = true

        mutating func miss(_ range: ClosedRange<UInt64>) {
            isContiguous = false
            summary.missed.append(range)
        }

        mutating func reset() {
            isContiguous = false
            summary.isReset = true
        }
    }

    var rooms: [RoomAddress: Room]
    var finished: [Recovery.Room] = []
    let deadline: UInt64
    /// Whether the account has the name that it had before. Then the broker has let go of the old connection, and nothing that was
    /// sent on it can still be accepted.
    let hasSameName: Bool
}

extension ClientSession {
    /// Sorts out, when a connection is gone, what its requests have come to; those that may simply be asked again wait for the next one.
    mutating func suspendRequests(at now: UInt64) {
        for (address, progress) in recovery?.rooms ?? [:] where !progress.isContiguous {
            settleUndecided(in: address, isContiguous: false, at: now)
        }
        recovery = nil
        let unsent = requests.urgent
        requests.urgent = []
        var again: [PendingRequest] = []
        for pending in requests.connectionLost() where !pending.isAbandoned && pending.token != nil {
            switch pending.request {
            case .publish, .directMessage, .refer:
                // Delivered is not stored: an account asks again, and is told which.
                let asksAgain = settings.accountOutlivesConnections && (settings.acknowledgement ?? .accepted) >= .durable
                if let echo = pending.echo, !asksAgain {
                    complete(pending.token, .seenInLog(echo))
                } else {
                    undecided.append(pending)
                }
            case .join, .attach, .rooms, .members, .history, .search, .inbox: again.append(Self.afresh(pending))
            case .leave(let room):
                // It is not joined again, and the end of the connection has ended delivery.
                rooms[room] = nil
                complete(pending.token, .done)
            case .create, .rename, .ping, .typing, .presence, .mark, .changePassword, .devices, .revoke, nil:
                complete(pending.token, .unknown(.connectionLost))
            }
        }
        for pending in unsent where pending.token != nil {
            if pending.isRetry { undecided.append(pending) } else { again.append(pending) }
        }
        requests.waiting.insert(contentsOf: again, at: 0)
        for address in rooms.keys { rooms[address]?.connectionLost() }
        rooms = rooms.filter { $0.value.isWanted }
    }

    private static func afresh(_ pending: PendingRequest) -> PendingRequest {
        var pending = pending
        pending.records = []
        pending.pageRecordCount = 0
        pending.events = []
        pending.historyFromSeq = nil
        pending.cursor = nil
        pending.firstSentAt = nil
        return pending
    }

    /// The session is back: joins every room from its cursor.
    mutating func beginRecovery(previous: AccountName?, at now: UInt64) {
        guard let account else { preconditionFailure("recovery begins after AUTH_OK") }
        changeAccount(to: account)
        var progress = RecoveryProgress(
            rooms: [:], deadline: now + settings.requestMillisecondsMax, hasSameName: account == previous)
        for address in attachedRooms {
            rooms[address]?.isJoining = true
            requests.urgent.append(PendingRequest(.rejoin, .join(address, tail: settings.resumeTail)))
            progress.rooms[address] = RecoveryProgress.Room(summary: Recovery.Room(room: address))
        }
        if settings.accountOutlivesConnections, progress.hasSameName {
            for pending in undecided {
                var retry = pending
                retry.isRetry = true
                retry.deadline = now + settings.requestMillisecondsMax
                requests.urgent.append(retry)
            }
            undecided = []
        }
        recovery = progress
        finishRecoveryIfDone()
    }

    /// Looks whether a room has caught up.
    mutating func settle(_ address: RoomAddress, at now: UInt64) {
        guard let progress = recovery?.rooms[address], let target = progress.target, let cursor = rooms[address]?.cursor,
            cursor.position.seq >= target
        else { return }
        recovery?.rooms[address] = nil
        recovery?.finished.append(progress.summary)
        settleUndecided(in: address, isContiguous: progress.isContiguous && recovery?.hasSameName == true, at: now)
        finishRecoveryIfDone()
    }

    /// Decides about the publishes to a log that were not seen in it.
    ///
    /// If everything since the old cursor came, and nothing sent on the old connection can still be accepted, a message that is not
    /// there never was accepted: it is sent as it was, without flag R, since to the broker it is new. Else nobody can tell.
    mutating func settleUndecided(in address: RoomAddress, isContiguous: Bool, at now: UInt64) {
        let concerned = undecided.filter { $0.goes(to: address) }
        undecided.removeAll { $0.goes(to: address) }
        for pending in concerned {
            guard isContiguous else {
                complete(pending.token, .unknown(.connectionLost))
                continue
            }
            var again = Self.afresh(pending)
            again.deadline = now + settings.requestMillisecondsMax
            requests.urgent.append(again)
            if let token = pending.token { notify(.resent(token)) }
        }
    }

    mutating func finishRecoveryIfDone() {
        guard let recovery, recovery.rooms.isEmpty else { return }
        finishRecovery(recovery, isTimedOut: false)
    }

    /// The time for catching up is over: the user's requests go on.
    mutating func giveUpRecovery() {
        guard let recovery else { return }
        finishRecovery(recovery, isTimedOut: true)
    }

    private mutating func finishRecovery(_ progress: RecoveryProgress, isTimedOut: Bool) {
        recovery = nil
        for pending in undecided { complete(pending.token, .unknown(.connectionLost)) }
        undecided = []
        let unfinished = progress.rooms.values.map(\.summary)
        let summaries = (progress.finished + unfinished).sorted { $0.room < $1.room }
        notify(.recovered(Recovery(rooms: summaries, isTimedOut: isTimedOut)))
    }
}

extension PendingRequest {
    /// Whether this is a publish to the given log.
    func goes(to address: RoomAddress) -> Bool {
        guard let sentAs else { return false }
        return log(account: sentAs) == address
    }
}
