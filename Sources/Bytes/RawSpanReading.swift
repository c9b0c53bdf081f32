extension RawSpan {
    /// The octet at `offset`.
    @inlinable
    public func byte(at offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The unsigned number in the `byteCount` (0 to 8) octets at `offset`, most significant first.
    @inlinable
    public func bigEndian(at offset: Int, byteCount: Int) -> UInt64 {
        if byteCount == 8 || offset + 8 <= self.byteCount {
            // One load for every width; the shift drops the octets behind the number.
            let word = UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
            return byteCount == 0 ? 0 : word >> UInt64(64 - 8 * byteCount)
        }
        var value: UInt64 = 0
        for index in 0..<byteCount {
            value = value << 8 | UInt64(byte(at: offset + index))
        }
        return value
    }

    /// The octets at `range` as text; nil if they are not well-formed UTF-8 (RFC 3629).
    public func text(in range: Range<Int>) -> String? {
        extracting(range).withUnsafeBytes { String(validating: $0, as: UTF8.self) }
    }

    /// Whether both spans hold the same octets.
    public func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return withUnsafeBytes { left in other.withUnsafeBytes { left.elementsEqual($0) } }
    }
}
