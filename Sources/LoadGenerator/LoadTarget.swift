import TLS

/// Where the broker is and how it is reached: a URL `broker://host:port` (clear text) or `brokers://host:port` (TLS). Or a peer, a server
/// of another make that is measured beside the broker, by the scheme of its wire: ``PeerWires``.
public struct LoadTarget: Sendable, Equatable {
    /// How the broker's certificate is judged.
    public enum Verification: Sendable, Equatable {
        /// Against the system's certificate authorities.
        case system
        /// Against the certificate authorities in a PEM file.
        case authorityFile(String)
        /// Not at all.
        case none
    }

    /// Where a broker listens by default.
    static let portDefault: UInt16 = 7400

    /// A name or a numeric address, without brackets.
    public let host: String
    public let port: UInt16
    public let usesTLS: Bool
    /// The scheme of a peer's wire; nil for the broker.
    public let peer: String?
    public var verification: Verification = .system

    /// Reads a URL. Without a port, 7400 is meant, the broker's default, or that of the peer.
    public init(url: String) throws(UsageError) {
        let rest: Substring
        if url.hasPrefix("brokers://") {
            (usesTLS, rest) = (true, url.dropFirst("brokers://".count))
        } else if url.hasPrefix("broker://") {
            (usesTLS, rest) = (false, url.dropFirst("broker://".count))
        } else if let wire = PeerWires.wire(of: url) {
            (usesTLS, rest) = (false, url.dropFirst(wire.scheme.utf8.count + 3))
        } else {
            throw UsageError("URL '\(url)': expected broker://HOST:PORT or brokers://HOST:PORT")
        }
        let wire = PeerWires.wire(of: url)
        peer = wire?.scheme
        let authority = rest.hasSuffix("/") ? rest.dropLast() : rest
        let portText: Substring?
        if authority.first == "[" {
            guard let bracket = authority.firstIndex(of: "]") else { throw UsageError("URL '\(url)': '[' without ']'") }
            host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            let tail = authority[authority.index(after: bracket)...]
            guard tail.isEmpty || tail.first == ":" else { throw UsageError("URL '\(url)': expected ':PORT' behind ']'") }
            portText = tail.isEmpty ? nil : tail.dropFirst()
        } else if let colon = authority.lastIndex(of: ":") {
            host = String(authority[..<colon])
            portText = authority[authority.index(after: colon)...]
        } else {
            host = String(authority)
            portText = nil
        }
        guard !host.isEmpty, host.allSatisfy({ $0.isASCII && $0 != "/" && $0 != " " && $0 != "@" }) else {
            throw UsageError("URL '\(url)': no host")
        }
        if let portText {
            guard let number = UInt16(portText), number > 0 else {
                throw UsageError("URL '\(url)': port '\(portText)' is not a number from 1 to 65535")
            }
            port = number
        } else {
            port = wire?.portDefault ?? Self.portDefault
        }
    }

    /// The URL in full.
    public var url: String {
        "\(peer ?? (usesTLS ? "brokers" : "broker"))://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

extension LoadTarget {
    /// What all connections of a run share; nil in clear text.
    func makeTLSContext() throws(TLSError) -> TLSContext? {
        guard usesTLS else { return nil }
        let verification: TLSVerification =
            switch verification {
            case .system: .system
            case .authorityFile(let path): .authorityFile(path)
            case .none: .none
            }
        return try TLSContext.client(verification: verification, alpn: ["cbp/1"])
    }
}

/// What was asked for makes no sense; the text says what does. Exit status 2.
public struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
