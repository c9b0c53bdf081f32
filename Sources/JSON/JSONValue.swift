import Bytes

/// A value of JSON (RFC 8259) as a tree, for what is read seldom, such as JSON Web Tokens and key sets. Numbers are kept in whole units.
///
/// The reader is strict: one value and nothing behind it, and no member twice (RFC 7519, section 4, leaves that to us).
public indirect enum JSONValue: Sendable, Equatable {
    case null
    case boolean(Bool)
    /// Fractions are cut off; what does not fit, or has an exponent, is nil.
    case number(Int64?)
    case text(String)
    case list([JSONValue])
    case object([String: JSONValue])

    /// Reads one value; nil if the octets are none.
    public init?(_ octets: some Collection<UInt8>) {
        let octets = Array(octets)
        let span = octets.span.bytes
        guard span.isWellFormedUTF8 else { return nil }
        do throws(JSONError) {
            // Judged as a whole first, so that the recursion below ends.
            var judge = JSONScanner()
            _ = try judge.value(span)
            guard judge.peek(span) == nil else { return nil }
            var scanner = JSONScanner()
            self = try Self.value(span, &scanner)
        } catch {
            return nil
        }
    }

    private static func value(_ octets: RawSpan, _ scanner: inout JSONScanner) throws(JSONError) -> JSONValue {
        switch scanner.peek(octets) {
        case UInt8(ascii: "{"):
            var members: [String: JSONValue] = [:]
            try scanner.members(octets) { (name, scanner) throws(JSONError) in
                guard members.updateValue(try value(octets, &scanner), forKey: try JSONText.string(name, of: octets)) == nil else {
                    throw JSONError(reason: "a member that stands twice")
                }
            }
            return .object(members)
        case UInt8(ascii: "["):
            var items: [JSONValue] = []
            try scanner.elements(octets) { (scanner) throws(JSONError) in items.append(try value(octets, &scanner)) }
            return .list(items)
        default: return try leaf(octets, try scanner.value(octets))
        }
    }

    private static func leaf(_ octets: RawSpan, _ token: JSONToken) throws(JSONError) -> JSONValue {
        switch token.kind {
        case .string: .text(try JSONText.string(token, of: octets))
        case .yes: .boolean(true)
        case .no: .boolean(false)
        case .number: .number(number(octets.extracting(token.range)))
        case .null, .object, .array: .null
        }
    }

    /// What stands before the decimal point.
    private static func number(_ octets: RawSpan) -> Int64? {
        let text = octets.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        return text.contains { $0 == "e" || $0 == "E" } ? nil : Int64(text.prefix { $0 != "." })
    }

    // MARK: What it is

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
