internal import COpenSSL

/// What a client keeps of a connection to resume it later (RFC 8446, section 2.2; RFC 5077): OpenSSL's `SSL_SESSION`.
///
/// It holds secrets; keep it in memory only. It never changes once it is made, so any loop may use it.
public final class TLSSession: @unchecked Sendable {
    // Unchecked: SSL_SESSION is counted atomically, and a client's session is only read once it is complete.
    let pointer: OpaquePointer

    init(_ pointer: OpaquePointer) {
        self.pointer = pointer
    }

    deinit {
        SSL_SESSION_free(pointer)
    }
}
