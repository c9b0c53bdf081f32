import Bytes
import Testing

struct TextFormTests {
    /// RFC 4648 section 10.
    @Test(arguments: [
        ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
    ])
    func base64IsThatOfTheRFC(_ plain: String, _ text: String) {
        let octets = Array(plain.utf8)
        let letters = Array(text.utf8)
        #expect(Base64.standard.text(octets.span.bytes) == text)
        #expect(Base64.standard.octets(letters.span.bytes) == octets)
        let bare = letters.filter { $0 != UInt8(ascii: "=") }
        #expect(Base64.url.text(octets.span.bytes) == String(decoding: bare, as: UTF8.self))
        #expect(Base64.url.octets(bare.span.bytes) == octets)
    }

    @Test func theAlphabetsDifferInTwoLetters() {
        let octets: [UInt8] = [0xFB, 0xFF]
        #expect(Base64.standard.text(octets.span.bytes) == "+/8=")
        #expect(Base64.url.text(octets.span.bytes) == "-_8")
    }

    @Test(arguments: ["Z", "Zg", "Zg=", "Zh==", "Zm9=", "Zg===", "=Zg=", "Z-==", "Zm8\n", "Zm 8"])
    func otherTextsAreRefused(_ text: String) {
        let letters = Array(text.utf8)
        #expect(Base64.standard.octets(letters.span.bytes) == nil)
    }

    @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "+/8", "Zm 8"])
    func otherTextsAreRefusedInURLs(_ text: String) {
        let letters = Array(text.utf8)
        #expect(Base64.url.octets(letters.span.bytes) == nil)
    }

    @Test func everyPieceOfATextIsJudgedAsTheWholeIs() {
        var random = SystemRandomNumberGenerator()
        let samples: [[UInt8]] = [
            Array("plain ASCII of more than eight octets".utf8), Array("é€𝄞".utf8), [0xC3], [0xE2, 0x82], [0xF0, 0x9D, 0x84], [0xC0, 0xAF],
            [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0x80], [0xFE], [0xE0, 0x9F, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF],
        ]
        for _ in 0..<2_000 {
            let octets = (0..<Int.random(in: 0...4, using: &random)).flatMap { _ in samples.randomElement(using: &random) ?? [] }
            var validator = UTF8Validator()
            var isAccepted = true
            var rest = octets[...]
            while isAccepted && !rest.isEmpty {
                let piece = Array(rest.prefix(Int.random(in: 1...12, using: &random)))
                rest = rest.dropFirst(piece.count)
                isAccepted = validator.accept(piece.span.bytes)
            }
            #expect((isAccepted && validator.isAtBoundary) == octets.span.bytes.isWellFormedUTF8)
        }
    }

    @Test func maskingTwiceGivesThePlainOctets() {
        let plain = (0..<100).map { UInt8($0) }
        for phase in 0..<8 {
            var once = ByteWriter()
            once.append(plain.span.bytes, maskedBy: 0x01_80_FF_37, phase: phase)
            let masked = once.finish().array
            let key: [UInt8] = [0x01, 0x80, 0xFF, 0x37]
            #expect(masked == plain.enumerated().map { $1 ^ key[($0 + phase) & 3] })
        }
    }
}
