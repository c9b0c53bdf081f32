import Bytes

/// Where the fields of one payload or group are: one pass over the octets notes tag, offset and length of every expected field.
///
/// The pass judges what needs no values, in the order of docs/PROTOCOL.md, *Fields*: framing and C bits (101), unknown critical fields
/// (103), required fields (104). Values are then read in ascending tag order, so that the first bad one is reported.
/// The table holds numbers only; the octets stay with the caller.
struct FieldTable {
    static let fieldCountMax = 23

    // Tag in the low 8 bits, length in the next 24, offset above. An entry of 0 ends the table: no field has tag 0.
    private var entries = InlineArray<24, UInt64>(repeating: 0)
    private var cursor = 0
    /// Tag numbers below 127 that occurred, expected or not.
    private(set) var seen: UInt128 = 0

    @inline(__always)
    init(_ payload: RawSpan, _ rules: FieldRules) throws(PayloadError) {
        var offset = 0
        var count = 0
        var previousTag: UInt64 = 0
        var critical: UInt128 = 0
        var escapedCritical: UInt64?
        while offset < payload.byteCount {
            let head = payload.byte(at: offset)
            offset += 1
            var tag = UInt64(head & 0x7F)
            if tag == 127 { tag += try Self.variableLength(payload, &offset) }
            guard tag > previousTag else { throw PayloadError(.malformed, field: tag, "fields are not in ascending order") }
            previousTag = tag
            let length = try Self.variableLength(payload, &offset)
            guard length <= UInt64(payload.byteCount - offset) else {
                throw PayloadError(.malformed, field: tag, "a field is longer than its frame")
            }
            if tag < 127 {
                let bit = UInt128(1) &<< UInt128(tag)
                seen |= bit
                if head >= 0x80 { critical |= bit }
                if rules.allowed & bit != 0 {
                    entries[count] = UInt64(offset) << 32 | length << 8 | tag
                    count += 1
                }
            } else if head >= 0x80, escapedCritical == nil {
                escapedCritical = tag
            }
            offset += Int(length)
        }
        let disagreeing = (critical ^ rules.critical) & seen & rules.assigned
        let unknownCritical = critical & ~rules.allowed
        let missing = rules.required & ~seen
        if disagreeing | unknownCritical | missing != 0 || escapedCritical != nil {
            if disagreeing != 0 { throw PayloadError(.malformed, field: Self.lowest(disagreeing), "a field with the wrong C bit") }
            if unknownCritical != 0 {
                throw PayloadError(.unsupportedField, field: Self.lowest(unknownCritical), "a critical field that is not known here")
            }
            if let escapedCritical {
                throw PayloadError(.unsupportedField, field: escapedCritical, "a critical field that is not known here")
            }
            throw PayloadError(.missingField, field: Self.lowest(missing), "a required field is absent")
        }
    }

    private static func lowest(_ bits: UInt128) -> UInt64 { UInt64(bits.trailingZeroBitCount) }

    /// Reads a length: RFC 9000 section 16, restricted to 1, 2 or 4 octets and to the shortest form.
    @inline(__always)
    static func variableLength(_ payload: RawSpan, _ offset: inout Int) throws(PayloadError) -> UInt64 {
        if offset < payload.byteCount {
            let first = payload.byte(at: offset)
            if first < 0x40 {
                offset += 1
                return UInt64(first)
            }
        }
        return try longLength(payload, &offset)
    }

    @inline(never)
    private static func longLength(_ payload: RawSpan, _ offset: inout Int) throws(PayloadError) -> UInt64 {
        let left = payload.byteCount - offset
        guard left > 0 else { throw PayloadError(.malformed, "a field ends before its length") }
        let width = 1 << Int(payload.byte(at: offset) >> 6)
        guard width <= 4 else { throw PayloadError(.malformed, "a length of 8 octets") }
        guard left >= width else { throw PayloadError(.malformed, "a field ends before its length") }
        let value = payload.bigEndian(at: offset, byteCount: width) & (1 << UInt64(8 * width - 2) - 1)
        guard value >= (width == 2 ? 1 << 6 : 1 << 14) else { throw PayloadError(.malformed, "a length that is not in its shortest form") }
        offset += width
        return value
    }

    /// Whether the field occurred.
    func has(_ field: Field) -> Bool { seen >> UInt128(field.tag) & 1 != 0 }

    /// The octets of the next field, if it is the one named. Fields must be asked for in ascending tag order, every expected one.
    @inline(__always)
    mutating func take(_ field: Field) -> Range<Int>? {
        let entry = entries[cursor]
        guard UInt8(truncatingIfNeeded: entry) == field.tag else { return nil }
        cursor += 1
        return Self.value(entry)
    }

    /// The octets of a field, without taking it.
    func octets(of field: Field) -> Range<Int>? {
        var index = 0
        while entries[index] != 0 {
            if UInt8(truncatingIfNeeded: entries[index]) == field.tag { return Self.value(entries[index]) }
            index += 1
        }
        return nil
    }

    /// How many expected fields have been taken.
    var takenCount: Int { cursor }

    /// The octets of the whole field, head included, that was or will be taken as number `index`.
    @inline(__always)
    func wholeField(at index: Int) -> Range<Int> {
        let value = Self.value(entries[index])
        return (value.lowerBound - 1 - VariableLength.byteCount(of: value.count))..<value.upperBound
    }

    @inline(__always)
    private static func value(_ entry: UInt64) -> Range<Int> {
        let offset = Int(entry >> 32)
        return Range(uncheckedBounds: (offset, offset + Int(entry >> 8 & 0xFF_FFFF)))
    }
}

/// Lengths in front of values and items: RFC 9000 section 16 in 1, 2 or 4 octets, always the shortest form.
enum VariableLength {
    static func byteCount(of length: Int) -> Int { length < 1 << 6 ? 1 : length < 1 << 14 ? 2 : 4 }
}
