public import Bytes
internal import COpenSSL

/// One end of one TLS connection, without a socket: octets in, octets out; OpenSSL's `SSL`.
///
/// Confined to the loop whose ``TLSScratch`` it borrows. Between calls it holds no buffer unless ciphertext waits to be sent or a
/// record has been received in part. After an error only the output (an alert) is of use.
public final class TLSEngine {
    let ssl: OpaquePointer
    private let context: TLSContext
    private let scratch: TLSScratch
    private var output: TLSOutput
    /// What is being received and OpenSSL has not yet taken; set during ``receive(_:onPlaintext:)`` only.
    private var input = UnsafeRawBufferPointer(start: nil, count: 0)
    private var isReceiving = false
    private var isSealing = false
    /// How much of the output answers the peer, octets; counted until everything has been sent.
    private var answerByteCount: Int32 = 0
    private var failure: Failure?
    /// Whether the handshake is complete: plaintext can be sealed.
    public private(set) var isHandshakeDone = false
    /// Whether ``shutdown()`` has sent close_notify: nothing more can be sealed.
    public private(set) var isShutDown = false
    /// Whether the peer has sent close_notify (RFC 8446, section 6.1): its octets end here, and nobody cut them off.
    public private(set) var isPeerClosed = false

    /// Ciphertext that a peer may make us owe it without reading it, octets. Only answers count: handshake, alerts, key updates.
    static let answerByteCountMax = 128 * 1024

    /// A server's end. It waits for the client's first octets.
    ///
    /// - Throws: ``TLSError`` of kind `library` if there is no memory.
    public init(server context: TLSContext, scratch: TLSScratch = TLSScratch()) throws(TLSError) {
        precondition(context.isServer, "a client's context cannot serve")
        self.context = context
        self.scratch = scratch
        output = TLSOutput(scratch: scratch)
        ssl = try TLSEngine.makeConnection(context)
        attachInputAndOutput()
        SSL_set_accept_state(ssl)
    }

    /// A client's end; ``startHandshake()`` begins.
    ///
    /// - Parameters:
    ///   - serverName: Host name or numeric address that the certificate must be for (RFC 6125; partial wildcards are refused). Only a
    ///     name is sent to the server (SNI: RFC 6066, section 3, excludes addresses). May be empty if the context verifies nothing.
    ///   - session: A session of an earlier connection to the same server, to save the certificate; the server may decline it.
    /// - Throws: ``TLSError`` of kind `configuration` if the name is none, of kind `library` if there is no memory.
    public init(
        client context: TLSContext, serverName: String, resuming session: TLSSession? = nil, scratch: TLSScratch = TLSScratch()
    ) throws(TLSError) {
        precondition(!context.isServer, "a server's context cannot be a client's")
        self.context = context
        self.scratch = scratch
        output = TLSOutput(scratch: scratch)
        ssl = try TLSEngine.makeConnection(context)
        attachInputAndOutput()
        SSL_set_connect_state(ssl)
        try setServerName(serverName)
        if let session, SSL_set_session(ssl, session.pointer) != 1 {
            throw .drainQueue(kind: .library, otherwise: "the session cannot be resumed")
        }
    }

    deinit {
        if failure == nil {
            // Else OpenSSL believes that the connection was cut, makes the session unfit for resumption and, to say so to a cache that
            // we do not have, locks the context which all loops share.
            SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        }
        SSL_free(ssl)
    }

    // MARK: Receiving

    /// Begins a client's handshake: there is output afterwards.
    public func startHandshake() throws(TLSError) {
        precondition(!context.isServer, "a server waits for the client")
        try continueHandshake()
    }

