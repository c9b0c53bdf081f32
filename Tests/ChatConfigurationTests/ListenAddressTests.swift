import ChatConfiguration
import Testing

@Suite struct ListenAddressTests {
    @Test(arguments: [
        ("127.0.0.1:7400", "127.0.0.1", 7400), ("0.0.0.0:0", "0.0.0.0", 0), ("[::1]:65535", "::1", 65535), ("[::]:1", "::", 1),
        ("localhost:80", "127.0.0.1", 80),
    ])
    func reads(text: String, host: String, port: Int) throws {
        let address = try #require(ListenAddress(text))
        #expect(address.host == host)
        #expect(Int(address.port) == port)
        #expect(ListenAddress(address.description) == address)
    }

    @Test(arguments: [
        "", ":", ":7400", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1", "127.0.0.1: 1", "127.0.0.1:7x",
        "::1:7400", "[::1]", "[127.0.0.1]:1", "example.org:1", "127.1:1", "256.0.0.1:1", "[::1:1", "*:1", "١.0.0.1:1", "127.0.0.1:٣",
    ])
    func refuses(text: String) {
        #expect(ListenAddress(text) == nil)
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.0.3", true), ("::1", true), ("::ffff:127.0.0.1", true), ("0.0.0.0", false), ("::", false),
        ("128.0.0.1", false), ("12.7.0.1", false), ("::2", false), ("::ffff:10.0.0.1", false), ("fe80::1", false), ("::127.0.0.1", false),
    ])
    func knowsLoopback(host: String, isLoopback: Bool) {
        #expect(ListenAddress(host: host, port: 1).isLoopback == isLoopback)
    }
}
