import Bytes

/// What a text may hold (docs/PROTOCOL.md, *Text rules*): well-formed UTF-8 without control characters but TAB and LF, so that no
/// terminal, log or line-mode gateway can be written to by a message.
public enum TextRules {
    /// Whether the octets are acceptable as text.
    public static func isAcceptable(_ span: RawSpan) -> Bool {
        var offset = 0
        while offset + 8 <= span.byteCount {
            guard isPlain(span.word(at: offset)) else { return isAcceptableRest(span, from: offset) }
            offset += 8
        }
        guard offset < span.byteCount else { return true }
        if span.byteCount >= 8, isPlain(span.word(at: span.byteCount - 8)) { return true }
        return isAcceptableRest(span, from: offset)
    }

    /// The text with every forbidden character replaced by U+FFFD, cut behind its last whole character within `byteCountMax` octets of
    /// UTF-8: what the encoder accepts for a text that was not received as one, such as a reason made of an error's description.
    public static func clipped(_ text: String, byteCountMax: Int) -> String {
        var result = ""
        var left = byteCountMax
        for character in text {
            var clean = ""
            for scalar in character.unicodeScalars {
                clean.unicodeScalars.append(isAcceptable(scalar) ? scalar : "\u{FFFD}")
            }
            if clean.utf8.count > left {
                // A character of more octets than the whole limit is cut between its scalars rather than lost.
                guard result.isEmpty else { break }
                for scalar in clean.unicodeScalars {
                    left -= UTF8.width(scalar)
                    guard left >= 0 else { break }
                    result.unicodeScalars.append(scalar)
                }
                break
            }
            left -= clean.utf8.count
            result += clean
        }
        return result
    }

    /// Whether a text may hold this character.
    public static func isAcceptable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x09, 0x0A: true
        case 0x00...0x1F, 0x7F...0x9F: false
        default: true
        }
    }

    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highs: UInt64 = 0x8080_8080_8080_8080

    /// Whether all 8 octets are ASCII and none a control character.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        // The high bit of (octet − 20) is set for octets below 20 and above 9F, of (octet + 1) for 7F and above. The borrow of one octet
        // can disturb only octets above one that is refused anyway; without an octet above 7F nothing carries.
        (word | (word &- 0x20 &* ones) | (word &+ ones)) & highs == 0
    }

    /// The rest of a text from an octet on, before which nothing but ASCII stands.
    private static func isAcceptableRest(_ span: RawSpan, from start: Int) -> Bool {
        var isASCII = true
        var previous: UInt8 = 0
        for offset in start..<span.byteCount {
            let octet = span.byte(at: offset)
            if octet >= 0x80 {
                isASCII = false
                // U+0080 to U+009F are C2 80 to C2 9F.
                if previous == 0xC2, octet <= 0x9F { return false }
            } else if octet == 0x7F || (octet < 0x20 && octet != 0x09 && octet != 0x0A) {
                return false
            }
            previous = octet
        }
        return isASCII || span.extracting(start..<span.byteCount).isWellFormedUTF8
    }
}
