import ChatConfiguration
import LibUV

@testable import ChatServer

/// A broker in this process, on port 0 of the loopback, with loops of its own.
final class TestBroker {
    let server: Server
    let address: SocketAddress

    init(loops: Int = 1, _ change: (inout Configuration) -> Void = { _ in }) throws {
        var configuration = Configuration()
        configuration.listen.addresses = [ListenAddress(host: "127.0.0.1", port: 0)]
        configuration.runtime.loops = loops
        configuration.runtime.logLevel = .error
        configuration.runtime.shutdownTimeoutMilliseconds = 1_000
        configuration.storage.enabled = false
        change(&configuration)
        server = try Server(configuration)
        try server.start()
        address = server.addresses[0]
    }

    deinit { server.shutDown() }
}
