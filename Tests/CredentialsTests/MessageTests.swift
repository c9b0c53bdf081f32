import Bytes
import Credentials
import SASL
import Testing

@Suite struct MessageTests {
    // RFC 4648, section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64OfTheRFC(plain: String, text: String) {
        #expect(Base64.standard.text(of: Array(plain.utf8)) == text)
        #expect(Base64.standard.octets(in: text) == Array(plain.utf8))
        let url = String(text.prefix { $0 != "=" })
        #expect(Base64.url.text(of: Array(plain.utf8)) == url)
        #expect(Base64.url.octets(in: url) == Array(plain.utf8))
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zm9v\n", "Zm9v====", "Z===", "_-__", "Zg==Zg=="])
    func otherTextsAreNoBase64(text: String) { #expect(Base64.standard.octets(in: text) == nil) }

    @Test(arguments: ["Z", "Zh", "Zm9", "Zg==", "+/++"])
    func otherTextsAreNoBase64URL(text: String) { #expect(Base64.url.octets(in: text) == nil) }

    @Test func resumeMessages() throws {
        let message = ResumeMessage(name: "ada", proof: [UInt8](repeating: 0, count: 32))
        #expect(try ResumeMessage(message.octets) == message)
        for octets in [[], [0], Array(message.octets.dropFirst(3)), Array(message.octets.dropLast()), message.octets + [0]] {
            #expect(throws: SASLError.self) { try ResumeMessage(octets) }
        }
    }

    @Test func bearerMessages() throws {
        // RFC 7628, section 4.1.
        let example =
            "n,a=user@example.com,\u{01}host=server.example.com\u{01}port=143\u{01}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{01}\u{01}"
        let read = try BearerMessage(Array(example.utf8))
        #expect(read == BearerMessage(name: "user@example.com", token: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="))
        let message = BearerMessage(token: "a.b.c")
        #expect(try BearerMessage(message.octets) == message)
        for text in [
            "", "n,,\u{01}\u{01}", "n,,\u{01}auth=Basic x\u{01}\u{01}", "n,,\u{01}auth=Bearer x\u{01}", "n,,\u{01}auth=Bearer\u{01}\u{01}",
            "p=x,,\u{01}auth=Bearer x\u{01}\u{01}", "n,,\u{01}auth=Bearer x\u{01}auth=Bearer y\u{01}\u{01}",
            "n,x,\u{01}auth=Bearer x\u{01}\u{01}",
        ] {
            #expect(throws: SASLError.self, "\(text)") { try BearerMessage(Array(text.utf8)) }
        }
    }

    @Test func plainMessages() throws {
        let message = PlainMessage(name: "ada", password: Array("pass word".utf8))
        #expect(try PlainMessage(message.octets) == message)
        for text in ["", "\0ada", "\0ada\0", "\0\0x", "eve\0ada\0x", "\0ada\0x\0y"] {
            #expect(throws: SASLError.self) { try PlainMessage(Array(text.utf8)) }
        }
    }

    // RFC 4231, test case 2; FIPS 180-4, "abc"; RFC 7914, section 11.
    @Test func digests() {
        func hex(_ octets: [UInt8]) -> String { octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() }
        #expect(hex(Digests.sha256(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(
            hex(Digests.hmac(key: Array("Jefe".utf8), Array("what do ya want for nothing?".utf8)))
                == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        #expect(
            hex(Digests.pbkdf2(password: Array("passwd".utf8), salt: Array("salt".utf8), iterationCount: 1))
                == "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc")
        #expect(Digests.random(byteCount: 16) != Digests.random(byteCount: 16))
        #expect(Digests.areEqual([1, 2], [1, 2]) && !Digests.areEqual([1, 2], [1, 3]) && !Digests.areEqual([1], [1, 2]))
    }
}
