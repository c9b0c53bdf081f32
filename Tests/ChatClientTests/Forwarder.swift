import Foundation
import Glibc
import Synchronization

/// A wire between clients and a broker that a test can cut: it accepts on a port of its own and carries octets both ways.
final class Forwarder: Sendable {
    let port: UInt16
    private let listener: Int32
    /// What is open now, both ends of each connection.
    private let open: Mutex<[Int32]> = Mutex([])
    private let isCut = Atomic(false)

    init(to target: UInt16) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        var own = Self.loopback(0)
        let isListening = Self.withAddress(&own) { bind(listener, $0, length) == 0 && listen(listener, 16) == 0 }
        precondition(isListening, "a port of the loopback")
        _ = Self.withAddress(&own) { getsockname(listener, $0, &length) }
        self.listener = listener
        port = UInt16(bigEndian: own.sin_port)
        Self.thread { [weak self] in
            while true {
                let client = accept(listener, nil, nil)
                guard client >= 0 else { break }
                let broker = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
                var address = Self.loopback(target)
                let isConnected = Self.withAddress(&address) { connect(broker, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 }
                guard let self, isConnected, !isCut.load(ordering: .relaxed) else {
                    close(client)
                    close(broker)
                    continue
                }
                open.withLock { $0 += [client, broker] }
                Self.thread { Self.carry(client, broker) }
                Self.thread { Self.carry(broker, client) }
            }
            close(listener)
        }
    }

    deinit {
        cut()
        shutdown(listener, Int32(SHUT_RDWR))
    }

    /// Ends every connection without a word and lets none in until ``mend()``.
    func cut() {
        isCut.store(true, ordering: .relaxed)
        open.withLock { descriptors in
            for descriptor in descriptors { shutdown(descriptor, Int32(SHUT_RDWR)) }
            descriptors = []
        }
    }

    func mend() { isCut.store(false, ordering: .relaxed) }

    /// The descriptors stay open until the process ends: nothing else may get their numbers while the other direction uses them.
    private static func carry(_ source: Int32, _ target: Int32) {
        var piece = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = read(source, &piece, piece.count)
            guard count > 0, send(target, piece, count, Int32(MSG_NOSIGNAL)) == count else { break }
        }
        shutdown(target, Int32(SHUT_RDWR))
    }

    private static func loopback(_ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return address
    }

    private static func withAddress<Result>(_ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result) -> Result {
        withUnsafeMutablePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body) }
    }

    private static func thread(_ body: @escaping @Sendable () -> Void) {
        Thread { body() }.start()
    }
}
