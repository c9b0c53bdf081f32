internal import LibUV
public import TLS

/// Beginning TLS on a connection that is in the clear so far. On a stream that is closed, nothing happens.
extension SecureStream {
    /// Goes on as a TLS server. Handshake and alerts are sent without the owner's doing.
    ///
    /// - Parameter received: What has been received so far: the beginning of the client's hello.
    /// - Throws: ``StreamError``; the delegate is not told, and the owner closes the stream.
    public func startServerTLS(context: TLSContext, received: RawSpan) throws(StreamError) {
        guard isOpen else { return }
        let engine = try begin { () throws(TLSError) in try TLSEngine(server: context, scratch: scratch) }
        // No plaintext can come of it: a client that has not yet heard of the server has no keys, and early data is refused.
        let refused = failure { () throws(TLSError) in try engine.receive(received) { _ in } }
        try finishBeginning(engine, refused)
    }

    /// Goes on as a TLS client.
    ///
    /// - Parameters:
    ///   - serverName: Host name or numeric address that the server's certificate must be for.
    ///   - session: An earlier session with the same server, to be resumed if the server still knows it.
    /// - Throws: ``StreamError``; the delegate is not told, and the owner closes the stream.
    public func startClientTLS(context: TLSContext, serverName: String, resuming session: TLSSession? = nil) throws(StreamError) {
        guard isOpen else { return }
        let engine = try begin { () throws(TLSError) in
            try TLSEngine(client: context, serverName: serverName, resuming: session, scratch: scratch)
        }
        let refused = failure { () throws(TLSError) in try engine.startHandshake() }
        try finishBeginning(engine, refused)
    }

    private func begin(_ make: () throws(TLSError) -> TLSEngine) throws(StreamError) -> TLSEngine {
        precondition(engine == nil, "TLS begins once")
        do throws(TLSError) {
            let engine = try make()
            self.engine = engine
            return engine
        } catch {
            state.insert(.hasFailed)
            throw .tls(error)
        }
    }

    private func finishBeginning(_ engine: TLSEngine, _ refused: TLSError?) throws(StreamError) {
        var failure: StreamError? = refused.map { .tls($0) }
        do throws(UVError) {
            try sendOutput(engine)
        } catch {
            // If it was an alert that could not be sent, why it was to be sent says more.
            failure = failure ?? .transport(error)
        }
        if let failure {
            state.insert(.hasFailed)
            throw failure
        }
    }

    func failure(_ body: () throws(TLSError) -> Void) -> TLSError? {
        do throws(TLSError) {
            try body()
            return nil
        } catch {
            return error
        }
    }
}
