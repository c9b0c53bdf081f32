public import Bytes
public import ChatProtocol
import WebSocket

/// An encoding in which events and replies leave the broker.
///
/// Rooms keep events as native frames. What other encodings make of them is a function of those frames alone, so it is made once for all
/// connections of a loop that use the encoding.
public enum WireEncoding: UInt8, Sendable, CaseIterable {
    /// The binary frames of docs/PROTOCOL.md.
    case native
    /// JSON objects, each in one unmasked text message of a WebSocket.
    case json
    /// Native frames, each in one unmasked binary message of a WebSocket.
    case webSocketBinary

    /// What of a client's message, without WebSocket framing, belongs to the transcript of how a connection began: no frame header, whose
    /// request id says nothing.
    public func payload(ofReceived message: SharedBytes) -> SharedBytes {
        switch self {
        case .native, .webSocketBinary: message[min(FrameHeader.byteCount, message.count)..<message.count]
        case .json: message
        }
    }

    /// The same of a message that ``append(_:requestID:hasMore:to:)`` has written.
    public func payload(ofSent message: SharedBytes) -> SharedBytes {
        guard self != .native, message.count > 2 else { return payload(ofReceived: message) }
        // RFC 6455, section 5.2: unmasked, the length in 7 bits, or in 2 or 8 octets behind them.
        let length = message.withBytes { $0.byte(at: 1) & 0x7F }
        let framing = length < 126 ? 2 : length == 126 ? 4 : 10
        return payload(ofReceived: message[framing..<message.count])
    }

    /// Encodes a reply behind what the writer holds.
    public func append(_ reply: Reply, requestID: UInt32, hasMore: Bool = false, to writer: inout ByteWriter) {
        guard self != .native else { return FrameEncoder.append(reply, requestID: requestID, more: hasMore, to: &writer) }
        var frames = ByteWriter(minimumCapacity: 256)
        FrameEncoder.append(reply, requestID: requestID, more: hasMore, to: &frames)
        frames.withBytes { append(native: $0, to: &writer) }
    }

    /// Encodes an event behind what the writer holds.
    public func appendEvent(
        room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName, content: EventContent, to writer: inout ByteWriter
    ) {
        guard self != .native else {
            return FrameEncoder.appendDeliver(room: room, seq: seq, timestamp: timestamp, from: from, content: content, to: &writer)
        }
        var frame = ByteWriter(minimumCapacity: 128 + content.fields.count)
        FrameEncoder.appendDeliver(room: room, seq: seq, timestamp: timestamp, from: from, content: content, to: &frame)
        frame.withBytes { append(native: $0, to: &writer) }
    }

    /// What whole native frames, back to back and of this implementation's making, are in this encoding.
    public func translation(of frames: SharedBytes) -> SharedBytes {
        guard self != .native else { return frames }
        var writer = ByteWriter(minimumCapacity: 2 * frames.count)
        frames.withBytes { append(native: $0, to: &writer) }
        return writer.finish()
    }

    private func append(native frames: RawSpan, to writer: inout ByteWriter) {
        var offset = 0
        while offset < frames.byteCount {
            guard let header = FrameHeader(frames.extracting(offset..<frames.byteCount)) else { preconditionFailure("whole frames") }
            let end = offset + FrameHeader.byteCount + header.payloadByteCount
            let frame = frames.extracting(offset..<end)
            offset = end
            switch self {
            case .native: writer.append(frame)
            case .webSocketBinary: WebSocketEncoder.append(.binary, frame, to: &writer)
            case .json:
                // The length stands in front, and is known only behind.
                var text = ByteWriter(minimumCapacity: 2 * frame.byteCount)
                JSONFrameWriter.append(frame: frame, to: &text)
                text.withBytes { WebSocketEncoder.append(.text, $0, to: &writer) }
            }
        }
    }
}
