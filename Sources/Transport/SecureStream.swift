public import Bytes
public import LibUV
public import TLS

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

    struct State: OptionSet {
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
    let scratch: TLSScratch
    /// Set from the beginning of TLS to the closing.
    var engine: TLSEngine?
    var state: State = []
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

    // MARK: Writing

    /// Writes what is queued, as far as the kernel takes it now; to be called once a turn for a stream with something queued.
    ///
    /// Octets leave the queue when the kernel has them, or when they are part of the one write that waits for the kernel: at most
    /// 64 KiB of the queue's own slices, or one record of 16 KiB under TLS. The delegate is never called from here.
    public func flush(_ queue: inout OutboundQueue) -> FlushResult {
        guard isOpen, state.isDisjoint(with: [.hasFailed, .isEnding]) else { return .closed }
        // A pending write comes first: an owner who closes once all is drained would lose it.
        if stream.isWriting || !(queue.isEmpty || isReadyToWrite) {
            state.insert(.isBlocked)
            return .blocked
        }
        if queue.isEmpty { return .drained }
        do throws(StreamError) {
            let isDrained =
                if let engine { try flushSealed(&queue, engine) } else { try flushClear(&queue) }
            if isDrained { return .drained }
            state.insert(.isBlocked)
            return .blocked
        } catch {
            state.insert(.hasFailed)
            stream.stopReading()
            return .failed(error)
        }
    }

    /// Whether everything went to the kernel.
    private func flushClear(_ queue: inout OutboundQueue) throws(StreamError) -> Bool {
        do throws(UVError) {
            var left = SecureStream.flushByteCountMax
            while left > 0 {
                let (taken, isAllOfIt) = try tryWrite(frontOf: queue)
                queue.consume(taken)
                if queue.isEmpty { return true }
                if !isAllOfIt { break }
                left -= taken
            }
            try stream.write(takePiece(of: &queue))
            return false
        } catch {
            throw .transport(error)
        }
    }

    /// A function of its own, so that nothing refers to the queue's slices when they are consumed: that would copy them.
    private func tryWrite(frontOf queue: borrowing OutboundQueue) throws(UVError) -> (taken: Int, isAllOfIt: Bool) {
        if let slice = queue.onlySlice {
            let taken = try slice.withBytes { (octets) throws(UVError) in try stream.tryWrite(octets) }
            return (taken, taken == slice.count)
        }
        let slices = queue.slices.prefix(SecureStream.sliceCountMax)
        let taken = try stream.tryWrite(slices)
        return (taken, taken == queue.byteCount || taken == slices.reduce(0) { $0 + $1.count })
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
    func sendOutput(_ engine: TLSEngine) throws(UVError) -> Bool {
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
        guard canTell else { return }
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
        } catch {
            // If it was an alert that could not be sent, why it was to be sent says more.
            if refused == nil { return fail(.transport(error)) }
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
        guard canTell else { return }
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

    /// Closes at once. Nothing is told any more but `secureStreamDidClose`. Repeating it is harmless.
    ///
    /// A pending write is lost. What the kernel has is still sent, unless it also has input that nobody has read: then it resets.
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
