public import Bytes
public import ChatProtocol

/// An account as it is kept. Owned values; from any thread.
public struct AccountRow: Sendable, Equatable {
    public let id: Int64
    public let name: AccountName
    /// What is kept of the password, in the form of the owner of the mechanism; nil: the account has none, and logs in otherwise.
    public let verifier: String?
    public let isSuspended: Bool
    public let createdAt: Timestamp
}

/// A device that may come back without the password.
public struct DeviceRow: Sendable, Equatable {
    /// Names the device to people: 16 octets that are not its secret.
    public let publicID: SharedBytes
    /// Random; the token of the device is derived from it.
    public let nonce: SharedBytes
    /// The one before, of which the client may still hold the token.
    public let previousNonce: SharedBytes?
    /// When `nonce` replaced it.
    public let renewedAt: Timestamp
    public let expiresAt: Timestamp
    public let agent: String

    public init(
        publicID: SharedBytes, nonce: SharedBytes, previousNonce: SharedBytes?, renewedAt: Timestamp, expiresAt: Timestamp, agent: String
    ) {
        self.publicID = publicID
        self.nonce = nonce
        self.previousNonce = previousNonce
        self.renewedAt = renewedAt
        self.expiresAt = expiresAt
        self.agent = agent
    }
}
