public import Bytes

// Fields as the encoder writes them. Values outside the bounds of the table are our own mistake, and trap.
extension ByteWriter {
    /// Appends tag, C bit and length of a field; the caller appends its `valueByteCount` octets. No bound is checked: gateways write
    /// with it what they were given, and leave the judgement to the decoder.
    public mutating func appendHead(of field: Field, valueByteCount: Int) {
        append(field.head)
        appendVariableLength(valueByteCount)
    }

    /// Appends a length in its shortest form (RFC 9000 section 16, 1, 2 or 4 octets).
    public mutating func appendVariableLength(_ length: Int) {
        precondition(length >= 0 && length < 1 << 30, "a length has at most 30 bits")
        switch VariableLength.byteCount(of: length) {
        case 1: append(UInt8(length))
        case 2: appendBigEndian(UInt64(length) | 0x4000, byteCount: 2)
        default: appendBigEndian(UInt64(length) | 0x8000_0000, byteCount: 4)
        }
    }

    /// Octets of a number in its shortest form; 0 has none.
    @inline(__always)
    static func numberByteCount(_ value: UInt64) -> Int { (71 - value.leadingZeroBitCount) >> 3 }

    @inline(__always)
    mutating func append(_ field: Field, number value: UInt64) {
        precondition(value >= field.minimum && value <= field.maximum, "a number outside its limits")
        let byteCount = Self.numberByteCount(value)
        appendBigEndian(UInt64(field.head) << 8 | UInt64(byteCount), byteCount: 2)
        appendBigEndian(value, byteCount: byteCount)
    }

    mutating func append(_ field: Field, number value: UInt64?) {
        if let value { append(field, number: value) }
    }

    mutating func append(_ field: Field, flag: Bool) {
        if flag { appendHead(of: field, valueByteCount: 0) }
    }

    mutating func append(_ field: Field, bytes: SharedBytes?) {
        guard let bytes else { return }
        precondition(bytes.count >= field.minimum && bytes.count <= field.maximum, "octets outside their limits")
        appendHead(of: field, valueByteCount: bytes.count)
        append(bytes)
    }

    mutating func append(_ field: Field, text: String?) {
        guard let text else { return }
        let byteCount = text.utf8.count
        precondition(byteCount <= field.maximum, "a text outside its limits")
        appendHead(of: field, valueByteCount: byteCount)
        appendText(text)
    }

    /// Appends the octets of a text, which must keep the text rules.
    private mutating func appendText(_ text: String) {
        let start = count
        append(utf8: text)
        precondition(withBytes { TextRules.isAcceptable($0.extracting(start..<$0.byteCount)) }, "a text that breaks the text rules")
    }

    mutating func append(_ field: Field, texts: [String]) {
        precondition(texts.count <= field.maximum, "a list of too many items")
        var byteCount = 0
        for text in texts {
            let length = text.utf8.count
            precondition(length <= ProtocolLimits.listItemByteCountMax, "an item outside its limits")
            byteCount += VariableLength.byteCount(of: length) + length
        }
        appendHead(of: field, valueByteCount: byteCount)
        for text in texts {
            appendVariableLength(text.utf8.count)
            appendText(text)
        }
    }

    @inline(__always)
    mutating func append(_ field: Field, name: AccountName) {
        // A name is shorter than 64 octets, so its length is one octet.
        appendBigEndian(UInt64(field.head) << 8 | UInt64(name.count), byteCount: 2)
        name.append(to: &self)
    }

    mutating func append(_ field: Field, name: AccountName?) {
        if let name { append(field, name: name) }
    }

    @inline(__always)
    mutating func append(_ field: Field, address: RoomAddress) {
        appendHead(of: field, valueByteCount: address.count)
        address.append(to: &self)
    }

    mutating func append(_ field: Field, address: RoomAddress?) {
        if let address { append(field, address: address) }
    }

    mutating func append(_ messageID: MessageID?) {
        guard let messageID else { return }
        appendHead(of: .messageID, valueByteCount: 8)
        appendBigEndian(messageID.value, byteCount: 8)
    }
}
