/// A frame that ends the connection, because frame boundaries or the meaning of the frame can no longer be trusted.
public struct FrameError: Error, Sendable, Equatable {
    /// What is sent in GOODBYE.
    public var code: ResultCode
    /// Text for humans.
    public var reason: String

    public init(_ code: ResultCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// A frame whose payload cannot be used. It is answered by ERROR (unless it was ERROR, PONG or GOODBYE), and the connection goes on.
public struct PayloadError: Error, Sendable, Equatable {
    /// What is sent in ERROR.
    public var code: ResultCode
    /// Tag number of the offending field, where one is to blame.
    public var field: UInt64?
    /// Text for humans.
    public var reason: String

    public init(_ code: ResultCode, field: UInt64? = nil, _ reason: String) {
        self.code = code
        self.field = field
        self.reason = reason
    }

    init(_ code: ResultCode, _ field: Field, _ reason: String) {
        self.init(code, field: UInt64(field.tag), reason)
    }
}
