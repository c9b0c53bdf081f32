import Bytes
import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

@testable import ChatServer

/// Starting, limits, and the end of a broker.
@Suite struct LifeTests {
    @Test(arguments: [1, 3]) func shutdownTellsEveryClientAndEnds(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        let clients = try (0..<9).map { try TestClient(broker.address, as: "user\($0)") }
        broker.server.requestShutdown()
        var pauses: Set<UInt64> = []
        for client in clients {
            let goodbye = try #require(try client.goodbye())
            #expect(goodbye.code == .shuttingDown)
            pauses.insert(try #require(goodbye.retryMilliseconds))
        }
        #expect(pauses.count > 1, "all clients would come back at the same moment")
        broker.server.shutDown()
        #expect(throws: (any Error).self) { try TestClient(broker.address) }
    }

    @Test(.timeLimit(.minutes(1)), arguments: [1, 2]) func whoHasSaidNothingDoesNotDelayTheEnd(loops: Int) throws {
        let broker = try TestBroker(loops: loops) {
            $0.runtime.shutdownTimeoutMilliseconds = 600_000
            $0.deadlines.drainMilliseconds = 600_000
        }
        let silent = try (0..<4).map { _ in try TestClient(broker.address) }
        // Accepted in the order they came.
        _ = try TestClient(broker.address, as: "last")
        broker.server.shutDown()
        for client in silent { #expect(try client.isClosedWithoutAWord()) }
    }

    @Test(arguments: [1, 2]) func portInUseIsNamed(loops: Int) throws {
        let broker = try TestBroker(loops: loops)
        var configuration = Configuration()
        configuration.storage.enabled = false
        configuration.listen.addresses = [ListenAddress(host: "127.0.0.1", port: broker.address.port)]
        configuration.runtime.loops = loops
        let second = try Server(configuration)
        let error = #expect(throws: ServerError.self) { try second.start() }
        #expect(error?.description.contains("127.0.0.1:\(broker.address.port)") == true)
        #expect(error?.description.contains("EADDRINUSE") == true)
    }

    @Test func unreadableCertificateIsNamed() throws {
        var configuration = Configuration()
        configuration.storage.enabled = false
        configuration.tls.certificateFile = "/nonexistent/server.pem"
        configuration.tls.privateKeyFile = "/nonexistent/server.key"
        let error = #expect(throws: ServerError.self) { try Server(configuration) }
        #expect(error?.description.contains("/nonexistent/server.pem") == true)
    }

    @Test func oneConnectionTooManyIsToldSo() throws {
        let broker = try TestBroker(loops: 2) { $0.limits.connectionsMax = 4 }
        let welcome = try (0..<4).map { try TestClient(broker.address, as: "user\($0)") }
        let tooMany = try TestClient(broker.address)
        try tooMany.sendPreface()
        #expect(try tooMany.goodbye()?.code == .tooManyConnections)
        #expect(try welcome[0].ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }

    @Test func connectionsAreSpreadOverTheLoops() throws {
        let broker = try TestBroker(loops: 3)
        let clients = try (0..<60).map { try TestClient(broker.address, as: "user\($0)") }
        let counts = broker.server.connectionCounts
        #expect(counts.reduce(0, +) == 60)
        #expect(counts.max()! - counts.min()! <= 10)
        withExtendedLifetime(clients) {}
    }

    @Test func newerConnectionOfTheSameDeviceTakesOver() throws {
        let broker = try TestBroker(loops: 3)
        let device = [UInt8](repeating: 9, count: 16)
        let old = try TestClient(broker.address, as: "ada", device: device)
        let new = try TestClient(broker.address, as: "ada", device: device)
        #expect(try old.goodbye()?.code == .replaced)
        #expect(try new.ask(.ping(timestamp: nil)) == .pong(timestamp: nil))
    }
}
