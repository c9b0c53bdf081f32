import Bytes

/// Lengths in front of values and items: RFC 9000 section 16, restricted to 1, 2 or 4 octets and to the shortest form.
enum VariableLength {
    /// Octets of a length as it is written.
    @inline(__always)
    static func byteCount(of length: Int) -> Int { length < 1 << 6 ? 1 : length < 1 << 14 ? 2 : 4 }

    /// Reads a length of 2 or 4 octets, and where the value behind it begins; the length is -1 if there is none at `offset`.
    static func longer(_ payload: RawSpan, at offset: Int) -> (value: Int, length: Int) {
        let width = 1 << Int(payload.byte(at: offset) >> 6)
        guard width <= 4, width <= payload.byteCount - offset else { return (offset, -1) }
        let length = Int(payload.bigEndian(at: offset, byteCount: width)) & (1 << (8 * width - 2) - 1)
        return byteCount(of: length) == width ? (offset + width, length) : (offset, -1)
    }

    /// Reads a length and moves behind it.
    static func read(_ payload: RawSpan, _ offset: inout Int) throws(PayloadError) -> Int {
        guard offset < payload.byteCount else { throw PayloadError(.malformed, "a field ends before its length") }
        let first = payload.byte(at: offset)
        guard first >= 0x40 else {
            offset += 1
            return Int(first)
        }
        let (value, length) = longer(payload, at: offset)
        guard length >= 0 else { throw PayloadError(.malformed, "a length that is cut off or not in its shortest form") }
        offset = value
        return length
    }
}
