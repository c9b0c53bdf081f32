import Bytes
import ChatProtocol
import Testing

struct TextRulesTests {
    private func isAcceptable(_ octets: [UInt8]) -> Bool { TextRules.isAcceptable(octets.span.bytes) }

    /// The rule as docs/PROTOCOL.md says it, with the standard library's decoder.
    private func isAcceptableByTheBook(_ octets: [UInt8]) -> Bool {
        guard let text = String(validating: octets, as: UTF8.self) else { return false }
        return text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x09, 0x0A: true
            case 0...0x1F, 0x7F...0x9F: false
            default: true
            }
        }
    }

    @Test func everyScalarIsJudgedAsTheBookSays() {
        for value in UInt32(0)...0x10_FFFF {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let octets = Array(String(Character(scalar)).utf8)
            let isAllowed = value == 9 || value == 10 || (value >= 0x20 && !(0x7F...0x9F).contains(value))
            guard isAcceptable(octets) == isAllowed, TextRules.isAcceptable(scalar) == isAllowed else {
                Issue.record("U+\(String(value, radix: 16))")
                return
            }
        }
    }

    @Test func surrogatesAndOverlongFormsAreRefused() {
        for value in UInt32(0xD800)...0xDFFF {
            #expect(!isAcceptable([0xE0 | UInt8(value >> 12), 0x80 | UInt8(value >> 6 & 0x3F), 0x80 | UInt8(value & 0x3F)]))
        }
        for octets in [[0xC0, 0xAF], [0xC1, 0xBF], [0xE0, 0x9F, 0xBF], [0xF0, 0x8F, 0xBF, 0xBF], [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80]] as [[UInt8]] {
            #expect(!isAcceptable(octets))
        }
    }

    @Test func everyOctetAtEveryPlaceOfEveryLength() {
        for count in 0...25 {
            let plain = [UInt8](repeating: 0x61, count: count)
            #expect(isAcceptable(plain))
            for place in 0..<count {
                for octet in UInt8.min...UInt8.max {
                    var octets = plain
                    octets[place] = octet
                    #expect(isAcceptable(octets) == isAcceptableByTheBook(octets))
                }
            }
        }
    }

    @Test func randomOctetsAreJudgedAsTheBookSays() {
        var random = SeededRandom(seed: 8)
        let pieces: [[UInt8]] = [
            [0x61], [0x62, 0x63, 0x64], Array("plain text".utf8), [0x0A], [0x09], [0x20], [0x7E], [0xC2, 0xA0], [0xC3, 0xA9], [0xE2, 0x82, 0xAC],
            [0xF0, 0x9F, 0x91, 0x8D], [0xC2, 0x85], [0x1F], [0x7F], [0x80], [0xC2], [0xED, 0xA0, 0x80],
        ]
        for _ in 0..<40_000 {
            let usable = random.chance(70) ? 11 : pieces.count - 1
            let octets = (0..<random.upTo(12)).flatMap { _ in pieces[random.upTo(usable)] }
            #expect(isAcceptable(octets) == isAcceptableByTheBook(octets))
        }
    }

    @Test func clippedTextIsAcceptableAndWithinItsLimit() {
        var random = SeededRandom(seed: 9)
        let pieces = ["a", "\u{1B}[31m", "é", "e\u{301}", "👍🏽", "👩‍👩‍👧‍👦", "\r\n", "\n", "\u{85}", "日本"]
        for _ in 0..<3_000 {
            let text = (0..<random.upTo(20)).map { _ in pieces[random.upTo(pieces.count - 1)] }.joined()
            let limit = random.upTo(60)
            let clipped = TextRules.clipped(text, byteCountMax: limit)
            #expect(clipped.utf8.count <= limit)
            #expect(isAcceptable(Array(clipped.utf8)))
            if isAcceptable(Array(text.utf8)) {
                #expect(Array(text.utf8).starts(with: clipped.utf8))
                if text.utf8.count <= limit { #expect(clipped == text) }
            }
        }
    }

    @Test func clippingCutsBetweenCharacters() {
        #expect(TextRules.clipped("abc", byteCountMax: 3) == "abc")
        #expect(TextRules.clipped("abcd", byteCountMax: 3) == "abc")
        #expect(TextRules.clipped("aé", byteCountMax: 2) == "a")
        #expect(TextRules.clipped("ae\u{301}", byteCountMax: 3) == "a")
        #expect(TextRules.clipped("e\u{301}\u{301}", byteCountMax: 3) == "e\u{301}")
        #expect(TextRules.clipped("a\u{1B}b", byteCountMax: 10) == "a\u{FFFD}b")
        #expect(TextRules.clipped("abc", byteCountMax: 0).isEmpty)
    }
}
