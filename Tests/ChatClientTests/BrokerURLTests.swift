import ChatClient
import Testing

@testable import broker_cli

@Suite struct BrokerURLTests {
    @Test(arguments: [
        ("broker://localhost", BrokerURL(isSecure: false, host: "localhost", port: 7400)),
        ("brokers://chat.example.org:7443", BrokerURL(isSecure: true, host: "chat.example.org", port: 7443)),
        ("brokers://127.0.0.1/", BrokerURL(isSecure: true, host: "127.0.0.1")),
        ("broker://[::1]:80", BrokerURL(isSecure: false, host: "::1", port: 80)),
        ("broker://[fe80::1%eth0]", BrokerURL(isSecure: false, host: "fe80::1%eth0")),
        ("broker://h:65535", BrokerURL(isSecure: false, host: "h", port: 65535)),
    ])
    func reads(text: String, url: BrokerURL) throws {
        #expect(try BrokerURL(text) == url)
    }

    @Test func writesWhatItReads() throws {
        for text in ["broker://localhost:7400", "brokers://[::1]:80"] { #expect(try BrokerURL(text).description == text) }
    }

    @Test(arguments: [
        "", "localhost", "localhost:7400", "http://x", "broker:/x", "broker://", "brokers://:7400", "broker://h:", "broker://h:0",
        "broker://h:65536",
        "broker://h:-1", "broker://h:+1", "broker://::1", "broker://[::1", "broker://[::1]x", "broker://user@h", "broker://h/path",
        "broker://h?x", "broker://h h",
        "broker://\u{1B}[2J",
    ])
    func refuses(text: String) {
        #expect(throws: BrokerURL.ParseError.self) { try BrokerURL(text) }
    }

    @Test func theAddressMayStandBeforeAVerb() {
        #expect(BrokerCLI.arrange(["broker://h", "send", "x"]) == ["send", "--url", "broker://h", "x"])
        #expect(BrokerCLI.arrange(["broker://h", "chat", "--json"]) == ["chat", "broker://h", "--json"])
        #expect(BrokerCLI.arrange(["broker://h", "--user", "send"]) == ["broker://h", "--user", "send"])
        #expect(BrokerCLI.arrange(["broker://h"]) == ["broker://h"])
        #expect(BrokerCLI.arrange(["send", "broker://h"]) == ["send", "broker://h"])
    }
}
