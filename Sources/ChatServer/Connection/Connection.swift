import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import LibUV
import TLS
import Transport
import WebSocket

/// One connection: moves octets between its stream and its session, and decides nothing.
///
/// Owned by the loop that it lives on. It holds no octets of its own but an incomplete frame.
final class Connection: SecureStreamDelegate {
    enum Phase {
        /// The first octets, in the clear or under TLS, have not shown the protocol yet.
        case sniffing(ProtocolSniffer.Layer)
        case native(NativeDialect)
        /// HTTP requests are read and answered. Elsewhere, so that no other connection has room for it.
        indirect case http(HTTPRequests)
        /// The last HTTP request has been answered: what else comes is discarded.
        case answered
        case webSocket(WebSocketDoor)
        case line(LineDoor)
    }

    // Small fields stand together: there is one such object for each connection.

    let stream: SecureStream
    let session: Session
    /// Why the connection ends, once it does.
    var reason: CloseReason?
    /// Whether the census still counts it among those without an account.
    var isCountedUnauthenticated = true
    private var isReading = false
    private(set) var isInputEnded = false
    private var isShutDown = false
    /// Whether the core has ended the connection, and the last word is queued.
    private var isEnded = false
    let isClearTextAccepted: Bool
    private let kind: ListenerKind
    /// When it was last written to at the end of a turn.
    var lastFlush: UInt64 = 0
    unowned let driver: ShardDriver
    private(set) var received = ReadBuffer()
    var phase = Phase.sniffing(.clear(allowsLine: false))
    /// Whether octets are being handled: what is written meanwhile must not begin to handle them, too.
    private var isTaking = false

    init(stream: SecureStream, session: Session, driver: ShardDriver, kind: ListenerKind, isClearTextAccepted: Bool) {
        self.stream = stream
        self.session = session
        self.driver = driver
        self.kind = kind
        self.isClearTextAccepted = isClearTextAccepted
        stream.delegate = self
    }

    var peer: SocketAddress { stream.peer }

    /// Whether nothing is on its way to or from the client: not an octet of a protocol has come, or all that was asked has been answered.
    var isIdle: Bool {
        switch phase {
        case .sniffing: received.isEmpty
        case .http(let requests): requests.state == .idle
        default: false
        }
    }

    // MARK: What comes in

    /// Reads from now on. Where people come in, the broker speaks first.
    func start() {
        if kind == .line { beginLine() }
        regulateReading()
    }

