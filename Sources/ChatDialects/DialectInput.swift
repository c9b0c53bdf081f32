public import ChatProtocol

/// What a dialect makes of the octets a client sent: everything the core needs to know of them.
public enum DialectInput: Sendable, Equatable {
    /// The client's preface is complete: the conversation is open.
    case opened(Preface)
    /// A well-formed request.
    case command(Command, requestID: UInt32, isRetry: Bool)
    /// A request that is refused; the connection goes on.
    case fault(PayloadError, type: UInt8, requestID: UInt32)
    /// A frame of a type that this broker does not know and need not know.
    case skipped
    /// The octets cannot be read any further; the connection ends.
    case fatal(ResultCode, reason: String)
    /// The octets are of no protocol: the connection ends without a word.
    case foreign
}

/// How much a dialect takes at present.
public struct DialectLimits: Sendable, Equatable {
    /// Largest frame payload, in octets.
    public var payloadByteCountMax: Int
    /// Largest `body`, in octets.
    public var bodyByteCountMax: Int

    public init(payloadByteCountMax: Int, bodyByteCountMax: Int) {
        self.payloadByteCountMax = payloadByteCountMax
        self.bodyByteCountMax = bodyByteCountMax
    }
}
