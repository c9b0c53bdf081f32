/// A value of JSON (RFC 8259), as JSON Web Tokens and key sets need it. Numbers are kept in whole units.
///
/// The reader is strict: one value and nothing behind it, no member twice (RFC 7519, section 4, leaves that to us), and bounded: at most
/// ``depthMax`` levels, so that its recursion ends.
public indirect enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    /// Fractions are cut off; what does not fit is nil.
    case number(Int64?)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    public static let depthMax = 8

    /// Reads one value; nil if the octets are none.
    public init?(_ octets: some Collection<UInt8>) {
        let octets = Array(octets)
        guard octets.span.bytes.isWellFormed else { return nil }
        var reader = JSONReader(octets)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    public subscript(name: String) -> JSONValue? {
        if case .object(let members) = self { members[name] } else { nil }
    }

    public var text: String? {
        if case .text(let text) = self { text } else { nil }
    }

    public var number: Int64? {
        if case .number(let number) = self { number } else { nil }
    }

    public var list: [JSONValue]? {
        if case .list(let list) = self { list } else { nil }
    }
}

extension RawSpan {
    fileprivate var isWellFormed: Bool {
        withUnsafeBytes { String(validating: $0, as: UTF8.self) != nil }
    }
}

private struct JSONReader {
    private let octets: [UInt8]
    private var offset = 0

    init(_ octets: [UInt8]) { self.octets = octets }

    var isAtEnd: Bool {
        mutating get {
            skipSpace()
            return offset == octets.count
        }
    }

    private var next: UInt8? { offset < octets.count ? octets[offset] : nil }

    private mutating func skipSpace() {
        while let octet = next, [0x20, 0x09, 0x0A, 0x0D].contains(octet) { offset += 1 }
    }

    private mutating func take(_ octet: UInt8) -> Bool {
        guard next == octet else { return false }
        offset += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        let letters = word.withUTF8Buffer { Array($0) }
        guard octets[offset...].starts(with: letters) else { return false }
        offset += letters.count
        return true
    }

    mutating func value(depth: Int) -> JSONValue? {
        guard depth <= JSONValue.depthMax else { return nil }
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return object(depth: depth)
        case UInt8(ascii: "["): return list(depth: depth)
        case UInt8(ascii: "\""): return text().map { .text($0) }
        case UInt8(ascii: "t"): return take(word: "true") ? .boolean(true) : nil
        case UInt8(ascii: "f"): return take(word: "false") ? .boolean(false) : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(depth: Int) -> JSONValue? {
        offset += 1
        var members: [String: JSONValue] = [:]
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\""), let name = text(), members[name] == nil else { return nil }
            skipSpace()
            guard take(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
            members[name] = value
            skipSpace()
            if take(UInt8(ascii: "}")) { return .object(members) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func list(depth: Int) -> JSONValue? {
        offset += 1
        var items: [JSONValue] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .list(items) }
        while true {
            guard let value = value(depth: depth + 1) else { return nil }
            items.append(value)
            skipSpace()
            if take(UInt8(ascii: "]")) { return .list(items) }
            guard take(UInt8(ascii: ",")) else { return nil }
        }
    }

    private mutating func digits() -> [UInt8] {
        let start = offset
        while let octet = next, (0x30...0x39).contains(octet) { offset += 1 }
        return Array(octets[start..<offset])
    }

    private mutating func number() -> JSONValue? {
        let isNegative = take(UInt8(ascii: "-"))
        let whole = digits()
        guard !whole.isEmpty, whole.count == 1 || whole[0] != UInt8(ascii: "0") else { return nil }
        if take(UInt8(ascii: ".")) { guard !digits().isEmpty else { return nil } }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            guard !digits().isEmpty else { return nil }
            // A time with an exponent is written by nobody.
            return .number(nil)
        }
        return .number(Int64((isNegative ? "-" : "") + String(decoding: whole, as: UTF8.self)))
    }

    private mutating func text() -> String? {
        offset += 1
        var result: [UInt8] = []
        while let octet = next {
            offset += 1
            switch octet {
            case UInt8(ascii: "\""): return String(validating: result, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                result += Array(String(Character(scalar)).utf8)
            case 0x00..<0x20: return nil
            default: result.append(octet)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        guard let letter = next else { return nil }
        offset += 1
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(letter)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return unicode()
        default: return nil
        }
    }

    private mutating func unit() -> UInt32? {
        guard offset + 4 <= octets.count else { return nil }
        let digits = octets[offset..<(offset + 4)]
        guard digits.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        offset += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }

    private mutating func unicode() -> Unicode.Scalar? {
        guard let first = unit() else { return nil }
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) }
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")), let second = unit(), (0xDC00..<0xE000).contains(second) else { return nil }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    }
}
