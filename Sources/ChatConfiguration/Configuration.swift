/// Everything an operator can decide about a broker, as plain values.
///
/// `Configuration()` is the broker at its defaults. A running broker gets its configuration from ``ConfigurationLoader``, which lays a TOML file,
/// `BROKER_…` environment variables and flags over the defaults and refuses what lies outside the bounds.
/// The initial values below are the only place where a default stands; keys, bounds and explanations stand in ``Setting/all``.
///
/// A value, read-only once the broker runs: every loop has its own copy.
public struct Configuration: Sendable, Equatable {
    /// Where the broker listens, and how it accepts.
    public var listen = Listen()
    /// What is served over HTTP.
    public var web = Web()
    /// The certificate, and the versions of TLS spoken.
    public var tls = TLS()
    /// The process: loops, files, log.
    public var runtime = Runtime()
    /// What outlives the process.
    public var storage = Storage()
    /// How long the broker waits for a peer. Every deadline is total, not per read.
    public var deadlines = Deadlines()
    /// How much one peer, and all peers together, may ask of the broker.
    public var limits = Limits()
    /// Rooms, their members and what they remember.
    public var rooms = Rooms()
    /// Users without a registered account.
    public var guests = Guests()
    public var accounts = Accounts()
    /// The bounds of what waits to be sent, and of what waits to cross from one loop to another.
    public var queues = Queues()

    /// The broker at its defaults.
    public init() {}
}

extension Configuration {
    /// `[listen]`: where the broker listens, and how it accepts.
    public struct Listen: Sendable, Equatable {
        /// The addresses served. Native frames and TLS share each of them; the first octets of a connection decide (docs/PROTOCOL.md, *Sharing one port*).
        public var addresses: [ListenAddress] = [ListenAddress(host: "127.0.0.1", port: 7400)]
        /// The addresses of line mode in the clear, for people with `nc` or `telnet`.
        public var lineAddresses: [ListenAddress] = []
        /// The addresses of line mode under TLS.
        public var lineTlsAddresses: [ListenAddress] = []
        /// Whether native frames without TLS are served on addresses that are not loopback. Otherwise such a connection gets GOODBYE 206.
        public var allowClearTextOffLoopback = false
        /// Connections the kernel completes before the broker accepts them (listen(2), `backlog`).
        public var backlog = 1024
        /// Connections one listener accepts in one turn of its loop, so that a storm of arrivals does not hold back those who are already in.
        public var acceptBurstMax = 64
    }

    /// `[web]`: what is served over HTTP, on the addresses of native frames.
    public struct Web: Sendable, Equatable {
        /// Whether the web client is served at `/`.
        public var client = true
        /// From which web pages a WebSocket may be opened, besides the broker's own: origins, separated by commas; `*` is any.
        public var allowedOrigins = ""
        /// Whether permessage-deflate (RFC 7692) may be agreed on.
        public var compression = false
        /// Whether `/echo` sends back what it is sent over a WebSocket, for tests of clients.
        public var echo = false
    }

    /// `[tls]`: both files or none; without them the broker speaks no TLS.
    public struct TLS: Sendable, Equatable {
        /// The oldest version a handshake may settle on.
        public enum Version: String, Sendable, CaseIterable {
            /// TLS 1.2 (RFC 5246), AEAD suites only.
            case tls12 = "1.2"
            /// TLS 1.3 (RFC 8446).
            case tls13 = "1.3"
        }

        /// PEM file: the certificate of the broker first, then its chain. Empty: no TLS.
        public var certificateFile = ""
        /// PEM file: the private key of the certificate, RSA or ECDSA, not encrypted. Empty: no TLS.
        public var privateKeyFile = ""
        /// PEM: the authorities whose certificates clients may log in with; empty: none.
        public var clientAuthoritiesFile = ""
        /// The oldest version of TLS the broker speaks.
        public var minimumVersion = Version.tls12

        /// Whether the broker has a certificate, and therefore speaks TLS.
        public var isEnabled: Bool { !certificateFile.isEmpty && !privateKeyFile.isEmpty }
    }

