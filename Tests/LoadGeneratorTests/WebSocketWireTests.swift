import Bytes
import ChatProtocol
import Testing

@testable import LoadGenerator

/// The broker's frames as they come over a WebSocket.
@Suite struct WebSocketWireTests {
    private static let run = RunIdentity(number: 0xBEEF)

    private static func frame(_ opcode: UInt8, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [0x80 | opcode] + (count < 126 ? [UInt8(count)] : [126, UInt8(count >> 8), UInt8(count & 255)]) + payload
    }

    private static func json(_ text: String) -> [UInt8] { frame(1, Array(text.utf8)) }

    private static func binary(_ reply: Reply, id: UInt32) -> [UInt8] {
        var writer = ByteWriter()
        FrameEncoder.append(reply, requestID: id, to: &writer)
        return frame(2, writer.finish().array)
    }

    /// What every cut of the octets leaves incomplete, and the whole of them means.
    private static func meaning(_ wire: any PeerWire.Type, _ octets: [UInt8]) throws -> WireUnit.Meaning? {
        for count in octets.indices { #expect(try wire.unit(in: octets.span.bytes.extracting(0..<count), at: 0) == nil, "\(count) octets") }
        let unit = try wire.unit(in: octets.span.bytes, at: 0)
        #expect(unit?.byteCount == octets.count)
        return unit?.meaning
    }

    private static func text(_ octets: [UInt8], _ range: Range<Int>) -> String { String(decoding: octets[range], as: UTF8.self) }

    @Test func aDeliveryInJSON() throws {
        let octets = Self.json(
            #"{"t":"deliver","room":"load/0000beef/3","seq":7,"ts":1795251319123,"from":"a","cmid":"XzqRwHvi1Bg","body":"body text"}"#)
        guard case .delivery(let room, let body) = try Self.meaning(WebSocketJSONWire.self, octets) else {
            Issue.record("no delivery")
            return
        }
        #expect(Self.text(octets, room) == "load/0000beef/3")
        #expect(Self.text(octets, body) == "body text")
    }

    @Test func aDeliveryInBinary() throws {
        var event = Event(room: Self.run.room(3), seq: 7, timestamp: 1, from: try AccountName("a"))
        event.body = String(repeating: "x", count: 300)
        let octets = Self.frame(2, event.frame.array)
        guard case .delivery(let room, let body) = try Self.meaning(WebSocketBinaryWire.self, octets) else {
            Issue.record("no delivery")
            return
        }
        #expect(Self.text(octets, room) == Self.run.room(3).description)
        #expect(Self.text(octets, body) == event.body)
    }

    @Test func answersPingsAndWhatDoesNotMatter() throws {
        let json = WebSocketJSONWire.self
        #expect(try Self.meaning(json, Self.json(#"{"t":"pong","id":6}"#)) == .answer)
        #expect(try Self.meaning(json, Self.json(#"{"t":"joined","id":5,"room":"r"}"#)) == .answer)
        #expect(try Self.meaning(json, Self.json(#"{"t":"joined","room":"lobby"}"#)) == .nothing)
        #expect(
            try Self.meaning(json, Self.json(#"{"t":"deliver","room":"r","seq":1,"ts":2,"from":"a","kind":32,"user":"a"}"#)) == .nothing)
        #expect(try Self.meaning(json, Self.json(#"{"t":"error","id":4,"code":408}"#)) == .nothing)
        #expect(try Self.meaning(json, Self.json(#"{"t":"welcome","id":1}"#)) == .nothing)
        let ping = Self.json(#"{"t":"ping","id":17,"ts":5}"#)
        guard case .ping(let token) = try Self.meaning(json, ping) else {
            Issue.record("no ping")
            return
        }
        #expect(json.pong(ping.span.bytes.extracting(token)) == WebSocketWire.frame(1, Array(#"{"t":"pong","id":17}"#.utf8)))

        let binary = WebSocketBinaryWire.self
        #expect(try Self.meaning(binary, Self.binary(.pong(timestamp: nil), id: 6)) == .answer)
        let joined = Joined(room: .lobby, epoch: 1, head: 0, floor: 1, next: 1, policy: [])
        #expect(try Self.meaning(binary, Self.binary(.joined(joined), id: 5)) == .answer)
        #expect(try Self.meaning(binary, Self.binary(.joined(joined), id: 0)) == .nothing)
        #expect(try Self.meaning(binary, Self.binary(.error(Failure(.exists)), id: 4)) == .nothing)
        let asked = Self.binary(.ping(timestamp: 9), id: 17)
        guard case .ping(let id) = try Self.meaning(binary, asked) else {
            Issue.record("no ping")
            return
        }
        var pong = ByteWriter()
        FrameEncoder.append(Command.pong(timestamp: nil), requestID: 17, to: &pong)
        let expected = WebSocketWire.frame(2, pong.finish().array)
        #expect(binary.pong(asked.span.bytes.extracting(id)) == expected)
    }

    @Test func theHandshakeIsPassedOver() throws {
        for wire in [WebSocketJSONWire.self, WebSocketBinaryWire.self] as [any PeerWire.Type] {
            let head = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n".utf8)
            #expect(try Self.meaning(wire, head) == .nothing)
            let refusal = Array("HTTP/1.1 403 Forbidden\r\n\r\n".utf8)
            #expect(throws: WireFailure.self) { _ = try wire.unit(in: refusal.span.bytes, at: 0) }
        }
    }

    @Test(arguments: [
        #"{"t":"error","id":5,"code":404}"#, #"{"t":"error","code":402}"#, #"{"t":"goodbye","code":503}"#, #"{"t":"lag","room":"r"}"#,
    ])
    func refusalsInJSONAreFailures(_ text: String) {
        let octets = Self.json(text)
        #expect(throws: WireFailure.self) { _ = try WebSocketJSONWire.unit(in: octets.span.bytes, at: 0) }
    }

    @Test func refusalsInBinaryAreFailures() {
        for octets in [
            Self.binary(.error(Failure(.notJoined)), id: 5), Self.binary(.goodbye(Goodbye(.shuttingDown)), id: 0), [0x88, 2, 3, 0xE8],
            Self.frame(2, [1, 2]),
        ] {
            #expect(throws: WireFailure.self) { _ = try WebSocketBinaryWire.unit(in: octets.span.bytes, at: 0) }
        }
    }

    @Test func whatIsPublishedIsWhole() throws {
        let room = WebSocketJSONWire.room(3, run: Self.run)
        for (wire, opcode) in [(WebSocketJSONWire.self, 0x81), (WebSocketBinaryWire.self, 0x82)] as [(any PeerWire.Type, UInt8)] {
            for bodyByteCount in [56, 128, 16_384] {
                let (head, tail) = wire.publication(to: room, bodyByteCount: bodyByteCount)
                let octets = head + Array(repeating: UInt8(ascii: "x"), count: bodyByteCount) + tail
                let isShort = octets[1] < 0xFE
                #expect(octets[0] == opcode)
                let announced = isShort ? Int(octets[1] & 0x7F) : Int(octets[2]) << 8 | Int(octets[3])
                #expect(octets.count == (isShort ? 6 : 8) + announced)
            }
        }
    }

    @Test func fillersNeedNoEscapes() {
        let octets = BodyFiller(bodyByteCountMax: 16_384).octets(counter: 63, bodyByteCount: 16_384)
        #expect(octets.allSatisfy { $0 >= 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") })
    }

    @Test func targetsSayWhatIsSpoken() throws {
        var target = try LoadTarget(url: "wss://[::1]:8443/")
        #expect((target.host, target.port, target.usesTLS) == ("::1", 8443, true))
        #expect(target.url == "wss://[::1]:8443")
        #expect(target.wire is WebSocketJSONWire.Type)
        target.subprotocol = .binary
        #expect(target.wire is WebSocketBinaryWire.Type)
        #expect(try LoadTarget(url: "ws://localhost").port == 7400)
        #expect(try LoadTarget(url: "broker://localhost").wire == nil)
        var configuration = LoadConfiguration(scenario: .churn, target: target)
        configuration.rooms = 1
        #expect(throws: UsageError.self) { _ = try configuration.validated() }
    }
}
