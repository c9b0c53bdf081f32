import Bytes
import Glibc
import LibUV

/// A socket that sends and reads octets, for what is no native frame. Every wait has a deadline.
final class WireClient {
    struct Failed: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }

    private let descriptor: Int32
    private(set) var received: [UInt8] = []
    private(set) var isEnded = false

    init(_ address: SocketAddress) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var target = sockaddr_in()
        target.sin_family = sa_family_t(AF_INET)
        target.sin_port = address.port.bigEndian
        target.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
        guard status == 0 else { throw Failed("connect: \(errno)") }
    }

    deinit { close(descriptor) }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    func send(_ octets: [UInt8]) throws {
        var sent = 0
        while sent < octets.count {
            let count = octets[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count > 0 else { throw Failed("send: \(errno)") }
            sent += count
        }
    }

    func finishSending() { Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    private func fill() throws -> Bool {
        var octets = [UInt8](repeating: 0, count: 65_536)
        let count = octets.withUnsafeMutableBytes { recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count < 0 && errno == EAGAIN { throw Failed("nothing came in time; until now: \(String(decoding: received, as: UTF8.self))") }
        guard count > 0 else {
            isEnded = true
            return false
        }
        received += octets[..<count]
        return true
    }

    /// Everything until the broker closes.
    func readToEnd() throws -> String {
        while try fill() {}
        defer { received = [] }
        return String(decoding: received, as: UTF8.self)
    }

    /// Takes everything up to and with a text.
    @discardableResult
    func read(until text: String) throws -> String {
        let end = Array(text.utf8)
        while true {
            for start in received.indices where received[start...].starts(with: end) {
                let taken = received[..<(start + end.count)]
                received.removeFirst(start + end.count)
                return String(decoding: taken, as: UTF8.self)
            }
            guard try fill() else { throw Failed("closed before \(text); until then: \(String(decoding: received, as: UTF8.self))") }
        }
    }

    // MARK: WebSocket

    /// Begins a WebSocket; the head of the answer.
    @discardableResult
    func upgrade(_ path: String = "/ws", _ fields: [String] = ["Sec-WebSocket-Protocol: cbp.json.v1"]) throws -> String {
        let lines = fields.map { $0 + "\r\n" }.joined()
        try send(
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                + "Sec-WebSocket-Version: 13\r\n\(lines)\r\n")
        return try read(until: "\r\n\r\n")
    }

    /// Sends a masked frame.
    func sendFrame(_ first: UInt8, _ payload: [UInt8]) throws {
        let key: [UInt8] = [1, 2, 3, 4]
        var octets = [first]
        switch payload.count {
        case ...125: octets.append(0x80 | UInt8(payload.count))
        case ...0xFFFF: octets += [0x80 | 126, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF)]
        default: octets += [0x80 | 127] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) }
        }
        try send(octets + key + payload.enumerated().map { $1 ^ key[$0 & 3] })
    }

    func sendText(_ text: String) throws { try sendFrame(0x81, Array(text.utf8)) }

    /// The next frame from the broker.
    func frame() throws -> (first: UInt8, payload: [UInt8]) {
        while true {
            if let frame = takeFrame() { return frame }
            guard try fill() else { throw Failed("closed before a frame") }
        }
    }

    private func takeFrame() -> (first: UInt8, payload: [UInt8])? {
        guard received.count >= 2 else { return nil }
        let short = Int(received[1])
        let width = short == 126 ? 2 : short == 127 ? 8 : 0
        guard received.count >= 2 + width else { return nil }
        let count = width == 0 ? short : received[2..<(2 + width)].reduce(0) { $0 << 8 | Int($1) }
        guard received.count >= 2 + width + count else { return nil }
        let frame = (received[0], Array(received[(2 + width)..<(2 + width + count)]))
        received.removeFirst(2 + width + count)
        return frame
    }

    /// The next text message that begins so; the ones before it are passed over.
    @discardableResult
    func message(beginning prefix: String = "") throws -> String {
        while true {
            let (first, payload) = try frame()
            guard first == 0x81 else { throw Failed("a frame that is no text: \(first) \(payload)") }
            let text = String(decoding: payload, as: UTF8.self)
            if text.hasPrefix(prefix) { return text }
        }
    }

    /// The code of the Close frame with which the broker ends; other frames before it are passed over.
    func closeCode() throws -> UInt16 {
        while true {
            let (first, payload) = try frame()
            if first == 0x88 { return UInt16(payload[0]) << 8 | UInt16(payload[1]) }
        }
    }

    /// Begins a JSON conversation under a name.
    static func json(_ address: SocketAddress, as name: String) throws -> WireClient {
        let client = try WireClient(address)
        try client.upgrade()
        try client.sendText(#"{"t":"hello","id":1,"agent":"test"}"#)
        let octets = Array(name.utf8)
        try client.sendText("{\"t\":\"auth\",\"id\":2,\"mech\":\"ANONYMOUS\",\"sasl\":\"\(Base64.url.text(octets.span.bytes))\"}")
        try client.message(beginning: "{\"t\":\"auth_ok\",\"id\":2,")
        return client
    }

    /// Begins line mode under a name.
    static func line(_ address: SocketAddress, as name: String) throws -> WireClient {
        let client = try WireClient(address)
        try client.read(until: "Enter your username: ")
        try client.send("\(name)\n")
        try client.read(until: "Welcome to the chat!\r\n")
        return client
    }
}
