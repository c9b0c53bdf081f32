extension ByteWriter {
    /// Appends the octets of a span, each XORed with an octet of a key of four that repeats: the masking of RFC 6455 section 5.3.
    ///
    /// - Parameters:
    ///   - key: the four octets, the first one most significant.
    ///   - phase: how many octets of the run came before these.
    public mutating func append(_ span: RawSpan, maskedBy key: UInt32, phase: Int) {
        let count = span.byteCount
        reserve(count)
        // The key as it falls on the first octets of the span, twice, in memory order.
        let turn = UInt32(phase & 3) * 8
        let turned = turn == 0 ? key : key << turn | key >> (32 - turn)
        let word = (UInt64(turned) << 32 | UInt64(turned)).bigEndian
        var offset = 0
        while offset + 8 <= count {
            start.storeBytes(of: span.word(at: offset) ^ word, toByteOffset: used + offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            let mask = UInt8(truncatingIfNeeded: turned >> UInt32(24 - 8 * (offset & 3)))
            start.storeBytes(of: span.byte(at: offset) ^ mask, toByteOffset: used + offset, as: UInt8.self)
            offset += 1
        }
        used += count
    }
}
