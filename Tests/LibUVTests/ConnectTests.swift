import Bytes
import Glibc
import LibUV
import Testing

/// Connecting to a peer: what comes of it, and when.
@Suite struct ConnectTests {
    @Test func refusedConnectionIsAnError() throws {
        try withLoop { loop in
            var results: [Result<TCPStream, UVError>] = []
            try withUnusedAddress { address in
                TCPStream.connect(loop: loop, to: address) { results.append($0) }
                #expect(results.isEmpty)
                loop.run()
            }
            #expect(results.count == 1)
            #expect(throws: UVError.connectionRefused) { try results.first?.get() }
        }
    }

    @Test func connectsFromAGivenAddress() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop, from: SocketAddress(host: "127.0.0.2", port: 0))
            #expect(client.local.host == "127.0.0.2")
            #expect(server.peer == client.local)
            #expect(server.peer.port != 0)
        }
    }

    @Test func connectingFromAForeignAddressFailsLater() throws {
        try withLoop { loop in
            var results: [Result<TCPStream, UVError>] = []
            let source = try SocketAddress(host: "192.0.2.1", port: 0)
            TCPStream.connect(loop: loop, to: .loopback(port: 9), from: source) { results.append($0) }
            #expect(results.isEmpty)
            loop.run()
            #expect(results.count == 1)
            #expect(throws: UVError.addressNotAvailable) { try results.first?.get() }
        }
    }

    @Test func cancelledConnectIsNotCompleted() throws {
        try withLoop { loop in
            let listener = try listen(on: loop) { _ in }
            let request = TCPStream.connect(loop: loop, to: listener.localAddress) { _ in Issue.record("completed") }
            request.cancel()
            request.cancel()
            listener.close()
            loop.run()
        }
    }
}