    /// Takes octets received from the peer; hands out the plaintext in them.
    ///
    /// All of `ciphertext` is used up. There may be output afterwards (handshake, alert), also if it throws.
    ///
    /// - Parameters:
    ///   - ciphertext: As received, cut anywhere.
    ///   - onPlaintext: Called with 1 to 16,384 octets at a time, lent for the call; may seal and shut down, must not receive.
    /// - Throws: ``TLSError``: the connection cannot go on; the same again if called again. What was received before the fault has been
    ///   handed out.
    public func receive(_ ciphertext: RawSpan, onPlaintext: (RawSpan) -> Void) throws(TLSError) {
        precondition(!isReceiving, "receiving inside a callback of receive")
        if let failure { throw failure.error }
        // RFC 8446, section 6.1: whatever follows close_notify is ignored.
        if isPeerClosed { return }
        isReceiving = true
        defer { isReceiving = false }
        try ciphertext.withUnsafeBytes { (octets: UnsafeRawBufferPointer) throws(TLSError) in
            input = octets
            defer { input = UnsafeRawBufferPointer(start: nil, count: 0) }
            if !isHandshakeDone { try continueHandshake() }
            if isHandshakeDone { try readRecords(onPlaintext) }
        }
        if Int(answerByteCount) > TLSEngine.answerByteCountMax {
            throw fail(TLSError(kind: .outputTooLarge, reason: "the peer makes us answer more than it reads"))
        }
    }

    private func continueHandshake() throws(TLSError) {
        ERR_clear_error()
        let outcome = SSL_do_handshake(ssl)
        if outcome == 1 {
            isHandshakeDone = true
        } else if SSL_get_error(ssl, outcome) != SSL_ERROR_WANT_READ {
            throw fail(.drainQueue(connection: ssl))
        }
    }

    /// Gathers the plaintext of several small records into one callback.
    private func readRecords(_ onPlaintext: (RawSpan) -> Void) throws(TLSError) {
        let buffer = scratch.borrow()
        defer { scratch.giveBack(buffer) }
        var filled = 0
        func handOut() {
            guard filled > 0 else { return }
            let plaintext = UnsafeRawBufferPointer(start: buffer, count: filled)
            filled = 0
            onPlaintext(plaintext.bytes)
        }
        while true {
            ERR_clear_error()
            let count = SSL_read(ssl, buffer + filled, Int32(TLSScratch.recordByteCountMax - filled))
            if count > 0 {
                filled += Int(count)
                if filled == TLSScratch.recordByteCountMax { handOut() }
                continue
            }
            let error = SSL_get_error(ssl, count)
            let failed = error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN
            // Noted before the callback, which may use OpenSSL's error queue.
            let thrown: TLSError? = failed ? fail(.drainQueue(connection: ssl)) : nil
            if error == SSL_ERROR_ZERO_RETURN { isPeerClosed = true }
            handOut()
            if let thrown { throw thrown }
            return
        }
    }

    // MARK: Sealing

    /// Encrypts plaintext into the output: one record for each 16 KiB.
    ///
    /// - Throws: ``TLSError``: the connection cannot go on.
    public func seal(_ plaintext: RawSpan) throws(TLSError) {
        try plaintext.withUnsafeBytes { (octets: UnsafeRawBufferPointer) throws(TLSError) in try seal(octets) }
    }

    /// Encrypts the front of a queue into the output, as one record of up to 16 KiB: what a record costs hardly depends on its size.
    ///
    /// - Returns: How many octets of plaintext are in the record: 0 if the queue is empty.
    /// - Throws: ``TLSError``: the connection cannot go on.
    public func seal(frontOf slices: ArraySlice<SharedBytes>) throws(TLSError) -> Int {
        guard let first = slices.first else { return 0 }
        if slices.count == 1 || first.count >= TLSScratch.recordByteCountMax {
            let count = min(first.count, TLSScratch.recordByteCountMax)
            try first.withUnsafeBytes { (octets: UnsafeRawBufferPointer) throws(TLSError) in
                try seal(UnsafeRawBufferPointer(rebasing: octets[..<count]))
            }
            return count
        }
        let buffer = scratch.borrow()
        defer { scratch.giveBack(buffer) }
        var gathered = 0
        for slice in slices {
            slice.withUnsafeBytes { octets in
                let count = min(octets.count, TLSScratch.recordByteCountMax - gathered)
                guard count > 0 else { return }
                (buffer + gathered).copyMemory(from: octets.baseAddress!, byteCount: count)
                gathered += count
            }
            if gathered == TLSScratch.recordByteCountMax { break }
        }
        try seal(UnsafeRawBufferPointer(start: buffer, count: gathered))
        return gathered
    }

    private func seal(_ octets: UnsafeRawBufferPointer) throws(TLSError) {
        precondition(isHandshakeDone && !isShutDown, "sealing before the handshake or after the end")
        if let failure { throw failure.error }
        isSealing = true
        defer { isSealing = false }
        var sealed = 0
        while sealed < octets.count {
            ERR_clear_error()
            let count = SSL_write(
                ssl, octets.baseAddress! + sealed, Int32(min(octets.count - sealed, TLSScratch.recordByteCountMax)))
            guard count > 0 else { throw fail(.drainQueue(connection: ssl)) }
            sealed += Int(count)
        }
    }

