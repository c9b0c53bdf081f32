import Bytes

/// NOTICE: something that the broker tells unasked; there is no answer to it.
public struct Notice: Sendable, Equatable {
    /// What it is about.
    public var code: ResultCode
    /// For humans.
    public var reason: String?
    /// The broker's clock.
    public var timestamp: Timestamp?
    /// When what it is about happens.
    public var until: Timestamp?

    public init(_ code: ResultCode, reason: String? = nil, timestamp: Timestamp? = nil, until: Timestamp? = nil) {
        self.code = code
        self.reason = reason
        self.timestamp = timestamp
        self.until = until
    }
}

extension FrameDecoder {
    static func notice(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Notice {
        let timestamp = try fields.numberIfPresent(.timestamp, in: payload)
        let until = try fields.numberIfPresent(.until, in: payload)
        let reason = try fields.textIfPresent(.reason, in: payload)
        return Notice(try code(&fields, payload), reason: reason, timestamp: timestamp, until: until)
    }
}

extension ByteWriter {
    mutating func append(_ notice: Notice) {
        append(.timestamp, number: notice.timestamp)
        append(.until, number: notice.until)
        append(.reason, text: notice.reason)
        append(.code, number: UInt64(notice.code.rawValue))
    }
}
