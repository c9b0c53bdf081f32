import Bytes
import ChatProtocol

/// The broker's own protocol over a WebSocket (docs/PROTOCOL.md, *WebSocket and JSON*): what both subprotocols have in common.
///
/// Everything up to the log-in is sent at once, behind the request for the WebSocket. Our frames are masked with a key of zeros, which leaves
/// the octets as they are: nobody stands between a load generator and its broker.
enum WebSocketWire {
    enum RequestID {
        static let hello: UInt32 = 1
        static let authenticate: UInt32 = 2
        static let leaveLobby: UInt32 = 3
        static let create: UInt32 = 4
        static let join: UInt32 = 5
        static let ping: UInt32 = 6

        /// Whether an error is expected: every member creates its room, and it may never have been sent to the lobby.
        static func mayFail(_ id: UInt32) -> Bool { id == leaveLobby || id == create }
    }

    static let portDefault: UInt16 = 7400

    static func request(subprotocol: String) -> [UInt8] {
        Array(
            ("GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + "Sec-WebSocket-Key: bG9hZCBnZW5lcmF0b3IhIQ==\r\nSec-WebSocket-Protocol: \(subprotocol)\r\n\r\n").utf8)
    }

    /// A masked frame around a payload of which `missingByteCount` octets follow elsewhere.
    static func frame(_ opcode: UInt8, _ payload: [UInt8], missingByteCount: Int = 0) -> [UInt8] {
        let byteCount = payload.count + missingByteCount
        precondition(byteCount <= 0xFFFF, "what a load generator sends is small")
        let length: [UInt8] =
            byteCount <= 125 ? [0x80 | UInt8(byteCount)] : [0x80 | 126, UInt8(byteCount >> 8), UInt8(truncatingIfNeeded: byteCount)]
        return [0x80 | opcode] + length + [0, 0, 0, 0] + payload
    }

    static func address(_ room: [UInt8]) -> RoomAddress {
        guard let address = try? RoomAddress(room.span.bytes) else { preconditionFailure("a room of a run has a name") }
        return address
    }

    /// What the broker sent: the answer to our request first, and frames then.
    ///
    /// - Parameter meaning: what a message means that has this payload.
    /// - Returns: nil as long as it is incomplete.
    static func unit(
        in bytes: RawSpan, at offset: Int, _ meaning: (Range<Int>) throws(WireFailure) -> WireUnit.Meaning
    ) throws(WireFailure) -> WireUnit? {
        guard bytes.byteCount - offset >= 2 else { return nil }
        let first = bytes.byte(at: offset)
        guard first >= 0x80 else { return try head(in: bytes, at: offset) }
        let short = Int(bytes.byte(at: offset + 1))
        let width = short == 126 ? 2 : short == 127 ? 8 : 0
        guard short < 0x80, bytes.byteCount - offset >= 2 + width else { return nil }
        let byteCount = width == 0 ? short : Int(bytes.bigEndian(at: offset + 2, byteCount: width))
        let start = offset + 2 + width
        guard byteCount <= PeerConnection.unitByteCountMax else { throw WireFailure(text: "a message of \(byteCount) octets") }
        guard bytes.byteCount - start >= byteCount else { return nil }
        let payload = start..<(start + byteCount)
        switch first {
        case 0x81, 0x82: return WireUnit(byteCount: 2 + width + byteCount, meaning: try meaning(payload))
        case 0x88:
            let code = byteCount >= 2 ? bytes.bigEndian(at: start, byteCount: 2) : 1005
            throw WireFailure(text: "the WebSocket was closed with \(code)")
        default: return WireUnit(byteCount: 2 + width + byteCount, meaning: .nothing)
        }
    }

    private static func head(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        var end = offset
        while end + 4 <= bytes.byteCount, bytes.bigEndian(at: end, byteCount: 4) != 0x0D0A_0D0A { end += 1 }
        guard end + 4 <= bytes.byteCount else { return nil }
        guard let line = try bytes.line(from: offset), bytes.begins(line, with: "HTTP/1.1 101 ") else {
            throw WireFailure(text: "the broker does not go on as a WebSocket")
        }
        return WireUnit(byteCount: end + 4 - offset, meaning: .nothing)
    }
}

/// `cbp.bin.v1`: native frames in binary messages.
enum WebSocketBinaryWire: PeerWire {
    static let scheme = "ws"
    static let portDefault = WebSocketWire.portDefault
    static let ping = message((.ping(timestamp: nil), WebSocketWire.RequestID.ping))

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { Array(run.room(index).description.utf8) }

    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] {
        let wish = Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: run.account(connection).description))
        return WebSocketWire.request(subprotocol: "cbp.bin.v1")
            + message(
                (.hello(Hello(agent: "broker-load")), WebSocketWire.RequestID.hello),
                (.authenticate(wish), WebSocketWire.RequestID.authenticate),
                (.leave(Leave(room: .lobby, detachesOnly: true)), WebSocketWire.RequestID.leaveLobby),
                (.ping(timestamp: nil), WebSocketWire.RequestID.ping))
    }

    static func subscription(to room: [UInt8]) -> [UInt8] {
        let address = WebSocketWire.address(room)
        return message(
            (.create(CreateRoom(room: address, policy: .unlisted)), WebSocketWire.RequestID.create),
            (.join(Join(room: address)), WebSocketWire.RequestID.join))
    }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        let content = EventContent(body: String(repeating: "~", count: bodyByteCount))
        let publish = Publish(room: WebSocketWire.address(room), publication: Publication(content: content))
        // The body is the last field.
        let head = encoded([(.publish(publish), 0)]).dropLast(bodyByteCount)
        return (WebSocketWire.frame(2, Array(head), missingByteCount: bodyByteCount), [])
    }

    static func pong(_ token: RawSpan) -> [UInt8] {
        message((.pong(timestamp: nil), UInt32(token.bigEndian(at: 0, byteCount: token.byteCount))))
    }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        try WebSocketWire.unit(in: bytes, at: offset) { (range) throws(WireFailure) in
            let frame = bytes.extracting(range)
            guard let header = FrameHeader(frame), header.frameByteCount == frame.byteCount else {
                throw WireFailure(text: "a message that is not one frame")
            }
            let payload = frame.extracting(FrameHeader.byteCount..<frame.byteCount)
            let start = range.lowerBound + FrameHeader.byteCount
            switch FrameType(rawValue: header.type) {
            case .deliver:
                guard let view = try? DeliverView(payload) else { throw WireFailure(text: "a DELIVER that breaks the rules") }
                guard view.kind == .message, let body = view.bodyRange else { return .nothing }
                return .delivery(room: view.roomRange.shifted(by: start), body: body.shifted(by: start))
            case .pong: return .answer
            // A room may live on another loop, and its answer come behind that to a later request.
            case .joined: return header.requestID == WebSocketWire.RequestID.join ? .answer : .nothing
            case .ping: return .ping(token: (range.lowerBound + 5)..<(range.lowerBound + 8))
            case .error where WebSocketWire.RequestID.mayFail(header.requestID): return .nothing
            case .error, .goodbye, .lag:
                let said = try? FrameDecoder.serverFrame(header, payload: payload)
                throw WireFailure(text: said.map { "\($0)" } ?? "a refusal without words")
            default: return .nothing
            }
        }
    }

    private static func message(_ commands: (Command, UInt32)...) -> [UInt8] { WebSocketWire.frame(2, encoded(commands)) }

    private static func encoded(_ commands: [(Command, UInt32)]) -> [UInt8] {
        var writer = ByteWriter()
        for (command, id) in commands { FrameEncoder.append(command, requestID: id, to: &writer) }
        return writer.finish().array
    }
}

