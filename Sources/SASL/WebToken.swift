import Bytes
public import JSON

/// A JSON Web Token (RFC 7519) in compact form (RFC 7515, section 7.1), read but not yet believed.
public struct WebToken: Sendable {
    /// Longer ones are refused unread.
    public static let byteCountMax = 6_144

    /// How a token may be signed (RFC 7518, section 3.1; RFC 8037). `none` is not among them.
    public enum Algorithm: String, Sendable, CaseIterable {
        case hs256 = "HS256"
        case rs256 = "RS256"
        case es256 = "ES256"
        case edDSA = "EdDSA"
    }

    public let algorithm: Algorithm
    /// Which key signed it, if the token says so.
    public let keyID: String?
    public let claims: JSONValue
    /// Header and claims as they stand in the token: what is signed.
    public let signedText: [UInt8]
    public let signature: [UInt8]

    public init(_ text: String) throws(SASLError) {
        guard text.utf8.count <= Self.byteCountMax else { throw SASLError() }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Base64.url.octets(in: parts[0]).flatMap({ JSONValue($0) }),
            let claims = Base64.url.octets(in: parts[1]).flatMap({ JSONValue($0) }), case .object = claims,
            let signature = Base64.url.octets(in: parts[2]), !signature.isEmpty
        else { throw SASLError() }
        // RFC 7515, section 4.1.11: what `crit` lists must be understood, and nothing of it is.
        guard header["crit"] == nil, header["b64"] == nil, let name = header["alg"]?.text, let algorithm = Algorithm(rawValue: name) else {
            throw SASLError()
        }
        if let type = header["typ"] {
            guard let type = type.text?.lowercased(), ["jwt", "at+jwt", "application/at+jwt"].contains(type) else { throw SASLError() }
        }
        if let keyID = header["kid"] {
            guard case .text(let text) = keyID, text.utf8.count <= 256 else { throw SASLError() }
            self.keyID = text
        } else {
            keyID = nil
        }
        self.algorithm = algorithm
        self.claims = claims
        self.signature = signature
        signedText = Array((parts[0] + "." + parts[1]).utf8)
    }
}

/// What a token must say to be accepted.
public struct WebTokenRules: Sendable {
    /// How far the clocks of issuer and broker may be apart.
    public static let skewSeconds: Int64 = 60

    public var issuer: String
    public var audience: String
    /// The claim that names the account.
    public var subjectClaim: String

    public init(issuer: String, audience: String, subjectClaim: String = "sub") {
        self.issuer = issuer
        self.audience = audience
        self.subjectClaim = subjectClaim
    }

    /// Why claims are not accepted.
    public enum Refusal: Error, Sendable, Equatable {
        case malformed
        case expired
        case notYetValid
        case issuer
        case audience
        case subject
    }

    /// Judges the claims of a token whose signature is good: all five must be there.
    ///
    /// - Parameter now: seconds since 1970-01-01T00:00:00Z.
    /// - Returns: the subject, and until when the token is valid, in the same seconds.
    public func judge(_ claims: JSONValue, now: Int64) throws(Refusal) -> (subject: String, expiresAt: Int64) {
        guard let expiresAt = claims["exp"]?.number, let validFrom = claims["nbf"]?.number else { throw .malformed }
        // Times that far off are mistakes, and would overflow below.
        guard (0..<1 << 40).contains(expiresAt), (0..<1 << 40).contains(validFrom) else { throw .malformed }
        guard now < expiresAt + Self.skewSeconds else { throw .expired }
        guard now >= validFrom - Self.skewSeconds else { throw .notYetValid }
        guard claims["iss"]?.text == issuer else { throw .issuer }
        let audiences = claims["aud"]?.list?.compactMap(\.text) ?? claims["aud"]?.text.map { [$0] } ?? []
        guard audiences.contains(audience) else { throw .audience }
        guard let subject = claims[subjectClaim]?.text, !subject.isEmpty else { throw .subject }
        return (subject, expiresAt)
    }
}