    func secureStream(_ stream: SecureStream, didRead octets: RawSpan) {
        driver.shard.touch(session, at: driver.moment)
        guard !session.isEnding else { return }
        if received.isEmpty {
            isTaking = true
            let used = take(octets)
            isTaking = false
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
        noteEndOfInput()
    }

    /// Tells the core that nothing more comes, once what came before has been handed over.
    func noteEndOfInput() {
        guard isInputEnded, !session.isEnding, !isInputHeld else { return }
        if case .line(let door) = phase { endLines(door) } else { driver.shard.inputEnded(session, at: driver.moment) }
    }

    /// Whether what has been received must wait: for the core, or for what came before it at a door with a dialect of its own.
    var isInputHeld: Bool {
        if session.isInputHeld { return true }
        return switch phase {
        case .http(let requests): requests.state == .answering
        case .line(let door): door.dialect.isWaiting
        case .webSocket(let door): door.simple?.dialect.isWaiting == true
        default: false
        }
    }

    func takeReceived() {
        guard !isTaking, !received.isEmpty || holdsMessage else { return }
        isTaking = true
        let used = received.withBytes { take($0) }
        isTaking = false
        if session.isEnding { received.clear() } else if used > 0 { received.consume(used) }
    }

    /// Whether frames are left of a message that has been taken whole.
    private var holdsMessage: Bool {
        if case .webSocket(let door) = phase { return !door.message.isEmpty }
        return false
    }

    /// Handles as much of the octets as makes whole inputs; the number of octets used.
    func take(_ octets: RawSpan) -> Int {
        guard case .native(var dialect) = phase else {
            switch phase {
            case .sniffing, .native: return sniff(octets)
            case .http(let requests): return takeRequest(requests, octets)
            case .answered: return octets.byteCount
            case .webSocket(let door): return takeFrames(door, octets)
            case .line(let door): return takeLines(door, octets)
            }
        }
        let (driver, shard, moment) = (driver, driver.shard, driver.moment)
        var used = 0
        while !session.isInputHeld && !session.isEnding {
            guard let next = dialect.next(in: octets.extracting(used..<octets.byteCount), limits: shard.limits(of: session)) else { break }
            if session.isOpening { shard.note(opening: octets.extracting(used..<(used + next.byteCount)), of: session) }
            used += next.byteCount
            shard.receive(next.input, from: session, at: moment)
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
        case .native where kind == .lineOverTLS:
            endWithoutAWord("TLS is begun at once here")
            return octets.byteCount
        case .native:
            if !stream.isSecure && !isClearTextAccepted {
                driver.shard.refuse(session, with: Goodbye(.tlsRequired, reason: "clear text is not accepted here; connect with TLS"))
            }
            beginNative()
            return take(octets)
        case .http where kind == .shared:
            phase = .http(HTTPRequests())
            return take(octets)
        case .http, .line, .unknown:
            endWithoutAWord("the first octets are of no protocol spoken here")
            return octets.byteCount
        }
    }

    private func beginNative() {
        noteChannel()
        phase = .native(NativeDialect())
    }

    func endWithoutAWord(_ text: String) {
        end(CloseReason(.badPreface, text))
        stream.close()
    }

    private func beginTLS(_ octets: RawSpan) {
        guard let context = driver.tls else {
            return endWithoutAWord("TLS was begun, but this broker has no certificate")
        }
        phase = .sniffing(.decrypted)
        do throws(StreamError) {
            try stream.startServerTLS(context: context, received: octets)
        } catch {
            endWithoutAWord(error.description)
        }
    }

    func regulateReading() {
        // An ending connection is read on, and what comes is discarded: closing with unread input would reset it and destroy GOODBYE.
        let shouldRead = !isInputEnded && (session.isEnding || !isInputHeld)
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
        if kind == .lineOverTLS {
            guard stream.negotiatedProtocol == nil else {
                return endWithoutAWord("another protocol was agreed on than that of this listener")
            }
            return beginLine()
        }
        // With ALPN the protocol is agreed on, and the contents decide nothing.
        switch stream.negotiatedProtocol {
        case ProtocolName.native: beginNative()
        case ProtocolName.http: phase = .http(HTTPRequests())
        default: break
        }
    }

    func secureStreamDidReachEnd(_ stream: SecureStream) {
        isInputEnded = true
        if session.isEnding {
            if isShutDown { stream.close() }
        } else {
            noteEndOfInput()
        }
    }

    // MARK: What goes out

    /// Writes what is queued: called once at the end of a turn, and when what was blocked has been written.
    func flush() {
        driver.shard.beganWriting(session)
        switch phase {
        case .http:
            let result = stream.flush(&session.queue)
            note(result)
            if result.isDrained { awaitRequest() }
        case .line(let door): note(flushLines(door))
        case .webSocket(let door):
            if let simple = door.simple { note(flushSimple(simple)) } else { note(stream.flush(&session.queue)) }
        default: note(stream.flush(&session.queue))
        }
    }

    private func note(_ result: FlushResult) {
        switch result {
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
        isEnded = true
        appendLastWord(reason)
        regulateReading()
        flush()
    }

    /// What a protocol has to say behind everything that the core does.
    private func appendLastWord(_ reason: CloseReason) {
        switch phase {
        case .http(let requests): endRequests(requests, because: reason)
        case .webSocket(let door): appendClose(door, reason)
        default: break
        }
    }

    private func shutDownIfEnding() {
        guard isEnded, session.queue.isEmpty, !isShutDown, stream.isOpen else { return }
        switch phase {
        case .line(let door) where !door.outgoing.isEmpty: return
        case .webSocket(let door) where door.simple?.outgoing.isEmpty == false: return
        default: break
        }
        isShutDown = true
        if isInputEnded { stream.close() } else { stream.shutdown() }
    }

    /// Ends in good order and at once, where nothing can be lost.
    func leave() {
        stream.shutdown()
        stream.close()
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
    /// HTTP/1.1, and WebSocket within it.
    static let http = "http/1.1"
}

/// What is served on the connections of a listener.
enum ListenerKind: Sendable {
    /// Native frames, TLS, HTTP: the first octets decide.
    case shared
    /// People with terminals, in the clear.
    case line
    /// People with terminals, under TLS from the first octet on.
    case lineOverTLS
}
