import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import LibUV
import TLS
import Transport

/// One connection: moves octets between its stream and its session, and decides nothing.
///
/// Owned by the loop that it lives on. It holds no octets of its own but an incomplete frame.
final class Connection: SecureStreamDelegate {
    private enum Phase {
        /// The first octets, in the clear or under TLS, have not shown the protocol yet.
        case sniffing(ProtocolSniffer.Layer)
        case native(NativeDialect)
    }

    let stream: SecureStream
    let session: Session
    /// Whether the census still counts it among those without an account.
    var isCountedUnauthenticated = true
    /// Why the connection ends, once it does.
    private(set) var reason: CloseReason?
    /// When it was last written to at the end of a turn.
    var lastFlush: UInt64 = 0
    private unowned let driver: ShardDriver
    private var phase = Phase.sniffing(.clear(allowsLine: false))
    private var received = ReadBuffer()
    private var isReading = false
    private var isInputEnded = false
    private var isShutDown = false
    private let isClearTextAccepted: Bool

    init(stream: SecureStream, session: Session, driver: ShardDriver, isClearTextAccepted: Bool) {
        self.stream = stream
        self.session = session
        self.driver = driver
        self.isClearTextAccepted = isClearTextAccepted
        stream.delegate = self
    }

    var peer: SocketAddress { stream.peer }

    // MARK: What comes in

    /// Reads from now on.
    func start() { regulateReading() }

    func secureStream(_ stream: SecureStream, didRead octets: RawSpan) {
        driver.shard.touch(session, at: driver.moment)
        guard !session.isEnding else { return }
        if received.isEmpty {
            let used = take(octets)
            if used < octets.byteCount && !session.isEnding { received.append(octets.extracting(used..<octets.byteCount)) }
        } else {
            received.append(octets)
            takeReceived()
        }
        regulateReading()
    }

    /// Reads on after the core has let go of the input.
    func resume() {
        guard stream.isOpen, !session.isEnding else { return }
        takeReceived()
        regulateReading()
        if isInputEnded && !session.isInputHeld { driver.shard.inputEnded(session, at: driver.moment) }
    }

    private func takeReceived() {
        guard !received.isEmpty else { return }
        let used = received.withBytes { take($0) }
        if session.isEnding { received.clear() } else if used > 0 { received.consume(used) }
    }

    /// Handles as much of the octets as makes whole inputs; the number of octets used.
    private func take(_ octets: RawSpan) -> Int {
        guard case .native(var dialect) = phase else { return sniff(octets) }
        var used = 0
        while !session.isInputHeld && !session.isEnding {
            guard let next = dialect.next(in: octets.extracting(used..<octets.byteCount), limits: session.limits(driver.shard.settings))
            else { break }
            used += next.byteCount
            driver.shard.receive(next.input, from: session, at: driver.moment)
            driver.relievePressure()
        }
        phase = .native(dialect)
        return used
    }

    private func sniff(_ octets: RawSpan) -> Int {
        guard case .sniffing(let layer) = phase else { preconditionFailure("the protocol is known already") }
        switch ProtocolSniffer.sniff(octets, on: layer) {
        case .needMore: return 0
        case .tls:
            beginTLS(octets)
            return octets.byteCount
        case .native:
            if !stream.isSecure && !isClearTextAccepted {
                driver.shard.refuse(session, with: Goodbye(.tlsRequired, reason: "clear text is not accepted here; connect with TLS"))
            }
            phase = .native(NativeDialect())
            return take(octets)
        case .http, .line, .unknown:
            end(CloseReason(.badPreface, "the first octets are of no protocol spoken here"))
            stream.close()
            return octets.byteCount
        }
    }

    private func beginTLS(_ octets: RawSpan) {
        guard let context = driver.tls else {
            end(CloseReason(.badPreface, "TLS was begun, but this broker has no certificate"))
            return stream.close()
        }
        phase = .sniffing(.decrypted)
        do throws(StreamError) {
            try stream.startServerTLS(context: context, received: octets)
        } catch {
            end(CloseReason(.badPreface, error.description))
            stream.close()
        }
    }

    private func regulateReading() {
        // An ending connection is read on, and what comes is discarded: closing with unread input would reset it and destroy GOODBYE.
        let shouldRead = !isInputEnded && (session.isEnding || !session.isInputHeld)
        guard stream.isOpen, shouldRead != isReading else { return }
        isReading = shouldRead
        guard shouldRead else { return stream.stopReading() }
        do throws(StreamError) {
            try stream.startReading()
        } catch {
            fail(error)
        }
    }

    func secureStreamDidHandshake(_ stream: SecureStream) {
        // With ALPN the protocol is agreed on, and the contents decide nothing.
        if stream.negotiatedProtocol == ProtocolName.native { phase = .native(NativeDialect()) }
    }

    func secureStreamDidReachEnd(_ stream: SecureStream) {
        isInputEnded = true
        if session.isEnding {
            if isShutDown { stream.close() }
        } else if !session.isInputHeld {
            driver.shard.inputEnded(session, at: driver.moment)
        }
    }

    // MARK: What goes out

    /// Writes what is queued: called once at the end of a turn, and when what was blocked has been written.
    func flush() {
        driver.shard.beganWriting(session)
        switch stream.flush(&session.queue) {
        case .drained:
            driver.shard.drained(session, at: driver.moment)
            shutDownIfEnding()
        case .blocked: driver.shard.drained(session, pendingByteCount: stream.pendingByteCount, at: driver.moment)
        case .failed(let error): fail(error)
        case .closed: break
        }
    }

    func secureStreamCanWrite(_ stream: SecureStream) {
        flush()
    }

    // MARK: Endings

    /// The core has ended the connection: what is queued goes out first.
    func end(_ reason: CloseReason) {
        if self.reason == nil { self.reason = reason }
        guard stream.isOpen else { return }
        regulateReading()
        flush()
    }

    private func shutDownIfEnding() {
        guard reason != nil, session.queue.isEmpty, !isShutDown, stream.isOpen else { return }
        isShutDown = true
        if isInputEnded { stream.close() } else { stream.shutdown() }
    }

    /// Closes at once.
    func abort() {
        stream.close()
    }

    private func fail(_ error: StreamError) {
        if reason == nil { reason = CloseReason(.ok, error.description) }
        stream.close()
    }

    func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        fail(error)
    }

    func secureStreamDidClose(_ stream: SecureStream) {
        driver.remove(self)
    }
}

/// The names by which protocols are agreed on (ALPN, RFC 7301).
enum ProtocolName {
    static let native = "cbp/1"
}
