import Testing

@testable import broker_cli

@Suite struct LineEditorTests {
    /// Types what stands for keys: letters for themselves, `^x` control, `~x` Alt, and words in brackets.
    private func edit(_ keys: [Key], in editor: inout LineEditor) -> [LineEditor.Action] { keys.map { editor.handle($0) } }

    private func typed(_ text: String) -> LineEditor {
        var editor = LineEditor()
        for character in text { _ = editor.handle(.text(character)) }
        return editor
    }

    @Test(arguments: [
        ([Key.left, .text("X")], "one two threXe", 13), ([.control("a"), .text("X")], "Xone two three", 1),
        ([.home, .delete], "ne two three", 0),
        ([.control("e"), .backspace], "one two thre", 12), ([.wordLeft, .text("X")], "one two Xthree", 9),
        ([.control("w")], "one two ", 8), ([.control("w"), .control("w")], "one ", 4), ([.wordLeft, .control("k")], "one two ", 8),
        ([.wordLeft, .control("u")], "three", 0), ([.control("w"), .control("a"), .control("y")], "threeone two ", 5),
        ([.home, .wordRight, .text("X")], "oneX two three", 4), ([.home, .alt("d")], " two three", 0), ([.alt("\u{7F}")], "one two ", 8),
        ([.control("t")], "one two there".replacing("there", with: "there"), 13),
        ([.home, .control("f"), .control("h")], "ne two three", 0),
        ([.home, .left], "one two three", 0), ([.right], "one two three", 13), ([.control("b"), .control("d")], "one two thre", 12),
    ])
    func editsLikeEmacs(keys: [Key], line: String, cursor: Int) {
        var editor = typed("one two three")
        _ = edit(keys, in: &editor)
        // Transposing the last two letters of `three` leaves them as they are.
        #expect(editor.text == (keys == [.control("t")] ? "one two three" : line))
        #expect(editor.cursor == cursor)
    }

    @Test func transposesTheLettersAroundTheCursor() {
        var editor = typed("abc")
        #expect(edit([.left, .control("t")], in: &editor) == [.redraw, .redraw])
        #expect(editor.text == "acb")
    }

    @Test func wideCharactersAreOneEach() {
        var editor = typed("漢字👩‍👩‍👧é")
        #expect(editor.line.count == 4)
        _ = edit([.left, .backspace], in: &editor)
        #expect(editor.text == "漢字é")
    }

    @Test func aMarkTypedAfterItsLetterJoinsIt() {
        var editor = typed("e")
        _ = editor.handle(.text("\u{301}"))
        #expect(editor.line == ["é"])
        #expect(editor.cursor == 1)
    }

    @Test func enterGivesTheLineAndEmptiesIt() {
        var editor = typed("hello")
        #expect(editor.handle(.enter) == .submit("hello"))
        #expect(editor.text.isEmpty)
    }

    @Test func endOfInputOnlyOnAnEmptyLine() {
        var editor = typed("x")
        #expect(editor.handle(.control("d")) == .bell)
        _ = editor.handle(.backspace)
        #expect(editor.handle(.control("d")) == .endOfInput)
    }

    @Test func interruptDropsTheLine() {
        var editor = typed("draft")
        #expect(editor.handle(.control("c")) == .interrupt)
        #expect(editor.text.isEmpty)
    }

    @Test func aPasteKeepsLineFeedsAndLosesControls() {
        var editor = LineEditor()
        _ = editor.handle(.paste("one\ntwo\u{1B}[2J\u{7}\tx"))
        #expect(editor.text == "one\ntwo[2J\tx")
        #expect(editor.handle(.enter) == .submit("one\ntwo[2J\tx"))
    }

    @Test func aLineIsBounded() {
        var editor = LineEditor()
        _ = editor.handle(.paste(String(repeating: "x", count: LineEditor.characterCountMax)))
        #expect(editor.handle(.text("y")) == .bell)
        #expect(editor.line.count == LineEditor.characterCountMax)
    }

    // MARK: History

    private func withHistory(_ lines: String...) -> LineEditor {
        var editor = LineEditor()
        for line in lines {
            for character in line { _ = editor.handle(.text(character)) }
            _ = editor.handle(.enter)
        }
        return editor
    }

    @Test func upAndDownWalkTheHistoryAndKeepTheDraft() {
        var editor = withHistory("one", "two", "two", "three")
        _ = editor.handle(.text("d"))
        var seen: [String] = []
        for _ in 0..<4 {
            _ = editor.handle(.up)
            seen.append(editor.text)
        }
        #expect(seen == ["three", "two", "one", "one"])
        for _ in 0..<3 { _ = editor.handle(.down) }
        #expect(editor.text == "d")
        #expect(editor.handle(.down) == .bell)
    }

    @Test func searchFindsNewestFirstAndGoesBack() {
        var editor = withHistory("say alpha", "beta", "say gamma")
        _ = editor.handle(.control("r"))
        for character in "say" { _ = editor.handle(.text(character)) }
        #expect(editor.text == "say gamma")
        #expect(editor.searchPrompt == "(search) `say`: ")
        _ = editor.handle(.control("r"))
        #expect(editor.text == "say alpha")
        #expect(editor.handle(.enter) == .submit("say alpha"))
        #expect(editor.search == nil)
    }

