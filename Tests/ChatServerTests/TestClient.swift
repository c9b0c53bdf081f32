import Bytes
import ChatProtocol
import Glibc
import LibUV

/// A client on a plain blocking socket, which does just what a test says. Every wait has a deadline.
final class TestClient {
    struct Failed: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    /// A frame from the broker, with what its header says.
    struct Received {
        let frame: ServerFrame
        let requestID: UInt32
        let hasMore: Bool
    }

    private static let deadlineSeconds = 20
    private let descriptor: Int32
    private var buffer = ReadBuffer()
    private var isPrefaceRead = false
    private var lastRequestID: UInt32 = 0
    private(set) var isEnded = false

    /// Connects, and says nothing yet.
    init(_ address: SocketAddress, receiveBufferByteCount: Int32? = nil) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failed("socket: \(errno)") }
        if var size = receiveBufferByteCount {
            setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
        }
        var timeout = timeval(tv_sec: Self.deadlineSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        // The descriptor is closed with the object, of which everything is initialised by now.
        guard status == 0 else { throw Failed("connect: \(errno)") }
    }

    /// Connects and logs in under a name.
    convenience init(_ address: SocketAddress, as name: String, device: [UInt8]? = nil, receiveBufferByteCount: Int32? = nil) throws {
        try self.init(address, receiveBufferByteCount: receiveBufferByteCount)
        try sendPreface()
        try send(.hello(Hello(agent: "test", device: device.map { SharedBytes($0) })))
        try send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: name))))
        _ = try next { if case .reply(.authenticated) = $0.frame { true } else { false } }
    }

    deinit { close(descriptor) }

    // MARK: Sending

    func sendPreface() throws {
        var writer = ByteWriter()
        Preface.client.append(to: &writer)
        try send(octets: writer.finish().array)
    }

    @discardableResult
    func send(_ command: Command, isRetry: Bool = false) throws -> UInt32 {
        lastRequestID += 1
        try send(octets: Self.encode(command, requestID: lastRequestID, isRetry: isRetry))
        return lastRequestID
    }

    static func encode(_ command: Command, requestID: UInt32, isRetry: Bool = false) -> [UInt8] {
        var writer = ByteWriter()
        FrameEncoder.append(command, requestID: requestID, isRetry: isRetry, to: &writer)
        return writer.finish().array
    }

    func send(octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failed("send: \(errno)") }
            sent += count
        }
    }

    /// Sends FIN; the broker may still answer.
    func finishSending() { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Breaks the connection off with RST.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<linger>.size))
        Glibc.shutdown(descriptor, Int32(SHUT_RDWR))
    }

    // MARK: Receiving

    /// The next frame; nil when the broker has closed.
    func receive() throws -> Received? {
        while true {
            if let received = try takeFrame() { return received }
            guard try fill() else { return nil }
        }
    }

    /// The next frame that a test is waiting for; the ones before it are passed over.
    @discardableResult
    func next(where isWanted: (Received) -> Bool) throws -> Received {
        while let received = try receive() {
            if isWanted(received) { return received }
        }
        throw Failed("the broker closed before the frame came")
    }

    /// The final answer to a request.
    func answer(to requestID: UInt32) throws -> Reply {
        let received = try next { $0.requestID == requestID && !$0.hasMore }
        guard case .reply(let reply) = received.frame else { throw Failed("an event is no answer") }
        return reply
    }

    func ask(_ command: Command) throws -> Reply { try answer(to: try send(command)) }

    /// The next event of a room that `isWanted` accepts.
    func event(in room: RoomAddress, where isWanted: (Event) -> Bool = { _ in true }) throws -> Event {
        while let received = try receive() {
            if case .event(let event) = received.frame, event.room == room, isWanted(event) { return event }
        }
        throw Failed("the broker closed before the event came")
    }

    /// The GOODBYE with which the broker ends the connection; nil if it closed without a word.
    func goodbye() throws -> Goodbye? {
        while let received = try receive() {
            if case .reply(.goodbye(let goodbye)) = received.frame { return goodbye }
        }
        return nil
    }

    /// Whether the broker closes without having said anything.
    func isClosedWithoutAWord() throws -> Bool {
        while try fill() {}
        return buffer.isEmpty
    }

    private func takeFrame() throws -> Received? {
        if !isPrefaceRead {
            guard buffer.count >= Preface.byteCount else { return nil }
            buffer.consume(Preface.byteCount)
            isPrefaceRead = true
        }
        guard let header = buffer.withBytes({ FrameHeader($0) }) else { return nil }
        let byteCount = FrameHeader.byteCount + header.payloadByteCount
        guard buffer.count >= byteCount else { return nil }
        let frame = try buffer.withBytes { span in
            try FrameDecoder.serverFrame(header, payload: span.extracting(FrameHeader.byteCount..<byteCount))
        }
        buffer.consume(byteCount)
        return Received(frame: frame, requestID: header.requestID, hasMore: header.flags.contains(.more))
    }

    private func fill() throws -> Bool {
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = octets.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0 && errno == EAGAIN { throw Failed("nothing came within \(Self.deadlineSeconds) s") }
        guard count > 0 else {
            isEnded = true
            return false
        }
        buffer.append(octets.span.bytes.extracting(0..<count))
        return true
    }
}

extension Publish {
    /// A message as a person would send it.
    static func message(_ body: String, in room: RoomAddress, id: MessageID? = nil) -> Publish {
        Publish(room: room, publication: Publication(content: EventContent(messageID: id, body: body)))
    }
}
