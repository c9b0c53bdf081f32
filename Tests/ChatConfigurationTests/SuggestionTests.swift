import Testing

@testable import ChatConfiguration

@Suite struct SuggestionTests {
    @Test(arguments: [
        ("", "", 0), ("", "abc", 3), ("abc", "", 3), ("abc", "abc", 0), ("abc", "abd", 1), ("abc", "acb", 1), ("abc", "ab", 1),
        ("ab", "abc", 1),
        ("kitten", "sitting", 3), ("ca", "abc", 3),
    ])
    func countsEdits(first: String, second: String, distance: Int) {
        #expect(Suggestion.distance(Array(first.utf8), Array(second.utf8)) == distance)
        #expect(Suggestion.distance(Array(second.utf8), Array(first.utf8)) == distance)
    }

    @Test func suggestsWhatIsNearOnly() {
        let words = ["loops", "log_level", "node_name"]
        #expect(Suggestion.nearest(to: "lops", among: words) == "loops")
        #expect(Suggestion.nearest(to: "LOG_LEVEL", among: words) == "log_level")
        #expect(Suggestion.nearest(to: "loglevel", among: words) == "log_level")
        #expect(Suggestion.nearest(to: "colour", among: words) == nil)
        #expect(Suggestion.nearest(to: "x", among: []) == nil)
    }
}
