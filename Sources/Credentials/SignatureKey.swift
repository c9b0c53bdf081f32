internal import COpenSSL
public import SASL

/// A key by which tokens are believed: it verifies by one algorithm and no other, so that a public key is never taken for a secret.
public final class SignatureKey: @unchecked Sendable {
    // Unchecked: an EVP_PKEY that is only read may be used by several threads (openssl-threads(7)).
    private let key: OpaquePointer?
    private let secret: [UInt8]
    public let algorithm: WebToken.Algorithm
    /// The name by which a token refers to it; nil: by none.
    public let keyID: String?

    private init(key: OpaquePointer?, secret: [UInt8] = [], _ algorithm: WebToken.Algorithm, keyID: String?) {
        self.key = key
        self.secret = secret
        self.algorithm = algorithm
        self.keyID = keyID
    }

    deinit { EVP_PKEY_free(key) }

    /// A secret shared with the issuer; at least 32 octets (RFC 7518, section 3.2).
    public convenience init?(secret: [UInt8], keyID: String?) {
        guard secret.count >= Digests.byteCount else { return nil }
        self.init(key: nil, secret: secret, .hs256, keyID: keyID)
    }

    /// A public key, as `SubjectPublicKeyInfo` (RFC 5280): RSA of 2048 bits and more, P-256 or Ed25519; nil if it is none of them.
    public convenience init?(publicKeyInfo: [UInt8], keyID: String?) {
        let key = publicKeyInfo.withUnsafeBufferPointer { buffer in
            var start = buffer.baseAddress
            return d2i_PUBKEY(nil, &start, buffer.count)
        }
        ERR_clear_error()
        self.init(owning: key, keyID: keyID)
    }

    /// The same from a PEM text (`-----BEGIN PUBLIC KEY-----`).
    public convenience init?(publicKeyPEM: [UInt8], keyID: String?) {
        guard let memory = BIO_new_mem_buf(publicKeyPEM, Int32(clamping: publicKeyPEM.count)) else { return nil }
        defer { BIO_free(memory) }
        let key = PEM_read_bio_PUBKEY(memory, nil, nil, nil)
        ERR_clear_error()
        self.init(owning: key, keyID: keyID)
    }

    private convenience init?(owning key: OpaquePointer?, keyID: String?) {
        guard let key else { return nil }
        guard let algorithm = Self.algorithm(of: key) else {
            EVP_PKEY_free(key)
            return nil
        }
        self.init(key: key, algorithm, keyID: keyID)
    }

    private static func algorithm(of key: OpaquePointer) -> WebToken.Algorithm? {
        switch EVP_PKEY_get_base_id(key) {
        case EVP_PKEY_RSA: return EVP_PKEY_get_bits(key) >= 2048 ? .rs256 : nil
        case EVP_PKEY_ED25519: return .edDSA
        case EVP_PKEY_EC:
            var name = [CChar](repeating: 0, count: 64)
            guard EVP_PKEY_get_group_name(key, &name, name.count, nil) == 1 else { return nil }
            return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self) == "prime256v1" ? .es256 : nil
        default: return nil
        }
    }

    /// Whether the key's owner signed the octets.
    public func verifies(_ signature: [UInt8], of octets: [UInt8]) -> Bool {
        switch algorithm {
        case .hs256: return Digests.areEqual(Digests.hmac(key: secret, octets), signature)
        case .rs256: return verify(signature, of: octets, digest: EVP_sha256())
        case .edDSA: return verify(signature, of: octets, digest: nil)
        case .es256:
            guard let signature = Self.sequence(ofRaw: signature) else { return false }
            return verify(signature, of: octets, digest: EVP_sha256())
        }
    }

    private func verify(_ signature: [UInt8], of octets: [UInt8], digest: OpaquePointer?) -> Bool {
        guard let context = EVP_MD_CTX_new() else { return false }
        defer {
            EVP_MD_CTX_free(context)
            ERR_clear_error()
        }
        guard EVP_DigestVerifyInit(context, nil, digest, nil, key) == 1 else { return false }
        return EVP_DigestVerify(context, signature, signature.count, octets, octets.count) == 1
    }

    /// Tokens have the two numbers of an ECDSA signature side by side (RFC 7518, section 3.4); OpenSSL wants them as a DER sequence.
    private static func sequence(ofRaw signature: [UInt8]) -> [UInt8]? {
        guard signature.count == 64, let pair = ECDSA_SIG_new() else { return nil }
        defer { ECDSA_SIG_free(pair) }
        let r = BN_bin2bn(Array(signature[..<32]), 32, nil)
        let s = BN_bin2bn(Array(signature[32...]), 32, nil)
        guard ECDSA_SIG_set0(pair, r, s) == 1 else {
            BN_free(r)
            BN_free(s)
            return nil
        }
        var encoded = [UInt8](repeating: 0, count: 80)
        let count = encoded.withUnsafeMutableBufferPointer { buffer in
            var start = buffer.baseAddress
            return i2d_ECDSA_SIG(pair, &start)
        }
        return count > 0 ? Array(encoded.prefix(Int(count))) : nil
    }
}
