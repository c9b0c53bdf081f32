import TLS
import Testing

/// What an operator gets wrong is an error that names the file.
struct ContextTests {
    private let certificates = TestCertificates.shared

    @Test func namesACertificateThatIsMissing() throws {
        let missing = certificates.folder + "/missing.pem"
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(certificateFile: missing, privateKeyFile: certificates.privateKey(.rsa), alpn: [])
        }
        #expect(error?.kind == .file && error?.file == missing)
        #expect(error?.description.contains("No such file or directory") == true)
        #expect(error?.description.contains(missing) == true)
    }

    @Test func namesAPrivateKeyThatIsMissing() throws {
        let missing = certificates.folder + "/missing.key"
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(certificateFile: certificates.certificate(.rsa), privateKeyFile: missing, alpn: [])
        }
        #expect(error?.kind == .file && error?.file == missing)
        #expect(error?.description.contains("No such file or directory") == true)
    }

    @Test func namesFilesThatAreNoPEM() throws {
        let first = #expect(throws: TLSError.self) {
            try TLSContext.server(
                certificateFile: certificates.garbage, privateKeyFile: certificates.privateKey(.rsa), alpn: [])
        }
        #expect(first?.file == certificates.garbage)
        #expect(first?.reason.contains("no start line") == true)
        let second = #expect(throws: TLSError.self) {
            try TLSContext.server(
                certificateFile: certificates.certificate(.rsa), privateKeyFile: certificates.garbage, alpn: [])
        }
        #expect(second?.file == certificates.garbage)
        let third = #expect(throws: TLSError.self) {
            try TLSContext.client(verification: .authorityFile(certificates.garbage), alpn: [])
        }
        #expect(third?.kind == .file && third?.file == certificates.garbage)
    }

    @Test(arguments: [(TestCertificates.Key.rsa, TestCertificates.Key.ecdsa), (.ecdsa, .rsa)])
    func namesAKeyOfAnotherCertificate(certificate: TestCertificates.Key, key: TestCertificates.Key) throws {
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(
                certificateFile: certificates.certificate(certificate), privateKeyFile: certificates.privateKey(key), alpn: [])
        }
        #expect(error?.kind == .file && error?.file == certificates.privateKey(key))
        #expect(error?.description.contains(certificates.certificate(certificate)) == true)
    }

    @Test func namesAKeyOfTheSameKindOfAnotherCertificate() throws {
        let other = certificates.folder + "/other-authority.key"
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(certificateFile: certificates.certificate(.ecdsa), privateKeyFile: other, alpn: [])
        }
        #expect(error?.kind == .file && error?.file == other)
        #expect(error?.description.contains("does not belong") == true)
    }

    @Test func refusesAnEncryptedKeyWithoutAskingTheTerminal() throws {
        let error = #expect(throws: TLSError.self) {
            try TLSContext.server(
                certificateFile: certificates.certificate(.ecdsa), privateKeyFile: certificates.encryptedKey, alpn: [])
        }
        #expect(error?.kind == .file && error?.file == certificates.encryptedKey)
        #expect(error?.reason.contains("password") == true)
    }

    @Test func refusesAProtocolThatIsTooShortOrTooLong() throws {
        for name in ["", String(repeating: "x", count: 256)] {
            let error = #expect(throws: TLSError.self) { try TLSContext.client(verification: .none, alpn: [name]) }
            #expect(error?.kind == .configuration)
        }
        _ = try TLSContext.client(verification: .none, alpn: [String(repeating: "x", count: 255)])
    }

    @Test func anEngineKeepsItsContext() throws {
        var context: TLSContext? = try TLSContext.server(
            certificateFile: certificates.certificate(.ecdsa), privateKeyFile: certificates.privateKey(.ecdsa), alpn: ["cbp/1"])
        weak let watched = context
        let server = try TLSEngine(server: try #require(context))
        context = nil
        #expect(watched != nil)
        let client = try TLSContext.client(verification: .authorityFile(certificates.authority), alpn: ["cbp/1"])
        let pair = EnginePair(client: try TLSEngine(client: client, serverName: TestCertificates.serverName), server: server)
        try pair.handshake()
        #expect(pair.server.negotiatedProtocol == "cbp/1")
    }
}
