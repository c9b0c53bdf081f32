public import Bytes

/// The 8 octets that each side sends first on a byte stream (docs/PROTOCOL.md, *Preface*): B3 'C' 'B' 'P', two versions, two octets of 0
/// that a receiver ignores.
public struct Preface: Sendable, Equatable {
    /// Octets of a preface.
    public static let byteCount = 8
    /// The only version there is.
    public static let version: UInt8 = 1
    private static let magic: UInt64 = 0xB343_4250

    /// Client: the highest version offered. Broker: the version chosen, 0 if none is common.
    public let first: UInt8
    /// Client: the lowest version offered. Broker: the highest version it has.
    public let second: UInt8

    /// What this implementation's client sends.
    public static let client = Preface(first: version, second: version)

    /// What a broker answers that has version 1, after which it sends GOODBYE 107 if `first` is 0.
    public static func broker(answering client: Preface) -> Preface {
        Preface(first: client.offersVersion ? version : 0, second: version)
    }

    /// Whether version 1 is in the range that a client's preface offers.
    public var offersVersion: Bool { second <= Self.version && Self.version <= first }

    /// Whether a broker's preface chose version 1.
    public var choseVersion: Bool { first == Self.version }

    private init(first: UInt8, second: UInt8) {
        self.first = first
        self.second = second
    }

    /// Whether the octets, of which there may be fewer than four, can be the beginning of a preface.
    public static func canBegin(_ span: RawSpan) -> Bool {
        let count = min(4, span.byteCount)
        return span.bigEndian(at: 0, byteCount: count) == magic >> UInt64(8 * (4 - count))
    }

    /// Reads a preface from the first octets of a connection; nil while fewer than 8 are there.
    ///
    /// Without a word the connection is closed if the first four octets are not the magic (``FrameError`` 100 is thrown, but not sent).
    public static func parse(_ span: RawSpan) throws(FrameError) -> Preface? {
        guard canBegin(span) else { throw FrameError(.badPreface, "not a CBP preface") }
        guard span.byteCount >= byteCount else { return nil }
        return Preface(first: span.byte(at: 4), second: span.byte(at: 5))
    }

    /// A complete preface that has been received; nil if the octets are none.
    public init?(octets: SharedBytes) {
        guard let preface = octets.withBytes({ try? Self.parse($0) }) else { return nil }
        self = preface
    }

    /// Appends the 8 octets.
    public func append(to writer: inout ByteWriter) {
        writer.appendBigEndian(Self.magic << 32 | UInt64(first) << 24 | UInt64(second) << 16, byteCount: 8)
    }
}
