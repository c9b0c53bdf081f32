import Bytes
import ChatConfiguration
import Deflate
import Testing

@testable import ChatServer

/// Simple JSON over real WebSockets.
@Suite struct SimpleDialectTests {
    private func client(_ broker: TestBroker, _ fields: [String] = []) throws -> WireClient {
        let client = try WireClient(broker.address)
        try client.upgrade("/ws", fields)
        return client
    }

    private func nick(_ broker: TestBroker, _ nick: String, in room: String = "general") throws -> WireClient {
        let client = try client(broker)
        try client.sendText("{\"type\":\"Join\",\"room\":\"\(room)\",\"nick\":\"\(nick)\"}")
        try client.message(beginning: "{\"type\":\"Joined\"")
        return client
    }

    @Test(arguments: [1, 2]) func whoComesIsToldWhatWasAndIsSaid(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let ada = try nick(broker, "ada")
        for number in 0..<60 { try ada.sendText("{\"type\":\"SendMsg\",\"text\":\"\(number).\"}") }
        try ada.message(beginning: "{\"type\":\"Message\",\"from\":\"ada\",\"text\":\"59.\"")
        let bob = try nick(broker, "bob")
        try ada.message(beginning: "{\"type\":\"UserJoined\",\"nick\":\"bob\"}")
        try ada.sendText("{\"type\":\"SendMsg\",\"text\":\"60.\"}")
        for number in 10...60 {
            #expect(try bob.message(beginning: "{").hasPrefix("{\"type\":\"Message\",\"from\":\"ada\",\"text\":\"\(number).\""))
        }
    }

    /// A client that sends everything at once gets the answers in order.
    @Test func whatIsSentAheadWaits() throws {
        let broker = try TestBroker(loops: 2)
        let client = try client(broker)
        for text in [
            #"{"type":"SetUsername","username":"ada"}"#, #"{"type":"JoinRoom","room":"new"}"#, #"{"type":"SendMessage","content":"one"}"#,
            #"{"type":"JoinRoom","room":"newer"}"#, #"{"type":"SendMessage","content":"two"}"#, #"{"type":"Ping"}"#,
        ] {
            try client.sendText(text)
        }
        let expected = [
            #"{"type":"SystemMessage","content":"Welcome, ada!"}"#, #"{"type":"UserJoined","username":"ada","room":"new"}"#,
            #"{"type":"Message","username":"ada","content":"one""#, #"{"type":"UserJoined","username":"ada","room":"newer"}"#,
            #"{"type":"Message","username":"ada","content":"two""#,
        ]
        var order: [Int] = []
        while order.count < expected.count {
            let text = try client.message(beginning: "{")
            if let index = expected.firstIndex(where: { text.hasPrefix($0) }) { order.append(index) }
        }
        // Each room by itself is in order; the two are independent.
        #expect(order.first == 0)
        #expect(order.filter { $0 == 1 || $0 == 2 } == [1, 2])
        #expect(order.filter { $0 == 3 || $0 == 4 } == [3, 4])
    }

    @Test func closingIsAnsweredAndTold() throws {
        let broker = try TestBroker()
        let (ada, bob) = (try nick(broker, "ada"), try nick(broker, "bob"))
        try ada.message(beginning: "{\"type\":\"UserJoined\",\"nick\":\"bob\"}")
        try bob.sendText(#"{"type":"SendMsg","text":"bye"}"#)
        try bob.sendFrame(0x88, [0x03, 0xE8])
        #expect(try bob.closeCode() == 1000)
        #expect(try bob.readToEnd() == "")
        try ada.message(beginning: "{\"type\":\"Message\",\"from\":\"bob\",\"text\":\"bye\"")
        try ada.message(beginning: "{\"type\":\"UserLeft\",\"nick\":\"bob\"}")
        // The name is free at once.
        _ = try nick(broker, "bob")
    }

    @Test func binaryMessagesAreNotSpoken() throws {
        let broker = try TestBroker()
        let client = try client(broker)
        try client.sendFrame(0x82, [1])
        #expect(try client.closeCode() == 1003)
    }

    @Test func compressedMessagesAreReadAndLongOnesAreNotTheEnd() throws {
        let broker = try TestBroker { $0.web.compression = true }
        let client = try client(broker, ["Sec-WebSocket-Extensions: permessage-deflate"])
        func send(_ text: String) throws { try client.sendFrame(0xC1, Deflater(level: 9).deflate(SharedBytes(utf8: text)).array) }
        try send(#"{"type":"Join","room":"general","nick":"ada"}"#)
        try client.message(beginning: "{\"type\":\"Joined\"")
        try send("{\"type\":\"SendMsg\",\"text\":\"\(String(repeating: "x", count: 3_000_000))\"}")
        try client.message(beginning: "{\"type\":\"Error\",\"reason\":\"a message longer than accepted\"}")
        try send(#"{"type":"SendMsg","text":"hi"}"#)
        try client.message(beginning: "{\"type\":\"Message\",\"from\":\"ada\",\"text\":\"hi\"")
    }

    @Test func aLongMessageInFragmentsIsPassedOver() throws {
        let broker = try TestBroker()
        let client = try nick(broker, "ada")
        let chunk = [UInt8](repeating: 0xFF, count: 100_000)
        try client.sendFrame(0x01, Array("{\"type\"".utf8))
        for _ in 0..<4 { try client.sendFrame(0x00, Array(repeating: UInt8(ascii: "x"), count: 100_000)) }
        try client.sendFrame(0x89, [9])
        try client.sendFrame(0x80, chunk)
        var frames: [UInt8] = []
        while frames.last != 0x81 { frames.append(try client.frame().first) }
        #expect(frames == [0x8A, 0x81])
        try client.sendText(#"{"type":"Ping"}"#)
        #expect(try client.message(beginning: "{") == #"{"type":"Pong"}"#)
    }

    @Test func aPageFromElsewhereMayNotSpeakIt() throws {
        let broker = try TestBroker()
        #expect(try WireClient(broker.address).upgrade("/", ["Origin: https://evil.org"]).hasPrefix("HTTP/1.1 403 "))
    }
}
