public import Bytes

/// What is left of an event whose content was deleted (docs/PROTOCOL.md, *Events that change events*): its place, author, time, message id and what it
/// refers to, and `redacted`.
extension Event {
    /// This event without what it said.
    public var redacted: Event {
        var event = self
        event.mediaType = nil
        event.meta = nil
        event.body = nil
        event.isRedacted = true
        return event
    }

    /// Reads a whole DELIVER frame, header included, such as rings and stores hold. The octets must be ones that this broker wrote.
    public init(frame: SharedBytes) {
        self = frame.withBytes { span in
            guard let header = FrameHeader(span), header.frameByteCount == span.byteCount else {
                preconditionFailure("a stored event is one frame")
            }
            let payload = span.extracting(FrameHeader.byteCount..<span.byteCount)
            guard case .event(let event)? = try? FrameDecoder.serverFrame(header, payload: payload) else {
                preconditionFailure("a stored event is a DELIVER frame")
            }
            return event
        }
    }

    /// The DELIVER frame of this event, the same octets for every recipient.
    public var frame: SharedBytes {
        var writer = ByteWriter(minimumCapacity: 128 + (body?.utf8.count ?? 0))
        FrameEncoder.append(self, to: &writer)
        return writer.finish()
    }
}

extension EventContent {
    /// The text, taken out of the fields.
    public var body: String? {
        fields.withBytes { payload in
            guard var fields = try? FieldReader(payload, .event), let range = fields.take(.body, in: payload) else { return nil }
            return payload.text(in: range)
        }
    }
}
