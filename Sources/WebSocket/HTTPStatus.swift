/// A status of HTTP (RFC 9110 section 15) that this broker answers with.
public struct HTTPStatus: Sendable, Equatable {
    public let code: Int
    /// The reason phrase, for humans.
    public let phrase: String

    private init(_ code: Int, _ phrase: String) {
        self.code = code
        self.phrase = phrase
    }

    public static let switchingProtocols = HTTPStatus(101, "Switching Protocols")
    public static let ok = HTTPStatus(200, "OK")
    public static let notModified = HTTPStatus(304, "Not Modified")
    public static let badRequest = HTTPStatus(400, "Bad Request")
    public static let forbidden = HTTPStatus(403, "Forbidden")
    public static let notFound = HTTPStatus(404, "Not Found")
    public static let methodNotAllowed = HTTPStatus(405, "Method Not Allowed")
    public static let requestTimeout = HTTPStatus(408, "Request Timeout")
    public static let contentTooLarge = HTTPStatus(413, "Content Too Large")
    public static let targetTooLong = HTTPStatus(414, "URI Too Long")
    public static let upgradeRequired = HTTPStatus(426, "Upgrade Required")
    public static let fieldsTooLarge = HTTPStatus(431, "Request Header Fields Too Large")
    public static let notImplemented = HTTPStatus(501, "Not Implemented")
    public static let unavailable = HTTPStatus(503, "Service Unavailable")
    public static let versionNotSupported = HTTPStatus(505, "HTTP Version Not Supported")
}

/// A request that is not served: the status, why, and fields that the answer must carry. The connection is closed behind the answer, unless
/// nothing was wrong but that there is no such thing (404).
public struct HTTPRefusal: Error, Sendable, Equatable {
    public let status: HTTPStatus
    /// Text for the log; it holds nothing of the request.
    public let reason: String
    /// Fields of the answer, such as `Allow`.
    public let fields: [HTTPField]

    public init(_ status: HTTPStatus, _ reason: String, fields: [HTTPField] = []) {
        self.status = status
        self.reason = reason
        self.fields = fields
    }
}
