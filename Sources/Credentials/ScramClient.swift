import Bytes
public import SASL

/// A client's end of one SCRAM exchange.
public struct ScramClient: Sendable {
    private let first: ScramClientFirst
    private let password: [UInt8]
    private let exporter: [UInt8]?
    private var keys: ScramKeys?
    private var signed: [UInt8] = []

    /// - Parameters:
    ///   - password: UTF-8.
    ///   - exporter: the `tls-exporter` of the connection: the mechanism is the -PLUS one. nil: it is the other.
    ///   - nonce: random; nil: made here.
    public init(name: String, password: [UInt8], exporter: [UInt8]?, nonce: String? = nil) {
        let nonce = nonce ?? Base64.standard.text(of: Digests.random(byteCount: 18))
        first = ScramClientFirst(binding: exporter == nil ? .unsupported : .bound(type: "tls-exporter"), name: name, nonce: nonce)
        self.password = password
        self.exporter = exporter
    }

    /// `client-first-message`.
    public var opening: [UInt8] { Array(first.text.utf8) }

    /// Answers the server's challenge. Takes long, by design.
    ///
    /// - Parameter transcriptDigest: SHA-256 of both prefaces, HELLO and WELCOME; nil only in tests of other people's vectors.
    public mutating func answer(_ challenge: [UInt8], transcriptDigest: [UInt8]?) throws(SASLError) -> [UInt8] {
        let serverFirst = try ScramServerFirst(challenge, answering: first.nonce)
        // Fewer would let a false server guess passwords from the proof.
        guard serverFirst.iterationCount >= ScramVerifier.iterationCountMin else { throw SASLError() }
        let keys = ScramKeys(password: password, salt: serverFirst.salt, iterationCount: serverFirst.iterationCount)
        let withoutProof = ScramClientFinal.textWithoutProof(
            bindingInput: Array(first.header.utf8) + (exporter ?? []), nonce: serverFirst.nonce, transcriptDigest: transcriptDigest)
        signed = Array("\(first.bare),\(serverFirst.text),\(withoutProof)".utf8)
        self.keys = keys
        return Array((withoutProof + ",p=" + Base64.standard.text(of: keys.proof(signing: signed))).utf8)
    }

    /// Whether the server has proved that it knows the account too.
    public func accepts(_ serverFinal: [UInt8]) -> Bool {
        guard let keys, let signature = ScramServerFinal.signature(serverFinal) else { return false }
        return Digests.areEqual(signature, keys.signature(of: signed))
    }
}

/// The proofs of a resume token (docs/PROTOCOL.md, *Resume tokens*).
public enum ResumeProof {
    /// - Parameter exporter: of the TLS connection for HT-SHA-256-EXPR; empty for -NONE.
    public static func client(token: [UInt8], exporter: [UInt8]) -> [UInt8] {
        Digests.hmac(key: token, Array("Initiator".utf8) + exporter)
    }

    public static func server(token: [UInt8], exporter: [UInt8]) -> [UInt8] {
        Digests.hmac(key: token, Array("Responder".utf8) + exporter)
    }
}
