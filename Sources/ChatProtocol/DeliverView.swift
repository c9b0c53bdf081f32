public import Bytes

/// What a load generator wants to know of a DELIVER payload, without an allocation: the values that are numbers, and where the others are.
///
/// Framing, presence and the numbers are judged as strictly as ``FrameDecoder`` does, names and texts are not.
public struct DeliverView: Sendable, Equatable {
    public let seq: UInt64
    public let timestamp: Timestamp
    public let kind: EventKind
    public let messageID: MessageID?
    /// The seq of the event that this one changes, and of the root of its thread.
    public let reference: UInt64?
    public let thread: UInt64?
    /// Where in the payload the octets of `room`, `from` and `body` are.
    public let roomRange: Range<Int>
    public let fromRange: Range<Int>
    public let bodyRange: Range<Int>?

    /// Reads the payload of a DELIVER frame.
    public init(_ payload: RawSpan) throws(PayloadError) {
        var fields = try FieldReader(payload, .deliver)
        guard let room = fields.take(.room, in: payload) else { preconditionFailure("a required field was checked to be there") }
        roomRange = room
        seq = try fields.number(.seq, in: payload)
        timestamp = try fields.number(.timestamp, in: payload)
        guard let from = fields.take(.from, in: payload) else { preconditionFailure("a required field was checked to be there") }
        fromRange = from
        kind = EventKind(rawValue: try fields.octetNumberIfPresent(.kind, in: payload) ?? 0)
        messageID = try fields.messageIDIfPresent(in: payload)
        reference = try fields.numberIfPresent(.reference, in: payload)
        thread = try fields.numberIfPresent(.thread, in: payload)
        bodyRange = fields.octets(of: .body, in: payload)
    }

    /// Reads a whole DELIVER frame, header included. The octets must be ones that this broker wrote.
    public init(frame: SharedBytes) {
        self = frame.withBytes { span in
            guard let view = try? DeliverView(span.extracting(FrameHeader.byteCount..<span.byteCount)) else {
                preconditionFailure("a stored event is a DELIVER frame")
            }
            return view
        }
    }

    /// Whether the event was caused by that account.
    public func isFrom(_ name: AccountName, in payload: RawSpan) -> Bool { AccountName(payload, at: fromRange) == name }

    /// Whether the event is of that log.
    public func isIn(_ room: RoomAddress, in payload: RawSpan) -> Bool { RoomAddress(payload, at: roomRange) == room }
}
