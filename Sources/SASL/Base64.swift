/// Octets as ASCII letters (RFC 4648), strict: no line breaks, no other letters, no bits beyond the last octet, so that every octet string
/// has one text.
public enum Base64 {
    /// Which letters stand for 62 and 63, and whether `=` fills the last group.
    public enum Alphabet: Sendable {
        /// Section 4: `+` and `/`, padded.
        case standard
        /// Section 5: `-` and `_`, not padded (RFC 7515, section 2).
        case url
    }

    public static func encode(_ octets: some Sequence<UInt8>, _ alphabet: Alphabet = .standard) -> String {
        let letters = letters(alphabet)
        var text: [UInt8] = []
        var group: UInt32 = 0
        var bitCount = 0
        for octet in octets {
            group = group << 8 | UInt32(octet)
            bitCount += 8
            while bitCount >= 6 {
                bitCount -= 6
                text.append(letters[Int(group >> UInt32(bitCount) & 63)])
            }
        }
        if bitCount > 0 { text.append(letters[Int(group << UInt32(6 - bitCount) & 63)]) }
        if alphabet == .standard { while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) } }
        return String(decoding: text, as: UTF8.self)
    }

    /// The octets; nil if the text is not the one text of any.
    public static func decode(_ text: some Collection<UInt8>, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        var letters = Array(text)
        if alphabet == .standard {
            guard letters.count % 4 == 0 else { return nil }
            var paddingCount = 0
            while paddingCount < 2, letters.last == UInt8(ascii: "=") {
                letters.removeLast()
                paddingCount += 1
            }
        }
        guard letters.count % 4 != 1 else { return nil }
        var octets: [UInt8] = []
        octets.reserveCapacity(letters.count * 3 / 4)
        var group: UInt32 = 0
        var bitCount = 0
        for letter in letters {
            guard let value = value(of: letter, alphabet) else { return nil }
            group = group << 6 | value
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                octets.append(UInt8(truncatingIfNeeded: group >> UInt32(bitCount)))
            }
        }
        guard group & (1 << UInt32(bitCount) - 1) == 0 else { return nil }
        return octets
    }

    public static func decode(_ text: some StringProtocol, _ alphabet: Alphabet = .standard) -> [UInt8]? {
        decode(Array(text.utf8), alphabet)
    }

    private static func letters(_ alphabet: Alphabet) -> [UInt8] {
        switch alphabet {
        case .standard: standardLetters
        case .url: urlLetters
        }
    }

    private static let common = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
    private static let standardLetters = common + Array("+/".utf8)
    private static let urlLetters = common + Array("-_".utf8)

    private static func value(of letter: UInt8, _ alphabet: Alphabet) -> UInt32? {
        switch letter {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): UInt32(letter - UInt8(ascii: "A"))
        case UInt8(ascii: "a")...UInt8(ascii: "z"): UInt32(letter - UInt8(ascii: "a")) + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(letter - UInt8(ascii: "0")) + 52
        case UInt8(ascii: "+") where alphabet == .standard: 62
        case UInt8(ascii: "/") where alphabet == .standard: 63
        case UInt8(ascii: "-") where alphabet == .url: 62
        case UInt8(ascii: "_") where alphabet == .url: 63
        default: nil
        }
    }
}
