import TLS

/// Where the broker is and how it is reached: a URL `broker://host:port` (clear text) or `brokers://host:port` (TLS); or by WebSocket,
/// `ws://host:port` or `wss://host:port`. Or a peer, a server of another make that is measured beside the broker, by the scheme of its
/// wire: ``PeerWires``.
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

    /// What the broker speaks over WebSockets.
    public enum Subprotocol: String, Sendable, CaseIterable {
        case json = "cbp.json.v1"
        case binary = "cbp.bin.v1"
    }

    /// Where a broker listens by default.
    static let portDefault: UInt16 = 7400

    /// A name or a numeric address, without brackets.
    public let host: String
    public let port: UInt16
    public let usesTLS: Bool
    /// The scheme of a peer's wire, or of a WebSocket; nil for the broker's native frames.
    public let peer: String?
    /// What is spoken over a WebSocket; nil for any other wire.
    public var subprotocol: Subprotocol?
    public var verification: Verification = .system

    /// Reads a URL. Without a port, 7400 is meant, the broker's default, or that of the peer.
    public init(url: String) throws(UsageError) {
        let rest: Substring
        if url.hasPrefix("brokers://") {
            (usesTLS, rest) = (true, url.dropFirst("brokers://".count))
        } else if url.hasPrefix("broker://") {
            (usesTLS, rest) = (false, url.dropFirst("broker://".count))
        } else if url.hasPrefix("ws://") || url.hasPrefix("wss://") {
            usesTLS = url.hasPrefix("wss")
            rest = url.dropFirst(usesTLS ? 6 : 5)
        } else if let wire = PeerWires.wire(of: url) {
            (usesTLS, rest) = (false, url.dropFirst(wire.scheme.utf8.count + 3))
        } else {
            throw UsageError("URL '\(url)': expected broker://HOST:PORT or brokers://HOST:PORT, ws://HOST:PORT or wss://HOST:PORT")
        }
        let wire = PeerWires.wire(of: url)
        let isWebSocket = wire == nil && url.hasPrefix("w")
        subprotocol = isWebSocket ? .json : nil
        peer = isWebSocket ? (usesTLS ? "wss" : "ws") : wire?.scheme
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
        return try TLSContext.client(verification: verification, alpn: [subprotocol == nil ? "cbp/1" : "http/1.1"])
    }

    /// The wire of a peer, or of a WebSocket; nil for native frames.
    var wire: (any PeerWire.Type)? {
        switch subprotocol {
        case .json: WebSocketJSONWire.self
        case .binary: WebSocketBinaryWire.self
        case nil: PeerWires.wire(of: url)
        }
    }
}

/// What was asked for makes no sense; the text says what does. Exit status 2.
public struct UsageError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) { self.description = description }
}
