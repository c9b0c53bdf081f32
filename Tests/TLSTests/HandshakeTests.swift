import Bytes
import TLS
import Testing

/// What two engines agree on, however their octets are cut.
struct HandshakeTests {
    @Test(arguments: TestCertificates.Key.allCases)
    func speaksTLS13(key: TestCertificates.Key) throws {
        let pair = try EnginePair(key: key)
        try pair.handshake()
        #expect(pair.client.isHandshakeDone && pair.server.isHandshakeDone)
        #expect(pair.client.versionName == "TLSv1.3" && pair.server.versionName == "TLSv1.3")
        #expect(pair.client.cipherName == "TLS_AES_128_GCM_SHA256" && pair.server.cipherName == "TLS_AES_128_GCM_SHA256")
        #expect(pair.server.serverName == TestCertificates.serverName)
        try expectEcho(pair)
    }

    @Test(arguments: TestCertificates.Key.allCases)
    func speaksTLS12(key: TestCertificates.Key) throws {
        let pair = try EnginePair(key: key, maximumVersion: .tls12)
        try pair.handshake()
        #expect(pair.client.isHandshakeDone && pair.server.isHandshakeDone)
        #expect(pair.client.versionName == "TLSv1.2" && pair.server.versionName == "TLSv1.2")
        let suite = key == .rsa ? "ECDHE-RSA-AES128-GCM-SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256"
        #expect(pair.client.cipherName == suite && pair.server.cipherName == suite)
        try expectEcho(pair)
    }

