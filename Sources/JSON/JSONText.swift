public import Bytes

/// What JSON values say, and how they are written.
public enum JSONText {
    static func isDigit(_ octet: UInt8) -> Bool { octet >= UInt8(ascii: "0") && octet <= UInt8(ascii: "9") }

    /// The four hexadecimal digits of an escape.
    static func unit(_ octets: RawSpan, at offset: Int) throws(JSONError) -> UInt32 {
        guard offset + 4 <= octets.byteCount else { throw JSONError(reason: "an escape that is cut off") }
        var unit: UInt32 = 0
        for index in 0..<4 {
            let octet = octets.byte(at: offset + index)
            let digit: UInt8
            switch octet {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = octet - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = octet - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = octet - UInt8(ascii: "A") + 10
            default: throw JSONError(reason: "an escape without digits")
            }
            unit = unit << 4 | UInt32(digit)
        }
        return unit
    }

    /// Appends what a string says; its escapes have been checked by the scanner.
    public static func append(_ string: JSONToken, of octets: RawSpan, to writer: inout ByteWriter) throws(JSONError) {
        guard string.hasEscapes else { return writer.append(octets.extracting(string.range)) }
        var offset = string.range.lowerBound
        while offset < string.range.upperBound {
            let octet = octets.byte(at: offset)
            offset += 1
            guard octet == UInt8(ascii: "\\") else {
                writer.append(octet)
                continue
            }
            let escape = octets.byte(at: offset)
            offset += 1
            switch escape {
            case UInt8(ascii: "b"): writer.append(0x08)
            case UInt8(ascii: "f"): writer.append(0x0C)
            case UInt8(ascii: "n"): writer.append(0x0A)
            case UInt8(ascii: "r"): writer.append(0x0D)
            case UInt8(ascii: "t"): writer.append(0x09)
            case UInt8(ascii: "u"):
                var unit = try unit(octets, at: offset)
                offset += 4
                if 0xD800...0xDBFF ~= unit {
                    unit = 0x1_0000 + (unit - 0xD800) << 10 + (try Self.unit(octets, at: offset + 2) - 0xDC00)
                    offset += 6
                }
                guard let scalar = Unicode.Scalar(unit) else { throw JSONError(reason: "half a character") }
                for octet in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { writer.append(octet) }
            default: writer.append(escape)
            }
        }
    }

    /// What a string says, as octets of their own.
    public static func bytes(_ string: JSONToken, of octets: RawSpan) throws(JSONError) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: string.range.count)
        try append(string, of: octets, to: &writer)
        return writer.finish()
    }

    /// What a string says; the octets are UTF-8.
    public static func string(_ string: JSONToken, of octets: RawSpan) throws(JSONError) -> String {
        if !string.hasEscapes { return octets.extracting(string.range).withUnsafeBytes { String(decoding: $0, as: UTF8.self) } }
        return try bytes(string, of: octets).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// A number in plain decimal form; nil for any other value. What no 64 bits hold is the greatest that they do.
    public static func number(_ value: JSONToken, of octets: RawSpan) -> UInt64? {
        guard value.kind == .number else { return nil }
        var number: UInt64 = 0
        for offset in value.range {
            let octet = octets.byte(at: offset)
            guard isDigit(octet) else { return nil }
            let (product, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflowsToo) = product.addingReportingOverflow(UInt64(octet - UInt8(ascii: "0")))
            number = overflows || overflowsToo ? .max : sum
            if number == .max { return rest(of: value, from: offset, octets) ? .max : nil }
        }
        return number
    }

    private static func rest(of value: JSONToken, from offset: Int, _ octets: RawSpan) -> Bool {
        (offset..<value.range.upperBound).allSatisfy { isDigit(octets.byte(at: $0)) }
    }

    // MARK: Writing

    /// Appends a number in plain decimal form.
    public static func append(_ number: UInt64, to writer: inout ByteWriter) {
        guard number >= 10 else { return writer.append(UInt8(ascii: "0") + UInt8(number)) }
        var digits = InlineArray<20, UInt8>(repeating: 0)
        var count = 0
        var left = number
        while left > 0 {
            digits[count] = UInt8(ascii: "0") + UInt8(left % 10)
            left /= 10
            count += 1
        }
        while count > 0 {
            count -= 1
            writer.append(digits[count])
        }
    }

    /// Appends a string in quotes; the octets are UTF-8. Only what must be is escaped, in its shortest form.
    public static func append(string octets: RawSpan, to writer: inout ByteWriter) {
        writer.append(UInt8(ascii: "\""))
        var start = 0
        for offset in 0..<octets.byteCount {
            let octet = octets.byte(at: offset)
            guard octet < 0x20 || octet == UInt8(ascii: "\"") || octet == UInt8(ascii: "\\") else { continue }
            writer.append(octets.extracting(start..<offset))
            start = offset + 1
            writer.append(UInt8(ascii: "\\"))
            switch octet {
            case 0x0A: writer.append(UInt8(ascii: "n"))
            case 0x09: writer.append(UInt8(ascii: "t"))
            case 0x0D: writer.append(UInt8(ascii: "r"))
            case 0..<0x20:
                let digits: StaticString = "0123456789abcdef"
                for letter in [
                    UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0"), digits.utf8Start[Int(octet >> 4)],
                    digits.utf8Start[Int(octet & 15)],
                ] {
                    writer.append(letter)
                }
            default: writer.append(octet)
            }
        }
        writer.append(octets.extracting(start..<octets.byteCount))
        writer.append(UInt8(ascii: "\""))
    }
}