    @Test func searchWithoutMatchSaysSoAndCanBeGivenUp() {
        var editor = withHistory("alpha")
        _ = editor.handle(.text("d"))
        _ = editor.handle(.control("r"))
        _ = editor.handle(.text("z"))
        #expect(editor.searchPrompt == "(no match) `z`: ")
        _ = editor.handle(.control("g"))
        #expect(editor.text == "d")
        #expect(editor.searchPrompt == nil)
    }

    @Test func historyIsBounded() {
        var history = History()
        for number in 0..<(History.entryCountMax + 10) { history.add("line \(number)") }
        var oldest: String?
        while let entry = history.older(than: "") { oldest = entry }
        #expect(oldest == "line 10")
    }

    // MARK: Completion

    private func complete(_ text: String, _ candidates: [String], times: Int = 1) -> (String, LineEditor.Action) {
        var editor = typed(text)
        var action = LineEditor.Action.none
        let start = text.lastIndex(of: " ").map { text.distance(from: text.startIndex, to: $0) + 1 } ?? 0
        for _ in 0..<times {
            action = editor.handle(.tab) { line, cursor in
                candidates.isEmpty ? nil : Completion(range: start..<cursor, candidates: candidates)
            }
        }
        return (editor.text, action)
    }

    @Test func tabCompletesWhatIsCertain() {
        #expect(complete(":jr de", ["dev"]) == (":jr dev ", .redraw))
        #expect(complete(":jr d", ["dev-one", "dev-two"]) == (":jr dev-", .redraw))
        #expect(complete(":jr dev-", ["dev-one", "dev-two"]) == (":jr dev-", .bell))
        #expect(complete(":jr dev-", ["dev-one", "dev-two"], times: 2) == (":jr dev-", .offer(["dev-one", "dev-two"])))
        #expect(complete(":jr zz", []) == (":jr zz", .bell))
    }
}

@Suite struct LineLayoutTests {
    private func layout(_ line: String, cursor: Int? = nil, columns: Int = 10, rows: Int = .max) -> LineLayout {
        LineLayout(
            prompt: [("\u{1B}[2m> \u{1B}[0m", "> ")], line: Array(line), cursor: cursor ?? line.count, columnCount: columns,
            rowCountMax: rows)
    }

    @Test func promptTakesItsCellsAndNotItsSequences() {
        let layout = layout("abc")
        #expect(layout.rows == ["\u{1B}[2m> \u{1B}[0mabc"])
        #expect(layout.cursorColumn == 5)
    }

    @Test func fullRowPutsTheCursorOnTheNext() {
        let layout = layout("12345678")
        #expect(layout.rows.count == 2)
        #expect(layout.cursorRow == 1)
        #expect(layout.cursorColumn == 0)
        #expect(self.layout("12345678", cursor: 7).cursorRow == 0)
    }

    @Test func wideCharacterIsNotCutInTwo() {
        let layout = layout("1234567漢x")
        #expect(layout.rows == ["\u{1B}[2m> \u{1B}[0m1234567", "漢x"])
        #expect(layout.rowWidths == [9, 3])
        #expect(self.layout("1234567漢x", cursor: 7).cursorRow == 1)
    }

    @Test func whatCannotBeSeenIsShown() {
        #expect(layout("a\nb\tc\u{202E}", columns: 40).rows == ["\u{1B}[2m> \u{1B}[0ma↵b⇥c\\u{202E}"])
    }

    @Test func moreRowsThanTheScreenHasAreClippedAroundTheCursor() {
        let long = String(repeating: "0123456789", count: 10)
        let layout = layout(long, cursor: 50, rows: 3)
        #expect(layout.rows.count == 3)
        #expect(layout.rowWidths.count == 3)
        #expect((0..<3).contains(layout.cursorRow))
    }

    @Test func redrawGoesUpToWhereTheLineBegan() {
        var display = LineDisplay()
        #expect(display.draw(layout("12345678901")) == "\u{1B}[2m> \u{1B}[0m12345678\r\n901\r\u{1B}[3C")
        #expect(display.draw(layout("x")) == "\u{1B}[1A\r\u{1B}[J\u{1B}[2m> \u{1B}[0mx\r\u{1B}[3C")
        #expect(display.erase(columnCount: 10) == "\r\u{1B}[J")
        #expect(display.erase(columnCount: 10).isEmpty)
    }

    @Test func narrowerTerminalHasBrokenTheRowsOnceMore() {
        var display = LineDisplay()
        _ = display.draw(layout("123456789012", columns: 10))
        // Rows of 10 and 4 cells take 2 and 1 rows of 5 columns; the cursor is in the third.
        #expect(display.erase(columnCount: 5) == "\u{1B}[2A\r\u{1B}[J")
    }

    @Test func leavingGoesBelowTheLine() {
        var display = LineDisplay()
        _ = display.draw(layout("12345678901", cursor: 0))
        #expect(display.leave() == "\u{1B}[1B\r\n")
    }
}
