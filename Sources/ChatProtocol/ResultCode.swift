/// The outcome of a request or of a connection (docs/PROTOCOL.md, *Result codes*).
///
/// The hundreds digit tells a client that does not know a code what to do: 1 fix the software, 2 authenticate, 3 give up, 4 correct
/// the request, 5 retry with back-off, 6 resynchronise, 7 retry after `retry_ms`.
public struct ResultCode: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// 0 to 999.
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// Normal end (GOODBYE only).
    public static let ok = ResultCode(rawValue: 0)
    /// First octets are not a CBP preface.
    public static let badPreface = ResultCode(rawValue: 100)
    /// Payload breaks the encoding rules.
    public static let malformed = ResultCode(rawValue: 101)
    /// Frame type not known.
    public static let unknownType = ResultCode(rawValue: 102)
    /// Unknown field marked critical.
    public static let unsupportedField = ResultCode(rawValue: 103)
    /// A required field is absent.
    public static let missingField = ResultCode(rawValue: 104)
    /// Payload length above max_frame.
    public static let frameTooLarge = ResultCode(rawValue: 105)
    /// Frame not allowed in this state.
    public static let badState = ResultCode(rawValue: 106)
    /// No common version.
    public static let version = ResultCode(rawValue: 107)
    /// A value is outside its limits.
    public static let badValue = ResultCode(rawValue: 108)
    /// Request id already awaiting a reply.
    public static let duplicateId = ResultCode(rawValue: 109)
    /// Credit or inflight limit ignored.
    public static let flowViolation = ResultCode(rawValue: 110)
    /// Cannot decompress within limits.
    public static let badCompression = ResultCode(rawValue: 111)
    /// The peer keeps sending bad frames.
    public static let tooManyErrors = ResultCode(rawValue: 112)
    /// Unknown critical flag set.
    public static let badFlags = ResultCode(rawValue: 113)
    /// Handshake or heartbeat timer ran out.
    public static let timeout = ResultCode(rawValue: 114)
    /// Authenticate first.
    public static let authRequired = ResultCode(rawValue: 200)
    /// Credentials refused (no detail, by design).
    public static let authFailed = ResultCode(rawValue: 201)
    /// Mechanism not offered.
    public static let mechUnsupported = ResultCode(rawValue: 202)
    /// Channel binding or transcript does not match.
    public static let bindingMismatch = ResultCode(rawValue: 203)
    /// Token expired; authenticate again.
    public static let credentialExpired = ResultCode(rawValue: 204)
    /// Resume token unknown or expired; authenticate otherwise.
    public static let sessionUnknown = ResultCode(rawValue: 205)
    /// Clear text not accepted here.
    public static let tlsRequired = ResultCode(rawValue: 206)
    /// Account not allowed to log in.
    public static let suspended = ResultCode(rawValue: 207)
    /// A newer connection took over the session.
    public static let replaced = ResultCode(rawValue: 208)
    /// Not permitted.
    public static let forbidden = ResultCode(rawValue: 300)
    /// Banned from the room.
    public static let banned = ResultCode(rawValue: 301)
    /// May read but not publish.
    public static let muted = ResultCode(rawValue: 302)
    /// Room is by invitation.
    public static let inviteRequired = ResultCode(rawValue: 303)
    /// Room accepts only encrypted events.
    public static let e2eeRequired = ResultCode(rawValue: 304)
    /// Removed from the room (DETACHED).
    public static let kicked = ResultCode(rawValue: 305)
    /// Name or address breaks the grammar.
    public static let badName = ResultCode(rawValue: 400)
    /// Text is not acceptable UTF-8.
    public static let badText = ResultCode(rawValue: 401)
    /// Body above max_body.
    public static let bodyTooLarge = ResultCode(rawValue: 402)
    /// No such room, or not visible to the caller.
    public static let noSuchRoom = ResultCode(rawValue: 404)
    /// No such account, or not visible.
    public static let noSuchUser = ResultCode(rawValue: 405)
    /// Ref/thread/reply/mark does not name an event.
    public static let noSuchEvent = ResultCode(rawValue: 406)
    /// Not attached to the room.
    public static let notJoined = ResultCode(rawValue: 407)
    /// Already exists.
    public static let exists = ResultCode(rawValue: 408)
    /// State changed meanwhile.
    public static let conflict = ResultCode(rawValue: 409)
    /// Room or attachment was deleted.
    public static let gone = ResultCode(rawValue: 410)
    /// Range lies below the floor.
    public static let rangeGone = ResultCode(rawValue: 411)
    /// Fault in the server.
    public static let internalFault = ResultCode(rawValue: 500)
    /// Known but not offered by this server.
    public static let notImplemented = ResultCode(rawValue: 501)
    /// Try later.
    public static let overloaded = ResultCode(rawValue: 502)
    /// Node is draining; reconnect elsewhere or later.
    public static let shuttingDown = ResultCode(rawValue: 503)
    /// Not stored; the event was not accepted.
    public static let storeFailed = ResultCode(rawValue: 504)
    /// Go to `alt`.
    public static let wrongNode = ResultCode(rawValue: 505)
    /// The log was reset; drop the cursor and reload.
    public static let epochChanged = ResultCode(rawValue: 600)
    /// Cursor beyond head in the same epoch; reload.
    public static let cursorAhead = ResultCode(rawValue: 601)
    /// Retry outside the deduplication window; outcome unknown.
    public static let retryTooOld = ResultCode(rawValue: 602)
    /// Accepted but durability could not be confirmed.
    public static let outcomeUnknown = ResultCode(rawValue: 603)
    /// Peer did not drain even control traffic.
    public static let slowConsumer = ResultCode(rawValue: 604)
    /// Slow down; see retry_ms.
    public static let rateLimited = ResultCode(rawValue: 700)
    /// Per-account limit.
    public static let tooManyRooms = ResultCode(rawValue: 701)
    /// Max_inflight exceeded.
    public static let tooManyRequests = ResultCode(rawValue: 702)
    /// Storage quota reached.
    public static let quota = ResultCode(rawValue: 703)
    /// Per-account or per-address limit.
    public static let tooManyConnections = ResultCode(rawValue: 704)

    /// Whether the code ends the connection: it is then sent in GOODBYE.
    public var isFatal: Bool { Self.fatalCodes.contains(self) }

    /// The name in the table of codes, or the number of a code that is not in it.
    public var description: String { Self.names[rawValue] ?? "CODE_\(rawValue)" }

    private static let fatalCodes: Set<ResultCode> = [
        .badPreface, .frameTooLarge, .version, .duplicateId, .flowViolation, .badCompression, .tooManyErrors,
        .badFlags, .timeout, .bindingMismatch, .tlsRequired, .suspended, .replaced, .slowConsumer, .tooManyConnections,
    ]

    private static let names: [UInt16: String] = [
        0: "OK",
        100: "BAD_PREFACE",
        101: "MALFORMED",
        102: "UNKNOWN_TYPE",
        103: "UNSUPPORTED_FIELD",
        104: "MISSING_FIELD",
        105: "FRAME_TOO_LARGE",
        106: "BAD_STATE",
        107: "VERSION",
        108: "BAD_VALUE",
        109: "DUPLICATE_ID",
        110: "FLOW_VIOLATION",
        111: "BAD_COMPRESSION",
        112: "TOO_MANY_ERRORS",
        113: "BAD_FLAGS",
        114: "TIMEOUT",
        200: "AUTH_REQUIRED",
        201: "AUTH_FAILED",
        202: "MECH_UNSUPPORTED",
        203: "BINDING_MISMATCH",
        204: "CREDENTIAL_EXPIRED",
        205: "SESSION_UNKNOWN",
        206: "TLS_REQUIRED",
        207: "SUSPENDED",
        208: "REPLACED",
        300: "FORBIDDEN",
        301: "BANNED",
        302: "MUTED",
        303: "INVITE_REQUIRED",
        304: "E2EE_REQUIRED",
        305: "KICKED",
        400: "BAD_NAME",
        401: "BAD_TEXT",
        402: "BODY_TOO_LARGE",
        404: "NO_SUCH_ROOM",
        405: "NO_SUCH_USER",
        406: "NO_SUCH_EVENT",
        407: "NOT_JOINED",
        408: "EXISTS",
        409: "CONFLICT",
        410: "GONE",
        411: "RANGE_GONE",
        500: "INTERNAL",
        501: "NOT_IMPLEMENTED",
        502: "OVERLOADED",
        503: "SHUTTING_DOWN",
        504: "STORE_FAILED",
        505: "WRONG_NODE",
        600: "EPOCH_CHANGED",
        601: "CURSOR_AHEAD",
        602: "RETRY_TOO_OLD",
        603: "OUTCOME_UNKNOWN",
        604: "SLOW_CONSUMER",
        700: "RATE_LIMITED",
        701: "TOO_MANY_ROOMS",
        702: "TOO_MANY_REQUESTS",
        703: "QUOTA",
        704: "TOO_MANY_CONNECTIONS",
    ]
}
