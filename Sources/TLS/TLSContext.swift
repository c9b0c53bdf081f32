internal import COpenSSL

/// A version of TLS that can be spoken.
public enum TLSVersion: Sendable {
    /// RFC 5246.
    case tls12
    /// RFC 8446.
    case tls13

    var number: Int32 { self == .tls12 ? TLS1_2_VERSION : TLS1_3_VERSION }
}

/// How a client knows that the server is the one it was told to reach.
public enum TLSVerification: Sendable, Equatable {
    /// By the authorities of the system (SSL_CTX_set_default_verify_paths(3); `SSL_CERT_FILE` and `SSL_CERT_DIR` override them).
    case system
    /// By the certificates in this PEM file and no others.
    case authorityFile(String)
    /// Not at all: whoever answers is believed. The caller warns its user loudly.
    case none
}

/// What many TLS connections have in common: certificate, key, trust and settings; OpenSSL's `SSL_CTX`.
///
/// It never changes once it is made, so every loop may use it. Each ``TLSEngine`` keeps its own context alive: to reload a
/// certificate, make a new context for the connections to come.
///
/// TLS 1.2 and 1.3 with AEAD suites, AES-128-GCM first (the cheapest where processors help); no compression, no renegotiation, no
/// early data (RFC 8446, section 8: it can be replayed).
public final class TLSContext: @unchecked Sendable {
    // Unchecked: SSL_CTX is counted atomically and locks itself where connections change it (SSL_CTX_new(3), openssl-threads(7)).
    let pointer: OpaquePointer
    /// Whether it is for a server's end.
    public let isServer: Bool
    /// Whether a client's engine verifies certificate and name.
    let verifiesPeer: Bool
    /// Our protocols in wire format (RFC 7301, section 3.1); OpenSSL's callback reads and returns pointers into them, hence a stable place.
    private let protocols: UnsafeMutableBufferPointer<UInt8>

    /// A server's context.
    ///
    /// - Parameters:
    ///   - certificateFile: PEM: the server's certificate, then its intermediates.
    ///   - privateKeyFile: PEM, RSA or ECDSA, not encrypted.
    ///   - alpn: Protocols served, the preferred first, 1 to 255 octets each. A client that offers none of them is refused with
    ///     `no_application_protocol`; one that offers no ALPN at all is not. Empty: ALPN is ignored.
    ///   - clientAuthorityFile: PEM: the authorities whose certificates clients may show. nil: clients are not asked for any. Who shows
    ///     none is served all the same; who shows another's is refused.
    ///   - minimumVersion: Older clients are refused.
    ///   - maximumVersion: The best that is spoken; 1.2 is for tests and comparisons.
    ///   - ticketKeysOf: The context that this one replaces: clients may go on with the session tickets it gave them.
    /// - Throws: ``TLSError`` of kind `file` that names the file which is unreadable, malformed or does not fit the other.
    public static func server(
        certificateFile: String, privateKeyFile: String, alpn: [String], clientAuthorityFile: String? = nil,
        minimumVersion: TLSVersion = .tls12,
        maximumVersion: TLSVersion = .tls13, ticketKeysOf previous: TLSContext? = nil
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(
            isServer: true, verifiesPeer: false, alpn: alpn, minimumVersion: minimumVersion, maximumVersion: maximumVersion)
        guard SSL_CTX_use_certificate_chain_file(context.pointer, certificateFile) == 1 else {
            throw .drainQueue(kind: .file, file: certificateFile, otherwise: "the certificate cannot be read")
        }
        let isRead = SSL_CTX_use_PrivateKey_file(context.pointer, privateKeyFile, SSL_FILETYPE_PEM) == 1
        guard isRead, SSL_CTX_check_private_key(context.pointer) == 1 else {
            let error = TLSError.drainQueue(kind: .file, file: privateKeyFile, otherwise: "the private key cannot be read")
            // A key of the certificate's kind is compared as it is read, one of another kind is only missed by the check.
            guard isRead || copenssl_error_library(error.code) == ERR_LIB_X509 else { throw error }
            throw TLSError(
                kind: .file, reason: "the private key does not belong to the certificate in \(certificateFile) (\(error.reason))",
                code: error.code, file: privateKeyFile)
        }
        if let clientAuthorityFile { try context.askForCertificates(by: clientAuthorityFile) }
        if let previous { try context.takeTicketKeys(of: previous) }
        if !context.protocols.isEmpty {
            SSL_CTX_set_alpn_select_cb(context.pointer, TLSCallbacks.selectProtocol, context.protocolsArgument)
        }
        return context
    }

    private func askForCertificates(by authorityFile: String) throws(TLSError) {
        guard SSL_CTX_load_verify_file(pointer, authorityFile) == 1, let names = SSL_load_client_CA_file(authorityFile) else {
            throw .drainQueue(kind: .file, file: authorityFile, otherwise: "no certificate can be read")
        }
        SSL_CTX_set_client_CA_list(pointer, names)
        SSL_CTX_set_verify(pointer, SSL_VERIFY_PEER, nil)
        // Without it no session could go on that began with a certificate (SSL_CTX_set_session_id_context(3)).
        let context = Array("broker".utf8)
        SSL_CTX_set_session_id_context(pointer, context, UInt32(context.count))
    }

