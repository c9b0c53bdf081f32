internal import COpenSSL

/// Why TLS cannot be set up or cannot go on.
///
/// An error thrown by a ``TLSContext`` is the operator's to correct; one thrown by a ``TLSEngine`` ends that connection.
public struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Whose fault it is.
    public enum Kind: Sendable, Equatable {
        /// A certificate, a private key or an authority file cannot be read or does not fit; ``TLSError/file`` names it.
        case file
        /// A value given by the caller is refused, such as an empty server name where a certificate is to be verified.
        case configuration
        /// The peer's certificate is not accepted: X509_V_ERR_… of X509_STORE_CTX_get_error(3).
        case certificate(code: Int)
        /// The peer ended the connection with this alert (RFC 8446, section 6).
        case alert(UInt8)
        /// What the peer sent violates TLS or has nothing in common with our settings.
        case peer
        /// The peer makes us answer more than it reads.
        case outputTooLarge
        /// OpenSSL failed for a reason of its own, such as lack of memory.
        case library
    }

    /// Whose fault it is.
    public let kind: Kind
    /// The oldest entry of OpenSSL's error queue (ERR_get_error(3)), which is the cause of the others; 0 if the queue was empty.
    public let code: UInt
    /// Every entry of OpenSSL's error queue in words, the oldest first.
    public let reason: String
    /// The file at fault, if it is one.
    public let file: String?

    public var description: String {
        guard let file else { return reason }
        return "\(file): \(reason)"
    }

    init(kind: Kind, reason: String, code: UInt = 0, file: String? = nil) {
        self.kind = kind
        self.code = code
        self.reason = reason
        self.file = file
    }

    /// Takes everything out of this thread's error queue.
    ///
    /// The queue is the thread's, not the connection's: an entry left behind would be blamed on the next connection.
    static func drainQueue(kind: Kind, file: String? = nil, otherwise: String) -> TLSError {
        var codes: [UInt] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { break }
            codes.append(code)
        }
        var reasons: [String] = []
        for code in codes {
            let words = words(of: code)
            if !reasons.contains(words) { reasons.append(words) }
        }
        return TLSError(
            kind: kind, reason: reasons.isEmpty ? otherwise : reasons.joined(separator: "; "), code: codes.first ?? 0, file: file)
    }

    /// The error of a connection: told apart by what the oldest entry of the queue is.
    static func drainQueue(connection: OpaquePointer) -> TLSError {
        let error = drainQueue(kind: .peer, otherwise: "the connection failed without a reason")
        guard error.code != 0 else { return TLSError(kind: .library, reason: error.reason) }
        guard copenssl_error_library(error.code) == ERR_LIB_SSL else {
            // Every library below SSL may fail because of what the peer sent: a record that does not decrypt, a key off its curve.
            return error
        }
        let reason = copenssl_error_reason(error.code)
        if reason == SSL_R_CERTIFICATE_VERIFY_FAILED {
            let verification = SSL_get_verify_result(connection)
            let words = String(cString: X509_verify_cert_error_string(verification))
            return TLSError(kind: .certificate(code: verification), reason: "\(error.reason): \(words)", code: error.code)
        }
        if (alertReasonBase..<alertReasonBase + 256).contains(reason) {
            return TLSError(kind: .alert(UInt8(reason - alertReasonBase)), reason: error.reason, code: error.code)
        }
        return error
    }

    /// OpenSSL numbers the reason of an alert received 1000 + alert (SSL_AD_REASON_OFFSET).
    private static let alertReasonBase: Int32 = 1000

    private static func words(of code: UInt) -> String {
        // "error:0A000086:SSL routines::certificate verify failed"; for a system error the last part is that of strerror(3).
        var text = [CChar](repeating: 0, count: 256)
        ERR_error_string_n(code, &text, text.count)
        let octets = text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        let parts = octets.split(separator: UInt8(ascii: ":"), maxSplits: 4, omittingEmptySubsequences: false)
        return String(decoding: parts.last ?? octets[...], as: UTF8.self)
    }
}
