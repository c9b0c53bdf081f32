import Bytes
import ChatConfiguration
import ChatProtocol
import Deflate
import Testing

@testable import ChatServer

/// Conversations over WebSockets, and what they have in common with the other doors.
@Suite struct WebSocketTests {
    private static let publish = #"{"t":"publish","id":3,"room":"lobby","body":"hi"}"#

    @Test(arguments: [1, 2]) func everyDoorSeesTheSameInTheSameOrder(loops: Int) throws {
        let broker = try TestBroker(loops: loops) { $0.listen.lineAddresses = [ListenAddress(host: "127.0.0.1", port: 0)] }
        let native = try TestClient(broker.address, as: "nat")
        try native.next { if case .reply(.joined) = $0.frame { true } else { false } }
        let json = try WireClient.json(broker.address, as: "jay")
        let binary = try WireClient(broker.address)
        try binary.upgrade("/ws", ["Sec-WebSocket-Protocol: cbp.bin.v1"])
        try binary.sendFrame(
            0x82,
            TestClient.encode(.hello(Hello(agent: "test")), requestID: 1)
                + TestClient.encode(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bin"))), requestID: 2))
        while try binary.frame().payload[3] != FrameType.authenticated.rawValue {}
        let line = try WireClient.line(broker.server.lineAddresses[0], as: "lin")

        // Who is in the lobby misses nothing; the log-in alone does not say so.
        var absent: Set = ["jay", "bin", "lin"]
        while !absent.isEmpty {
            let event = try native.event(in: .lobby) { $0.kind == .joined }
            absent.remove(event.user?.description ?? "")
        }

        for round in 0..<10 {
            try native.send(.publish(.message("nat \(round)", in: .lobby)))
            try json.sendText("{\"t\":\"publish\",\"id\":\(10 + round),\"room\":\"lobby\",\"body\":\"jay \(round)\"}")
            try binary.sendFrame(0x82, TestClient.encode(.publish(.message("bin \(round)", in: .lobby)), requestID: UInt32(10 + round)))
            try line.send("lin \(round)\r\n")
        }
        var order: [String] = []
        while order.count < 40 {
            if let body = try native.event(in: .lobby).body { order.append(body) }
        }
        #expect(Set(order).count == 40)

        var seen: [String] = []
        while seen.count < 40 {
            let text = try json.message(beginning: "{\"t\":\"deliver\"")
            if let body = text.components(around: "\"body\":\"") { seen.append(body) }
        }
        #expect(seen == order)

        var frames: [String] = []
        while frames.count < 40 {
            let payload = try binary.frame().payload
            let parsed = FrameHeader(payload.span.bytes)
            let header = try #require(parsed)
            let rest = SharedBytes(Array(payload[8...]))
            guard case .event(let event) = try rest.withBytes({ try FrameDecoder.serverFrame(header, payload: $0) }), let body = event.body
            else {
                continue
            }
            frames.append(body)
        }
        #expect(frames == order)

        let others = order.filter { !$0.hasPrefix("lin") }
        var lines: [String] = []
        while lines.count < 30 {
            let text = try line.read(until: "\r\n")
            if let colon = text.firstIndex(of: ":") { lines.append(String(text[text.index(colon, offsetBy: 2)...].dropLast())) }
        }
        #expect(lines == others)
    }

    @Test func closingIsAnsweredWithTheSameCode() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        try client.sendText(Self.publish)
        try client.sendFrame(0x88, [0x0F, 0xA1])
        // What was asked before is still answered.
        try client.message(beginning: "{\"t\":\"published\",\"id\":3,")
        #expect(try client.closeCode() == 4001)
        #expect(try client.readToEnd() == "")
    }

    @Test func goodbyeComesBeforeTheCloseFrame() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        broker.server.requestShutdown()
        #expect(try client.message(beginning: "{\"t\":\"goodbye\"").contains("\"code\":503"))
        #expect(try client.closeCode() == 4503)
    }

    @Test func aClientThatSaysGoodbyeIsClosedNormally() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        try client.sendText(#"{"t":"goodbye","code":0}"#)
        #expect(try client.closeCode() == 1000)
    }

