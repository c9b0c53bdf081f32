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

    /// Microseconds in the unit that a person would choose, to three digits or, trimmed, to as many of them as say something.
    static func duration(microseconds: UInt64, isTrimmed: Bool = false) -> String {
        if microseconds < 1_000 { return "\(microseconds) µs" }
        let (value, unit) = microseconds < 1_000_000 ? (Double(microseconds) / 1_000, "ms") : (Double(microseconds) / 1_000_000, "s")
        return "\(isTrimmed ? trimmed(value, decimals: 2) : significant(value)) \(unit)"
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
