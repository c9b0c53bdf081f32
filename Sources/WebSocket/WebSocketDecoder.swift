public import Bytes

/// What a client sent over a WebSocket.
public enum WebSocketInput: Sendable, Equatable {
    /// A whole message, its fragments joined.
    ///
    /// A text is well-formed UTF-8, unless it is compressed: then whoever decompresses it has to judge it.
    case message(isText: Bool, isCompressed: Bool, SharedBytes)
    /// A message longer than accepted has ended, of which nothing was kept.
    case tooLong
    case ping(SharedBytes)
    case pong(SharedBytes)
    /// The client ends the connection; nothing follows. No code: the frame was empty (1005 in the interfaces of programs).
    case close(WebSocketCloseCode?, reason: String)
}

/// Reads the frames that a client sends (RFC 6455 section 5), strictly: masked, of known opcodes, control frames small and whole, lengths
/// in their shortest form, texts in UTF-8.
///
/// It takes octets as they come and keeps the unfinished message, which grows with the octets received and never with a length announced. Faults
/// are found at the octet that makes them, and however the octets are cut, the outcome is the same.
public struct WebSocketDecoder: ~Copyable {
    private enum Step {
        case header
        case payload
        /// After a Close frame what comes is discarded.
        case closed
    }

    private let allowsCompression: Bool
    private let discardsLongMessages: Bool
    private var step = Step.header
    // The frame that is being read.
    private var header = InlineArray<14, UInt8>(repeating: 0)
    private var headerCount = 0
    private var opcode = WebSocketOpcode.continuation
    private var isFinal = false
    private var key: UInt32 = 0
    private var payloadByteCount = 0
    private var received = 0
    private var control: ByteWriter?
    // The message of which the frame is a part.
    private var messageOpcode: WebSocketOpcode?
    private var isCompressed = false
    private var message: ByteWriter?
    private var validator = UTF8Validator()
    /// Whether the message is too long, and its octets are passed over.
    private var isDiscarding = false

    /// - Parameters:
    ///   - allowsCompression: whether permessage-deflate is agreed on, so that RSV1 has a meaning.
    ///   - discardsLongMessages: whether a message that is too long is passed over, and does not end the connection.
    public init(allowsCompression: Bool = false, discardsLongMessages: Bool = false) {
        self.allowsCompression = allowsCompression
        self.discardsLongMessages = discardsLongMessages
    }

    /// Octets of the unfinished message that are held.
    public private(set) var heldByteCount = 0

    /// Takes octets until they make an input.
    ///
    /// - Parameters:
    ///   - used: how many of the octets have been taken; advanced. What was taken is not offered again.
    ///   - messageByteCountMax: octets of a message, as it is on the wire, at present; a longer one is 1009.
    /// - Returns: an input; nil if all octets are used up.
    /// - Throws: ``WebSocketError``; the decoder is not used any more.
    public mutating func next(
        in octets: RawSpan, used: inout Int, messageByteCountMax: Int
    ) throws(WebSocketError) -> WebSocketInput? {
        while true {
            switch step {
            case .closed:
                used = octets.byteCount
                return nil
            case .header:
                guard used < octets.byteCount else { return nil }
                header[headerCount] = octets.byte(at: used)
                headerCount += 1
                used += 1
                try readHeader(messageByteCountMax)
            case .payload:
                let count = min(payloadByteCount - received, octets.byteCount - used)
                if count > 0 {
                    try take(octets.extracting(used..<(used + count)))
                    used += count
                }
                guard received == payloadByteCount else { return nil }
                if let input = try finishFrame() { return input }
            }
        }
    }

    // MARK: Headers

    /// Judges the header after each of its octets.
    private mutating func readHeader(_ messageByteCountMax: Int) throws(WebSocketError) {
        switch headerCount {
        case 1: try readFirstOctet()
        case 2:
            guard header[1] & 0x80 != 0 else { throw WebSocketError(.protocolError, "a frame that is not masked") }
            guard !opcode.isControl || header[1] & 0x7F <= 125 else { throw WebSocketError(.protocolError, "a long control frame") }
        default: break
        }
        guard headerCount >= 2 else { return }
        let width =
            switch header[1] & 0x7F {
            case 126: 2
            case 127: 8
            default: 0
            }
        if headerCount == 2 + width { try readLength(width, messageByteCountMax) }
        guard headerCount == 6 + width else { return }
        key = 0
        for index in 0..<4 { key = key << 8 | UInt32(header[2 + width + index]) }
        headerCount = 0
        received = 0
        step = .payload
    }

