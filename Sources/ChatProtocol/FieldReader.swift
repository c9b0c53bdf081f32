import Bytes

/// Reads the fields of one payload or group, in ascending tag order.
///
/// Making one judges what needs no values, in the order of docs/PROTOCOL.md, *Fields*: framing and C bits (101), unknown critical fields
/// (103), required fields (104). Values are judged as they are read, so that the first bad one is reported; the octets stay with the
/// caller, who passes the same ones every time.
struct FieldReader {
    /// Where the next field begins.
    private(set) var offset = 0
    /// Whether there is a field that is not expected here; reading passes over it.
    private(set) var hasUnexpectedFields = false

    @inline(__always)
    init(_ payload: RawSpan, _ rules: FieldRules) throws(PayloadError) {
        // The pass is for payloads that are as they should be. Whatever is not sets `irregular`, and is looked at again, slowly.
        var irregular: UInt64 = 0
        var unexpected: UInt64 = 0
        var requiredCount: UInt64 = 0
        var previousTag: UInt8 = 0
        var next = 0
        while next < payload.byteCount {
            let head = payload.byte(at: next)
            let tag = head & 0x7F
            let (value, length) = Self.value(payload, behindHeadAt: next)
            guard tag > previousTag, tag < 127, length >= 0, length <= payload.byteCount &- value else {
                irregular = 1
                unexpected = 1
                break
            }
            previousTag = tag
            next = value &+ length
            let wireIsCritical = UInt64(head >> 7)
            let isUnexpected = 1 &- Self.bit(tag, rules.expected)
            unexpected |= isUnexpected
            irregular |= (wireIsCritical ^ Self.bit(tag, rules.critical)) | (wireIsCritical & isUnexpected)
            requiredCount &+= Self.bit(tag, rules.required)
        }
        hasUnexpectedFields = unexpected != 0
        if irregular != 0 || requiredCount != rules.requiredCount { try Self.judge(payload, rules) }
    }

    @inline(__always)
    private static func bit(_ tag: UInt8, _ set: (low: UInt64, high: UInt64)) -> UInt64 {
        (tag < 64 ? set.low : set.high) &>> UInt64(tag) & 1
    }

    /// Where the value behind the head octet at `offset` begins, and its length; the length is -1 if it is cut off or not in its form.
    @inline(__always)
    private static func value(_ payload: RawSpan, behindHeadAt offset: Int) -> (value: Int, length: Int) {
        let start = offset &+ 1
        guard start < payload.byteCount else { return (start, -1) }
        let short = payload.byte(at: start)
        guard short >= 0x40 else { return (start &+ 1, Int(short)) }
        return VariableLength.longer(payload, at: start)
    }

    /// Judges a payload that is not as it should be: throws what is wrong with it, or nothing if it merely holds tags of 127 and above.
    @inline(never)
    private static func judge(_ payload: RawSpan, _ rules: FieldRules) throws(PayloadError) {
        var offset = 0
        var previousTag: UInt64 = 0
        var seen: UInt128 = 0
        var disagreeing: UInt64?
        var unknownCritical: UInt64?
        while offset < payload.byteCount {
            let head = payload.byte(at: offset)
            let isCritical = head >= 0x80
            offset += 1
            var tag = UInt64(head & 0x7F)
            if tag == 127 { tag += UInt64(try VariableLength.read(payload, &offset)) }
            guard tag > previousTag else { throw PayloadError(.malformed, field: tag, "fields are not in ascending order") }
            previousTag = tag
            let length = try VariableLength.read(payload, &offset)
            guard length <= payload.byteCount - offset else {
                throw PayloadError(.malformed, field: tag, "a field is longer than its frame")
            }
            offset += length
            let bit: UInt128 = tag < 127 ? 1 << UInt128(tag) : 0
            seen |= bit
            if rules.assigned & bit != 0, isCritical != (rules.allCritical & bit != 0) { disagreeing = disagreeing ?? tag }
            if isCritical, rules.allExpected & bit == 0 { unknownCritical = unknownCritical ?? tag }
        }
        if let disagreeing { throw PayloadError(.malformed, field: disagreeing, "a field with the wrong C bit") }
        if let unknownCritical {
            throw PayloadError(.unsupportedField, field: unknownCritical, "a critical field that is not known here")
        }
        let missing = rules.allRequired & ~seen
        if missing != 0 {
            throw PayloadError(.missingField, field: UInt64(missing.trailingZeroBitCount), "a required field is absent")
        }
    }

    /// The octets of the field's value, if the field is there; fields with lower tags are passed over.
    @inline(__always)
    mutating func take(_ field: Field, in payload: RawSpan) -> Range<Int>? {
        while offset < payload.byteCount {
            let tag = payload.byte(at: offset) & 0x7F
            guard tag <= field.tag else { return nil }
            let (value, length) = Self.value(payload, behindHeadAt: offset)
            offset = value &+ length
            if tag == field.tag { return Range(uncheckedBounds: (value, offset)) }
        }
        return nil
    }

    /// The octets of a field that is still ahead, without taking it.
    @inline(__always)
    func octets(of field: Field, in payload: RawSpan) -> Range<Int>? {
        var ahead = self
        return ahead.take(field, in: payload)
    }

    /// Whether a field is still ahead.
    @inline(__always)
    func has(_ field: Field, in payload: RawSpan) -> Bool { octets(of: field, in: payload) != nil }

    /// Appends whole fields from `start` up to where the reader is, without those that are not expected.
    func copyExpectedFields(from start: Int, of payload: RawSpan, _ rules: FieldRules, to writer: inout ByteWriter) {
        var next = start
        while next < offset {
            let tag = payload.byte(at: next) & 0x7F
            let (value, length) = Self.value(payload, behindHeadAt: next)
            if Self.bit(tag, rules.expected) != 0 { writer.append(payload.extracting(next..<(value + length))) }
            next = value + length
        }
    }
}