    /// Says close_notify: nothing more will be sealed. Harmless before the handshake, after an error and if repeated.
    public func shutdown() {
        guard !isShutDown else { return }
        isShutDown = true
        guard isHandshakeDone, failure == nil else { return }
        ERR_clear_error()
        if SSL_shutdown(ssl) < 0 { _ = fail(.drainQueue(connection: ssl)) }
    }

    private func fail(_ error: TLSError) -> TLSError {
        failure = Failure(error)
        return error
    }

    // MARK: Output

    /// Whether ciphertext waits to be sent.
    public var hasOutput: Bool { output.count > 0 }

    /// Octets of ciphertext that wait to be sent.
    public var outputByteCount: Int { output.count }

    /// Lends the ciphertext that waits to be sent; `body` must not use the engine.
    public func withOutput<Result, Thrown: Error>(_ body: (RawSpan) throws(Thrown) -> Result) throws(Thrown) -> Result {
        try body(output.bytes.bytes)
    }

    /// Forgets the first `byteCount` octets of the output, because they have been sent.
    public func consumeOutput(_ byteCount: Int) {
        output.consume(byteCount)
        if output.count == 0 { answerByteCount = 0 }
    }

    // MARK: For OpenSSL's callbacks

    func giveInput(to buffer: UnsafeMutableRawPointer, byteCountMax: Int) -> Int {
        let count = min(input.count, byteCountMax)
        guard count > 0 else { return 0 }
        buffer.copyMemory(from: input.baseAddress!, byteCount: count)
        input = UnsafeRawBufferPointer(rebasing: input[count...])
        return count
    }

    func takeOutput(_ octets: UnsafeRawPointer, byteCount: Int) {
        output.append(octets, count: byteCount)
        if !isSealing { answerByteCount += Int32(byteCount) }
    }

    // MARK: Making

    private static func makeConnection(_ context: TLSContext) throws(TLSError) -> OpaquePointer {
        ERR_clear_error()
        guard let ssl = SSL_new(context.pointer) else {
            throw .drainQueue(kind: .library, otherwise: "no memory for a TLS connection")
        }
        guard let bio = BIO_new(TLSCallbacks.method) else {
            SSL_free(ssl)
            throw .drainQueue(kind: .library, otherwise: "no memory for a TLS connection")
        }
        BIO_set_init(bio, 1)
        // One BIO for both directions; the connection owns it (SSL_set_bio(3)).
        SSL_set_bio(ssl, bio, bio)
        return ssl
    }

    private func attachInputAndOutput() {
        BIO_set_data(SSL_get_rbio(ssl), Unmanaged.passUnretained(self).toOpaque())
    }

    private func setServerName(_ serverName: String) throws(TLSError) {
        guard !serverName.isEmpty else {
            guard context.verifiesPeer else { return }
            throw TLSError(kind: .configuration, reason: "a server whose certificate is verified needs a name")
        }
        // A NUL would end the name for OpenSSL and not for the caller.
        guard !serverName.utf8.contains(0) else {
            throw TLSError(kind: .configuration, reason: "the server's name contains a NUL")
        }
        let zoneless = String(serverName.prefix { $0 != "%" })
        if let address = a2i_IPADDRESS(zoneless) {
            ASN1_OCTET_STRING_free(address)
            guard X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), zoneless) == 1 else {
                throw .drainQueue(kind: .configuration, otherwise: "the server's address is refused")
            }
            return
        }
        ERR_clear_error()
        // A name may end with the root's dot; certificates and SNI leave it out (RFC 6066, section 3).
        let name = serverName.hasSuffix(".") ? String(serverName.dropLast()) : serverName
        SSL_set_hostflags(ssl, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS))
        guard SSL_set1_host(ssl, name) == 1, copenssl_set_server_name(ssl, name) == 1 else {
            throw .drainQueue(kind: .configuration, otherwise: "the server's name is refused")
        }
    }
}

/// The error that ended a connection. In a box, because most connections have none.
private final class Failure {
    let error: TLSError

    init(_ error: TLSError) {
        self.error = error
    }
}