    /// A client's context.
    ///
    /// - Parameters:
    ///   - verification: How the server's certificate and name are verified.
    ///   - alpn: Protocols offered, the preferred first, 1 to 255 octets each; empty: ALPN is not used.
    ///   - minimumVersion: Older servers are refused.
    ///   - maximumVersion: The best that is spoken; 1.2 is for tests and comparisons.
    /// - Throws: ``TLSError`` of kind `file` that names an authority file which is unreadable or holds no certificate.
    public static func client(
        verification: TLSVerification, alpn: [String], minimumVersion: TLSVersion = .tls12, maximumVersion: TLSVersion = .tls13
    ) throws(TLSError) -> TLSContext {
        let context = try TLSContext(
            isServer: false, verifiesPeer: verification != .none, alpn: alpn, minimumVersion: minimumVersion,
            maximumVersion: maximumVersion)
        switch verification {
        case .system:
            guard SSL_CTX_set_default_verify_paths(context.pointer) == 1 else {
                throw .drainQueue(kind: .library, otherwise: "the system's authorities cannot be read")
            }
            // A missing default file is not an error to OpenSSL, but it leaves an entry in the queue.
            ERR_clear_error()
        case .authorityFile(let path):
            guard SSL_CTX_load_verify_file(context.pointer, path) == 1 else {
                throw .drainQueue(kind: .file, file: path, otherwise: "no certificate can be read")
            }
        case .none:
            break
        }
        SSL_CTX_set_verify(context.pointer, context.verifiesPeer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nil)
        if !context.protocols.isEmpty {
            // This function alone answers 0 for success (SSL_CTX_set_alpn_protos(3)).
            guard SSL_CTX_set_alpn_protos(context.pointer, context.protocols.baseAddress, UInt32(context.protocols.count)) == 0 else {
                throw .drainQueue(kind: .configuration, otherwise: "the protocols cannot be offered")
            }
        }
        return context
    }

    private init(
        isServer: Bool, verifiesPeer: Bool, alpn: [String], minimumVersion: TLSVersion, maximumVersion: TLSVersion
    ) throws(TLSError) {
        var wire: [UInt8] = []
        for name in alpn {
            guard (1...255).contains(name.utf8.count) else {
                throw TLSError(kind: .configuration, reason: "an ALPN protocol has 1 to 255 octets, not \(name.utf8.count)")
            }
            wire.append(UInt8(name.utf8.count))
            wire.append(contentsOf: name.utf8)
        }
        ERR_clear_error()
        guard let pointer = SSL_CTX_new(isServer ? TLS_server_method() : TLS_client_method()) else {
            throw .drainQueue(kind: .library, otherwise: "no TLS context can be made")
        }
        self.pointer = pointer
        self.isServer = isServer
        self.verifiesPeer = verifiesPeer
        protocols = .allocate(capacity: wire.count)
        _ = protocols.initialize(from: wire)

        copenssl_context_set_options(pointer)
        _ = copenssl_context_set_modes(pointer)
        _ = copenssl_context_disable_session_cache(pointer)
        // Without this, OpenSSL asks the terminal for the pass phrase of an encrypted key, and a service waits for ever.
        copenssl_context_refuse_passphrases(pointer)
        if SSL_CTX_get_security_level(pointer) < TLSContext.securityLevelMin {
            SSL_CTX_set_security_level(pointer, TLSContext.securityLevelMin)
        }
        guard copenssl_context_set_versions(pointer, minimumVersion.number, maximumVersion.number) == 1,
            SSL_CTX_set_cipher_list(pointer, TLSContext.suitesOfTLS12) == 1,
            SSL_CTX_set_ciphersuites(pointer, TLSContext.suitesOfTLS13) == 1,
            copenssl_context_set_groups(pointer, "X25519:P-256:P-384") == 1,
            SSL_CTX_set_max_early_data(pointer, 0) == 1,
            // A chat client has one connection; OpenSSL's default of two tickets is for browsers that open several.
            SSL_CTX_set_num_tickets(pointer, 1) == 1
        else {
            throw .drainQueue(kind: .library, otherwise: "the settings of TLS are refused")
        }
    }

    deinit {
        SSL_CTX_free(pointer)
        protocols.deallocate()
    }

    /// RSA of 2,048 bits and the like at least (SSL_CTX_set_security_level(3)), also where the system's configuration is laxer.
    private static let securityLevelMin: Int32 = 2

    private static let suitesOfTLS13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256"

    private static let suitesOfTLS12 = """
        ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:\
        ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305
        """

    /// The argument of OpenSSL's callback. It needs no reference: every engine holds its context.
    private var protocolsArgument: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

    /// Lends our protocols in wire format.
    func withProtocols<Result>(_ body: (UnsafeBufferPointer<UInt8>) -> Result) -> Result {
        body(UnsafeBufferPointer(protocols))
    }

    private func takeTicketKeys(of previous: TLSContext) throws(TLSError) {
        let byteCount = copenssl_context_get_ticket_keys(pointer, nil, 0)
        var keys = [UInt8](repeating: 0, count: byteCount)
        let copied = keys.withUnsafeMutableBytes { buffer in
            defer { OPENSSL_cleanse(buffer.baseAddress, buffer.count) }
            return copenssl_context_get_ticket_keys(previous.pointer, buffer.baseAddress, byteCount) == 1
                && copenssl_context_set_ticket_keys(pointer, buffer.baseAddress, byteCount) == 1
        }
        guard copied else { throw .drainQueue(kind: .library, otherwise: "the ticket keys cannot be kept") }
    }
}
