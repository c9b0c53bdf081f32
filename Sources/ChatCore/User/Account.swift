import Bytes
import ChatProtocol

/// One connection of an account, and the secret by which its device is known.
struct AccountConnection {
    let device: SharedBytes?
    let session: SessionID
}

/// An account that is connected, or that is registered. Owned by the shard to which its name hashes.
final class Account {
    let incarnation: UInt64
    /// The rooms it is a member of, but not the lobby, in which everyone may be.
    var memberships: Set<RoomAddress> = []
    var conversations: Set<RoomAddress> = []
    /// The states of its connections, but for those that are online.
    var states: [SessionID: PresenceState] = [:]
    /// Who waits until the lobby has been left.
    var arrivals: [AccountConnection] = []
    var connections: ShortList<AccountConnection>
    /// Since when a registered account has had no connection, by the monotonic clock.
    var absentSince: UInt64?
    /// Whether the lobby is being left, until which nobody is let in.
    var isLeavingLobby = false
    /// Whether the name is only reserved, for an account that is on its way here under another name.
    var isArriving: Bool

    /// A guest.
    init(incarnation: UInt64, device: SharedBytes?, session: SessionID, isArriving: Bool) {
        self.incarnation = incarnation
        self.isArriving = isArriving
        connections = [AccountConnection(device: device, session: session)]
    }

    /// A registered account, which nobody uses yet.
    init(registeredAt now: UInt64) {
        incarnation = .max
        connections = []
        isArriving = false
    }

    var isRegistered: Bool { incarnation == .max }

    var sessions: [SessionID] { connections.map(\.session) }

    /// The device of a guest, whose newer connection may take over.
    var device: SharedBytes? { connections.first?.device }
}

/// Where an account went that changed its name.
struct RenamedAccount {
    let reference: AccountReference
    let session: SessionID
    /// When it may be forgotten, by the monotonic clock.
    let forgetAt: UInt64
}
