public import Bytes
public import LibUV
public import TLS

/// What the owner of a ``SecureStream`` is told. Every call is made on the loop's thread and never from within a call to the stream,
/// and may close the stream, shut it down, write to it or begin TLS.
public protocol SecureStreamDelegate: AnyObject {
    /// Octets have come in: as received, or decrypted under TLS. They are lent for the length of the call.
    func secureStream(_ stream: SecureStream, didRead plaintext: RawSpan)
    /// TLS is agreed on: from now on there is plaintext to read and queues can be flushed.
    func secureStreamDidHandshake(_ stream: SecureStream)
    /// What was blocked has been written: flush again.
    func secureStreamCanWrite(_ stream: SecureStream)
    /// The peer sends no more: FIN or close_notify, told once. Writing is still possible.
    func secureStreamDidReachEnd(_ stream: SecureStream)
    /// The stream cannot go on, told once; the owner closes it.
    func secureStream(_ stream: SecureStream, didFail error: StreamError)
    /// The stream is gone. The last call; the stream forgets its delegate with it.
    func secureStreamDidClose(_ stream: SecureStream)
}

/// A connection, in the clear or under TLS, with the same calls for both.
///
/// It holds no octets of its own but at most one piece that the kernel did not take, and no buffers while it is idle. Confined to the
/// loop of its ``LibUV/TCPStream``, whose delegate it is; must be closed.
public final class SecureStream: TCPStreamDelegate {
    /// Plaintext written by one ``flush(_:)`` at most, octets, so that a fast reader does not hold up the others of its loop.
    static let flushByteCountMax = 1024 * 1024
    /// The same under TLS, where an octet costs more.
    static let sealedFlushByteCountMax = 256 * 1024
    /// Octets handed to the kernel as a pending write at most, when it takes no more at once.
    static let pendingWriteByteCountMax = 64 * 1024
    /// Slices of a pending write at most, as many as the stream writes at once.
    static let sliceCountMax = 64

    private struct State: OptionSet {
        let rawValue: UInt8
        static let isHandshakeTold = State(rawValue: 1)
        static let isEndTold = State(rawValue: 2)
        static let hasFailed = State(rawValue: 4)
        /// A flush was blocked, and the owner waits for `secureStreamCanWrite`.
        static let isBlocked = State(rawValue: 8)
        static let isEnding = State(rawValue: 16)
        /// FIN follows what is pending; nothing more may be written.
        static let isEnded = State(rawValue: 32)
    }

    let stream: TCPStream
    private let scratch: TLSScratch
    private(set) var engine: TLSEngine?
    private var state: State = []
    /// Who is told what happens. Kept strongly until `secureStreamDidClose`, so that a connection lives as long as its socket.
    public var delegate: (any SecureStreamDelegate)?

    /// Takes a connection over, in the clear at first. The caller sets ``delegate`` and calls ``startReading()``.
    ///
    /// - Parameter scratch: The loop's one set of buffers, shared by its streams.
    public init(stream: TCPStream, scratch: TLSScratch) {
        self.stream = stream
        self.scratch = scratch
        stream.delegate = self
    }

    // MARK: Beginning TLS

    /// Goes on as a TLS server. Handshake and alerts are sent without the owner's doing.
    ///
    /// - Parameter received: What has been received so far: the beginning of the client's hello.
    /// - Throws: ``StreamError``; the delegate is not told, and the owner closes the stream.
    public func startServerTLS(context: TLSContext, received: RawSpan) throws(StreamError) {
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
        guard isOpen else { return }
        do throws(UVError) {
            try sendOutput(engine)
        } catch where refused == nil {
            state.insert(.hasFailed)
            throw .transport(error)
        } catch {
            // The alert could not be sent; why it was to be sent says more.
        }
        if let refused {
            state.insert(.hasFailed)
            throw .tls(refused)
        }
    }

    private func failure(_ body: () throws(TLSError) -> Void) -> TLSError? {
        do throws(TLSError) {
            try body()
            return nil
        } catch {
            return error
        }
    }

    // MARK: Writing

