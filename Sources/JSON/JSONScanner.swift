import Bytes

/// A text that is not the JSON that was expected.
public struct JSONError: Error {
    /// For people.
    public let reason: String

    public init(reason: String) { self.reason = reason }
}

/// Where a value stands in a text, and what it is. A string's range is what stands between its quotes, any other's is all of it.
public struct JSONToken: Sendable {
    public enum Kind: Sendable {
        case object, array, string, number, yes, no, null
    }

    public let kind: Kind
    public let range: Range<Int>
    /// Whether a string holds escapes, so that its octets are not what it says.
    public internal(set) var hasEscapes = false
}

/// Walks over a JSON text, strictly by RFC 8259: no comments, no trailing commas, no leading zeros, no control characters in strings.
/// It never recurses; nesting is bounded by ``depthMax``. It keeps offsets only, the octets stay with the caller.
public struct JSONScanner: Sendable {
    /// Objects and arrays within each other at most.
    public static let depthMax = 16

    public private(set) var offset: Int

    public init(at offset: Int = 0) { self.offset = offset }

    /// The next octet that is no white space; nil at the end.
    public mutating func peek(_ octets: RawSpan) -> UInt8? {
        while offset < octets.byteCount {
            let octet = octets.byte(at: offset)
            switch octet {
            case 0x20, 0x09, 0x0A, 0x0D: offset += 1
            default: return octet
            }
        }
        return nil
    }

    /// Takes a character that must be next.
    public mutating func expect(_ octet: UInt8, _ octets: RawSpan) throws(JSONError) {
        guard peek(octets) == octet else { throw JSONError(reason: "not JSON") }
        offset += 1
    }

    /// Takes a character if it is next.
    public mutating func take(_ octet: UInt8, _ octets: RawSpan) -> Bool {
        guard peek(octets) == octet else { return false }
        offset += 1
        return true
    }

    /// Takes a whole value of any kind.
    public mutating func value(_ octets: RawSpan) throws(JSONError) -> JSONToken {
        guard let first = peek(octets) else { throw JSONError(reason: "JSON that ends early") }
        let start = offset
        switch first {
        case UInt8(ascii: "\""): return try string(octets)
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            try skipNested(octets)
            return JSONToken(kind: first == UInt8(ascii: "{") ? .object : .array, range: start..<offset)
        default: return try scalar(octets)
        }
    }

