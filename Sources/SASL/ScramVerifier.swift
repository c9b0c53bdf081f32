import Bytes

/// What a server keeps of a password (RFC 5802, section 3), from which nobody can log in without guessing the password.
public struct ScramVerifier: Sendable, Equatable {
    /// Fewer iterations are no protection (RFC 7677, section 4).
    public static let iterationCountMin = 4_096
    /// What this software uses for new passwords.
    public static let iterationCountStandard = 600_000

    public let iterationCount: Int
    public let salt: [UInt8]
    public let storedKey: [UInt8]
    public let serverKey: [UInt8]

    public init(iterationCount: Int, salt: [UInt8], storedKey: [UInt8], serverKey: [UInt8]) {
        self.iterationCount = iterationCount
        self.salt = salt
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// `SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey`, the octets in base64: the form in which PostgreSQL keeps passwords too.
    public var text: String {
        "\(Self.prefix)\(iterationCount):\(Base64.standard.text(of: salt))$\(Base64.standard.text(of: storedKey)):\(Base64.standard.text(of: serverKey))"
    }

    private static let prefix = "SCRAM-SHA-256$"

    /// Reads that form.
    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        guard octets.count <= 512, let text = String(validating: Array(octets), as: UTF8.self), text.hasPrefix(Self.prefix) else {
            throw SASLError()
        }
        let parts = text.dropFirst(Self.prefix.count).split(separator: "$", omittingEmptySubsequences: false)
            .map { $0.split(separator: ":", omittingEmptySubsequences: false) }
        guard parts.count == 2, parts.allSatisfy({ $0.count == 2 }), parts[0][0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let iterationCount = Int(parts[0][0]), iterationCount <= ScramServerFirst.iterationCountMax,
            let salt = Base64.standard.octets(in: parts[0][1]), (8...64).contains(salt.count),
            let storedKey = Base64.standard.octets(in: parts[1][0]),
            storedKey.count == 32, let serverKey = Base64.standard.octets(in: parts[1][1]), serverKey.count == 32
        else { throw SASLError() }
        self.init(iterationCount: iterationCount, salt: salt, storedKey: storedKey, serverKey: serverKey)
    }
}
