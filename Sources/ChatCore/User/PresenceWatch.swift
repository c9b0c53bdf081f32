import ChatProtocol

/// Who is told the presence of one account.
final class PresenceWatch {
    var sessions: Set<SessionID> = []
    /// What they were told last.
    var toldState: PresenceState
    /// When, by the monotonic clock.
    var toldAt: UInt64 = 0

    init(state: PresenceState) { toldState = state }
}

extension Account {
    /// The most present of its connections: online, then do not disturb, then away. A registered account without a connection is offline.
    var state: PresenceState {
        guard !isArriving, !sessions.isEmpty else { return .offline }
        if sessions.contains(where: { states[$0] == nil }) { return .online }
        return states.values.contains(.doNotDisturb) ? .doNotDisturb : .away
    }
}
