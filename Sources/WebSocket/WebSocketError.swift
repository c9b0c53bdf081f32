/// Why a WebSocket ends (RFC 6455 section 7.4.1): the status code of a Close frame.
public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    public static let normal = WebSocketCloseCode(rawValue: 1000)
    public static let goingAway = WebSocketCloseCode(rawValue: 1001)
    public static let protocolError = WebSocketCloseCode(rawValue: 1002)
    /// A kind of message that is not taken: text where binary is spoken, or the other way round.
    public static let unsupportedData = WebSocketCloseCode(rawValue: 1003)
    /// A text that is not UTF-8, or compressed data that cannot be decompressed.
    public static let invalidData = WebSocketCloseCode(rawValue: 1007)
    public static let messageTooBig = WebSocketCloseCode(rawValue: 1009)

    /// Whether a peer may send the code: 1004 to 1006 and 1015 are for use within a program, and below 1000 and from 5000 on there is nothing.
    public var mayBeSent: Bool {
        switch rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

/// What ends a WebSocket because its peer breaks the protocol: a Close frame with the code is the answer, and nothing more is read.
public struct WebSocketError: Error, Sendable, Equatable {
    public let code: WebSocketCloseCode
    /// Text for humans, at most 123 octets of ASCII.
    public let reason: String

    public init(_ code: WebSocketCloseCode, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}
