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

/// Decimal notation of numbers.
enum DecimalText {
    /// With exactly so many decimals.
    static func fixed(_ value: Double, decimals: Int) -> String {
        guard value.isFinite, abs(value) < 1e15 else { return "\(value)" }
        var scale: UInt64 = 1
        for _ in 0..<decimals { scale *= 10 }
        let scaled = UInt64((abs(value) * Double(scale)).rounded())
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard decimals > 0 else { return sign + String(scaled) }
        let fraction = String(scaled % scale)
        return "\(sign)\(scaled / scale).\(String(repeating: "0", count: decimals - fraction.count))\(fraction)"
    }

    /// With at most so many decimals.
    static func trimmed(_ value: Double, decimals: Int) -> String {
        var text = fixed(value, decimals: decimals)
        guard text.contains(".") else { return text }
        while text.hasSuffix("0") { text.removeLast() }
        if text.hasSuffix(".") { text.removeLast() }
        return text
    }

    /// A whole number with its thousands apart: `1,234,567`.
    static func grouped(_ value: UInt64) -> String {
        var grouped = ""
        let digits = String(value)
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { grouped += "," }
            grouped.append(digit)
        }
        return grouped
    }

    static func grouped(_ value: Double) -> String { grouped(UInt64(max(0, value).rounded())) }

    /// Microseconds in the unit that a person would choose.
    static func duration(microseconds: UInt64) -> String {
        if microseconds < 1_000 { return "\(microseconds) µs" }
        if microseconds < 1_000_000 { return "\(significant(Double(microseconds) / 1_000)) ms" }
        return "\(significant(Double(microseconds) / 1_000_000)) s"
    }

    /// Octets in the unit that a person would choose.
    static func size(byteCount: Double) -> String {
        if abs(byteCount) < 10_240 { return "\(fixed(byteCount, decimals: 0)) B" }
        if abs(byteCount) < 10_485_760 { return "\(significant(byteCount / 1_024)) KiB" }
        return "\(significant(byteCount / 1_048_576)) MiB"
    }

    /// Three digits, no more decimals than they need.
    static func significant(_ value: Double) -> String {
        fixed(value, decimals: abs(value) < 10 ? 2 : abs(value) < 100 ? 1 : 0)
    }
}
