import Bytes
import LibUV
import TLS
import Testing
import Transport

/// One loop with a listener at the loopback and the test's ends of connections on it.
///
/// The test says what happens in callbacks and calls ``run()``, which returns once the test calls ``stop()``; a test that never does
/// fails after a while instead of hanging.
final class Loopback {
    let loop: EventLoop
    let scratch = TLSScratch()
    let address: SocketAddress
    private let listener: TCPListener
    private let watchdog: Timer
    private var ends: [End] = []

    /// - Parameter onAccept: Given the server's end of each connection, which does not read yet.
    init(onAccept: @escaping (Loopback, End) -> Void = { _, _ in }) throws {
        loop = try EventLoop()
        listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 16, sharing: .alone)
        address = listener.localAddress
        watchdog = Timer(loop: loop)
        listener.start(
            onAccept: { [unowned self] socket in
                do {
                    onAccept(self, adopt(try TCPStream(loop: loop, adopting: socket)))
                } catch {
                    Issue.record(error)
                }
            },
            onError: { Issue.record($0) })
    }

    func connect(_ completion: @escaping (End) -> Void) {
        connect(to: address, completion)
    }

    func connect(to address: SocketAddress, _ completion: @escaping (End) -> Void) {
        TCPStream.connect(loop: loop, to: address) { [unowned self] result in
            do {
                completion(adopt(try result.get()))
            } catch {
                Issue.record(error)
                stop()
            }
        }
    }

    private func adopt(_ stream: TCPStream) -> End {
        let end = End(SecureStream(stream: stream, scratch: scratch), raw: stream)
        ends.append(end)
        return end
    }

    /// Runs until the test stops it; then closes everything, and checks that every end has been told so exactly once.
    func run() {
        var isTimely = true
        watchdog.start(afterMilliseconds: 20_000) { [unowned self] in
            isTimely = false
            loop.stop()
        }
        loop.run()
        #expect(isTimely, "the test waits for something that does not happen")
        loop.close()
        for end in ends {
            #expect(end.closeCount == 1)
            #expect(end.stream.delegate == nil)
            end.forgetHandlers()
        }
    }

    func stop() {
        loop.stop()
    }
}

/// One end of a connection: collects what it is told, and does what the test says.
final class End: SecureStreamDelegate {
    let stream: SecureStream
    /// The socket below, for what the stream itself never does.
    let raw: TCPStream
    var queue = OutboundQueue()
    private(set) var received: [UInt8] = []
    private(set) var readCount = 0
    private(set) var handshakeCount = 0
    private(set) var canWriteCount = 0
    private(set) var endCount = 0
    private(set) var errors: [StreamError] = []
    private(set) var closeCount = 0

    var onRead: (End) -> Void = { _ in }
    var onHandshake: (End) -> Void = { _ in }
    var onCanWrite: (End) -> Void = { $0.flush() }
    var onEnd: (End) -> Void = { _ in }
    var onFail: (End, StreamError) -> Void = { end, error in
        Issue.record(error)
        end.stream.close()
    }
    var onClose: (End) -> Void = { _ in }

    /// Octets of the last read alone; what the sniffer of a test looks at.
    private(set) var lastRead: [UInt8] = []

    init(_ stream: SecureStream, raw: TCPStream) {
        self.stream = stream
        self.raw = raw
        stream.delegate = self
    }

    func startReading() {
        do { try stream.startReading() } catch { Issue.record(error) }
    }

    func startServerTLS(_ context: TLSContext, received: [UInt8] = []) {
        do { try stream.startServerTLS(context: context, received: received.span.bytes) } catch { onFail(self, error) }
    }

    func startClientTLS(_ context: TLSContext, serverName: String = TestCertificates.serverName, resuming session: TLSSession? = nil) {
        do {
            try stream.startClientTLS(context: context, serverName: serverName, resuming: session)
        } catch {
            onFail(self, error)
        }
    }

    func send(_ octets: [UInt8]) {
        queue.append(SharedBytes(octets))
        flush()
    }

    /// Whether everything has gone to the kernel.
    @discardableResult
    func flush() -> Bool {
        switch stream.flush(&queue) {
        case .drained: return true
        case .blocked, .closed: return false
        case .failed(let error):
            onFail(self, error)
            return false
        }
    }

    /// The handlers of a test hold the ends, and the ends hold the handlers.
    func forgetHandlers() {
        (onRead, onHandshake, onCanWrite, onEnd) = ({ _ in }, { _ in }, { _ in }, { _ in })
        onFail = { _, _ in }
        onClose = { _ in }
    }

    private func expectNotClosed() {
        #expect(closeCount == 0 && stream.isOpen, "told after closing")
    }

    func secureStream(_ stream: SecureStream, didRead plaintext: RawSpan) {
        expectNotClosed()
        #expect(plaintext.byteCount > 0)
        readCount += 1
        lastRead = plaintext.withUnsafeBytes { Array($0) }
        received += lastRead
        onRead(self)
    }

    func secureStreamDidHandshake(_ stream: SecureStream) {
        expectNotClosed()
        #expect(readCount == 0 || handshakeCount == 0)
        handshakeCount += 1
        onHandshake(self)
    }

    func secureStreamCanWrite(_ stream: SecureStream) {
        expectNotClosed()
        canWriteCount += 1
        onCanWrite(self)
    }

    func secureStreamDidReachEnd(_ stream: SecureStream) {
        expectNotClosed()
        endCount += 1
        onEnd(self)
    }

    func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        expectNotClosed()
        errors.append(error)
        onFail(self, error)
    }

    func secureStreamDidClose(_ stream: SecureStream) {
        closeCount += 1
        onClose(self)
    }
}

/// The two ends' contexts of one test.
struct Contexts {
    let server: TLSContext
    let client: TLSContext

    init(
        key: TestCertificates.Key = .ecdsa, maximumVersion: TLSVersion = .tls13, serverALPN: [String] = [], clientALPN: [String] = [],
        verification: TLSVerification = .authorityFile(TestCertificates.shared.authority)
    ) throws {
        server = try TLSContext.server(
            certificateFile: TestCertificates.shared.certificate(key), privateKeyFile: TestCertificates.shared.privateKey(key),
            alpn: serverALPN, maximumVersion: maximumVersion)
        client = try TLSContext.client(verification: verification, alpn: clientALPN)
    }
}

/// Octets that look random and are the same each time.
func patternedOctets(count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
        for index in 0..<count {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            buffer[index] = UInt8(truncatingIfNeeded: state >> 56)
        }
        initializedCount = count
    }
}

/// A connection in the clear, or under one of the versions of TLS.
enum Wire: CaseIterable, Sendable {
    case clear
    case tls12
    case tls13

    /// The contexts of a wire under TLS.
    func contexts() throws -> Contexts? {
        switch self {
        case .clear: nil
        case .tls12: try Contexts(key: .rsa, maximumVersion: .tls12)
        case .tls13: try Contexts()
        }
    }
}
