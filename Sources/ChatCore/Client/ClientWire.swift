import Bytes
import ChatProtocol

/// The receiving end of a client's byte stream: the preface once, then frames, whatever the segments they came in.
struct ClientWire {
    /// One frame from the broker.
    enum Input {
        case frame(ServerFrame, requestID: UInt32, hasMore: Bool)
        /// A frame whose payload could not be decoded; the frames behind it are intact.
        case unreadable(FrameHeader, PayloadError)
    }

    private var buffer = ReadBuffer()
    private var isPrefaced = false
    /// The broker's preface and the payload of its WELCOME as they came: what a log-in may vouch for.
    private(set) var preface = SharedBytes.empty
    private(set) var welcomePayload = SharedBytes.empty

    mutating func append(_ bytes: RawSpan) {
        buffer.append(bytes)
    }

    /// The next complete frame, or nil if more octets are needed.
    ///
    /// - Throws: what makes the rest of the stream unreadable: no preface, no common version, a header out of bounds.
    mutating func next() throws(FrameError) -> Input? {
        if !isPrefaced {
            // A peer that is no broker is found out by its first octet, however few it sends.
            let canBegin = buffer.withBytes { Preface.canBegin($0) }
            guard canBegin else { throw FrameError(.badPreface, "the peer does not speak the broker's protocol") }
            guard buffer.count >= Preface.byteCount else { return nil }
            try buffer.withBytes { (bytes) throws(FrameError) in try Self.checkPreface(bytes) }
            preface = buffer.withBytes { SharedBytes(copying: $0.extracting(0..<Preface.byteCount)) }
            buffer.consume(Preface.byteCount)
            isPrefaced = true
        }
        let taken = try buffer.withBytes { (bytes) throws(FrameError) in try Self.decode(bytes) }
        guard let (input, byteCount) = taken else { return nil }
        if case .frame(.reply(.welcome), _, _) = input {
            welcomePayload = buffer.withBytes { SharedBytes(copying: $0.extracting(FrameHeader.byteCount..<byteCount)) }
        }
        buffer.consume(byteCount)
        return input
    }

    private static func checkPreface(_ bytes: RawSpan) throws(FrameError) {
        // A GOODBYE 107 follows a preface that chose no version, but needs no reading.
        guard try Preface.parse(bytes)?.choseVersion == true else {
            throw FrameError(.version, "the broker has no protocol version in common with this client")
        }
    }

    private static func decode(_ bytes: RawSpan) throws(FrameError) -> (Input, Int)? {
        guard let header = FrameHeader(bytes) else { return nil }
        try header.validate(payloadByteCountMax: ProtocolLimits.payloadByteCountMax)
        let end = header.frameByteCount
        guard bytes.byteCount >= end else { return nil }
        do {
            let frame = try FrameDecoder.serverFrame(header, payload: bytes.extracting(FrameHeader.byteCount..<end))
            return (.frame(frame, requestID: header.requestID, hasMore: header.flags.contains(.more)), end)
        } catch {
            return (.unreadable(header, error), end)
        }
    }
}
