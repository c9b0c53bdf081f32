import ChatProtocol
import Testing

@testable import broker_cli

@Suite struct VisibleTextTests {
    @Test(arguments: [
        ("plain text", "plain text"), ("", ""), ("äöü ß 漢字 🎉", "äöü ß 漢字 🎉"),
        ("\u{1B}[2J\u{1B}]0;owned\u{7}", "^[[2J^[]0;owned^G"), ("a\rb", "a^Mb"), ("a\r\nb", "a^M^Jb"), ("a\u{8}b", "a^Hb"),
        ("nul\u{0}", "nul^@"), ("del\u{7F}", "del^?"), ("c1 \u{9B}31m", "c1 \\u{9B}31m"), ("nel\u{85}", "nel\\u{85}"),
        ("\u{202E}txt.exe", "\\u{202E}txt.exe"), ("\u{2066}x\u{2069}", "\\u{2066}x\\u{2069}"), ("\u{200F}", "\\u{200F}"),
        ("zero\u{200B}width", "zero\\u{200B}width"), ("\u{FEFF}bom", "\\u{FEFF}bom"), ("soft\u{AD}hyphen", "soft\\u{AD}hyphen"),
        ("line\u{2028}sep", "line\\u{2028}sep"), ("tag\u{E0041}", "tag\\u{E0041}"), ("filler\u{3164}", "filler\\u{3164}"),
        ("tab\there", "tab    here"), ("a\u{200D}b", "a\\u{200D}b"), ("👩\u{200D}🚀", "👩\u{200D}🚀"), ("❤\u{FE0F}", "❤\u{FE0F}"),
        ("👍🏽", "👍🏽"), ("e\u{301}", "e\u{301}"), ("\u{301}alone", "\\u{301}alone"),
    ])
    func showsWhatATerminalWouldObeyOrHide(text: String, shown: String) {
        #expect(VisibleText.escape(text) == shown)
    }

    @Test func pilesOfMarksAreCut() {
        let pile = "a" + String(repeating: "\u{301}", count: 9)
        #expect(VisibleText.escape(pile) == "a" + String(repeating: "\u{301}", count: 4) + String(repeating: "\\u{301}", count: 5))
    }

    @Test func noOctetThatDrivesATerminalIsEverLeft() {
        for value in (UInt32(0)...0x10FFFF) where value < 0x3000 || (0xE0000...0xE0FFF).contains(value) {
            guard let scalar = Unicode.Scalar(value) else { continue }
            for octet in VisibleText.escape(String(scalar)).unicodeScalars {
                #expect(octet.value >= 0x20 && octet.value != 0x7F && !(0x80...0x9F).contains(octet.value))
            }
        }
    }

    @Test func lineFeedsAreKeptOnlyOnRequest() {
        #expect(VisibleText.escape("a\nb") == "a^Jb")
        #expect(VisibleText.escape("a\nb", lineFeed: .kept) == "a\nb")
    }
}

@Suite struct StyledTextTests {
    @Test func textCannotBringSequencesAlong() {
        var line = StyledText("\u{1B}[31m", .bold)
        line.append("bob\u{1B}", .name("bob"))
        #expect(line.rendered(isColoured: false) == "^[[31mbob^[")
        let coloured = line.rendered(isColoured: true)
        #expect(coloured.hasPrefix("\u{1B}[1m^[[31m\u{1B}[0m"))
    }

    @Test func furtherLinesCannotPassForMessages() {
        var line = StyledText("<bob> ")
        line.appendLines("one\n12:00:00 [lobby] <alice> two", isOneLine: false)
        #expect(line.rendered(isColoured: false) == "<bob> one\n    | 12:00:00 [lobby] <alice> two")
        var single = StyledText("<bob> ")
        single.appendLines("one\ntwo", isOneLine: true)
        #expect(single.rendered(isColoured: false) == "<bob> one^Jtwo")
    }

    @Test func aNameHasOneColour() {
        #expect(StyledText.colour(of: "alice") == StyledText.colour(of: "alice"))
        let colours = Set((0..<100).map { StyledText.colour(of: "user\($0)") })
        #expect(colours.count > 8)
    }
}

@Suite struct CharacterWidthTests {
    @Test(arguments: [
        ("a", 1), ("é", 1), ("e\u{301}", 1), ("漢", 2), ("あ", 2), ("한", 2), ("ｶ", 1), ("Ａ", 2), ("🎉", 2), ("👩‍👩‍👧", 2), ("🇩🇪", 2),
        ("👍🏽", 2), ("ß", 1), ("→", 1), ("漢字kana", 8), ("", 0), ("\u{301}", 0),
    ])
    func countsCells(text: String, width: Int) {
        #expect(CharacterWidth.of(text) == width)
    }
}

@Suite struct JSONLineTests {
    @Test func quotesWhatJSONAndTerminalsWouldObey() {
        #expect(JSONLine.quoted("a\"b\\c\nd\te") == "\"a\\\"b\\\\c\\nd\\te\"")
        #expect(JSONLine.quoted("\u{1B}\u{7F}\u{9B}\u{202E}\u{E0041}") == "\"\\u001b\\u007f\\u009b\\u202e\\udb40\\udc41\"")
        #expect(JSONLine.quoted("漢 🎉") == "\"漢 🎉\"")
    }

    @Test func keepsOrderAndLeavesOutWhatIsAbsent() {
        var line = JSONLine("x")
        line.add("a", "1")
        line.add("b", String?.none)
        line.add("c", UInt64(7))
        line.add("d", flag: true)
        line.add("e", flag: false)
        line.add("f", milliseconds: 1.0305)
        #expect(line.closed == #"{"t":"x","a":"1","c":7,"d":true,"f":1.031}"#)
    }
}