    private mutating func readFirstOctet() throws(WebSocketError) {
        let first = header[0]
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw WebSocketError(.protocolError, "an unknown opcode") }
        self.opcode = opcode
        isFinal = first & 0x80 != 0
        let isMarked = first & 0x40 != 0
        guard first & 0x30 == 0, !isMarked || (allowsCompression && (opcode == .text || opcode == .binary)) else {
            throw WebSocketError(.protocolError, "a reserved bit")
        }
        if opcode.isControl {
            guard isFinal else { throw WebSocketError(.protocolError, "a control frame in fragments") }
        } else if opcode == .continuation {
            guard messageOpcode != nil else { throw WebSocketError(.protocolError, "a continuation of nothing") }
        } else {
            guard messageOpcode == nil else { throw WebSocketError(.protocolError, "a message within a message") }
            messageOpcode = opcode
            isCompressed = isMarked
            validator = UTF8Validator()
        }
    }

    private mutating func readLength(_ width: Int, _ messageByteCountMax: Int) throws(WebSocketError) {
        guard width > 0 else {
            payloadByteCount = Int(header[1] & 0x7F)
            return try checkLength(messageByteCountMax)
        }
        var length: UInt64 = 0
        for index in 0..<width { length = length << 8 | UInt64(header[2 + index]) }
        guard length >> 63 == 0 else { throw WebSocketError(.protocolError, "a length of 64 bits") }
        guard length > (width == 2 ? 125 : 0xFFFF) else {
            throw WebSocketError(.protocolError, "a length that is not in its shortest form")
        }
        payloadByteCount = Int(length)
        try checkLength(messageByteCountMax)
    }

    private mutating func checkLength(_ messageByteCountMax: Int) throws(WebSocketError) {
        guard !opcode.isControl else { return }
        guard payloadByteCount <= messageByteCountMax - min(heldByteCount, messageByteCountMax) else {
            if discardsLongMessages {
                isDiscarding = true
                message = nil
                heldByteCount = 0
                return
            }
            throw WebSocketError(.messageTooBig, "a message longer than accepted")
        }
    }

    // MARK: Payloads

    private mutating func take(_ octets: RawSpan) throws(WebSocketError) {
        let phase = received
        received += octets.byteCount
        if opcode.isControl {
            if control == nil { control = ByteWriter(minimumCapacity: payloadByteCount) }
            control!.append(octets, maskedBy: key, phase: phase)
            return
        }
        guard !isDiscarding else { return }
        if message == nil { message = ByteWriter(minimumCapacity: octets.byteCount) }
        let start = heldByteCount
        message!.append(octets, maskedBy: key, phase: phase)
        heldByteCount += octets.byteCount
        guard messageOpcode == .text, !isCompressed else { return }
        var validator = validator
        let isText = message!.withBytes { validator.accept($0.extracting(start..<$0.byteCount)) }
        self.validator = validator
        guard isText else { throw WebSocketError(.invalidData, "a text that is not UTF-8") }
    }

    private mutating func finishFrame() throws(WebSocketError) -> WebSocketInput? {
        step = .header
        if opcode.isControl {
            let payload = Self.finish(control.take())
            switch opcode {
            case .ping: return .ping(payload)
            case .pong: return .pong(payload)
            default: return try close(payload)
            }
        }
        guard isFinal else { return nil }
        if isDiscarding {
            isDiscarding = false
            messageOpcode = nil
            return .tooLong
        }
        let isText = messageOpcode == .text
        guard !isText || isCompressed || validator.isAtBoundary else {
            throw WebSocketError(.invalidData, "a text that ends within a character")
        }
        messageOpcode = nil
        heldByteCount = 0
        return .message(isText: isText, isCompressed: isCompressed, Self.finish(message.take()))
    }

    private static func finish(_ writer: consuming ByteWriter?) -> SharedBytes {
        guard let writer else { return .empty }
        return writer.finish()
    }

    private mutating func close(_ payload: SharedBytes) throws(WebSocketError) -> WebSocketInput {
        step = .closed
        guard !payload.isEmpty else { return .close(nil, reason: "") }
        guard payload.count >= 2 else { throw WebSocketError(.protocolError, "half a close code") }
        let (code, reason) = payload.withBytes { octets in
            (
                WebSocketCloseCode(rawValue: UInt16(octets.bigEndian(at: 0, byteCount: 2))),
                octets.text(in: 2..<octets.byteCount)
            )
        }
        guard code.mayBeSent else { throw WebSocketError(.protocolError, "a close code that is never sent") }
        guard let reason else { throw WebSocketError(.invalidData, "a reason that is not UTF-8") }
        return .close(code, reason: reason)
    }
}
