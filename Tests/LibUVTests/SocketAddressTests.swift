import Glibc
import LibUV
import Testing

struct SocketAddressTests {
    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1:7000", true), ("0.0.0.0", "0.0.0.0:7000", false), ("127.255.3.4", "127.255.3.4:7000", true),
        ("192.0.2.255", "192.0.2.255:7000", false), ("::1", "[::1]:7000", true), ("::", "[::]:7000", false),
        ("2001:DB8:0:0::1", "[2001:db8::1]:7000", false), ("::ffff:127.0.0.1", "127.0.0.1:7000", true),
        ("::fffe:1:0", "[::fffe:1:0]:7000", false),
    ])
    func readsAndWritesNumericAddresses(host: String, description: String, isLoopback: Bool) throws {
        let address = try SocketAddress(host: host, port: 7000)
        #expect(address.description == description)
        #expect(address.isLoopback == isLoopback)
        #expect(address.port == 7000)
        #expect(try SocketAddress(host: address.host, port: 7000) == address)
    }

    @Test func keepsTheInterfaceOfALinkLocalAddress() throws {
        let address = try SocketAddress(host: "fe80::1%lo", port: 1)
        #expect(address.host == "fe80::1%\(if_nametoindex("lo"))")
        let other = try SocketAddress(host: "fe80::1", port: 1)
        #expect(address != other)
    }

    @Test(arguments: ["", "localhost", "127.0.0.1:7000", "127.0.0", "256.0.0.1", "[::1]", "1::2::3", " 127.0.0.1"])
    func refusesWhatIsNoAddress(host: String) {
        #expect(throws: UVError.invalidArgument) { try SocketAddress(host: host, port: 0) }
    }

    @Test func changesOnlyThePort() throws {
        let address = try SocketAddress(host: "2001:db8::2", port: 65535)
        #expect(address.withPort(0).description == "[2001:db8::2]:0")
        #expect(address.withPort(0).withPort(65535) == address)
        #expect(MemoryLayout<SocketAddress>.size <= 24)
    }

    @Test func errorsHaveNameAndMeaning() {
        #expect(UVError.addressInUse.description == "EADDRINUSE: address already in use")
        #expect(UVError(systemErrorNumber: ECONNREFUSED) == .connectionRefused)
        #expect(UVError(code: -99_999).name.contains("99999"))
    }

    @Test func resolvesNamesLater() throws {
        try withLoop { loop in
            var results: [Result<[SocketAddress], UVError>] = []
            AddressResolver.resolve(loop: loop, host: "localhost", port: 7000) { results.append($0) }
            #expect(results.isEmpty)
            loop.run()
            let addresses = try #require(try results.first?.get())
            #expect(!addresses.isEmpty && addresses.allSatisfy { $0.isLoopback && $0.port == 7000 })
            #expect(Set(addresses).count == addresses.count)
        }
    }

    @Test func resolvesNumericAddresses() throws {
        try withLoop { loop in
            var result: Result<[SocketAddress], UVError>?
            AddressResolver.resolve(loop: loop, host: "::1", port: 1) { result = $0 }
            loop.run()
            let loopback = try SocketAddress(host: "::1", port: 1)
            #expect(result == .success([loopback]))
        }
    }

    @Test(arguments: ["", "no such name", String(repeating: "a", count: 5000)])
    func namesThatCannotBeResolvedFailLater(host: String) throws {
        try withLoop { loop in
            var results: [Result<[SocketAddress], UVError>] = []
            AddressResolver.resolve(loop: loop, host: host, port: 1) { results.append($0) }
            #expect(results.isEmpty)
            loop.run()
            #expect(results.count == 1)
            #expect(throws: UVError.self) { try results.first?.get() }
        }
    }

    @Test func cancelledResolutionIsNotCompleted() throws {
        try withLoop { loop in
            let request = AddressResolver.resolve(loop: loop, host: "127.0.0.1", port: 1) { _ in Issue.record("completed") }
            request.cancel()
            loop.run()
        }
    }

    @Test func closingTheLoopCancelsAResolution() throws {
        var result: Result<[SocketAddress], UVError>?
        try withLoop { loop in
            AddressResolver.resolve(loop: loop, host: "127.0.0.1", port: 1) { result = $0 }
        }
        #expect(result == .failure(.cancelled))
    }
}
