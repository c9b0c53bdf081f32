import Bytes
import Credentials
import SASL
import Testing

@Suite struct ScramTests {
    // RFC 7677, section 3.
    private static let clientFirst = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"
    private static let serverNonce = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    private static let serverFirst = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    private static let clientFinal =
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    private static let serverFinal = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    private static let channel = ScramServer.Channel(
        isBindingRequired: false, isBindingOffered: false, exporter: nil, transcriptDigest: nil)

    private static func verifier(salt: String = "W22ZaJ0SNY7soEsUEjb6gQ==", password: String = "pencil") throws -> ScramVerifier {
        // The stored key has no other way in than the text, so it is made as RFC 5802 says.
        let salt = try #require(Base64.standard.octets(in: salt))
        let salted = Digests.pbkdf2(password: Array(password.utf8), salt: salt, iterationCount: 4096)
        let storedKey = Digests.sha256(Digests.hmac(key: salted, Array("Client Key".utf8)))
        return ScramVerifier(
            iterationCount: 4096, salt: salt, storedKey: storedKey, serverKey: Digests.hmac(key: salted, Array("Server Key".utf8)))
    }

    private static func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test func theClientSaysWhatTheRFCSays() throws {
        var client = ScramClient(name: "user", password: Self.octets("pencil"), exporter: nil, nonce: "rOprNGfwEbeRWgbNEkqO")
        #expect(client.opening == Self.octets(Self.clientFirst))
        #expect(try client.answer(Self.octets(Self.serverFirst), transcriptDigest: nil) == Self.octets(Self.clientFinal))
        #expect(client.accepts(Self.octets(Self.serverFinal)))
        #expect(!client.accepts(Self.octets("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=")))
        #expect(!client.accepts(Self.octets("e=other-error")))
    }

    @Test func theServerSaysWhatTheRFCSays() throws {
        let first = try ScramClientFirst(Self.octets(Self.clientFirst))
        let server = ScramServer(first, verifier: try Self.verifier(), isGenuine: true, nonce: Self.serverNonce)
        #expect(server.challenge == Self.octets(Self.serverFirst))
        #expect(try server.finish(Self.octets(Self.clientFinal), on: Self.channel) == Self.octets(Self.serverFinal))
    }

    @Test func aMadeUpAccountFailsOnlyAtTheEnd() throws {
        let first = try ScramClientFirst(Self.octets(Self.clientFirst))
        let server = ScramServer(first, verifier: try Self.verifier(), isGenuine: false, nonce: Self.serverNonce)
        #expect(server.challenge == Self.octets(Self.serverFirst))
        #expect(throws: ScramServer.Refusal.notAuthentic) { try server.finish(Self.octets(Self.clientFinal), on: Self.channel) }
    }

    private struct Exchange {
        var binding: [UInt8]?
        var serverExporter: [UInt8]?
        var isRequired = false
        var isOffered = false
        var clientDigest: [UInt8]? = [UInt8](repeating: 1, count: 32)
        var serverDigest: [UInt8]? = [UInt8](repeating: 1, count: 32)
        var password = "pencil"

        func run() throws -> Bool {
            var client = ScramClient(name: "user", password: octets(password), exporter: binding)
            let first = try ScramClientFirst(client.opening)
            let server = ScramServer(first, verifier: try verifier(), isGenuine: true, nonce: ScramServer.makeNonce())
            let final = try client.answer(server.challenge, transcriptDigest: clientDigest)
            let channel = ScramServer.Channel(
                isBindingRequired: isRequired, isBindingOffered: isOffered, exporter: serverExporter, transcriptDigest: serverDigest)
            return client.accepts(try server.finish(final, on: channel))
        }
    }

    private static let here = [UInt8](repeating: 7, count: 32)
    private static let elsewhere = [UInt8](repeating: 8, count: 32)

    @Test func bindsToTheConnection() throws {
        #expect(try Exchange(binding: Self.here, serverExporter: Self.here, isRequired: true, isOffered: true).run())
        #expect(try Exchange(serverExporter: Self.here, isOffered: true).run())
        // Another TLS connection, no TLS 1.3 at all, the plain mechanism with a binding, and the bound one without.
        for exchange in [
            Exchange(binding: Self.elsewhere, serverExporter: Self.here, isRequired: true, isOffered: true),
            Exchange(binding: Self.elsewhere, serverExporter: nil, isRequired: true, isOffered: true),
            Exchange(binding: Self.here, serverExporter: Self.here, isRequired: false, isOffered: true),
            Exchange(binding: nil, serverExporter: Self.here, isRequired: true, isOffered: true),
        ] {
            #expect(throws: ScramServer.Refusal.bindingMismatch) { try exchange.run() }
        }
    }

    @Test func aChangedBeginningIsFoundBeforeThePassword() throws {
        #expect(throws: ScramServer.Refusal.bindingMismatch) { try Exchange(clientDigest: Self.here).run() }
        #expect(throws: ScramServer.Refusal.bindingMismatch) { try Exchange(clientDigest: nil).run() }
        #expect(throws: ScramServer.Refusal.notAuthentic) { try Exchange(password: "Pencil").run() }
    }