    /// Writes what is queued, as far as the kernel takes it now; to be called once a turn for a stream with something queued.
    ///
    /// Octets leave the queue when the kernel has them, or when they are part of the one write that waits for the kernel: at most
    /// 64 KiB of the queue's own slices, or one record of 16 KiB under TLS. The delegate is never called from here.
    public func flush(_ queue: inout OutboundQueue) -> FlushResult {
        guard isOpen, state.isDisjoint(with: [.hasFailed, .isEnding]) else { return .closed }
        if queue.isEmpty { return .drained }
        if stream.isWriting || !isReadyToWrite {
            state.insert(.isBlocked)
            return .blocked
        }
        do throws(StreamError) {
            let isDrained =
                if let engine { try flushSealed(&queue, engine) } else { try flushClear(&queue) }
            if isDrained { return .drained }
            state.insert(.isBlocked)
            return .blocked
        } catch {
            state.insert(.hasFailed)
            return .failed(error)
        }
    }

    /// Whether everything went to the kernel.
    private func flushClear(_ queue: inout OutboundQueue) throws(StreamError) -> Bool {
        do throws(UVError) {
            var left = SecureStream.flushByteCountMax
            while left > 0 {
                let slices = queue.slices
                let offered = slices.count <= SecureStream.sliceCountMax
                    ? queue.byteCount : slices.prefix(SecureStream.sliceCountMax).reduce(0) { $0 + $1.count }
                let taken = try stream.tryWrite(slices)
                queue.consume(taken)
                if queue.isEmpty { return true }
                if taken < offered { break }
                left -= taken
            }
            try stream.write(takePiece(of: &queue))
            return false
        } catch {
            throw .transport(error)
        }
    }

    private func takePiece(of queue: inout OutboundQueue) -> [SharedBytes] {
        var piece: [SharedBytes] = []
        var byteCount = 0
        for slice in queue.slices.prefix(SecureStream.sliceCountMax) {
            let count = min(slice.count, SecureStream.pendingWriteByteCountMax - byteCount)
            piece.append(count == slice.count ? slice : slice[0..<count])
            byteCount += count
            if byteCount == SecureStream.pendingWriteByteCountMax { break }
        }
        queue.consume(byteCount)
        return piece
    }

    /// Whether everything went to the kernel. Nothing more is sealed until what was sealed before has gone, as what is sealed can
    /// be neither merged nor dropped.
    private func flushSealed(_ queue: inout OutboundQueue, _ engine: TLSEngine) throws(StreamError) -> Bool {
        do throws(UVError) {
            guard try sendOutput(engine) else { return false }
        } catch {
            throw .transport(error)
        }
        var left = SecureStream.sealedFlushByteCountMax
        while !queue.isEmpty {
            let sealed: Int
            do throws(TLSError) {
                sealed = try engine.seal(frontOf: queue.slices)
            } catch {
                throw .tls(error)
            }
            queue.consume(sealed)
            left -= sealed
            do throws(UVError) {
                if left <= 0 && !queue.isEmpty {
                    // The kernel would take more, but others wait: libuv calls back in the next turn.
                    try writeOutput(engine)
                    return false
                }
                guard try sendOutput(engine) else { return false }
            } catch {
                throw .transport(error)
            }
        }
        return true
    }

    /// Whether the queue's octets can be sent at all: not before the handshake is done and told.
    private var isReadyToWrite: Bool { engine == nil || state.contains(.isHandshakeTold) }

    /// Sends ciphertext as far as the kernel takes it now, and makes the rest the pending write; whether the kernel has everything.
    @discardableResult
    private func sendOutput(_ engine: TLSEngine) throws(UVError) -> Bool {
        if stream.isWriting { return false }
        guard engine.hasOutput else { return true }
        if state.contains(.isEnded) {
            // Answers to what the peer still sends have no way out behind FIN.
            engine.consumeOutput(engine.outputByteCount)
            return true
        }
        let taken = try engine.withOutput { (octets) throws(UVError) in try stream.tryWrite(octets) }
        engine.consumeOutput(taken)
        guard engine.hasOutput else { return true }
        try writeOutput(engine)
        return false
    }

    private func writeOutput(_ engine: TLSEngine) throws(UVError) {
        let rest = engine.withOutput { SharedBytes(copying: $0) }
        engine.consumeOutput(rest.count)
        try stream.write([rest])
    }

