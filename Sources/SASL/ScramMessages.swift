import Bytes

// The four messages of SCRAM (RFC 5802, section 7), without SASLprep: account names and nonces are ASCII by grammar.

/// `client-first-message`.
public struct ScramClientFirst: Sendable, Equatable {
    /// What the client says of channel binding.
    public enum Binding: Sendable, Equatable {
        /// It cannot bind.
        case unsupported
        /// It could bind, but thinks that the server cannot.
        case notOffered
        /// It binds, by this type.
        case bound(type: String)
    }

    public let binding: Binding
    /// The name as it stands in the message, unescaped; no more than a claim.
    public let name: String
    public let nonce: String
    /// `gs2-header`, and what follows it: both are part of what is signed.
    public let header: String
    public let bare: String

    /// For a client. The name must hold no comma, no equals sign and no control character.
    public init(binding: Binding, name: String, nonce: String) {
        self.binding = binding
        self.name = name
        self.nonce = nonce
        header =
            switch binding {
            case .unsupported: "n,,"
            case .notOffered: "y,,"
            case .bound(let type): "p=\(type),,"
            }
        bare = "n=\(name),r=\(nonce)"
    }

    public var text: String { header + bare }

    /// Reads what a client sent.
    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        guard octets.count <= 1024, let text = String(validating: Array(octets), as: UTF8.self) else { throw SASLError() }
        let parts = text.split(separator: ",", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3 else { throw SASLError() }
        switch parts[0] {
        case "n": binding = .unsupported
        case "y": binding = .notOffered
        default:
            guard let type = parts[0].attribute("p"), !type.isEmpty else { throw SASLError() }
            binding = .bound(type: String(type))
        }
        header = parts[0] + "," + parts[1] + ","
        bare = String(parts[2])
        var attributes = parts[2].split(separator: ",", omittingEmptySubsequences: false)[...]
        // `m` in front would be an extension that must be understood; there is none.
        guard let escaped = attributes.popFirst()?.attribute("n"), let name = Self.unescaped(escaped), !name.isEmpty,
            let nonce = attributes.popFirst()?.attribute("r"), ScramNonce.isAcceptable(nonce)
        else { throw SASLError() }
        // Nobody acts for somebody else.
        guard parts[1].isEmpty || parts[1].attribute("a").flatMap(Self.unescaped) == name else { throw SASLError() }
        self.name = name
        self.nonce = String(nonce)
    }

    /// `saslname`: a comma is `=2C`, an equals sign `=3D`, and no other escape exists.
    private static func unescaped(_ text: Substring) -> String? {
        var result = ""
        var rest = text
        while let character = rest.first {
            if character != "=" {
                result.append(rest.removeFirst())
            } else if rest.hasPrefix("=2C") || rest.hasPrefix("=3D") {
                result.append(rest.hasPrefix("=2C") ? "," : "=")
                rest = rest.dropFirst(3)
            } else {
                return nil
            }
        }
        return result
    }
}

/// `server-first-message`.
public struct ScramServerFirst: Sendable, Equatable {
    /// Iterations that a client computes at most, lest a server keep it busy for ever.
    public static let iterationCountMax = 10_000_000

    /// The client's nonce with the server's behind it.
    public let nonce: String
    public let salt: [UInt8]
    public let iterationCount: Int
    public let text: String

    public init(nonce: String, salt: [UInt8], iterationCount: Int) {
        self.nonce = nonce
        self.salt = salt
        self.iterationCount = iterationCount
        text = "r=\(nonce),s=\(Base64.standard.text(of: salt)),i=\(iterationCount)"
    }

