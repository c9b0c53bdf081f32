/// The client's message of HT-SHA-256-…: name, a zero octet, 32 octets that prove the token.
public struct ResumeMessage: Sendable, Equatable {
    public let name: String
    public let proof: [UInt8]

    public init(name: String, proof: [UInt8]) {
        self.name = name
        self.proof = proof
    }

    public var octets: [UInt8] { Array(name.utf8) + [0] + proof }

    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        let octets = Array(octets)
        guard let zero = octets.firstIndex(of: 0), octets.count - zero - 1 == 32,
            let name = String(validating: octets[..<zero], as: UTF8.self), !name.isEmpty
        else { throw SASLError() }
        self.init(name: name, proof: Array(octets[(zero + 1)...]))
    }
}

/// The client's message of OAUTHBEARER (RFC 7628, section 3.1): `n,[a=name],^Aauth=Bearer token^A^A`.
public struct BearerMessage: Sendable, Equatable {
    /// The name that the client expects to get; nil if it names none.
    public let name: String?
    public let token: String

    public init(name: String? = nil, token: String) {
        self.name = name
        self.token = token
    }

    public var octets: [UInt8] {
        Array("n,\(name.map { "a=" + $0 } ?? ""),\u{01}auth=Bearer \(token)\u{01}\u{01}".utf8)
    }

    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        guard let text = String(validating: Array(octets), as: UTF8.self) else { throw SASLError() }
        var parts = text.split(separator: "\u{01}", omittingEmptySubsequences: false)
        guard parts.count >= 4, parts.removeLast().isEmpty, parts.removeLast().isEmpty else { throw SASLError() }
        let header = parts.removeFirst().split(separator: ",", omittingEmptySubsequences: false)
        guard header.count == 3, header[0] == "n" || header[0] == "y", header[2].isEmpty else { throw SASLError() }
        guard header[1].isEmpty || header[1].hasPrefix("a=") else { throw SASLError() }
        name = header[1].isEmpty ? nil : String(header[1].dropFirst(2))
        let credentials = parts.filter { $0.hasPrefix("auth=") }
        guard credentials.count == 1 else { throw SASLError() }
        let words = credentials[0].dropFirst(5).split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
        guard words.count == 2, words[0].lowercased() == "bearer", !words[1].contains(" ") else { throw SASLError() }
        token = String(words[1])
    }
}

/// Name and password as RFC 4616 writes them: an empty authorization identity, a zero octet, the name, a zero octet, the password.
public struct PlainMessage: Sendable, Equatable {
    public let name: String
    public let password: [UInt8]

    public init(name: String, password: [UInt8]) {
        self.name = name
        self.password = password
    }

    public var octets: [UInt8] { [0] + Array(name.utf8) + [0] + password }

    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        let parts = octets.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, let name = String(validating: Array(parts[1]), as: UTF8.self), !name.isEmpty, !parts[2].isEmpty,
            !parts[2].contains(0), parts[0].isEmpty || parts[0].elementsEqual(parts[1])
        else { throw SASLError() }
        self.init(name: name, password: Array(parts[2]))
    }
}
