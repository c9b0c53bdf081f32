import Bytes
internal import JSON
public import SASL

/// The keys by which tokens are believed: a JSON Web Key Set (RFC 7517), or one public key as PEM.
public struct KeySet: Sendable {
    /// Larger files are refused.
    public static let byteCountMax = 262_144

    /// What is wrong with a file, in words for its operator; never a part of a key.
    public struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        public let description: String
    }

    public let keys: [SignatureKey]

    public init(_ octets: [UInt8]) throws(Fault) {
        guard octets.count <= Self.byteCountMax else { throw Fault(description: "is larger than \(Self.byteCountMax) octets") }
        if octets.starts(with: Array("-----BEGIN".utf8)) {
            guard let key = SignatureKey(publicKeyPEM: octets, keyID: nil) else {
                throw Fault(description: "is no public key of a kind that is accepted (RSA from 2048 bits, P-256, Ed25519)")
            }
            keys = [key]
            return
        }
        guard let items = JSONValue(octets)?["keys"]?.list else { throw Fault(description: "is neither a JSON Web Key Set nor a PEM file") }
        var keys: [SignatureKey] = []
        for (index, item) in items.enumerated() {
            // Keys for something else, such as encryption, may be in a set.
            if let use = item["use"]?.text, use != "sig" { continue }
            guard let key = Self.key(item) else {
                throw Fault(
                    description:
                        "key \(index + 1) is not of a kind that is accepted (RSA from 2048 bits, P-256, Ed25519, oct from 256 bits)")
            }
            // A key says for what it is: one for another algorithm is not one for ours.
            guard item["alg"].map({ $0.text == key.algorithm.rawValue }) ?? true else {
                throw Fault(description: "key \(index + 1) is for another algorithm than its kind")
            }
            keys.append(key)
        }
        guard !keys.isEmpty else { throw Fault(description: "holds no key for signatures") }
        self.keys = keys
    }

    /// Judges a token: its signature, then its claims.
    public func judge(_ token: WebToken, _ rules: WebTokenRules, now: Int64) -> Result<(subject: String, expiresAt: Int64), TokenRefusal> {
        let candidates = keys.filter {
            $0.algorithm == token.algorithm && (token.keyID == nil || $0.keyID == nil || $0.keyID == token.keyID)
        }
        guard candidates.contains(where: { $0.verifies(token.signature, of: token.signedText) }) else { return .failure(.signature) }
        do throws(WebTokenRules.Refusal) {
            return .success(try rules.judge(token.claims, now: now))
        } catch {
            return .failure(.claims(error))
        }
    }

    private static func key(_ item: JSONValue) -> SignatureKey? {
        let keyID = item["kid"]?.text
        func octets(_ name: String) -> [UInt8]? { item[name]?.text.flatMap { Base64.url.octets(in: $0) } }
        switch (item["kty"]?.text, item["crv"]?.text) {
        case ("oct", _): return octets("k").flatMap { SignatureKey(secret: $0, keyID: keyID) }
        case ("EC", "P-256"):
            guard let x = octets("x"), let y = octets("y"), x.count == 32, y.count == 32 else { return nil }
            return SignatureKey(publicKeyInfo: PublicKeyInfo.p256 + x + y, keyID: keyID)
        case ("OKP", "Ed25519"):
            guard let x = octets("x"), x.count == 32 else { return nil }
            return SignatureKey(publicKeyInfo: PublicKeyInfo.ed25519 + x, keyID: keyID)
        case ("RSA", _):
            guard let modulus = octets("n"), let exponent = octets("e"), !modulus.isEmpty, !exponent.isEmpty else { return nil }
            return SignatureKey(publicKeyInfo: PublicKeyInfo.rsa(modulus: modulus, exponent: exponent), keyID: keyID)
        default: return nil
        }
    }
}

/// Why a token is not accepted: for the log, never for who sent it.
public enum TokenRefusal: Error, Sendable, Equatable {
    case signature
    case claims(WebTokenRules.Refusal)
}

/// `SubjectPublicKeyInfo` in DER: fixed octets with the key's own behind them.
private enum PublicKeyInfo {
    /// RFC 5480: id-ecPublicKey on prime256v1, an uncompressed point.
    static let p256: [UInt8] = [
        0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01,
        0x07, 0x03, 0x42, 0x00, 0x04,
    ]
    /// RFC 8410.
    static let ed25519: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
    /// RFC 8017: rsaEncryption, without parameters.
    private static let rsaAlgorithm: [UInt8] = [
        0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00,
    ]

    static func rsa(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
        let key = element(0x30, number(modulus) + number(exponent))
        return element(0x30, rsaAlgorithm + element(0x03, [0] + key))
    }

    private static func number(_ octets: [UInt8]) -> [UInt8] {
        let significant = Array(octets.drop { $0 == 0 })
        return element(0x02, (significant.first ?? 0x80) >= 0x80 ? [0] + significant : significant)
    }

    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        var length: [UInt8] = []
        if content.count < 128 {
            length = [UInt8(content.count)]
        } else {
            var rest = content.count
            while rest > 0 {
                length.insert(UInt8(truncatingIfNeeded: rest), at: 0)
                rest >>= 8
            }
            length.insert(0x80 | UInt8(length.count), at: 0)
        }
        return [tag] + length + content
    }
}
