public import Bytes
public import ChatProtocol

/// An encoding in which events and replies leave the broker.
///
/// An event is encoded once for each encoding that a recipient uses, whatever the number of recipients.
public enum WireEncoding: UInt8, Sendable, CaseIterable {
    /// The binary frames of docs/PROTOCOL.md.
    case native

    /// What of a message, as it was sent, belongs to a transcript of how a connection began: no header, whose request id says nothing.
    public func payload(of message: SharedBytes) -> SharedBytes {
        switch self {
        case .native: message[min(FrameHeader.byteCount, message.count)..<message.count]
        }
    }

    /// Encodes a reply behind what the writer holds.
    public func append(_ reply: Reply, requestID: UInt32, hasMore: Bool = false, to writer: inout ByteWriter) {
        switch self {
        case .native: FrameEncoder.append(reply, requestID: requestID, more: hasMore, to: &writer)
        }
    }

    /// Encodes an event behind what the writer holds.
    public func appendEvent(
        room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName, content: EventContent, to writer: inout ByteWriter
    ) {
        switch self {
        case .native:
            FrameEncoder.appendDeliver(room: room, seq: seq, timestamp: timestamp, from: from, content: content, to: &writer)
        }
    }
}
