internal import COpenSSL

/// What was agreed on; of use once the handshake is done.
extension TLSEngine {
    /// The protocol agreed on by ALPN (RFC 7301); nil if the client offered none or the server chose none.
    public var negotiatedProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start, count > 0 else { return nil }
        return String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// The version spoken, such as "TLSv1.3" (SSL_get_version(3)).
    public var versionName: String { String(cString: SSL_get_version(ssl)) }

    /// The cipher suite, such as "TLS_AES_128_GCM_SHA256"; nil before it is agreed on.
    public var cipherName: String? {
        guard let cipher = SSL_get_current_cipher(ssl), let name = SSL_CIPHER_get_name(cipher) else { return nil }
        return String(cString: name)
    }

    /// The host name that the client asked for (SNI: RFC 6066, section 3); nil if it named none.
    public var serverName: String? {
        guard let name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
        return String(cString: name)
    }

    /// Whom the client's certificate names, if it has shown one that an authority of the context vouches for: the rest of a URI among its
    /// alternative names that begins with `prefix`, else the only common name of its subject. Not yet judged by any grammar.
    public func certifiedName(uriPrefix prefix: String) -> String? {
        guard isHandshakeDone, SSL_get_verify_result(ssl) == X509_V_OK, let certificate = SSL_get1_peer_certificate(ssl) else { return nil }
        defer {
            X509_free(certificate)
            ERR_clear_error()
        }
        var text = [CChar](repeating: 0, count: 256)
        var count = copenssl_certificate_uri(certificate, prefix, &text, Int32(text.count))
        if count == 0 { count = copenssl_certificate_common_name(certificate, &text, Int32(text.count)) }
        return count > 0 ? String(validating: text.prefix(Int(count)).map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// Whether an earlier session goes on, without a certificate.
    public var isSessionResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// A client's session, to resume later; nil as long as the server has given no ticket (with TLS 1.3 it comes after the handshake).
    public var resumableSession: TLSSession? {
        guard let session = SSL_get1_session(ssl) else { return nil }
        guard SSL_SESSION_is_resumable(session) == 1 else {
            SSL_SESSION_free(session)
            return nil
        }
        return TLSSession(session)
    }

    /// Octets that both ends can compute and nobody else (RFC 5705; RFC 8446, section 7.5), such as `tls-exporter` for channel
    /// binding (RFC 9266: label `EXPORTER-Channel-Binding`, empty context, 32 octets, TLS 1.3 only).
    ///
    /// - Throws: ``TLSError`` of kind `library`, as before the handshake is done.
    public func exportKeyingMaterial(label: String, context: [UInt8] = [], byteCount: Int) throws(TLSError) -> [UInt8] {
        var material = [UInt8](repeating: 0, count: byteCount)
        ERR_clear_error()
        guard SSL_export_keying_material(ssl, &material, byteCount, label, label.utf8.count, context, context.count, 1) == 1 else {
            throw .drainQueue(kind: .library, otherwise: "no keying material can be exported")
        }
        return material
    }
}
