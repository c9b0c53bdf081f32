import Bytes
import TLS

/// A client's and a server's engine whose octets are carried by hand.
final class EnginePair {
    let client: TLSEngine
    let server: TLSEngine
    private(set) var clientReceived: [UInt8] = []
    private(set) var serverReceived: [UInt8] = []
    /// The most that was carried at once.
    private(set) var longestBatchByteCount = 0

    init(client: TLSEngine, server: TLSEngine) {
        self.client = client
        self.server = server
    }

    convenience init(
        key: TestCertificates.Key = .ecdsa, minimumVersion: TLSVersion = .tls12, maximumVersion: TLSVersion = .tls13,
        serverALPN: [String] = [],
        clientALPN: [String] = [], verification: TLSVerification = .authorityFile(TestCertificates.shared.authority),
        serverName: String = TestCertificates.serverName, scratch: TLSScratch = TLSScratch()
    ) throws {
        let certificates = TestCertificates.shared
        let serverContext = try TLSContext.server(
            certificateFile: certificates.certificate(key), privateKeyFile: certificates.privateKey(key), alpn: serverALPN,
            minimumVersion: minimumVersion)
        let clientContext = try TLSContext.client(verification: verification, alpn: clientALPN, maximumVersion: maximumVersion)
        self.init(
            client: try TLSEngine(client: clientContext, serverName: serverName, scratch: scratch),
            server: try TLSEngine(server: serverContext, scratch: scratch))
    }

    /// Carries octets both ways until nobody has any, every batch in pieces of `pieceByteCount`.
    func carry(pieceByteCount: Int = .max) throws(TLSError) {
        while client.hasOutput || server.hasOutput {
            try carryToServer { total in Array(stride(from: 0, to: total, by: min(pieceByteCount, max(total, 1))).dropFirst()) }
            try carryToClient { total in Array(stride(from: 0, to: total, by: min(pieceByteCount, max(total, 1))).dropFirst()) }
        }
    }

    /// Carries octets both ways until nobody has any, every batch of more than `offset` octets in two pieces, cut there.
    func carry(cutAt offset: Int) throws(TLSError) {
        while client.hasOutput || server.hasOutput {
            try carryToServer { total in offset < total ? [offset] : [] }
            try carryToClient { total in offset < total ? [offset] : [] }
        }
    }

    func handshake() throws(TLSError) {
        try client.startHandshake()
        try carry()
    }

    func carryToServer(cuts: (Int) -> [Int] = { _ in [] }) throws(TLSError) {
        let octets = EnginePair.takeOutput(of: client)
        longestBatchByteCount = max(longestBatchByteCount, octets.count)
        try EnginePair.give(octets, cuts: cuts(octets.count), to: server) { serverReceived += $0 }
    }

    func carryToClient(cuts: (Int) -> [Int] = { _ in [] }) throws(TLSError) {
        let octets = EnginePair.takeOutput(of: server)
        longestBatchByteCount = max(longestBatchByteCount, octets.count)
        try EnginePair.give(octets, cuts: cuts(octets.count), to: client) { clientReceived += $0 }
    }

    static func takeOutput(of engine: TLSEngine) -> [UInt8] {
        let octets = engine.withOutput { span in span.withUnsafeBytes { Array($0) } }
        engine.consumeOutput(octets.count)
        return octets
    }

    static func give(
        _ octets: [UInt8], cuts: [Int] = [], to engine: TLSEngine, onPlaintext: ([UInt8]) -> Void = { _ in }
    ) throws(TLSError) {
        var start = 0
        for end in cuts + [octets.count] where end > start {
            try engine.receive(octets.span.bytes.extracting(start..<end)) { plaintext in
                onPlaintext(plaintext.withUnsafeBytes { Array($0) })
            }
            start = end
        }
    }
}

extension TLSEngine {
    func seal(_ octets: [UInt8]) throws(TLSError) {
        try seal(octets.span.bytes)
    }
}

/// Octets that look random and are the same each time.
func patternedOctets(count: Int) -> [UInt8] {
    var state: UInt64 = 0x9E37_79B9_7F4A_7C15
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 56)
    }
}
