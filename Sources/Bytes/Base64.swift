/// Octets as text (RFC 4648): base64 with padding, and base64url without. Both are canonical: one text for a run of octets, no other is read.
public enum Base64: Sendable {
    /// Section 4, padded with `=`.
    case standard
    /// Section 5, unpadded.
    case url

    private var alphabet: StaticString {
        switch self {
        case .standard: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        case .url: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        }
    }

    /// Appends the text of the octets.
    public func append(_ octets: RawSpan, to writer: inout ByteWriter) {
        let letters = alphabet.utf8Start
        var offset = 0
        while offset < octets.byteCount {
            let count = min(3, octets.byteCount - offset)
            let group = octets.bigEndian(at: offset, byteCount: count) << UInt64(8 * (3 - count))
            for index in 0...count { writer.append(letters[Int(group >> UInt64(18 - 6 * index) & 0x3F)]) }
            if self == .standard { for _ in count..<3 { writer.append(UInt8(ascii: "=")) } }
            offset += count
        }
    }

    /// The text of the octets.
    public func text(_ octets: RawSpan) -> String {
        var writer = ByteWriter(minimumCapacity: octets.byteCount / 3 * 4 + 4)
        append(octets, to: &writer)
        return writer.withBytes { $0.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
    }

    /// The text of an array's octets.
    public func text(of octets: [UInt8]) -> String { text(octets.span.bytes) }

    /// The octets of a string; nil if it is not the canonical form of any.
    public func octets(in text: some StringProtocol) -> [UInt8]? { octets(Array(text.utf8).span.bytes) }

    /// The octets of a text; nil if it is not the canonical form of any.
    public func octets(_ text: RawSpan) -> [UInt8]? {
        var count = text.byteCount
        if self == .standard {
            guard count % 4 == 0 else { return nil }
            var padding = 0
            while padding < 2, count > 0, text.byte(at: count - 1) == UInt8(ascii: "=") {
                padding += 1
                count -= 1
            }
        }
        guard count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(count / 4 * 3 + 2)
        var pending: UInt32 = 0
        var bitCount: UInt32 = 0
        for offset in 0..<count {
            guard let value = value(of: text.byte(at: offset)) else { return nil }
            pending = pending << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            octets.append(UInt8(truncatingIfNeeded: pending >> bitCount))
        }
        // The bits that are left over are 0, or the same octets would have several texts.
        return pending & (1 << bitCount - 1) == 0 ? octets : nil
    }

    private func value(of letter: UInt8) -> UInt8? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): letter - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): letter - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): letter - UInt8(ascii: "0") + 52
        case self == .standard ? UInt8(ascii: "+") : UInt8(ascii: "-"): 62
        case self == .standard ? UInt8(ascii: "/") : UInt8(ascii: "_"): 63
        default: nil
        }
    }
}