    /// `[runtime]`: loops, files and log of the process.
    public struct Runtime: Sendable, Equatable {
        /// How much is logged; each level contains those after it.
        public enum LogLevel: String, Sendable, CaseIterable {
            /// Every frame.
            case trace
            /// Every request.
            case debug
            /// Start, stop, and every connection's end with its reason.
            case info
            /// What an operator may want to know about, though it is normal.
            case notice
            /// What an operator should look at.
            case warning
            /// What does not work.
            case error
        }

        /// Event loops, each on a thread of its own. 0: one for each core.
        public var loops = 0
        /// The folder of what outlives the process. Empty: one of the user's.
        public var dataDirectory = ""
        /// The file written, as JSON, once the broker accepts (docs/OPERATIONS.md, *The ready file*). Empty: none.
        public var readyFile = ""
        /// How much is logged to standard error.
        public var logLevel = LogLevel.info
        /// The name of this broker in WELCOME and in the log.
        public var nodeName = "n1"
        /// From SIGINT or SIGTERM until the process ends, whatever its clients do.
        public var shutdownTimeoutMilliseconds = 5000
    }

    /// `[storage]`: what outlives the process, in the data directory.
    public struct Storage: Sendable, Equatable {
        /// Whether rooms, messages and memberships are kept there.
        public var enabled = true
        /// Whether what was said can be searched.
        public var searchEnabled = true
        /// How long what nobody waits for may wait to be stored. 0: not at all.
        public var commitDelayMilliseconds = 10
        /// Events of a room that are kept, the newest. 0: all.
        public var retainedEventsPerRoomMax = 0
        /// How long events are kept, in days. 0: for ever.
        public var retainedDaysMax = 0
    }

    /// `[deadlines]`: each counts from the event named, and is total.
    public struct Deadlines: Sendable, Equatable {
        /// From accept until the eight octets of the preface are complete; with TLS, this includes its handshake.
        public var prefaceMilliseconds = 5000
        /// From an answer over HTTP until the next request begins on that connection. 0: the connection ends with the answer.
        public var httpIdleMilliseconds = 10_000
        /// From the preface until HELLO is complete.
        public var helloMilliseconds = 10_000
        /// From HELLO until AUTH_OK.
        public var authenticationMilliseconds = 30_000
        /// Silence after which the broker sends PING; after twice as long the connection counts as dead. Spread by ±10 %.
        public var heartbeatMilliseconds = 30_000
        /// How long input is discarded after GOODBYE, so that a reset does not destroy it.
        public var drainMilliseconds = 2000
        /// How long a connection may take nothing at all, control traffic included, before it is closed with 604.
        public var slowConsumerMilliseconds = 60_000
    }

    /// `[limits]`: what peers may ask of the broker.
    public struct Limits: Sendable, Equatable {
        /// Connections served at once; one more gets GOODBYE 704.
        public var connectionsMax = 100_000
        /// Connections from one address. 0: no limit.
        public var connectionsPerAddressMax = 0
        /// Connections not yet authenticated.
        public var unauthenticatedConnectionsMax = 10_000
        /// Connections not yet authenticated, from one address. 0: no limit.
        public var unauthenticatedConnectionsPerAddressMax = 0
        /// The payload octets of a frame the broker accepts once a connection is authenticated (`max_frame` in WELCOME).
        public var frameByteCountMax = 65_536
        /// The payload octets of a frame before that.
        public var unauthenticatedFrameByteCountMax = 16_384
        /// The octets of the `body` or `data` of a message (`max_body` in WELCOME).
        public var bodyByteCountMax = 16_384
        /// Requests of one connection without their final reply; one more gets ERROR 702 (`max_inflight` in WELCOME).
        public var requestsInFlightMax = 256
        /// The same before authentication: enough for HELLO, AUTH and PING sent together.
        public var unauthenticatedRequestsInFlightMax = 8
        /// Frames of one connection answered by ERROR because their payload was malformed; the last of them is followed by GOODBYE.
        public var malformedFramesMax = 8
        /// Messages one connection may publish each second, as a lasting rate. 0: no limit.
        public var publishesPerSecond = 0
        /// Messages above that rate which a connection may publish at once after a pause. 0: as many as one second's.
        public var publishBurst = 0
    }

