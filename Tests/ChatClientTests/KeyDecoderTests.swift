import Testing

@testable import broker_cli

@Suite struct KeyDecoderTests {
    private static let table: [(String, [Key])] = [
        ("a", [.text("a")]), ("é漢🎉", [.text("é"), .text("漢"), .text("🎉")]), ("\r", [.enter]), ("\n", [.enter]), ("\t", [.tab]),
        ("\u{7F}", [.backspace]), ("\u{8}", [.backspace]), ("\u{1}", [.control("a")]), ("\u{12}", [.control("r")]),
        ("\u{1B}[A", [.up]), ("\u{1B}[B", [.down]), ("\u{1B}[C", [.right]), ("\u{1B}[D", [.left]), ("\u{1B}OA", [.up]),
        ("\u{1B}OH", [.home]),
        ("\u{1B}[H", [.home]), ("\u{1B}[F", [.end]), ("\u{1B}[1~", [.home]), ("\u{1B}[4~", [.end]), ("\u{1B}[7~", [.home]),
        ("\u{1B}[8~", [.end]), ("\u{1B}[3~", [.delete]), ("\u{1B}[1;5C", [.wordRight]), ("\u{1B}[1;5D", [.wordLeft]),
        ("\u{1B}[1;3D", [.wordLeft]), ("\u{1B}[1;2D", [.left]), ("\u{1B}b", [.alt("b")]), ("\u{1B}\u{7F}", [.alt("\u{7F}")]),
        ("\u{1B}[15~", [.unknown]), ("\u{1B}[200~pa\rste\u{1B}[201~x", [.paste("pa\nste"), .text("x")]),
        ("\u{1B}[200~\u{1B}[A\u{1B}[201~", [.paste("\u{1B}[A")]), ("\u{1B}[200~\u{1B}[201~", [.paste("")]),
    ]

    @Test func keysComeWholeHoweverTheirOctetsCome() {
        for (text, keys) in Self.table {
            let octets = Array(text.utf8)
            for split in 0...octets.count {
                var decoder = KeyDecoder()
                let got = decoder.feed(octets[..<split]) + decoder.feed(octets[split...])
                #expect(got == keys, "\(text.debugDescription) split at \(split)")
                #expect(!decoder.isWaiting)
            }
        }
    }

    @Test func loneEscapeIsAKeyAfterAWhile() {
        var decoder = KeyDecoder()
        #expect(decoder.feed([0x1B]).isEmpty)
        #expect(decoder.isWaiting)
        #expect(decoder.flush() == [.escape])
        #expect(!decoder.isWaiting)
        #expect(decoder.flush().isEmpty)
    }

    @Test func brokenUTF8IsShownAsSuch() {
        var decoder = KeyDecoder()
        #expect(
            decoder.feed([0xFF, 0x61, 0xE4, 0x28, 0x29]) == [.text("\u{FFFD}"), .text("a"), .text("\u{FFFD}"), .text("("), .text(")")])
    }

    @Test func anEndlessSequenceIsGivenUp() {
        var decoder = KeyDecoder()
        _ = decoder.feed([0x1B, 0x5B] + [UInt8](repeating: 0x30, count: 200))
        #expect(!decoder.isWaiting)
    }

    @Test func aPasteIsBounded() {
        var decoder = KeyDecoder()
        let octets = Array("\u{1B}[200~".utf8) + [UInt8](repeating: 0x78, count: 200_000) + Array("\u{1B}[201~".utf8)
        guard case .paste(let text) = decoder.feed(octets).first else {
            Issue.record("a paste is one key")
            return
        }
        #expect(text.count == KeyDecoder.pasteByteCountMax)
    }
}
