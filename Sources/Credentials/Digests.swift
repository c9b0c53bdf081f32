internal import COpenSSL

/// The functions of OpenSSL that authentication is made of. From any thread; each call stands for itself.
public enum Digests {
    public static let byteCount = 32

    /// SHA-256 (FIPS 180-4).
    public static func sha256(_ octets: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: byteCount)
        SHA256(octets, octets.count, &digest)
        return digest
    }

    /// HMAC-SHA-256 (RFC 2104).
    public static func hmac(key: [UInt8], _ octets: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: byteCount)
        var count: UInt32 = 0
        let result = HMAC(EVP_sha256(), key, Int32(key.count), octets, octets.count, &code, &count)
        precondition(result != nil && count == UInt32(byteCount), "HMAC-SHA-256 lacks nothing but memory")
        return code
    }

    /// PBKDF2 with HMAC-SHA-256 (RFC 8018, section 5.2), 32 octets: takes about 0.2 µs an iteration, so never on a loop that serves.
    public static func pbkdf2(password: [UInt8], salt: [UInt8], iterationCount: Int) -> [UInt8] {
        var key = [UInt8](repeating: 0, count: byteCount)
        let result = password.withUnsafeBytes { password in
            password.withMemoryRebound(to: CChar.self) {
                PKCS5_PBKDF2_HMAC(
                    $0.baseAddress, Int32($0.count), salt, Int32(salt.count), Int32(clamping: iterationCount), EVP_sha256(),
                    Int32(byteCount), &key)
            }
        }
        precondition(result == 1, "PBKDF2 lacks nothing but memory")
        return key
    }

    /// Whether both are the same, in a time that does not tell where they differ (CRYPTO_memcmp(3)). Lengths are no secret.
    public static func areEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
        left.count == right.count && CRYPTO_memcmp(left, right, left.count) == 0
    }

    /// Octets that nobody can foretell (RAND_bytes(3)).
    public static func random(byteCount: Int) -> [UInt8] {
        var octets = [UInt8](repeating: 0, count: byteCount)
        let result = RAND_bytes(&octets, Int32(byteCount))
        precondition(result == 1, "the system gives no random octets")
        return octets
    }

    static func xor(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] { zip(left, right).map { $0 ^ $1 } }
}