    /// `[rooms]`: rooms, their members and what they remember.
    public struct Rooms: Sendable, Equatable {
        /// Rooms that exist at once, over all loops.
        public var roomsMax = 1_000_000
        /// Rooms one account is a member of.
        public var roomsPerAccountMax = 1000
        /// Members of one room.
        public var membersPerRoomMax = 100_000
        /// Events a room keeps in memory, for `tail`, for resuming and for readers that lag. 0: none.
        public var recentEventsPerRoom = 128
        /// Octets of encoded events a room keeps in memory; the bound that is reached first counts.
        public var recentEventBytesPerRoomMax = 262_144
        /// Joins and leaves are events only while a room has at most so many members; above, only the count of members tells.
        public var noticeMembersMax = 64
        /// Client message ids remembered for each account, to recognise a retry.
        public var deduplicationEntriesPerAccountMax = 1024
        /// How long a client message id is remembered (`dedup` in WELCOME).
        public var deduplicationSeconds = 600
        /// How long a room outlives its last member, with its events.
        public var emptyRoomSeconds = 3600
        /// Whether every connection is attached to the room `lobby` when it has logged in.
        public var lobbyAutojoin = true
        /// The topic of the room `lobby`.
        public var lobbyTopic = ""
        /// Rooms that exist from the first start on, separated by commas.
        public var standing = "general,random,tech"

        /// The names in ``standing``.
        public var standingRoomNames: [String] {
            standing.split(separator: ",").map { name in
                String(name.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }.filter { !$0.isEmpty }
        }
    }

    /// `[accounts]`: users with a registered account. There are none without a data directory.
    public struct Accounts: Sendable, Equatable {
        /// Who makes accounts.
        public enum Registration: String, Sendable, CaseIterable {
            /// The operator alone.
            case closed
            /// Everybody who can connect.
            case open
        }

        public var registration = Registration.closed
        /// Accounts that exist at once.
        public var accountsMax = 1_000_000
        /// Accounts that may be made from one address in an hour; 0: any number.
        public var registrationsPerHourMax = 10
        /// Iterations of PBKDF2 below which a new password is refused.
        public var iterationsMin = 100_000
        /// How long a device may come back without the password; 0: not at all.
        public var tokenSeconds = 2_592_000
        /// Keys of JSON Web Tokens; empty: such tokens are not accepted.
        public var bearerKeysFile = ""
        public var bearerIssuer = ""
        public var bearerAudience = ""
        public var bearerSubjectClaim = "sub"

        public init() {}
    }

    /// `[guests]`: users without a registered account.
    public struct Guests: Sendable, Equatable {
        /// Whether guests may come, and who chooses their names (docs/PROTOCOL.md, *Guests*).
        public enum Mode: String, Sendable, CaseIterable {
            /// No guests.
            case off
            /// The broker names them `guest-…`.
            case numbered
            /// They choose a name that nobody has.
            case named
        }

        /// Whether guests may come, and who chooses their names.
        public var mode = Mode.named
    }

    /// `[queues]`: the bounds of what waits.
    public struct Queues: Sendable, Equatable {
        /// Octets waiting to be sent to one connection, at which it counts as lagging and is sent nothing more from rooms.
        public var outboundHighWaterBytes = 262_144
        /// Octets waiting below which a lagging connection catches up.
        public var outboundLowWaterBytes = 65_536
        /// Octets waiting for all slow readers together, above which they are sent nothing more from rooms.
        public var outboundTotalBytesMax = 268_435_456
        /// Messages that wait from one loop to another.
        public var mailboxMessagesMax = 65_536
        /// Under load, the longest wait for more to send with the same write. 0: nothing waits.
        public var flushWindowMicroseconds = 1_000
    }
}