    @Test func aClientThatWasToldOfNoBindingIsNotFooled() throws {
        let first = try ScramClientFirst(Self.octets("y,,n=user,r=rOprNGfwEbeRWgbNEkqO"))
        let server = ScramServer(first, verifier: try Self.verifier(), isGenuine: true, nonce: Self.serverNonce)
        let final = Self.octets("c=eSws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA")
        let channel = ScramServer.Channel(isBindingRequired: false, isBindingOffered: true, exporter: Self.here, transcriptDigest: nil)
        #expect(throws: ScramServer.Refusal.bindingMismatch) { try server.finish(final, on: channel) }
        #expect(throws: ScramServer.Refusal.notAuthentic) { try server.finish(final, on: Self.channel) }
    }

    @Test(arguments: [
        "", "n", "n,,", "n,,n=user", "n,,r=rOprNGfwEbeRWgbNEkqO", "n,,n=,r=rOprNGfwEbeRWgbNEkqO", "n,,n=user,r=short",
        "x,,n=user,r=rOprNGfwEbeRW",
        "p,,n=user,r=rOprNGfwEbeRW", "p=,,n=user,r=rOprNGfwEbeRW", "n,a=other,n=user,r=rOprNGfwEbeRW", "n,,m=x,n=user,r=rOprNGfwEbeRW",
        "n,,n=us=er,r=rOprNGfwEbeRW", "n,,n=us=2c,r=rOprNGfwEbeRW", "n,,n=user,r=rOpr NGfwEbeRW", "n,,n=user,r=rOprNGfwEb\u{7F}RW",
        "n=user,r=rOprNGfwEbeRW",
    ])
    func aFaultyFirstMessageIsNone(text: String) {
        #expect(throws: SASLError.self) { try ScramClientFirst(Self.octets(text)) }
    }

    @Test func namesAreUnescaped() throws {
        #expect(try ScramClientFirst(Self.octets("n,a=a=2Cb=3D,n=a=2Cb=3D,r=rOprNGfwEbeRW")).name == "a,b=")
    }

    @Test(arguments: [
        "", "c=biws", "c=biws,r=rOprNGfwEbeRWgbNEkqO", "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=", "r=rOprNGfwEbeRWgbNEkqO,c=biws,p=AAAA",
        "c=biw,r=rOprNGfwEbeRWgbNEkqO,p=AAAA", "c=biws,r=rOprNGfwEbeRWgbNEkqO,m=x,p=AAAA",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO,t=AAAA,t=AAAA,p=AAAA",
        "c=biws,r=rOprNGfwEbeRWgbNEkqO,t,p=AAAA", "c=biws,r=rOprNGfwEbeRWgbNEkqO,t=?,p=AAAA", "c=biws,r=rOprNGfwEbeRWgbNEkqO,p=AAAA,x=y",
    ])
    func aFaultyLastMessageIsRefused(text: String) throws {
        let server = ScramServer(
            try ScramClientFirst(Self.octets(Self.clientFirst)), verifier: try Self.verifier(), isGenuine: true, nonce: Self.serverNonce)
        #expect(throws: ScramServer.Refusal.notAuthentic) { try server.finish(Self.octets(text), on: Self.channel) }
    }

    @Test(arguments: [
        "r=other%hvYDpWUa2RaTCAfuxFIlj,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096", "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        "r=rOprNGfwEbeRWgbNEkqO%hv,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4095", "r=rOprNGfwEbeRWgbNEkqO%hv,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=99999999",
        "r=rOprNGfwEbeRWgbNEkqO%hv,s=,i=4096", "m=x,r=rOprNGfwEbeRWgbNEkqO%hv,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
    ])
    func aClientRefusesAFaultyChallenge(text: String) {
        var client = ScramClient(name: "user", password: Self.octets("pencil"), exporter: nil, nonce: "rOprNGfwEbeRWgbNEkqO")
        #expect(throws: SASLError.self) { try client.answer(Self.octets(text), transcriptDigest: nil) }
    }

    // MARK: Verifiers

    @Test func aVerifierIsReadAsItIsWritten() throws {
        let verifier = ScramVerifier(password: Self.octets("correct horse"), iterationCount: 4096)
        #expect(try ScramVerifier(Self.octets(verifier.text)) == verifier)
        #expect(verifier.accepts(password: Self.octets("correct horse")) && !verifier.accepts(password: Self.octets("correct hors")))
        for text in [
            "", "SCRAM-SHA-256$", "SCRAM-SHA-1$4096:AAAA$AAAA:AAAA", verifier.text + "A", verifier.text.replacing("4096", with: "-4096"),
        ] {
            #expect(throws: SASLError.self) { try ScramVerifier(Self.octets(text)) }
        }
    }

    @Test func madeUpParametersAreSteadyAndLikeRealOnes() {
        let secret = Self.octets("secret")
        let counts = [(iterations: 4096, accounts: 1), (iterations: 10_000, accounts: 3)]
        let first = ScramVerifier(fakeFor: "nobody", secret: secret, iterationCounts: counts)
        #expect(ScramVerifier(fakeFor: "nobody", secret: secret, iterationCounts: counts) == first)
        #expect(ScramVerifier(fakeFor: "nobody2", secret: secret, iterationCounts: counts).salt != first.salt)
        #expect(first.salt.count == 16)
        let all = (0..<4000).map { ScramVerifier(fakeFor: "name\($0)", secret: secret, iterationCounts: counts).iterationCount }
        let many = all.count { $0 == 10_000 }
        #expect(Set(all) == [4096, 10_000] && (2800...3200).contains(many))
        #expect(
            ScramVerifier(fakeFor: "nobody", secret: secret, iterationCounts: []).iterationCount == ScramVerifier.iterationCountStandard)
    }
}
