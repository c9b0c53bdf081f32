public import SASL

/// What a password becomes (RFC 5802, section 3). Whoever has it can log in: it is kept nowhere.
public struct ScramKeys: Sendable {
    let clientKey: [UInt8]
    let serverKey: [UInt8]

    /// Takes long, by design. See ``Digests/pbkdf2(password:salt:iterationCount:)``.
    ///
    /// - Parameter password: UTF-8, as typed. Control characters are refused where passwords are read, and no other preparation is made.
    public init(password: [UInt8], salt: [UInt8], iterationCount: Int) {
        let salted = Digests.pbkdf2(password: password, salt: salt, iterationCount: iterationCount)
        clientKey = Digests.hmac(key: salted, Array("Client Key".utf8))
        serverKey = Digests.hmac(key: salted, Array("Server Key".utf8))
    }

    /// `ClientProof`.
    public func proof(signing message: [UInt8]) -> [UInt8] {
        Digests.xor(clientKey, Digests.hmac(key: Digests.sha256(clientKey), message))
    }

    /// `ServerSignature`.
    public func signature(of message: [UInt8]) -> [UInt8] { Digests.hmac(key: serverKey, message) }
}

extension ScramVerifier {
    /// What a server keeps of a new password. Takes long, by design.
    public init(password: [UInt8], iterationCount: Int = ScramVerifier.iterationCountStandard) {
        let salt = Digests.random(byteCount: 16)
        let keys = ScramKeys(password: password, salt: salt, iterationCount: iterationCount)
        self.init(
            iterationCount: iterationCount, salt: salt, storedKey: Digests.sha256(keys.clientKey), serverKey: keys.serverKey)
    }

    /// Whether a proof was made with the password.
    public func accepts(proof: [UInt8], signing message: [UInt8]) -> Bool {
        guard proof.count == Digests.byteCount else { return false }
        let clientKey = Digests.xor(proof, Digests.hmac(key: storedKey, message))
        return Digests.areEqual(Digests.sha256(clientKey), storedKey)
    }

    /// `ServerSignature`.
    public func signature(of message: [UInt8]) -> [UInt8] { Digests.hmac(key: serverKey, message) }

    /// Whether this is what the password becomes. Takes long, by design.
    public func accepts(password: [UInt8]) -> Bool {
        let keys = ScramKeys(password: password, salt: salt, iterationCount: iterationCount)
        return Digests.areEqual(Digests.sha256(keys.clientKey), storedKey)
    }

    /// The parameters shown for a name that is not registered: always the same ones for a name, so that asking twice tells nothing, with
    /// a count of iterations that really occurs, as often as it occurs. No password is accepted.
    ///
    /// - Parameters:
    ///   - secret: of the deployment, kept as long as its accounts.
    ///   - iterationCounts: with the number of accounts that have each; in a fixed order.
    public init(fakeFor name: String, secret: [UInt8], iterationCounts: [(iterations: Int, accounts: Int)]) {
        let digest = Digests.hmac(key: secret, Array(name.utf8))
        let total = iterationCounts.reduce(0) { $0 + $1.accounts }
        var iterationCount = Self.iterationCountStandard
        if total > 0 {
            // The salt is public: what chooses the count must not be computable from it, nor the other way round.
            var left = Int(digest[16..<23].reduce(UInt64(0)) { $0 << 8 | UInt64($1) } % UInt64(total))
            for entry in iterationCounts {
                iterationCount = entry.iterations
                left -= entry.accounts
                if left < 0 { break }
            }
        }
        let none = Digests.hmac(key: secret, digest)
        self.init(iterationCount: iterationCount, salt: Array(digest.prefix(16)), storedKey: none, serverKey: none)
    }
}
