import Bytes
public import SASL

/// A broker's end of one SCRAM exchange: an immutable record of how far it has come, between the client's two messages.
public struct ScramServer: Sendable {
    /// How an exchange ends that does not succeed.
    public enum Refusal: Error, Sendable, Equatable {
        /// A wrong password, an unknown name, a message that is none: from outside they are all the same.
        case notAuthentic
        /// Somebody between client and broker has changed how the connection began, or each has a TLS connection of its own.
        case bindingMismatch
    }

    /// What the connection has to bind to.
    public struct Channel: Sendable {
        /// Whether the mechanism is the -PLUS one.
        public var isBindingRequired: Bool
        /// Whether WELCOME offered the -PLUS one: a client that thinks otherwise has been lied to.
        public var isBindingOffered: Bool
        /// `tls-exporter` (RFC 9266): 32 octets; nil without TLS 1.3.
        public var exporter: [UInt8]?
        /// What the attribute `t` must be: SHA-256 of both prefaces, HELLO and WELCOME; nil only in tests of other people's vectors.
        public var transcriptDigest: [UInt8]?

        public init(isBindingRequired: Bool, isBindingOffered: Bool, exporter: [UInt8]?, transcriptDigest: [UInt8]?) {
            self.isBindingRequired = isBindingRequired
            self.isBindingOffered = isBindingOffered
            self.exporter = exporter
            self.transcriptDigest = transcriptDigest
        }
    }

    /// The name that is to be proved.
    public let name: String
    private let clientFirst: ScramClientFirst
    private let serverFirst: ScramServerFirst
    private let verifier: ScramVerifier
    private let isGenuine: Bool

    /// Begins with the client's first message, read already so that the name could be looked up.
    ///
    /// - Parameters:
    ///   - verifier: of the account, or a made-up one.
    ///   - isGenuine: false if it is made up: then the exchange fails at its end.
    ///   - nonce: at least 18 random octets in base64.
    public init(_ clientFirst: ScramClientFirst, verifier: ScramVerifier, isGenuine: Bool, nonce: String) {
        self.clientFirst = clientFirst
        self.verifier = verifier
        self.isGenuine = isGenuine
        name = clientFirst.name
        serverFirst = ScramServerFirst(
            nonce: clientFirst.nonce + nonce, salt: verifier.salt, iterationCount: verifier.iterationCount)
    }

    /// A fresh nonce of the server.
    public static func makeNonce() -> String { Base64.standard.text(of: Digests.random(byteCount: 18)) }

    /// `server-first-message`.
    public var challenge: [UInt8] { Array(serverFirst.text.utf8) }

    /// Judges the client's last message.
    ///
    /// - Returns: `server-final-message`, by which the broker proves itself.
    public func finish(_ message: [UInt8], on channel: Channel) throws(Refusal) -> [UInt8] {
        let final: ScramClientFinal
        do throws(SASLError) { final = try ScramClientFinal(message) } catch { throw .notAuthentic }
        guard final.nonce == serverFirst.nonce else { throw .notAuthentic }
        try checkBinding(final, channel)
        let signed = Array("\(clientFirst.bare),\(serverFirst.text),\(final.withoutProof)".utf8)
        guard verifier.accepts(proof: final.proof, signing: signed), isGenuine else { throw .notAuthentic }
        return Array(ScramServerFinal.text(signature: verifier.signature(of: signed)).utf8)
    }

    private func checkBinding(_ final: ScramClientFinal, _ channel: Channel) throws(Refusal) {
        var expected = Array(clientFirst.header.utf8)
        switch clientFirst.binding {
        case .bound(let type):
            guard channel.isBindingRequired, type == "tls-exporter", let exporter = channel.exporter else { throw .bindingMismatch }
            expected += exporter
        case .notOffered: guard !channel.isBindingRequired, !channel.isBindingOffered else { throw .bindingMismatch }
        case .unsupported: guard !channel.isBindingRequired else { throw .bindingMismatch }
        }
        guard Digests.areEqual(final.bindingInput, expected) else { throw .bindingMismatch }
        if let digest = channel.transcriptDigest {
            guard let given = final.transcriptDigest, Digests.areEqual(given, digest) else { throw .bindingMismatch }
        }
    }
}
