/// The sizes that the protocol fixes (docs/PROTOCOL.md, *Frames*); limits of single fields stand in ``Schema``.
public enum ProtocolLimits {
    /// Octets of a frame's header.
    public static let headerByteCount = 8
    /// The largest payload that every endpoint accepts once authenticated, and the largest of a DELIVER or of any frame written here.
    public static let payloadByteCountMax = 65_536
    /// The largest payload accepted before AUTH_OK.
    public static let unauthenticatedPayloadByteCountMax = 16_384
    /// The largest payload that an endpoint may announce to accept.
    public static let announcedPayloadByteCountMax = 1_048_576
    /// The greatest request id; the next one is 1 again.
    public static let requestIDMax: UInt32 = 0xFF_FFFF
    /// The greatest number anywhere, so that JSON numbers are exact.
    public static let integerMax: UInt64 = 1 << 53 - 1
    /// The largest item of a list of texts.
    public static let listItemByteCountMax = 64
    /// Items of a page if the request names no limit, or 0.
    public static let pageItemCountDefault: UInt64 = 100
    /// The largest body of a reaction.
    public static let reactionByteCountMax = 32
    /// The largest `reason`.
    public static let reasonByteCountMax = 256
}
