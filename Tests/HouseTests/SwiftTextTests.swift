import Testing

@Suite struct SwiftTextTests {
    @Test(arguments: [
        ("import A", ["A"]), ("public import A\nimport B.C", ["A", "B"]), ("@testable import A", ["A"]),
        ("@_spi(X) public import A", ["A"]),
        ("import struct A.B", ["A"]), ("  import A // B", ["A"]), ("// import A", []),
        ("/* import A\n/* import B */ import C */import D", ["D"]),
        ("let important = 1", []), ("let s = \"import A\"", []), ("let s = \"\"\"\nimport A\n\"\"\"\nimport B", ["B"]),
        ("let s = #\"\"\"\nimport A \"\"\"\n\"\"\"#\nimport B", ["B"]), ("let s = \"\\(f(\")\"))\"\nimport B", ["B"]),
        ("let s = \"\\\"\"\nimport B", ["B"]),
    ])
    func readsImports(text: String, imports: [String]) {
        #expect(SwiftText(text).imports == imports)
    }

    @Test func keepsLineNumbers() {
        let text = SwiftText("/* a\n b */\nlet s = \"\"\"\n  one\n  \"\"\"\n// remark\nstop()\r\nstop()")
        #expect(text.lines(using: "stop", followedBy: "(") == [7, 8])
    }

    @Test func findsWholeWords() {
        #expect("a stop b".containsWord("stop"))
        #expect("nonstop stop".containsWord("stop"))
        #expect(!"nonstop".containsWord("stop"))
        #expect(!"stop_it stops".containsWord("stop"))
        #expect("stop()".containsWord("stop", followedBy: "("))
        #expect(!"stop ()".containsWord("stop", followedBy: "("))
        #expect(!"".containsWord("stop"))
    }
}