/// `cbp.json.v1`: an object in each text message. What the broker writes has one form, so that it is not parsed but recognised.
enum WebSocketJSONWire: PeerWire {
    static let scheme = "ws"
    static let portDefault = WebSocketWire.portDefault
    static let ping = message("{\"t\":\"ping\",\"id\":\(WebSocketWire.RequestID.ping)}")

    static func room(_ index: Int, run: RunIdentity) -> [UInt8] { WebSocketBinaryWire.room(index, run: run) }

    static func greeting(connection: Int, run: RunIdentity) -> [UInt8] {
        let name = Array(run.account(connection).description.utf8)
        return WebSocketWire.request(subprotocol: "cbp.json.v1")
            + message("{\"t\":\"hello\",\"id\":\(WebSocketWire.RequestID.hello),\"agent\":\"broker-load\"}")
            + message(
                "{\"t\":\"auth\",\"id\":\(WebSocketWire.RequestID.authenticate),\"mech\":\"ANONYMOUS\",\"sasl\":\"\(Base64.url.text(name.span.bytes))\"}"
            )
            + message("{\"t\":\"leave\",\"id\":\(WebSocketWire.RequestID.leaveLobby),\"room\":\"lobby\",\"detach\":true}") + ping
    }

    static func subscription(to room: [UInt8]) -> [UInt8] {
        let address = WebSocketWire.address(room)
        return message(
            "{\"t\":\"create\",\"id\":\(WebSocketWire.RequestID.create),\"room\":\"\(address)\",\"policy\":\(RoomPolicy.unlisted.rawValue)}"
        )
            + message("{\"t\":\"join\",\"id\":\(WebSocketWire.RequestID.join),\"room\":\"\(address)\"}")
    }

    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8]) {
        let head = Array("{\"t\":\"publish\",\"room\":\"\(WebSocketWire.address(room))\",\"body\":\"".utf8)
        let tail = Array("\"}".utf8)
        return (WebSocketWire.frame(1, head, missingByteCount: bodyByteCount + tail.count), tail)
    }

    static func pong(_ token: RawSpan) -> [UInt8] { message("{\"t\":\"pong\",\"id\":\(token.text(in: 0..<token.byteCount) ?? "0")}") }

    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit? {
        try WebSocketWire.unit(in: bytes, at: offset) { (range) throws(WireFailure) in
            if bytes.begins(range, with: "{\"t\":\"deliver\",\"room\":\"") {
                let room = value(in: bytes, (range.lowerBound + 23)..<range.upperBound)
                // Events of other kinds have no body, or another field before it.
                guard let body = start(of: "\"body\":\"", in: bytes, room.upperBound..<range.upperBound) else { return .nothing }
                return .delivery(room: room, body: body..<(range.upperBound - 2))
            }
            if bytes.begins(range, with: "{\"t\":\"pong\"") { return .answer }
            if bytes.begins(range, with: "{\"t\":\"joined\",\"id\":") {
                let start = range.lowerBound + 19
                let id = try bytes.decimal(in: start..<(start + digitCount(bytes, start..<range.upperBound)))
                return id == WebSocketWire.RequestID.join ? .answer : .nothing
            }
            if bytes.begins(range, with: "{\"t\":\"ping\",\"id\":") {
                let start = range.lowerBound + 17
                return .ping(token: start..<(start + digitCount(bytes, start..<range.upperBound)))
            }
            if bytes.begins(range, with: "{\"t\":\"error\",\"id\":") {
                let start = range.lowerBound + 18
                let id = try bytes.decimal(in: start..<(start + digitCount(bytes, start..<range.upperBound)))
                guard WebSocketWire.RequestID.mayFail(UInt32(id)) else { throw WireFailure(text: bytes.shown(range)) }
                return .nothing
            }
            if bytes.begins(range, with: "{\"t\":\"goodbye\"") || bytes.begins(range, with: "{\"t\":\"error\"")
                || bytes.begins(range, with: "{\"t\":\"lag\"")
            {
                throw WireFailure(text: bytes.shown(range))
            }
            return .nothing
        }
    }

    private static func message(_ text: String) -> [UInt8] { WebSocketWire.frame(1, Array(text.utf8)) }

    /// A string from its first octet up to its closing quote; names have no escapes.
    private static func value(in bytes: RawSpan, _ range: Range<Int>) -> Range<Int> {
        var end = range.lowerBound
        while end < range.upperBound, bytes.byte(at: end) != UInt8(ascii: "\"") { end += 1 }
        return range.lowerBound..<end
    }

    private static func digitCount(_ bytes: RawSpan, _ range: Range<Int>) -> Int {
        range.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes.byte(at: $0)) }.count
    }

    /// Where what stands behind a text begins; nil if the text is not there.
    private static func start(of text: StaticString, in bytes: RawSpan, _ range: Range<Int>) -> Int? {
        let count = text.utf8CodeUnitCount
        var offset = range.lowerBound
        while offset + count <= range.upperBound {
            if (0..<count).allSatisfy({ bytes.byte(at: offset + $0) == text.utf8Start[$0] }) { return offset + count }
            offset += 1
        }
        return nil
    }
}

extension Range<Int> {
    fileprivate func shifted(by distance: Int) -> Range<Int> { (lowerBound + distance)..<(upperBound + distance) }
}
