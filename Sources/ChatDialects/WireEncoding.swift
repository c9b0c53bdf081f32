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
    /// Messages of the simple vocabulary of usernames, as events are read by all. Replies depend on what a client asked: they are encoded as in
    /// ``webSocketBinary``, never leave in that form, and are put in words by the connection's ``SimpleDialect``.
    case usernames
    /// The same of the vocabulary of nicks, as `{"type":"Message",…}`.
    case nicks
    /// The same as `{"Message":{…}}`.
    case nestedNicks

    /// Whether clients are in the lobby without being sent what is said there, unless they ask.
    public var isSimple: Bool { simple != nil }

    /// The vocabulary of a simple encoding, and how its messages are written.
    var simple: (vocabulary: SimpleVocabulary, isNested: Bool)? {
        switch self {
        case .native, .json, .webSocketBinary: nil
        case .usernames: (.usernames, false)
        case .nicks: (.nicks, false)
        case .nestedNicks: (.nicks, true)
        }
    }

    /// What of a client's message, without WebSocket framing, belongs to the transcript of how a connection began: no frame header, whose
    /// request id says nothing.
    public func payload(ofReceived message: SharedBytes) -> SharedBytes {
        switch self {
        case .native, .webSocketBinary: message[min(FrameHeader.byteCount, message.count)..<message.count]
        case .json, .usernames, .nicks, .nestedNicks: message
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
            case .usernames, .nicks, .nestedNicks:
                if header.type == FrameType.deliver.rawValue {
                    appendSimple(header, frame, to: &writer)
                } else {
                    WebSocketEncoder.append(.binary, frame, to: &writer)
                }
            }
        }
    }

    private func appendSimple(_ header: FrameHeader, _ frame: RawSpan, to writer: inout ByteWriter) {
        let payload = frame.extracting(FrameHeader.byteCount..<frame.byteCount)
        guard let simple, case .event(let event)? = try? FrameDecoder.serverFrame(header, payload: payload) else { return }
        for message in SimpleMessage.messages(for: event, in: simple.vocabulary) {
            message.append(isNested: simple.isNested, to: &writer)
        }
    }
}