    @Test(arguments: TestCertificates.Key.allCases, [TLSVersion.tls12, .tls13])
    func carriesDataFedOctetByOctet(key: TestCertificates.Key, version: TLSVersion) throws {
        let pair = try EnginePair(key: key, maximumVersion: version)
        try pair.client.startHandshake()
        try pair.carry(pieceByteCount: 1)
        #expect(pair.client.isHandshakeDone && pair.server.isHandshakeDone)
        try expectEcho(pair, pieceByteCount: 1)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func carriesDataCutAnywhere(version: TLSVersion) throws {
        let message = Array("a message in one record".utf8)
        var longestByteCount = 0
        var offset = 1
        repeat {
            let pair = try EnginePair(maximumVersion: version, clientALPN: ["cbp/1"])
            try pair.client.startHandshake()
            try pair.carry(cutAt: offset)
            try pair.client.seal(message)
            try pair.server.seal(message)
            try pair.carry(cutAt: offset)
            try #require(pair.serverReceived == message && pair.clientReceived == message, "cut at \(offset)")
            longestByteCount = max(longestByteCount, pair.longestBatchByteCount)
            offset += 1
        } while offset < longestByteCount
        #expect(longestByteCount > 500, "the server's certificate was among it")
    }

    @Test func carriesLargeRecords() throws {
        let pair = try EnginePair()
        try pair.handshake()
        for count in [1, 16_383, 16_384, 16_385, 1 << 20] {
            let before = pair.serverReceived.count
            let octets = patternedOctets(count: count)
            try pair.client.seal(octets)
            try pair.carry(pieceByteCount: 65_536)
            #expect(Array(pair.serverReceived[before...]) == octets)
        }
    }

    @Test func sealsTheFrontOfAQueueAsOneRecord() throws {
        let pair = try EnginePair()
        try pair.handshake()
        var queue = OutboundQueue()
        var expected: [UInt8] = []
        for index in 0..<100 {
            let octets = patternedOctets(count: 100 + index * 3)
            expected += octets
            queue.append(SharedBytes(octets))
        }
        var recordCount = 0
        while !queue.isEmpty {
            let sealed = try pair.client.seal(frontOf: queue.slices)
            #expect(sealed == min(queue.byteCount, TLSScratch.recordByteCountMax))
            queue.consume(sealed)
            recordCount += 1
            // Content type, the octet behind the plaintext, and the tag of 16 octets (RFC 8446, section 5.2), and the header of 5.
            #expect(pair.client.outputByteCount == sealed + 22)
            try pair.carry()
        }
        #expect(recordCount == (expected.count + 16_383) / 16_384)
        #expect(pair.serverReceived == expected)
        #expect(try pair.client.seal(frontOf: queue.slices) == 0)
        #expect(!pair.client.hasOutput)
    }

    @Test func sealsInsideTheCallbackOfReceive() throws {
        let pair = try EnginePair()
        try pair.handshake()
        try pair.client.seal(Array("ping".utf8))
        let octets = EnginePair.takeOutput(of: pair.client)
        var failures = 0
        try EnginePair.give(octets, to: pair.server) { received in
            do { try pair.server.seal(received + received) } catch { failures += 1 }
        }
        try pair.carry()
        #expect(failures == 0)
        #expect(pair.clientReceived == Array("pingping".utf8))
    }

    @Test func choosesTheServersPreferredProtocol() throws {
        let pair = try EnginePair(serverALPN: ["cbp/1", "http/1.1"], clientALPN: ["http/1.1", "cbp/1"])
        try pair.handshake()
        #expect(pair.client.negotiatedProtocol == "cbp/1" && pair.server.negotiatedProtocol == "cbp/1")
    }

    @Test func allowsAClientWithoutALPN() throws {
        let pair = try EnginePair(serverALPN: ["cbp/1"])
        try pair.handshake()
        #expect(pair.client.negotiatedProtocol == nil && pair.server.negotiatedProtocol == nil)
        #expect(pair.server.isHandshakeDone)
    }

    @Test func ignoresALPNWhereTheServerHasNone() throws {
        let pair = try EnginePair(clientALPN: ["cbp/1"])
        try pair.handshake()
        #expect(pair.client.isHandshakeDone && pair.client.negotiatedProtocol == nil)
    }

    @Test(arguments: [TestCertificates.serverName, TestCertificates.serverName + ".", "any.wild.test", "127.0.0.1", "::1"])
    func acceptsTheCertificatesNames(name: String) throws {
        let pair = try EnginePair(serverName: name)
        try pair.handshake()
        #expect(pair.client.isHandshakeDone && pair.server.isHandshakeDone)
    }

    @Test(arguments: ["127.0.0.1", "::1", "fe80::1%eth0", ""])
    func sendsNoServerNameButAName(address: String) throws {
        let pair = try EnginePair(verification: .none, serverName: address)
        try pair.handshake()
        #expect(pair.server.serverName == nil)
    }

    @Test func bothEndsExportTheSameKeyingMaterial() throws {
        let pair = try EnginePair()
        try pair.handshake()
        let label = "EXPORTER-Channel-Binding"
        let client = try pair.client.exportKeyingMaterial(label: label, byteCount: 32)
        #expect(try pair.server.exportKeyingMaterial(label: label, byteCount: 32) == client)
        #expect(try pair.server.exportKeyingMaterial(label: "other", byteCount: 32) != client)
        #expect(client.count == 32)
    }

    @Test func resumesASessionWithATicket() throws {
        let certificates = TestCertificates.shared
        func makeServer(_ previous: TLSContext?) throws -> TLSContext {
            try TLSContext.server(
                certificateFile: certificates.certificate(.ecdsa), privateKeyFile: certificates.privateKey(.ecdsa), alpn: [],
                ticketKeysOf: previous)
        }
        let server = try makeServer(nil)
        let client = try TLSContext.client(verification: .authorityFile(certificates.authority), alpn: [])
        let name = TestCertificates.serverName
        var session: TLSSession?
        do {
            let first = EnginePair(client: try TLSEngine(client: client, serverName: name), server: try TLSEngine(server: server))
            try first.client.startHandshake()
            #expect(first.client.resumableSession == nil)
            try first.carry()
            #expect(!first.client.isSessionResumed)
            session = first.client.resumableSession
        }
        // The first connection has been cut off by now: its session must stay fit for use.
        let ticket = try #require(session)
        for (context, expected) in [(server, true), (try makeServer(server), true), (try makeServer(nil), false)] {
            let next = EnginePair(
                client: try TLSEngine(client: client, serverName: name, resuming: ticket), server: try TLSEngine(server: context))
            try next.handshake()
            #expect(next.client.isSessionResumed == expected && next.server.isSessionResumed == expected)
            try expectEcho(next)
        }
    }

    @Test func tellsTheEndByCloseNotify() throws {
        let pair = try EnginePair()
        try pair.handshake()
        try pair.client.seal(Array("last words".utf8))
        pair.client.shutdown()
        #expect(pair.client.isShutDown && !pair.server.isPeerClosed)
        try pair.carryToServer()
        #expect(pair.serverReceived == Array("last words".utf8))
        #expect(pair.server.isPeerClosed)
        // One direction ends; the other goes on (RFC 8446, section 6.1).
        try pair.server.seal(Array("answer".utf8))
        pair.server.shutdown()
        pair.server.shutdown()
        try pair.carryToClient()
        #expect(pair.clientReceived == Array("answer".utf8) && pair.client.isPeerClosed)
        try EnginePair.give([1, 2, 3], to: pair.server)
    }

    @Test func saysNothingWhenShutDownBeforeTheHandshake() throws {
        let pair = try EnginePair()
        pair.server.shutdown()
        #expect(!pair.server.hasOutput)
    }

    private func expectEcho(_ pair: EnginePair, pieceByteCount: Int = .max) throws {
        let octets = patternedOctets(count: 3_000)
        try pair.client.seal(octets)
        try pair.carry(pieceByteCount: pieceByteCount)
        #expect(pair.serverReceived == octets)
        try pair.server.seal(pair.serverReceived)
        try pair.carry(pieceByteCount: pieceByteCount)
        #expect(pair.clientReceived == octets)
        #expect(!pair.client.hasOutput && !pair.server.hasOutput)
    }
}