    /// Reads what a server answered to a client's nonce.
    public init(_ octets: some Collection<UInt8>, answering clientNonce: String) throws(SASLError) {
        guard octets.count <= 2048, let text = String(validating: Array(octets), as: UTF8.self) else { throw SASLError() }
        let attributes = text.split(separator: ",", omittingEmptySubsequences: false)
        guard attributes.count >= 3, let nonce = attributes[0].attribute("r"), nonce.hasPrefix(clientNonce),
            nonce.utf8.count > clientNonce.utf8.count, ScramNonce.isAcceptable(nonce),
            let salt = attributes[1].attribute("s").flatMap({ Base64.standard.octets(in: $0) }), !salt.isEmpty,
            let iterationCount = attributes[2].attribute("i").flatMap({ Int($0) }), (1...Self.iterationCountMax).contains(iterationCount)
        else { throw SASLError() }
        self.nonce = String(nonce)
        self.salt = salt
        self.iterationCount = iterationCount
        self.text = text
    }
}

/// `client-final-message`.
public struct ScramClientFinal: Sendable, Equatable {
    /// `cbind-input`: the header of the first message with the binding's octets behind it.
    public let bindingInput: [UInt8]
    public let nonce: String
    /// The protocol's own attribute `t`: SHA-256 of how the connection began; nil if it is absent.
    public let transcriptDigest: [UInt8]?
    public let proof: [UInt8]
    /// What the proof signs of this message.
    public let withoutProof: String

    /// For a client, which then appends the proof.
    public static func textWithoutProof(bindingInput: [UInt8], nonce: String, transcriptDigest: [UInt8]?) -> String {
        "c=\(Base64.standard.text(of: bindingInput)),r=\(nonce)" + (transcriptDigest.map { ",t=" + Base64.standard.text(of: $0) } ?? "")
    }

    /// Reads what a client sent.
    public init(_ octets: some Collection<UInt8>) throws(SASLError) {
        guard octets.count <= 2048, let text = String(validating: Array(octets), as: UTF8.self) else { throw SASLError() }
        var attributes = text.split(separator: ",", omittingEmptySubsequences: false)[...]
        guard let proofText = attributes.popLast(), let proof = proofText.attribute("p").flatMap({ Base64.standard.octets(in: $0) }),
            let input = attributes.popFirst()?.attribute("c").flatMap({ Base64.standard.octets(in: $0) }),
            let nonce = attributes.popFirst()?.attribute("r"), ScramNonce.isAcceptable(nonce)
        else { throw SASLError() }
        var digest: [UInt8]?
        for attribute in attributes {
            // Extensions are single letters with a value; a repeated `t`, `m` and what is no attribute are refused.
            guard attribute.utf8.count >= 2, attribute.dropFirst().first == "=", attribute.first != "m" else { throw SASLError() }
            guard let value = attribute.attribute("t") else { continue }
            guard digest == nil, let octets = Base64.standard.octets(in: value) else { throw SASLError() }
            digest = octets
        }
        bindingInput = input
        self.nonce = String(nonce)
        transcriptDigest = digest
        self.proof = proof
        withoutProof = String(text.dropLast(proofText.count + 1))
    }
}

/// `server-final-message`.
public enum ScramServerFinal {
    public static func text(signature: [UInt8]) -> String { "v=" + Base64.standard.text(of: signature) }

    /// The signature in what a server sent; nil if there is none.
    public static func signature(_ octets: some Collection<UInt8>) -> [UInt8]? {
        guard octets.count <= 1024, let text = String(validating: Array(octets), as: UTF8.self) else { return nil }
        return text.split(separator: ",", maxSplits: 1, omittingEmptySubsequences: false)[0].attribute("v").flatMap {
            Base64.standard.octets(in: $0)
        }
    }
}

enum ScramNonce {
    /// Printable ASCII without the comma, long enough to be one and short enough to be kept.
    static func isAcceptable(_ text: Substring) -> Bool {
        (8...512).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != 0x2C }
    }
}

extension Substring {
    /// The value of `letter=value`; nil if this is another attribute.
    fileprivate func attribute(_ letter: Character) -> Substring? {
        guard first == letter, dropFirst().first == "=" else { return nil }
        return dropFirst(2)
    }
}
