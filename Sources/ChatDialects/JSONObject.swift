import Bytes
import ChatProtocol
import JSON

/// The members of an object that stands for a frame or for a group, sorted by what they are. The values are not judged yet.
struct JSONObject {
    /// Members that are fields of the protocol, in ascending order of their tags.
    private(set) var fields: [(field: Field, value: JSONToken)] = []
    /// `t`, `id`, `more`, `retry` and `critical`, which stand for the frame's header; in a group they are unknown members.
    private(set) var header: [String: JSONToken] = [:]
    /// Whether there is a member that is not known and must not be passed over: its name begins with `!`.
    private(set) var hasUnknownCriticalMember = false

    private static let headerNames: Set<String> = ["t", "id", "more", "retry", "critical"]
    private static let fieldsByName = Dictionary(uniqueKeysWithValues: Schema.fields.map { ($0.name, $0) })

    /// Takes an object, and nothing behind it.
    init(_ octets: RawSpan, scanner: inout JSONScanner) throws(JSONError) {
        var names: Set<String> = []
        try scanner.members(octets) { (name, scanner) throws(JSONError) in
            let name = try JSONText.string(name, of: octets)
            guard names.insert(name).inserted else { throw JSONError(reason: "a member that stands twice") }
            let value = try scanner.value(octets)
            if let field = Self.fieldsByName[name] {
                fields.append((field, value))
            } else if Self.headerNames.contains(name) {
                header[name] = value
            } else if name.utf8.first == UInt8(ascii: "!") {
                hasUnknownCriticalMember = true
            }
        }
        fields.sort { $0.field.tag < $1.field.tag }
    }

    /// A member that says `true` or is not there.
    func flag(_ name: String) throws(JSONError) -> Bool {
        guard let value = header[name] else { return false }
        guard value.kind == .yes else { throw JSONError(reason: "a flag that is not true") }
        return true
    }
}
