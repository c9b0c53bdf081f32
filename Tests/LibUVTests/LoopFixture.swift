import Bytes
import Glibc
import LibUV
import Testing

/// Lends a loop that is closed afterwards, and that stops with an issue if a test hangs.
func withLoop(_ body: (EventLoop) throws -> Void) throws {
    let loop = try EventLoop()
    defer { loop.close() }
    let watchdog = Timer(loop: loop)
    watchdog.keepsLoopRunning = false
    watchdog.start(afterMilliseconds: 60_000) {
        Issue.record("the loop still waits after a minute")
        loop.stop()
    }
    try body(loop)
}

/// Makes an error in a handler, which cannot throw, an issue.
func recordingErrors(_ body: () throws -> Void) {
    do {
        try body()
    } catch {
        Issue.record(error)
    }
}

/// A delegate that keeps what it is told, and calls a handler for what a test is interested in.
final class Recorder: TCPStreamDelegate {
    var received: [UInt8] = []
    var errors: [UVError] = []
    var endCount = 0
    var writeCount = 0
    var closeCount = 0
    var onRead: ((TCPStream, [UInt8]) -> Void)?
    var onEnd: ((TCPStream) -> Void)?
    var onFailure: ((TCPStream, UVError) -> Void)?
    var onWrite: ((TCPStream) -> Void)?
    var onClose: ((TCPStream) -> Void)?

    func stream(_ stream: TCPStream, didRead bytes: RawSpan) {
        let octets = bytes.withUnsafeBytes { Array($0) }
        received += octets
        onRead?(stream, octets)
    }

    func streamDidReachEnd(_ stream: TCPStream) {
        endCount += 1
        onEnd?(stream)
    }

    func stream(_ stream: TCPStream, didFail error: UVError) {
        errors.append(error)
        onFailure?(stream, error)
    }

    func streamDidWrite(_ stream: TCPStream) {
        writeCount += 1
        onWrite?(stream)
    }

    func streamDidClose(_ stream: TCPStream) {
        closeCount += 1
        onClose?(stream)
    }
}

extension TCPStream {
    /// Tries to write octets that lie in one place.
    @discardableResult
    func send(_ octets: [UInt8]) throws(UVError) -> Int {
        try tryWrite(octets.span.bytes)
    }
}

/// Listens on a free port of the loopback interface; failures to accept are issues.
func listen(on loop: EventLoop, onAccept: @escaping (AcceptedSocket) -> Void) throws -> TCPListener {
    let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 128, sharing: .alone)
    listener.start(onAccept: onAccept) { Issue.record($0) }
    return listener
}

/// Two ends of one connection on one loop, neither of which reads yet. Runs the loop until they are connected.
func connectedPair(on loop: EventLoop, from source: SocketAddress? = nil) throws -> (client: TCPStream, server: TCPStream) {
    var client: TCPStream?
    var server: TCPStream?
    let listener = try listen(on: loop) { socket in
        do {
            server = try TCPStream(loop: loop, adopting: socket)
        } catch {
            Issue.record(error)
        }
        if client != nil { loop.stop() }
    }
    TCPStream.connect(loop: loop, to: listener.localAddress, from: source) { result in
        do {
            client = try result.get()
        } catch {
            Issue.record(error)
            loop.stop()
        }
        if server != nil { loop.stop() }
    }
    loop.run()
    listener.close()
    return (try #require(client), try #require(server))
}

/// Lends an address of the loopback interface that is taken but at which nobody listens.
func withUnusedAddress(_ body: (SocketAddress) throws -> Void) throws {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutableBytes(of: &address) { octets in
        let pointer = octets.baseAddress!.assumingMemoryBound(to: sockaddr.self)
        #expect(bind(descriptor, pointer, length) == 0)
        #expect(getsockname(descriptor, pointer, &length) == 0)
    }
    try body(.loopback(port: UInt16(bigEndian: address.sin_port)))
}

/// A pipe, of which other processes that tests start get no copy.
func makePipe() -> (reading: Int32, writing: Int32) {
    var ends: [Int32] = [0, 0]
    #expect(pipe(&ends) == 0)
    for end in ends { #expect(fcntl(end, F_SETFD, FD_CLOEXEC) == 0) }
    return (ends[0], ends[1])
}

/// `count` octets whose values tell their place: a prime number of them repeats, so that no shift by a power of two goes unseen.
func pattern(_ count: Int) -> [UInt8] {
    let period = (0..<65_521).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    var octets: [UInt8] = []
    octets.reserveCapacity(count)
    while octets.count < count { octets.append(contentsOf: period.prefix(count - octets.count)) }
    return octets
}
