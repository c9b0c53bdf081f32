/// A header field: its name in lower case, as it is compared, and its value without surrounding white space.
public struct HTTPField: Sendable, Equatable {
    public let name: String
    public let value: String

    public init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The request line and the header fields of an HTTP/1.x request (RFC 9112), checked: whatever two readers could read in two ways has
/// been refused.
public struct HTTPRequestHead: Sendable, Equatable {
    public let method: String
    /// The path, from its `/` on, not decoded; `*` or an authority for the methods that have no path.
    public let path: String
    /// What stands behind `?`; nil if there is none.
    public let query: String?
    /// 0 for HTTP/1.0, 1 for HTTP/1.1 and whatever follows it.
    public let minorVersion: Int
    /// In the order received.
    public let fields: [HTTPField]

    /// The values of all fields of that name, which is given in lower case.
    public func values(of name: String) -> [String] {
        fields.filter { $0.name == name }.map(\.value)
    }

    /// The value of the only field of that name; nil if there is none, or more than one.
    public func value(of name: String) -> String? {
        let values = values(of: name)
        return values.count == 1 ? values[0] : nil
    }

    /// The elements of a field that is a list (RFC 9110 section 5.6.1), over all its lines, without the empty ones.
    public func list(_ name: String) -> [String] {
        values(of: name).flatMap { HTTPSyntax.elements(of: $0) }
    }

    /// Whether a list field holds a token, in any case of letters.
    public func hasToken(_ token: String, in name: String) -> Bool {
        list(name).contains { HTTPSyntax.lowercased($0) == token }
    }
}
