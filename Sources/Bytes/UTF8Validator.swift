/// Judges text that comes in pieces: whether what came so far can be the beginning of well-formed UTF-8 (RFC 3629).
///
/// An octet that no well-formed text has at its place is found when it comes, and not at the end of the text.
public struct UTF8Validator: Sendable {
    /// Octets that the present character still needs.
    private var missing: UInt8 = 0
    /// Bounds of the next octet of the present character: the first continuation excludes overlong forms, surrogates and what is above U+10FFFF.
    private var lower: UInt8 = 0x80
    private var upper: UInt8 = 0xBF

    public init() {}

    /// Whether the text so far ends with a whole character.
    public var isAtBoundary: Bool { missing == 0 }

    /// Takes the next piece; false if the text is not well-formed, whatever follows.
    public mutating func accept(_ piece: RawSpan) -> Bool {
        var offset = 0
        while offset < piece.byteCount {
            if missing == 0, offset + 8 <= piece.byteCount, piece.word(at: offset) & 0x8080_8080_8080_8080 == 0 {
                offset += 8
                continue
            }
            guard accept(piece.byte(at: offset)) else { return false }
            offset += 1
        }
        return true
    }

    private mutating func accept(_ octet: UInt8) -> Bool {
        if missing > 0 {
            guard octet >= lower, octet <= upper else { return false }
            missing -= 1
            lower = 0x80
            upper = 0xBF
            return true
        }
        switch octet {
        case 0x00...0x7F: break
        case 0xC2...0xDF: missing = 1
        case 0xE0...0xEF:
            missing = 2
            if octet == 0xE0 { lower = 0xA0 }
            if octet == 0xED { upper = 0x9F }
        case 0xF0...0xF4:
            missing = 3
            if octet == 0xF0 { lower = 0x90 }
            if octet == 0xF4 { upper = 0x8F }
        default: return false
        }
        return true
    }
}
