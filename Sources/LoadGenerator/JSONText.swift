/// A JSON value (RFC 8259) to be written: as much of JSON as a result needs.
enum JSONText {
    case null
    case bool(Bool)
    case count(UInt64)
    /// Written with so many decimals at most; what is no number becomes null.
    case number(Double, decimals: Int)
    case text(String)
    case list([JSONText])
    case object([(String, JSONText)])

    /// The value as text, an object's members each on a line of their own.
    func rendered(indent: Int = 0) -> String {
        let margin = String(repeating: " ", count: indent + 2)
        switch self {
        case .null: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .count(let value): return String(value)
        case .number(let value, let decimals): return value.isFinite ? DecimalText.trimmed(value, decimals: decimals) : "null"
        case .text(let value): return Self.quoted(value)
        case .list(let values):
            return "[" + values.map { $0.rendered(indent: indent + 2) }.joined(separator: ", ") + "]"
        case .object(let members):
            if members.isEmpty { return "{}" }
            let lines = members.map { "\(margin)\(Self.quoted($0.0)): \($0.1.rendered(indent: indent + 2))" }
            return "{\n" + lines.joined(separator: ",\n") + "\n" + String(repeating: " ", count: indent) + "}"
        }
    }

    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20:
                quoted += "\\u00" + (scalar.value < 0x10 ? "0" : "") + String(scalar.value, radix: 16)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