    @Test func pingsAreAnsweredInTheirPlace() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        try client.sendFrame(0x89, [7, 8])
        while true {
            let (first, payload) = try client.frame()
            guard first != 0x81 else { continue }
            #expect(first == 0x8A)
            #expect(payload == [7, 8])
            return
        }
    }

    @Test(
        arguments: [
            ([0x83, 0x80, 1, 2, 3, 4], 1002), ([0x81, 0x00], 1002), ([0x82, 0x80, 1, 2, 3, 4], 1003),
            ([0x81, 0x81, 0, 0, 0, 0, 0xFF], 1007),
            ([0xC1, 0x80, 1, 2, 3, 4], 1002), ([0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0], 1009),
        ] as [([UInt8], UInt16)])
    func faultsOfTheWebSocketHaveItsCodes(_ octets: [UInt8], _ code: UInt16) throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        try client.send(octets)
        #expect(try client.closeCode() == code)
    }

    @Test func faultsOfMessagesAreAnsweredUntilThereAreTooMany() throws {
        let broker = try TestBroker { $0.limits.malformedFramesMax = 3 }
        let client = try WireClient.json(broker.address, as: "ada")
        try client.sendText("nonsense")
        #expect(try client.message(beginning: "{\"t\":\"error\"").contains("\"code\":101"))
        try client.sendText("{")
        try client.sendText("[]")
        #expect(try client.closeCode() == 4112)
    }

    @Test func binaryMessagesHoldWholeFrames() throws {
        let broker = try TestBroker()
        let client = try WireClient(broker.address)
        try client.upgrade("/ws", ["Sec-WebSocket-Protocol: cbp.bin.v1"])
        try client.sendFrame(0x82, Array(TestClient.encode(.hello(Hello(agent: "test")), requestID: 1).dropLast()))
        #expect(try client.closeCode() == 4101)
    }

    /// The log-in holds what stands behind it, and nothing else comes that would set it going again.
    @Test(arguments: [1, 2, 3]) func framesOfOneMessageAreAllAnswered(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        for number in 0..<10 {
            let client = try WireClient(broker.address)
            try client.upgrade("/ws", ["Sec-WebSocket-Protocol: cbp.bin.v1"])
            let wish = Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "user\(number)"))
            try client.sendFrame(
                0x82,
                TestClient.encode(.hello(Hello(agent: "test")), requestID: 1) + TestClient.encode(.authenticate(wish), requestID: 2)
                    + TestClient.encode(.ping(timestamp: nil), requestID: 3))
            while try client.frame().payload[3] != FrameType.pong.rawValue {}
        }
    }

    @Test func messagesInFragmentsAndPiecesAreWhole() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        let text = Array(Self.publish.utf8)
        try client.sendFrame(0x01, Array(text[..<10]))
        try client.sendFrame(0x89, [])
        try client.sendFrame(0x00, Array(text[10..<20]))
        try client.sendFrame(0x80, Array(text[20...]))
        while true {
            let (first, payload) = try client.frame()
            if first == 0x81, String(decoding: payload, as: UTF8.self).hasPrefix("{\"t\":\"published\"") { return }
        }
    }

    @Test func manyMessagesInOneSegmentAreAllAnswered() throws {
        let broker = try TestBroker()
        let client = try WireClient.json(broker.address, as: "ada")
        for id in 10..<210 { try client.sendText("{\"t\":\"ping\",\"id\":\(id)}") }
        for id in 10..<210 { #expect(try client.message(beginning: "{\"t\":\"pong\"") == "{\"t\":\"pong\",\"id\":\(id)}") }
    }

    @Test func compressedMessagesAreReadWhereItIsAgreedOn() throws {
        let broker = try TestBroker {
            $0.web.compression = true
            $0.web.echo = true
        }
        let client = try WireClient(broker.address)
        let head = try client.upgrade("/echo", ["Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits"])
        #expect(head.contains("permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n"))
        let text = String(repeating: "again and again ", count: 1_000)
        let compressed = Deflater().deflate(SharedBytes(utf8: text)).array
        for _ in 0..<3 {
            try client.sendFrame(0x41, Array(compressed[..<5]))
            try client.sendFrame(0x80, Array(compressed[5...]))
            let (first, payload) = try client.frame()
            #expect(first == 0xC1)
            #expect(payload.count < 1_000)
            #expect(try Inflater().inflate(SharedBytes(payload), byteCountMax: 1 << 20) == SharedBytes(utf8: text))
        }
        try client.sendFrame(0x82, [1, 2, 3])
        #expect(try client.frame() == (0x82, [1, 2, 3]))
        // A bomb: 10 MB of zeros in some KB.
        try client.sendFrame(0xC2, Deflater(level: 9).deflate(SharedBytes([UInt8](repeating: 0, count: 10_000_000))).array)
        #expect(try client.closeCode() == 1009)
    }

    @Test func compressedNoiseIsRefused() throws {
        let broker = try TestBroker {
            $0.web.compression = true
            $0.web.echo = true
        }
        for (octets, code) in [([0xFF, 0xFF, 0xFF], 1007), (Deflater().deflate(SharedBytes([0xC3, 0x28])).array, 1007)]
            as [([UInt8], UInt16)]
        {
            let client = try WireClient(broker.address)
            try client.upgrade("/echo", ["Sec-WebSocket-Extensions: permessage-deflate"])
            try client.sendFrame(0xC1, octets)
            #expect(try client.closeCode() == code)
        }
    }
}

extension String {
    /// What stands between a text and the next quotation mark.
    fileprivate func components(around text: String) -> String? {
        var rest = Substring(self)
        while !rest.isEmpty {
            if rest.hasPrefix(text) { return String(rest.dropFirst(text.count).prefix { $0 != "\"" }) }
            rest.removeFirst()
        }
        return nil
    }
}
