public import LibUV
public import TLS

/// What is known about the connection.
extension SecureStream {
    /// Whether the stream can be used: nobody has closed it.
    public var isOpen: Bool { stream.isOpen }

    /// The other end.
    public var peer: SocketAddress { stream.peer }

    /// This end.
    public var local: SocketAddress { stream.local }

    /// Octets that the kernel has not taken yet and that have left the owner's queue. The owner's bound on a slow reader adds them.
    public var pendingByteCount: Int { stream.writingByteCount + (engine?.outputByteCount ?? 0) }

    /// Whether TLS has begun.
    public var isSecure: Bool { engine != nil }

    /// Whether TLS is agreed on.
    public var isHandshakeDone: Bool { engine?.isHandshakeDone ?? false }

    /// Whether the peer has said that its octets end (close_notify), rather than having been cut off. Always false in the clear.
    public var isPeerClosed: Bool { engine?.isPeerClosed ?? false }

    /// The protocol agreed on by ALPN; nil if none was.
    public var negotiatedProtocol: String? { engine?.negotiatedProtocol }

    /// The version of TLS, such as "TLSv1.3"; nil in the clear.
    public var tlsVersionName: String? { engine?.versionName }

    /// The cipher suite, such as "TLS_AES_128_GCM_SHA256"; nil in the clear.
    public var tlsCipherName: String? { engine?.cipherName }

    /// The host name that the client asked for; nil if it named none.
    public var tlsServerName: String? { engine?.serverName }

    /// Whom the client's certificate names; nil in the clear and without one. See ``TLS/TLSEngine/certifiedName(uriPrefix:)``.
    public func certifiedName(uriPrefix prefix: String) -> String? { engine?.certifiedName(uriPrefix: prefix) }

    /// Whether an earlier TLS session goes on.
    public var isSessionResumed: Bool { engine?.isSessionResumed ?? false }

    /// A client's session, to resume later; see ``TLS/TLSEngine/resumableSession``.
    public var resumableSession: TLSSession? { engine?.resumableSession }

    /// Octets that only both ends can compute; nil in the clear. See ``TLS/TLSEngine/exportKeyingMaterial(label:context:byteCount:)``.
    public func exportKeyingMaterial(label: String, context: [UInt8] = [], byteCount: Int) throws(TLSError) -> [UInt8]? {
        try engine?.exportKeyingMaterial(label: label, context: context, byteCount: byteCount)
    }
}