    /// Takes a string.
    public mutating func string(_ octets: RawSpan) throws(JSONError) -> JSONToken {
        try expect(UInt8(ascii: "\""), octets)
        let start = offset
        var hasEscapes = false
        while offset < octets.byteCount {
            let octet = octets.byte(at: offset)
            offset += 1
            switch octet {
            case UInt8(ascii: "\""): return JSONToken(kind: .string, range: start..<(offset - 1), hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try skipEscape(octets)
            case 0..<0x20: throw JSONError(reason: "a control character in a string")
            default: break
            }
        }
        throw JSONError(reason: "a string that does not end")
    }

    /// Takes an object. `body` gets the name of each member, and takes its value.
    public mutating func members(
        _ octets: RawSpan, _ body: (JSONToken, inout JSONScanner) throws(JSONError) -> Void
    ) throws(JSONError) {
        try expect(UInt8(ascii: "{"), octets)
        guard !take(UInt8(ascii: "}"), octets) else { return }
        repeat {
            let name = try string(octets)
            try expect(UInt8(ascii: ":"), octets)
            try body(name, &self)
        } while take(UInt8(ascii: ","), octets)
        try expect(UInt8(ascii: "}"), octets)
    }

    /// Takes an array, of which `body` takes each element.
    public mutating func elements(_ octets: RawSpan, _ body: (inout JSONScanner) throws(JSONError) -> Void) throws(JSONError) {
        try expect(UInt8(ascii: "["), octets)
        guard !take(UInt8(ascii: "]"), octets) else { return }
        repeat { try body(&self) } while take(UInt8(ascii: ","), octets)
        try expect(UInt8(ascii: "]"), octets)
    }

    private mutating func skipEscape(_ octets: RawSpan) throws(JSONError) {
        guard offset < octets.byteCount else { throw JSONError(reason: "a string that does not end") }
        let octet = octets.byte(at: offset)
        offset += 1
        switch octet {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            break
        case UInt8(ascii: "u"):
            let unit = try JSONText.unit(octets, at: offset)
            offset += 4
            if 0xDC00...0xDFFF ~= unit { throw JSONError(reason: "half a character") }
            guard 0xD800...0xDBFF ~= unit else { return }
            guard offset + 6 <= octets.byteCount, octets.byte(at: offset) == UInt8(ascii: "\\"),
                octets.byte(at: offset + 1) == UInt8(ascii: "u"),
                0xDC00...0xDFFF ~= (try JSONText.unit(octets, at: offset + 2))
            else { throw JSONError(reason: "half a character") }
            offset += 6
        default: throw JSONError(reason: "an unknown escape")
        }
    }

    private mutating func scalar(_ octets: RawSpan) throws(JSONError) -> JSONToken {
        let start = offset
        switch octets.byte(at: offset) {
        case UInt8(ascii: "t"): try word("true", octets)
        case UInt8(ascii: "f"): try word("false", octets)
        case UInt8(ascii: "n"): try word("null", octets)
        default:
            try number(octets)
            return JSONToken(kind: .number, range: start..<offset)
        }
        let kind: JSONToken.Kind =
            octets.byte(at: start) == UInt8(ascii: "t") ? .yes : octets.byte(at: start) == UInt8(ascii: "f") ? .no : .null
        return JSONToken(kind: kind, range: start..<offset)
    }

    private mutating func word(_ word: StaticString, _ octets: RawSpan) throws(JSONError) {
        guard octets.byteCount - offset >= word.utf8CodeUnitCount else { throw JSONError(reason: "not JSON") }
        for index in 0..<word.utf8CodeUnitCount where octets.byte(at: offset + index) != word.utf8Start[index] {
            throw JSONError(reason: "not JSON")
        }
        offset += word.utf8CodeUnitCount
    }

    private mutating func number(_ octets: RawSpan) throws(JSONError) {
        _ = skip(UInt8(ascii: "-"), octets)
        if !skip(UInt8(ascii: "0"), octets) { try digits(octets) }
        if skip(UInt8(ascii: "."), octets) { try digits(octets) }
        if skip(UInt8(ascii: "e"), octets) || skip(UInt8(ascii: "E"), octets) {
            if !skip(UInt8(ascii: "+"), octets) { _ = skip(UInt8(ascii: "-"), octets) }
            try digits(octets)
        }
    }

    private mutating func digits(_ octets: RawSpan) throws(JSONError) {
        let start = offset
        while offset < octets.byteCount, JSONText.isDigit(octets.byte(at: offset)) { offset += 1 }
        guard offset > start else { throw JSONError(reason: "not JSON") }
    }

    private mutating func skip(_ octet: UInt8, _ octets: RawSpan) -> Bool {
        guard offset < octets.byteCount, octets.byte(at: offset) == octet else { return false }
        offset += 1
        return true
    }

    /// Passes over an object or an array with all that is in it. What is open is kept as bits, 1 for an object.
    private mutating func skipNested(_ octets: RawSpan) throws(JSONError) {
        var open: UInt32 = 1
        repeat {
            guard let octet = peek(octets) else { throw JSONError(reason: "JSON that ends early") }
            var isValue = true
            if octet == UInt8(ascii: "{") || octet == UInt8(ascii: "[") {
                let isObject = octet == UInt8(ascii: "{")
                offset += 1
                guard open.leadingZeroBitCount > 31 - Self.depthMax else { throw JSONError(reason: "JSON nested too deep") }
                open = open << 1 | (isObject ? 1 : 0)
                if !take(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"), octets) {
                    if isObject { try memberName(octets) }
                    isValue = false
                } else {
                    open >>= 1
                }
            } else if octet == UInt8(ascii: "\"") {
                _ = try string(octets)
            } else {
                _ = try scalar(octets)
            }
            // Behind a value: its object or array goes on, or ends and is itself a value.
            while isValue && open > 1 {
                if take(UInt8(ascii: ","), octets) {
                    if open & 1 == 1 { try memberName(octets) }
                    isValue = false
                } else {
                    try expect(open & 1 == 1 ? UInt8(ascii: "}") : UInt8(ascii: "]"), octets)
                    open >>= 1
                }
            }
        } while open > 1
    }

    private mutating func memberName(_ octets: RawSpan) throws(JSONError) {
        _ = try string(octets)
        try expect(UInt8(ascii: ":"), octets)
    }
}
