import ChatProtocol

/// One JSON object on one line (RFC 8259), its members in the order they were added. The names are those of the protocol's JSON mapping
/// (docs/PROTOCOL.md, *JSON mapping*).
struct JSONLine {
    private var text = "{"

    /// - Parameter type: the member `t`, which says what the object is.
    init(_ type: String) {
        add("t", type)
    }

    mutating func add(_ name: String, _ value: String?) {
        guard let value else { return }
        begin(name)
        text += Self.quoted(value)
    }

    mutating func add(_ name: String, _ value: UInt64?) {
        guard let value else { return }
        begin(name)
        text += String(value)
    }

    mutating func add(_ name: String, _ value: Int) { add(name, UInt64(value)) }

    /// A number of milliseconds, to the microsecond.
    mutating func add(_ name: String, milliseconds value: Double) {
        begin(name)
        text += DurationText.milliseconds(value)
    }

    /// True; absent means false.
    mutating func add(_ name: String, flag: Bool) {
        guard flag else { return }
        begin(name)
        text += "true"
    }

    /// The object, complete, without a line end.
    var closed: String { text + "}" }

    private mutating func begin(_ name: String) {
        if text.utf8.count > 1 { text += "," }
        text += Self.quoted(name) + ":"
    }

    /// A JSON string that also is harmless on a terminal: what ``VisibleText`` would not show as it is stands as `\u` escapes.
    static func quoted(_ value: String) -> String {
        var result = "\""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                if isHarmless(scalar) {
                    result.unicodeScalars.append(scalar)
                } else {
                    for unit in String(scalar).utf16 { result += escape(unit) }
                }
            }
        }
        return result + "\""
    }

    private static func isHarmless(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar.value >= 0x20 && scalar.value != 0x7F }
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned: return false
        default: return !scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    private static func escape(_ unit: UInt16) -> String {
        let digits = String(unit, radix: 16)
        return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
