import Testing

@testable import ChatConfiguration

@Suite struct KeyPositionsTests {
    @Test func findsKeysAndTables() {
        let positions = KeyPositions(
            text: """
                # loops = 1
                first.second = 2
                  [ runtime ]   # a comment
                loops = 3
                \t"quoted" = "a = b"
                """)
        #expect(positions["first.second"] == .init(line: 2, column: 1))
        #expect(positions["runtime"] == .init(line: 3, column: 3))
        #expect(positions["runtime.loops"] == .init(line: 4, column: 1))
        #expect(positions["runtime.quoted"] == .init(line: 5, column: 2))
    }

    @Test func fallsBackToTheTable() {
        let positions = KeyPositions(text: "[a]\nb = { c = 1 }\n")
        #expect(positions["a.b.c"] == .init(line: 2, column: 1))
        #expect(positions["a.x"] == .init(line: 1, column: 1))
        #expect(positions["y"] == nil)
    }

    @Test func readsWindowsLineEnds() {
        #expect(KeyPositions(text: "[a]\r\nb = 1\r\n")["a.b"] == .init(line: 2, column: 1))
    }
}
