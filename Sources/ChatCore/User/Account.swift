import Bytes
import ChatProtocol

/// An account that is connected, or in later releases registered. Owned by the shard to which its name hashes.
final class Account {
    let incarnation: UInt64
    /// The device of its only connection: a newer connection of the same device may take over.
    var device: SharedBytes?
    /// Its connections.
    var sessions: [SessionID] {
        get { onlySession.map { [$0] } ?? severalSessions }
        set {
            onlySession = newValue.count == 1 ? newValue[0] : nil
            severalSessions = newValue.count == 1 ? [] : newValue
        }
    }
    /// The rooms it is a member of, but not the lobby, in which everyone may be.
    var memberships: Set<RoomAddress> = []
    var conversations: Set<RoomAddress> = []
    /// The states of its connections, but for those that are online.
    var states: [SessionID: PresenceState] = [:]
    /// Whether the name is only reserved, for an account that is on its way here under another name.
    var isArriving: Bool
    // Nearly every account has one connection, which needs no storage of its own.
    private var onlySession: SessionID?
    private var severalSessions: [SessionID] = []

    init(incarnation: UInt64, device: SharedBytes?, session: SessionID, isArriving: Bool) {
        self.incarnation = incarnation
        self.device = device
        self.isArriving = isArriving
        onlySession = session
    }
}

/// Where an account went that changed its name.
struct RenamedAccount {
    let reference: AccountReference
    let session: SessionID
    /// When it may be forgotten, by the monotonic clock.
    let forgetAt: UInt64
}
