import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

@testable import ChatServer

/// People with nc and telnet, against a broker.
@Suite struct LineModeTests {
    private func broker(_ change: (inout Configuration) -> Void = { _ in }) throws -> (broker: TestBroker, address: SocketAddress) {
        let broker = try TestBroker {
            $0.listen.lineAddresses = [ListenAddress(host: "127.0.0.1", port: 0)]
            change(&$0)
        }
        return (broker, broker.server.lineAddresses[0])
    }

    @Test func theTranscriptOfTheMission() throws {
        let (broker, address) = try broker()
        let ada = try WireClient.line(address, as: "ada")
        let bob = try WireClient.line(address, as: "bob")
        try ada.read(until: "* bob joined\r\n")
        try ada.send("hello\r\n")
        #expect(try bob.read(until: "\r\n") == "ada: hello\r\n")
        try bob.send("/users\n")
        #expect(try bob.read(until: "bob\r\n") == "Users online: 2\r\nada\r\nbob\r\n")
        try bob.send("/help\n")
        try bob.read(until: "/quit")
        try ada.send("/quit\n")
        #expect(try ada.readToEnd() == "Goodbye!\r\n")
        try bob.read(until: "* ada left\r\n")
        // The name is free at once.
        _ = try WireClient.line(address, as: "ada")
        withExtendedLifetime(broker) {}
    }

    @Test func roomsHistoryAndPrivateMessages() throws {
        let (broker, address) = try broker()
        let ada = try WireClient.line(address, as: "ada")
        let bob = try WireClient.line(address, as: "bob")
        try ada.send("/create dev\nfirst\nsecond\n/rooms\n")
        try ada.read(until: "* you are in dev now\r\n")
        try ada.read(until: "* dev (1 member)\r\n")
        try bob.send("/join dev\n")
        try bob.read(until: "[dev] ada: first\r\n[dev] ada: second\r\n")
        try bob.send("/history 3\n")
        try bob.read(until: "[dev] ada: second\r\n")
        try bob.send("/pm ada psst\n")
        try bob.read(until: "[to ada] psst\r\n")
        try ada.read(until: "[from bob] psst\r\n")
        try bob.send("/leave\n/pm nobody psst\n")
        try bob.read(until: "* you left dev\r\n")
        try bob.read(until: "! 405 ")
        withExtendedLifetime(broker) {}
    }

    @Test func aNameInUseIsRefusedWithAReason() throws {
        let (broker, address) = try broker()
        let ada = try WireClient.line(address, as: "ada")
        let other = try WireClient(address)
        try other.send("ada\nbob\n")
        try other.read(
            until:
                "! 408 the name ada is taken: choose another, or /login ada if it is your account\r\nEnter your username: Welcome to the chat!\r\n"
        )
        withExtendedLifetime((broker, ada)) {}
    }

    @Test func whatWasTypedBeforeTheEndIsStillSaid() throws {
        let (broker, address) = try broker()
        let reader = try WireClient.line(address, as: "reader")
        let client = try WireClient(address)
        try client.send("ada\nhello and gone\n")
        client.finishSending()
        #expect(try client.readToEnd().contains("Welcome to the chat!"))
        try reader.read(until: "ada: hello and gone\r\n")
        try reader.read(until: "* ada left\r\n")
        withExtendedLifetime(broker) {}
    }

    @Test func aBrowserIsCutOff() throws {
        let (broker, address) = try broker()
        let client = try WireClient(address)
        try client.read(until: "Enter your username: ")
        try client.send("POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nada\nhello\n")
        #expect(try client.readToEnd() == "")
        withExtendedLifetime(broker) {}
    }

    /// The last of these lines ends the connection while the ones before it are being answered.
    @Test func aBrowserIsCutOffBehindAName() throws {
        let (broker, address) = try broker()
        let witness = try WireClient.line(address, as: "witness")
        for _ in 0..<5 {
            let client = try WireClient(address)
            try client.read(until: "Enter your username: ")
            try client.send("ada\r\nHost: a\r\nhello\r\n")
            #expect(try !client.readToEnd().contains("hello"))
        }
        try witness.send("/ping\n")
        try witness.read(until: "* the broker is there\r\n")
        withExtendedLifetime(broker) {}
    }

    /// Lines that come in one piece, and whose answers are so many that they are written in the midst of it.
    @Test func whatIsWrittenInTheMidstOfLinesRepeatsNone() throws {
        let (broker, address) = try broker {
            $0.queues.outboundHighWaterBytes = 8_192
            $0.queues.outboundLowWaterBytes = 1_024
        }
        let reader = try WireClient.line(address, as: "reader")
        let client = try WireClient(address)
        let text = String(repeating: "x", count: 500)
        try client.send("ada\n" + (0..<400).map { "\($0) \(text)\n/ping\n" }.joined())
        try client.read(until: "Welcome to the chat!\r\n")
        try reader.read(until: "* ada joined\r\n")
        var next = 0
        while next < 400 {
            let line = try reader.read(until: "\r\n")
            // A slow reader may be told that it missed some; nothing comes twice or out of order.
            guard let number = line.split(separator: " ").dropFirst().first.flatMap({ Int($0) }), line.hasPrefix("ada: ") else {
                #expect(line.contains(" were missed"))
                next = 400
                continue
            }
            #expect(number >= next)
            next = number + 1
        }
        for _ in 0..<400 { try client.read(until: "* the broker is there\r\n") }
        withExtendedLifetime(broker) {}
    }

    @Test func aFloodOfLinesIsHeardInOrder() throws {
        let (broker, address) = try broker()
        let reader = try WireClient.line(address, as: "reader")
        let client = try WireClient.line(address, as: "ada")
        try client.send((0..<500).map { "line \($0)\n" }.joined())
        for number in 0..<500 { try reader.read(until: "ada: line \(number)\r\n") }
        withExtendedLifetime(broker) {}
    }

    @Test func theBrokerSaysGoodbye() throws {
        let (broker, address) = try broker()
        let ada = try WireClient.line(address, as: "ada")
        broker.server.requestShutdown()
        #expect(try ada.readToEnd().hasSuffix("! 503 the broker is shutting down\r\n"))
    }

    @Test func silenceIsNotTheEnd() throws {
        let (broker, address) = try broker { $0.deadlines.heartbeatMilliseconds = 500 }
        let ada = try WireClient.line(address, as: "ada")
        let reader = try TestClient(broker.address, as: "reader")
        // The native reader answers nothing, and is sent away for it; the person at the terminal is not.
        _ = try reader.goodbye()
        try ada.send("/ping\n")
        try ada.read(until: "* the broker is there\r\n")
    }
}
