public import Bytes

/// The flags of a frame (docs/PROTOCOL.md, *Frames*).
public struct FrameFlags: OptionSet, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// M: further frames with the same request id follow.
    public static let more = FrameFlags(rawValue: 0x01)
    /// R: this request may have been processed before.
    public static let retry = FrameFlags(rawValue: 0x02)
    /// C: a receiver that does not know the type must not ignore the frame.
    public static let critical = FrameFlags(rawValue: 0x40)
    /// Z: the payload is compressed; only if negotiated, and nothing negotiates it yet.
    public static let compressed = FrameFlags(rawValue: 0x80)

    // Bits 04 and 08 are ignored, these are not: docs/PROTOCOL.md, *Flags*.
    static let refused = FrameFlags(rawValue: 0x10 | 0x20 | 0x80)
}

/// The 8 octets before every payload: length (24 bits), type (8), flags (8), request id (24), most significant octet first.
public struct FrameHeader: Sendable, Equatable {
    /// Octets of a header.
    public static let byteCount = ProtocolLimits.headerByteCount

    /// Octets of the payload, which the header does not count.
    public let payloadByteCount: Int
    /// The frame type, known or not: see ``FrameType``.
    public let type: UInt8
    public let flags: FrameFlags
    /// 0: unsolicited, or no reply wanted. At most 2^24−1.
    public let requestID: UInt32

    /// A header of our own making; sizes beyond the format trap.
    public init(payloadByteCount: Int, type: UInt8, flags: FrameFlags = [], requestID: UInt32 = 0) {
        precondition((0...0xFF_FFFF).contains(payloadByteCount), "the length of a payload has 24 bits")
        precondition(requestID <= ProtocolLimits.requestIDMax, "a request id has 24 bits")
        self.payloadByteCount = payloadByteCount
        self.type = type
        self.flags = flags
        self.requestID = requestID
    }

    /// Reads the header at `offset`; nil if fewer than 8 octets are there.
    @inlinable
    public init?(_ span: RawSpan, at offset: Int = 0) {
        guard span.byteCount - offset >= 8 else { return nil }
        let word = span.bigEndian(at: offset, byteCount: 8)
        payloadByteCount = Int(word >> 40)
        type = UInt8(truncatingIfNeeded: word >> 32)
        flags = FrameFlags(rawValue: UInt8(truncatingIfNeeded: word >> 24))
        requestID = UInt32(truncatingIfNeeded: word & 0xFF_FFFF)
    }

    /// Octets of the whole frame.
    @inlinable
    public var frameByteCount: Int { 8 + payloadByteCount }

    /// The header as one number, the first octet most significant.
    var word: UInt64 {
        UInt64(payloadByteCount) << 40 | UInt64(type) << 32 | UInt64(flags.rawValue) << 24 | UInt64(requestID)
    }

    /// Judges the header before its payload arrives: 105 if the payload is longer than `payloadByteCountMax` octets, 113 if a flag is set
    /// that must not be ignored. Both are fatal.
    public func validate(payloadByteCountMax: Int) throws(FrameError) {
        guard payloadByteCount <= payloadByteCountMax else { throw FrameError(.frameTooLarge, "payload longer than accepted") }
        guard flags.isDisjoint(with: .refused) else { throw FrameError(.badFlags, "unknown critical flag") }
    }
}
