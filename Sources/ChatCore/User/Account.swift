import Bytes
import ChatProtocol

/// One connection of an account, and the secret by which its device is known.
struct AccountConnection {
    let session: SessionID
    var device: SharedBytes?
}

/// An account that is connected, or that is registered. Owned by the shard to which its name hashes.
final class Account {
    let incarnation: UInt64
    /// Its connections.
    var connections: [AccountConnection] {
        get { onlyConnection.map { [$0] } ?? severalConnections }
        set {
            onlyConnection = newValue.count == 1 ? newValue[0] : nil
            severalConnections = newValue.count == 1 ? [] : newValue
        }
    }
    /// The rooms it is a member of, but not the lobby, in which everyone may be.
    var memberships: Set<RoomAddress> = []
    var conversations: Set<RoomAddress> = []
    /// Whether the name is only reserved, for an account that is on its way here under another name.
    var isArriving: Bool
    /// Since when a registered account has had no connection, by the monotonic clock.
    var absentSince: UInt64?
    /// Whether the lobby is being left, until which nobody is let in.
    var isLeavingLobby = false
    /// Who waits for that.
    var arrivals: [AccountConnection] = []
    // Nearly every account has one connection, which needs no storage of its own.
    private var onlyConnection: AccountConnection?
    private var severalConnections: [AccountConnection] = []

    /// A guest.
    init(incarnation: UInt64, device: SharedBytes?, session: SessionID, isArriving: Bool) {
        self.incarnation = incarnation
        self.isArriving = isArriving
        onlyConnection = AccountConnection(session: session, device: device)
    }

    /// A registered account, which nobody uses yet.
    init(registeredAt now: UInt64) {
        incarnation = .max
        isArriving = false
    }

    var isRegistered: Bool { incarnation == .max }

    var sessions: [SessionID] { connections.map(\.session) }

    /// The device of a guest, whose newer connection may take over.
    var device: SharedBytes? { onlyConnection?.device }
}

/// Where an account went that changed its name.
struct RenamedAccount {
    let reference: AccountReference
    let session: SessionID
    /// When it may be forgotten, by the monotonic clock.
    let forgetAt: UInt64
}
