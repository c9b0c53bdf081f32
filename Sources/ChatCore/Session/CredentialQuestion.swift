public import Bytes
public import ChatProtocol

/// How far an authentication exchange has come. The core carries it from one message of the client to the next, and knows nothing of it.
public protocol CredentialExchange: Sendable {}

/// What the core wants to know of credentials and accounts, which are kept and judged elsewhere: an effect. Each question is answered
/// once, by ``Shard/answer(_:with:at:)``.
public struct CredentialQuestion: Sendable {
    public enum Subject: Sendable {
        /// The first message of a mechanism.
        case begin(mechanism: String, message: SharedBytes?)
        /// A further message.
        case proceed(any CredentialExchange, message: SharedBytes)
        case register(AccountName, verifier: SharedBytes)
        /// Also forgets the account's other devices.
        case changePassword(AccountName, verifier: SharedBytes)
        case isRegistered(AccountName)
        /// `connected`: the secrets of the devices that are connected.
        case devices(AccountName, connected: [SharedBytes])
        case revoke(AccountName, device: SharedBytes, connected: [SharedBytes])
    }

    /// Names the question in the answer.
    public let number: UInt64
    public let subject: Subject
    /// The connection whose user asks; nil if the broker asks for itself.
    public let session: SessionID?
    /// How that connection began.
    public let origin: LogInOrigin

    public init(number: UInt64, subject: Subject, session: SessionID?, origin: LogInOrigin) {
        self.number = number
        self.subject = subject
        self.session = session
        self.origin = origin
    }
}

/// What a client said of itself when its connection began.
public struct LogInOrigin: Sendable {
    /// Software and version.
    public var agent = ""
    /// The secret by which its device is known; nil if it has none.
    public var device: SharedBytes?
    /// The client's preface and HELLO, the broker's preface and WELCOME, as they were sent: payloads without headers.
    public var transcript = SharedBytes.empty
    /// Whether WELCOME offered a mechanism that binds to the TLS connection.
    public var offersBinding = false

    public init() {}
}

/// What is known about a ``CredentialQuestion``.
public enum CredentialAnswer: Sendable {
    /// The client is to answer this.
    case challenge(SharedBytes, any CredentialExchange)
    case accepted(AcceptedLogIn)
    /// The refusal is told only after a while: guessing is to take time.
    case refused(ResultCode, reason: String? = nil, delayMilliseconds: UInt64 = 0)
    /// What was asked for is done.
    case done
    case registered(Bool)
    case devices([DeviceRecord])
    /// A device is forgotten; its secret, if it is among those connected.
    case revoked(connected: SharedBytes?)
}

/// A log-in that succeeded.
public struct AcceptedLogIn: Sendable {
    public var name: AccountName
    /// The last message of the mechanism.
    public var message: SharedBytes?
    public var token: SharedBytes?
    public var tokenSeconds: UInt64?
    /// When the credential ends; nil: it does not.
    public var until: Timestamp?
    /// Whether the user has shown to know the password: only then may it be changed.
    public var provesPassword: Bool

    public init(
        name: AccountName, message: SharedBytes? = nil, token: SharedBytes? = nil, tokenSeconds: UInt64? = nil, until: Timestamp? = nil,
        provesPassword: Bool = false
    ) {
        self.name = name
        self.message = message
        self.token = token
        self.tokenSeconds = tokenSeconds
        self.until = until
        self.provesPassword = provesPassword
    }
}

/// What protects the octets of a connection, as far as it matters to what may be offered on it.
public struct ChannelTraits: OptionSet, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// Both ends are on this machine.
    public static let loopback = ChannelTraits(rawValue: 1)
    public static let encrypted = ChannelTraits(rawValue: 2)
    /// Both ends can compute octets that nobody else can (RFC 9266).
    public static let bindable = ChannelTraits(rawValue: 4)
    /// The client has shown a certificate that names an account.
    public static let certified = ChannelTraits(rawValue: 8)
    /// A person types here: a password may come as it is.
    public static let typed = ChannelTraits(rawValue: 16)
    /// A web page speaks here, which can compute no exporter of its TLS connection.
    public static let scripted = ChannelTraits(rawValue: 32)
}

/// What a core asks about and later is told, by number.
enum CredentialPurpose {
    /// The exchange of a connection.
    case exchange(SessionID)
    /// A guest wishes for a name.
    case wish(SessionID)
    /// A connection waits for OK.
    case registration(SessionID, requestID: UInt32)
    case password(SessionID, requestID: UInt32)
    /// The home of an account asked for one of its connections.
    case devices(SessionID, requestID: UInt32)
    case revocation(AccountReference, SessionID, requestID: UInt32)
    /// A conversation begins with somebody who is not connected.
    case party(RoomAddress, AccountName)
}
