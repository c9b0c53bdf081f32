import Bytes
import TLS

/// What it costs to encrypt: a turn's octets of one connection, in one record.
enum SealBenchmarks {
    /// - Parameter certificates: a folder with `server.pem` and `server.key`.
    static func all(certificates: String) -> [Benchmark] {
        [136, 1_024, 16_384].map { byteCount in
            Benchmark(name: "TLS: seal \(byteCount) octets in one record", operationCount: 10) {
                try seal(byteCount: byteCount, certificates)
            }
        }
    }

    private static func seal(byteCount: Int, _ certificates: String) throws -> () -> Void {
        let scratch = TLSScratch()
        let server = try TLSEngine(
            server: try TLSContext.server(
                certificateFile: certificates + "/server.pem", privateKeyFile: certificates + "/server.key", alpn: []), scratch: scratch)
        let client = try TLSEngine(client: try TLSContext.client(verification: .none, alpn: []), serverName: "", scratch: scratch)
        try shakeHands(client, server)
        var queue = OutboundQueue()
        queue.append(SharedBytes([UInt8](repeating: 0x61, count: byteCount)))
        let slices = queue.slices
        return {
            for _ in 0..<10 {
                let sealed = must { () throws(TLSError) in try server.seal(frontOf: slices) }
                precondition(sealed == byteCount, "one record")
                server.consumeOutput(server.outputByteCount)
            }
        }
    }

    private static func shakeHands(_ client: TLSEngine, _ server: TLSEngine) throws(TLSError) {
        try client.startHandshake()
        while client.hasOutput || server.hasOutput {
            try carry(from: client, to: server)
            try carry(from: server, to: client)
        }
        precondition(client.isHandshakeDone && server.isHandshakeDone, "the engines agree")
    }

    private static func carry(from sender: TLSEngine, to receiver: TLSEngine) throws(TLSError) {
        let octets = sender.withOutput { SharedBytes(copying: $0) }
        sender.consumeOutput(octets.count)
        try octets.withBytes { (octets) throws(TLSError) in try receiver.receive(octets) { _ in } }
    }
}