    // MARK: Reading

    /// Reads from now on, until stopped, the end or a failure.
    ///
    /// - Throws: ``StreamError`` of kind `transport` if the stream is closed.
    public func startReading() throws(StreamError) {
        do throws(UVError) {
            try stream.startReading()
        } catch {
            throw .transport(error)
        }
    }

    /// Reads nothing until started again. What has been received in the same call is still told: at most 64 KiB.
    public func stopReading() {
        stream.stopReading()
    }

    public func stream(_ stream: TCPStream, didRead bytes: RawSpan) {
        guard let engine else {
            delegate?.secureStream(self, didRead: bytes)
            return
        }
        let refused = failure { () throws(TLSError) in
            try engine.receive(bytes) { plaintext in
                tellHandshake(engine)
                guard canTell else { return }
                delegate?.secureStream(self, didRead: plaintext)
            }
        }
        guard isOpen else { return }
        if refused == nil { tellHandshake(engine) }
        guard isOpen else { return }
        do throws(UVError) {
            try sendOutput(engine)
        } catch where refused == nil {
            return fail(.transport(error))
        } catch {
            // The alert could not be sent; why it was to be sent says more.
        }
        if let refused { return fail(.tls(refused)) }
        if engine.isPeerClosed { tellEnd() }
        tellIfUnblocked()
    }

    public func streamDidReachEnd(_ stream: TCPStream) {
        tellEnd()
    }

    public func stream(_ stream: TCPStream, didFail error: UVError) {
        fail(.transport(error))
    }

    public func streamDidWrite(_ stream: TCPStream) {
        if let engine {
            do throws(UVError) {
                try sendOutput(engine)
            } catch {
                return fail(.transport(error))
            }
        }
        if state.contains(.isEnding) {
            endWhenSent()
        } else {
            tellIfUnblocked()
        }
    }

    public func streamDidClose(_ stream: TCPStream) {
        let delegate = delegate
        self.delegate = nil
        engine = nil
        delegate?.secureStreamDidClose(self)
    }

    // MARK: Telling

    private var canTell: Bool { isOpen && !state.contains(.hasFailed) }

    private func tellHandshake(_ engine: TLSEngine) {
        guard engine.isHandshakeDone, !state.contains(.isHandshakeTold), canTell else { return }
        state.insert(.isHandshakeTold)
        delegate?.secureStreamDidHandshake(self)
    }

    private func tellEnd() {
        guard canTell, !state.contains(.isEndTold) else { return }
        state.insert(.isEndTold)
        delegate?.secureStreamDidReachEnd(self)
    }

    private func tellIfUnblocked() {
        guard canTell, state.contains(.isBlocked), isReadyToWrite, !stream.isWriting else { return }
        state.remove(.isBlocked)
        delegate?.secureStreamCanWrite(self)
    }

    private func fail(_ error: StreamError) {
        guard canTell else { return }
        state.insert(.hasFailed)
        stream.stopReading()
        delegate?.secureStream(self, didFail: error)
    }

    // MARK: Ending

    /// Ends this side in good order: after what has been flushed come close_notify (under TLS) and FIN. The peer may go on sending.
    ///
    /// What is still queued is the owner's to flush before. If the stream has failed, it is closed instead.
    public func shutdown() {
        guard isOpen, !state.contains(.isEnding) else { return }
        // libuv does not shut down what has failed.
        if state.contains(.hasFailed) { return close() }
        state.insert(.isEnding)
        engine?.shutdown()
        endWhenSent()
    }

    private func endWhenSent() {
        guard !state.contains(.isEnded) else { return }
        if let engine {
            do throws(UVError) {
                try sendOutput(engine)
            } catch {
                return close()
            }
            // A write was pending already; close_notify follows it, and then FIN.
            if engine.hasOutput { return }
        }
        state.insert(.isEnded)
        stream.shutdown()
    }

    /// Closes at once; what the kernel has is still sent. Nothing is told any more but `secureStreamDidClose`. Repeating it is harmless.
    public func close() {
        engine = nil
        stream.close()
    }

    /// Breaks off at once (RST): what the kernel has not sent is dropped. Otherwise like ``close()``.
    public func reset() {
        engine = nil
        stream.reset()
    }
}
