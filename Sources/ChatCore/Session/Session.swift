public import Bytes
public import ChatDialects
public import ChatProtocol

/// Names a connection across shards. The generation tells a connection from its successors in the same slot.
public struct SessionID: Hashable, Sendable {
    public let shard: UInt16
    public let slot: UInt32
    public let generation: UInt32
}

/// An account and which of its lives: a guest's name may be taken again by somebody else.
public struct AccountReference: Hashable, Sendable {
    public let name: AccountName
    public let incarnation: UInt64
}

/// What the broker knows of one connection. Owned by the shard whose loop accepted it.
public final class Session {
    /// How far a connection has come (docs/PROTOCOL.md, *Connection states*).
    public enum State: Sendable {
        case preface
        case hello
        case authenticating
        case ready
        /// Ending: requests read before are still answered, nothing more is read.
        case draining
        case closed
    }

    // Fields are small where they can be, and small ones stand together: the broker has one such object for each connection.

    public let id: SessionID
    public internal(set) var state = State.preface
    /// How events and replies are encoded for this peer.
    public internal(set) var encoding: WireEncoding
    /// Why nothing more may be read for now.
    var holds: HoldReasons = []
    /// What protects the connection; set by the adapter before HELLO is handled.
    public var channel: ChannelTraits = []
    /// Drawn by chance: tells the connection, in logs, from others that had its place.
    let mark: UInt64
    /// What is to be sent. The adapter takes from it what it has written.
    public var queue = OutboundQueue()

    var account: AccountReference?
    /// What HELLO offered and WELCOME put in force.
    var capabilities: Capabilities = []
    var isScheduledForWriting = false
    /// Whether the peer's silence has been answered by a PING.
    var isProbed = false
    /// The client ended the connection, and only its earlier requests are still to be answered.
    var hasSaidGoodbye = false
    /// Whether the last word has been queued; nothing is said after it.
    var hasFinished = false
    var device: SharedBytes?
    /// What is needed to log in to an account; nil where there are none.
    var logIn: LogIn?
    /// The exchange that holds the input, if there is one.
    var claim: NameClaim?
    /// What is said last, once the client has opened the conversation and the requests in flight are answered.
    var farewell: Farewell?

    /// The accounts whose presence this connection wants to be told.
    var watched: Set<AccountName> = []
    /// Ids of requests whose final reply has not been queued.
    var requestsInFlight: ContiguousArray<UInt32> = []
    /// The rosters in which this session is attached, each with its place there.
    var links: ShortList<RosterLink> = []
    /// The rooms that count against the limit of an account: those it is a member of, or has asked to be, but not the lobby.
    var memberships: Set<RoomAddress> = []
    /// Attachments that wait until the queue has drained.
    var lateAttachmentCount: Int32 = 0
    var malformedFrameCount: Int32 = 0

    /// When the present state or silence ends, by the monotonic clock.
    var deadline: UInt64
    var lastReceived: UInt64
    /// Since when the peer has taken nothing of what is queued, by the monotonic clock; 0 if nothing is queued.
    var stalledSince: UInt64 = 0
    /// Octets in the queue when the adapter last began to write it.
    var byteCountBeforeWriting: UInt32 = 0
    /// Octets that the peer had not taken when the adapter last wrote: its part of the shard's backlog.
    var backlogByteCount: UInt32 = 0
    /// How often the connection may publish; nil as long as it has not, and where there is no limit.
    var publishRate: PublishRate?
    var heartbeatMilliseconds: UInt32 = 0

    init(id: SessionID, mark: UInt64, encoding: WireEncoding, now: UInt64, prefaceMilliseconds: UInt64) {
        self.id = id
        self.mark = mark
        self.encoding = encoding
        lastReceived = now
        deadline = now + prefaceMilliseconds
    }

    /// The account in force, once there is one.
    public var accountName: AccountName? { account?.name }

    /// Whether HELLO has not been heard: what is read belongs to how the connection begins.
    public var isOpening: Bool { state == .preface || state == .hello }

    /// Whether the connection is not to be served, which it is told once the conversation is open.
    public var isRefused: Bool { farewell != nil }

    /// Whether the connection has an account and is not ending.
    public var isReady: Bool { state == .ready }

    /// Whether the adapter must not read from the connection, nor hand over what it has read.
    public var isInputHeld: Bool { !holds.isEmpty }

    /// Whether the connection is ending: what arrives is discarded.
    public var isEnding: Bool { state == .draining || state == .closed }

    /// Whether the queue has fallen so far that events held back may follow.
    var hasLateAttachments: Bool { lateAttachmentCount > 0 }
}

/// Why a session's input waits.
struct HoldReasons: OptionSet {
    let rawValue: UInt8

    /// A request is being answered whose outcome decides what the next one means.
    static let claim = HoldReasons(rawValue: 1)
    /// The peer does not read what it is answered.
    static let overflow = HoldReasons(rawValue: 2)
    /// The peer publishes faster than it may.
    static let rate = HoldReasons(rawValue: 4)
}

/// How much a connection that publishes has left of its rate: an object, because most connections only read.
final class PublishRate {
    var bucket = TokenBucket()
    /// When the connection is read again; 0 unless it is throttled.
    var throttledUntil: UInt64 = 0
}

/// A GOODBYE that waits: an object, because few sessions have one.
final class Farewell {
    let goodbye: Goodbye

    init(_ goodbye: Goodbye) { self.goodbye = goodbye }
}

/// A wish for a name that is being decided on the shard that owns the name.
final class NameClaim {
    let requestID: UInt32
    /// The name wished for; nil if the broker is to choose one, and another if that is taken.
    let wish: AccountName?
    /// The account whose name changes; nil at log-in.
    let renames: AccountReference?
    /// Whether the name has been asked for.
    var hasBegun = false
    /// The new account, once granted.
    var granted: AccountReference?
    var triesLeft = 8

    var isGenerated: Bool { wish == nil }

    init(requestID: UInt32, wish: AccountName?, renames: AccountReference?) {
        self.requestID = requestID
        self.wish = wish
        self.renames = renames
    }
}

/// The place of a session in a roster.
struct RosterLink {
    let roster: LocalRoster
    var index: Int
}
