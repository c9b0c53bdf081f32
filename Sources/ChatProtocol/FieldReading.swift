import Bytes

// Values by a ``FieldReader``. Each takes the next field if it is the one named, and judges its octets: 101 for what no encoder
// writes, 108 for a value outside its bounds, 400 and 401 for names and texts that are none.
extension FieldReader {
    @inline(__always)
    mutating func numberIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> UInt64? {
        guard let range = take(field, in: payload) else { return nil }
        return try Self.number(field, range, payload)
    }

    /// A required number.
    mutating func number(_ field: Field, in payload: RawSpan) throws(PayloadError) -> UInt64 {
        try Self.number(field, takeRequired(field, in: payload), payload)
    }

    @inline(__always)
    private static func number(_ field: Field, _ range: Range<Int>, _ payload: RawSpan) throws(PayloadError) -> UInt64 {
        guard range.count <= 7 else { throw PayloadError(.malformed, field, "a number of more than 7 octets") }
        let value = payload.bigEndian(at: range.lowerBound, byteCount: range.count)
        guard range.isEmpty || payload.byte(at: range.lowerBound) != 0 else {
            throw PayloadError(.malformed, field, "a number with a leading zero octet")
        }
        guard value >= field.minimum, value <= field.maximum else { throw PayloadError(.badValue, field, "a number outside its limits") }
        return value
    }

    mutating func flag(_ field: Field, in payload: RawSpan) throws(PayloadError) -> Bool {
        guard let range = take(field, in: payload) else { return false }
        guard range.isEmpty else { throw PayloadError(.malformed, field, "a flag with a value") }
        return true
    }

    /// The octets of a field whose count is within its bounds.
    @inline(__always)
    mutating func octetsIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> Range<Int>? {
        guard let range = take(field, in: payload) else { return nil }
        guard range.count >= field.minimum, range.count <= field.maximum else {
            throw PayloadError(.badValue, field, "a value outside its limits")
        }
        return range
    }

    mutating func bytesIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> SharedBytes? {
        guard let range = try octetsIfPresent(field, in: payload) else { return nil }
        return SharedBytes(copying: payload.extracting(range))
    }

    mutating func bytes(_ field: Field, in payload: RawSpan) throws(PayloadError) -> SharedBytes {
        guard let bytes = try bytesIfPresent(field, in: payload) else { preconditionFailure("a required field was checked to be there") }
        return bytes
    }

    /// Judges a text without making a `String` of it.
    mutating func textOctetsIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> Range<Int>? {
        guard let range = try octetsIfPresent(field, in: payload) else { return nil }
        guard TextRules.isAcceptable(payload.extracting(range)) else { throw PayloadError(.badText, field, "a text that is not acceptable") }
        return range
    }

    mutating func textIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> String? {
        guard let range = try textOctetsIfPresent(field, in: payload) else { return nil }
        return try Self.text(field, range, payload)
    }

    mutating func text(_ field: Field, in payload: RawSpan) throws(PayloadError) -> String {
        guard let text = try textIfPresent(field, in: payload) else { preconditionFailure("a required field was checked to be there") }
        return text
    }

    private static func text(_ field: Field, _ range: Range<Int>, _ payload: RawSpan) throws(PayloadError) -> String {
        guard let text = payload.text(in: range) else { throw PayloadError(.badText, field, "a text that is not acceptable") }
        return text
    }

    mutating func messageIDIfPresent(in payload: RawSpan) throws(PayloadError) -> MessageID? {
        guard let range = try octetsIfPresent(.messageID, in: payload) else { return nil }
        return MessageID(payload.bigEndian(at: range.lowerBound, byteCount: 8))
    }

    mutating func addressIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> RoomAddress? {
        guard let range = take(field, in: payload) else { return nil }
        return try Self.address(field, range, payload)
    }

    @inline(__always)
    mutating func address(_ field: Field, in payload: RawSpan) throws(PayloadError) -> RoomAddress {
        try Self.address(field, takeRequired(field, in: payload), payload)
    }

    @inline(__always)
    private static func address(_ field: Field, _ range: Range<Int>, _ payload: RawSpan) throws(PayloadError) -> RoomAddress {
        guard let address = RoomAddress(payload, at: range) else { throw PayloadError(.badName, field, "not an address") }
        return address
    }

    mutating func nameIfPresent(_ field: Field, in payload: RawSpan) throws(PayloadError) -> AccountName? {
        guard let range = take(field, in: payload) else { return nil }
        return try Self.name(field, range, payload)
    }

    @inline(__always)
    mutating func name(_ field: Field, in payload: RawSpan) throws(PayloadError) -> AccountName {
        try Self.name(field, takeRequired(field, in: payload), payload)
    }

    @inline(__always)
    private static func name(_ field: Field, _ range: Range<Int>, _ payload: RawSpan) throws(PayloadError) -> AccountName {
        guard let name = AccountName(payload, at: range) else { throw PayloadError(.badName, field, "not a name") }
        return name
    }

    /// A list of texts; an absent one is empty.
    mutating func texts(_ field: Field, in payload: RawSpan) throws(PayloadError) -> [String] {
        guard let range = take(field, in: payload) else { return [] }
        var texts: [String] = []
        try Self.forEachItem(of: field, range, payload) { (item: Range<Int>) throws(PayloadError) in
            guard item.count <= ProtocolLimits.listItemByteCountMax else { throw PayloadError(.badValue, field, "an item outside its limits") }
            guard TextRules.isAcceptable(payload.extracting(item)) else { throw PayloadError(.badText, field, "an item that is not text") }
            texts.append(try Self.text(field, item, payload))
        }
        return texts
    }

    /// The groups of a list as octets, each to be read by a table of its own.
    mutating func groups(
        _ field: Field, in payload: RawSpan, _ body: (Range<Int>) throws(PayloadError) -> Void
    ) throws(PayloadError) {
        try Self.forEachItem(of: field, takeRequired(field, in: payload), payload, body)
    }

    private static func forEachItem(
        of field: Field, _ range: Range<Int>, _ payload: RawSpan, _ body: (Range<Int>) throws(PayloadError) -> Void
    ) throws(PayloadError) {
        let list = payload.extracting(range)
        var offset = 0
        var count: UInt64 = 0
        while offset < list.byteCount {
            let length = try VariableLength.read(list, &offset)
            guard length <= list.byteCount - offset else { throw PayloadError(.malformed, field, "an item is longer than its list") }
            count += 1
            guard count <= field.maximum else { throw PayloadError(.badValue, field, "a list of too many items") }
            let start = range.lowerBound + offset
            try body(start..<(start + length))
            offset += length
        }
    }

    @inline(__always)
    private mutating func takeRequired(_ field: Field, in payload: RawSpan) -> Range<Int> {
        guard let range = take(field, in: payload) else { preconditionFailure("a required field was checked to be there") }
        return range
    }
}
