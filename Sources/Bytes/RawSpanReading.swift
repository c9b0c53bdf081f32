extension RawSpan {
    /// The octet at `offset`.
    @inlinable
    public func byte(at offset: Int) -> UInt8 {
        unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    /// The 8 octets at `offset` as they lie in memory, for tests that treat all of them alike.
    @inlinable
    public func word(at offset: Int) -> UInt64 {
        unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self)
    }

    /// The unsigned number in the `byteCount` (0 to 8) octets at `offset`, most significant first.
    @inlinable
    @inline(__always)
    public func bigEndian(at offset: Int, byteCount: Int) -> UInt64 {
        if byteCount == 8 || offset + 8 <= self.byteCount {
            // One load for every width; the shift drops the octets behind the number, all of them (a shift by 64) for no octets.
            return UInt64(bigEndian: word(at: offset)) >> UInt64(64 - 8 * byteCount)
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

    /// Whether the octets are well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF.
    public var isWellFormedUTF8: Bool {
        withUnsafeBytes { octets in
            octets.withMemoryRebound(to: UInt8.self) { (try? UTF8Span(validating: $0.span)) != nil }
        }
    }

    /// Whether both spans hold the same octets.
    public func equals(_ other: RawSpan) -> Bool {
        guard byteCount == other.byteCount else { return false }
        return withUnsafeBytes { left in other.withUnsafeBytes { left.elementsEqual($0) } }
    }
}
