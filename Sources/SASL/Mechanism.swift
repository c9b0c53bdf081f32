/// The ways to log in (docs/PROTOCOL.md, *Authentication*), by their names on the wire.
public enum Mechanism: String, Sendable, CaseIterable {
    /// RFC 7677 with the binding of RFC 9266.
    case scramPlus = "SCRAM-SHA-256-PLUS"
    /// RFC 7677.
    case scram = "SCRAM-SHA-256"
    /// A resume token, bound to the TLS connection.
    case resumeBound = "HT-SHA-256-EXPR"
    /// A resume token that is bound to nothing: without TLS on loopback, and for web pages.
    case resumeUnbound = "HT-SHA-256-NONE"
    /// A client certificate (RFC 4422, appendix A).
    case external = "EXTERNAL"
    /// A JSON Web Token (RFC 7628).
    case bearer = "OAUTHBEARER"
    /// Guests (RFC 4505).
    case anonymous = "ANONYMOUS"
    /// Name and password in the clear (RFC 4616): never offered; for doors where a person types them.
    case plain = "PLAIN"
}

/// A message that does not keep to the grammar of its mechanism. It is answered like a wrong password.
public struct SASLError: Error, Sendable, Equatable {
    public init() {}
}
