internal import Bytes

/// Text in the form in which it is compared: each code point in lower case (Unicode, `Lowercase_Mapping`), and both small sigmas one.
///
/// The index holds this form and words are looked for in it, so what the index finds and what is looked through follow one rule.
enum FoldedText {
    /// Appends the folded form of octets that are known to be UTF-8.
    static func append(_ octets: RawSpan, to folded: inout [UInt8]) {
        folded.reserveCapacity(folded.count + octets.byteCount)
        octets.withUnsafeBytes { source in
            var offset = 0
            while offset < source.count {
                let octet = source[offset]
                if octet < 0x80 {
                    folded.append(octet &- UInt8(ascii: "A") < 26 ? octet | 0x20 : octet)
                    offset += 1
                    continue
                }
                let end = min(source.count, offset + (octet < 0xE0 ? 2 : octet < 0xF0 ? 3 : 4))
                append(source[offset..<end], to: &folded)
                offset = end
            }
        }
    }

    private static func append(_ octets: Slice<UnsafeRawBufferPointer>, to folded: inout [UInt8]) {
        var value = UInt32(octets[octets.startIndex] & (octets.count == 2 ? 0x1F : octets.count == 3 ? 0x0F : 0x07))
        for octet in octets.dropFirst() { value = value << 6 | UInt32(octet & 0x3F) }
        // Ideographs, kana and Hangul have no case, and looking each up would take most of the time.
        guard !(0x2E80..<0xA640).contains(value), !(0xAC00..<0xD7B0).contains(value), let scalar = Unicode.Scalar(value) else {
            return folded.append(contentsOf: octets)
        }
        if value == 0x03C2 { return folded.append(contentsOf: [0xCF, 0x83]) }
        folded.append(contentsOf: scalar.properties.lowercaseMapping.utf8)
    }
}
