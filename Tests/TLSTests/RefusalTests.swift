import Bytes
import TLS
import Testing

/// What is refused, by whom, and with which alert (RFC 8446, section 6).
struct RefusalTests {
    @Test func serverRefusesUnknownProtocols() throws {
        let pair = try EnginePair(serverALPN: ["cbp/1"], clientALPN: ["h2", "http/1.1"])
        try pair.client.startHandshake()
        let error = #expect(throws: TLSError.self) { try pair.carryToServer() }
        #expect(error?.kind == .peer)
        #expect(error?.reason.contains("no application protocol") == true)
        #expect(alert(from: pair.server) == 120)
        #expect(!pair.server.isHandshakeDone)
    }

    @Test func clientReportsTheServersAlert() throws {
        let pair = try EnginePair(serverALPN: ["cbp/1"], clientALPN: ["h2"])
        try pair.client.startHandshake()
        #expect(throws: TLSError.self) { try pair.carryToServer() }
        let error = #expect(throws: TLSError.self) { try pair.carryToClient() }
        #expect(error?.kind == .alert(120))
    }

    @Test func clientRefusesAnUnknownAuthority() throws {
        let pair = try EnginePair(verification: .authorityFile(TestCertificates.shared.otherAuthority))
        // X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY
        try expectCertificateRefused(pair, code: 20)
    }

    @Test func clientTrustsNoTestAuthorityOfTheSystem() throws {
        let pair = try EnginePair(verification: .system)
        try expectCertificateRefused(pair, code: 20)
    }

    @Test func clientRefusesAnExpiredCertificate() throws {
        let certificates = TestCertificates.shared
        let server = try TLSContext.server(
            certificateFile: certificates.expired, privateKeyFile: certificates.privateKey(.ecdsa), alpn: [])
        let client = try TLSContext.client(verification: .authorityFile(certificates.authority), alpn: [])
        let pair = EnginePair(
            client: try TLSEngine(client: client, serverName: TestCertificates.serverName), server: try TLSEngine(server: server))
        // X509_V_ERR_CERT_HAS_EXPIRED
        try expectCertificateRefused(pair, code: 10)
    }

    @Test(arguments: ["other.test", "sub.broker.test", "127.0.0.2", "::2", "a.b.wild.test"])
    func clientRefusesAnotherName(name: String) throws {
        let pair = try EnginePair(serverName: name)
        // X509_V_ERR_IP_ADDRESS_MISMATCH, X509_V_ERR_HOSTNAME_MISMATCH
        try expectCertificateRefused(pair, code: name.allSatisfy { "0123456789.:".contains($0) } ? 64 : 62)
    }

    @Test func clientBelievesAnyoneIfToldTo() throws {
        let pair = try EnginePair(verification: .none, serverName: "other.test")
        try pair.handshake()
        #expect(pair.client.isHandshakeDone)
    }

    @Test(arguments: ["", "broker.test\0.evil.test"])
    func clientRefusesANameThatIsNone(name: String) throws {
        let client = try TLSContext.client(verification: .authorityFile(TestCertificates.shared.authority), alpn: [])
        let error = #expect(throws: TLSError.self) { try TLSEngine(client: client, serverName: name) }
        #expect(error?.kind == .configuration)
    }

    @Test(arguments: [UInt16(0x0301), 0x0302])
    func serverRefusesOldVersions(version: UInt16) throws {
        let pair = try EnginePair()
        let hello = ClientHello(versions: [version], suites: [0xC02B, 0xC023, 0xC009])
        let error = #expect(throws: TLSError.self) { try EnginePair.give(hello.record, to: pair.server) }
        #expect(error?.reason.contains("unsupported protocol") == true)
        #expect(alert(from: pair.server) == 70)
    }

    @Test func serverRefusesTLS12WhereItIsTurnedOff() throws {
        let pair = try EnginePair(minimumVersion: .tls13)
        let error = #expect(throws: TLSError.self) {
            try EnginePair.give(ClientHello(versions: [0x0303], suites: [0xC02B]).record, to: pair.server)
        }
        #expect(error?.kind == .peer)
        #expect(alert(from: pair.server) == 70)
    }

    /// CBC with SHA-1 and SHA-256, and RSA key exchange with GCM, which has no forward secrecy.
    @Test(arguments: [UInt16(0xC009), 0xC023, 0xC013, 0xC027, 0x002F, 0x009C])
    func serverRefusesSuitesThatAreNotAEADWithForwardSecrecy(suite: UInt16) throws {
        for key in TestCertificates.Key.allCases {
            let pair = try EnginePair(key: key)
            let hello = ClientHello(versions: [0x0303], suites: [suite])
            let error = #expect(throws: TLSError.self) { try EnginePair.give(hello.record, to: pair.server) }
            #expect(error?.reason.contains("no shared cipher") == true)
            #expect(alert(from: pair.server) == 40)
        }
    }

    @Test func garbageIsATypedError() throws {
        let garbage: [[UInt8]] = [
            Array("GET / HTTP/1.1\r\n\r\n".utf8), Array("hello there\r\n".utf8), [UInt8](repeating: 0, count: 64),
            [UInt8](repeating: 0xFF, count: 64), [22, 3, 1, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 64),
            [22, 3, 1, 0, 5, 1, 0, 0, 1, 9], patternedOctets(count: 64),
        ]
        for octets in garbage {
            for cut in [[], Array(1..<octets.count)] {
                let pair = try EnginePair()
                let error = #expect(throws: TLSError.self) { try EnginePair.give(octets, cuts: cut, to: pair.server) }
                #expect(error?.kind == .peer && error?.code != 0)
                // The same again, not a crash.
                #expect(throws: TLSError.self) { try EnginePair.give(octets, to: pair.server) }
                pair.server.shutdown()
            }
        }
    }

    @Test func aChangedRecordIsATypedErrorAfterWhatCameBefore() throws {
        for offset in [0, 3, 5, 20, -1] {
            let pair = try EnginePair()
            try pair.handshake()
            try pair.client.seal(Array("good".utf8))
            let good = EnginePair.takeOutput(of: pair.client)
            try pair.client.seal(Array("bad and long enough".utf8))
            var bad = EnginePair.takeOutput(of: pair.client)
            bad[offset < 0 ? bad.count - 1 : offset] ^= 0x80
            var received: [UInt8] = []
            let error = #expect(throws: TLSError.self) {
                try EnginePair.give(good + bad, to: pair.server) { received += $0 }
            }
            #expect(error?.kind == .peer)
            #expect(received == Array("good".utf8))
            #expect(pair.server.hasOutput, "an alert")
            #expect(throws: TLSError.self) { try pair.server.seal([1]) }
        }
    }

    private func expectCertificateRefused(_ pair: EnginePair, code: Int) throws {
        try pair.client.startHandshake()
        try pair.carryToServer()
        let error = #expect(throws: TLSError.self) { try pair.carryToClient() }
        #expect(error?.kind == .certificate(code: code))
        #expect(!pair.client.isHandshakeDone)
        // The server learns why.
        let told = #expect(throws: TLSError.self) { try pair.carryToServer() }
        guard case .alert = told?.kind else {
            Issue.record("\(String(describing: told))")
            return
        }
    }

    /// The description of a fatal alert sent in the clear.
    private func alert(from engine: TLSEngine) -> UInt8? {
        let octets = EnginePair.takeOutput(of: engine)
        guard octets.count == 7, octets[0] == 21, octets[5] == 2 else { return nil }
        return octets[6]
    }
}
