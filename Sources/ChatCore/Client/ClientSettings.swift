public import Bytes
public import ChatProtocol

/// What a client session needs to know before it begins. All durations are milliseconds of the clock that the caller passes in.
public struct ClientSettings: Sendable, Equatable {
    /// Software name and version, told to the broker.
    public var agent: String
    /// 16 random octets chosen once per session, a secret: by them the broker lets a session take its own name back from a dead connection.
    public var device: SharedBytes
    /// The name wished for; empty: the broker gives out a guest's name.
    public var wish: String
    /// Longest time from the open transport to AUTH_OK.
    public var handshakeMillisecondsMax: UInt64 = 15_000
    /// Longest time from a request to its reply, the wait for a connection included.
    public var requestMillisecondsMax: UInt64 = 15_000
    /// Requests that may wait for a connection or for a place in flight; above it, they are refused here.
    public var requestsWaitingMax = 1024
    /// Events asked for in front of live delivery when a room is resumed; the most that the protocol allows.
    public var resumeTail: UInt64 = 1000
    /// How far what is said must have come when it is acknowledged; nil: as far as the broker sees fit.
    public var acknowledgement: AcknowledgementLevel?
    /// Whether a lost connection is replaced, once one has been ready.
    public var reconnects = true
    /// Whether the account lives on without a connection, so that a publish may be retried for it with flag R. A guest's does not
    /// (docs/PROTOCOL.md, *Retries*).
    public var accountOutlivesConnections = false
    /// Whether the owner has credentials: it is asked how to log in, and the wish counts for nothing.
    public var logsInToAccount = false
    /// How long a connection must have been ready for a loss to count as the first one again.
    public var steadyMilliseconds: UInt64 = 10_000

    public init(agent: String, device: SharedBytes, wish: String) {
        precondition(device.count == 16, "a device id is 16 octets")
        self.agent = agent
        self.device = device
        self.wish = wish
    }
}
