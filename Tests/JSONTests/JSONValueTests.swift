import Bytes
import Testing

@testable import JSON

struct JSONValueTests {
    private func value(_ text: String) -> JSONValue? { JSONValue(Array(text.utf8)) }

    @Test func readsEveryKind() {
        #expect(
            value(" {\"a\": [1, -2, 3.5, true, false, null], \"b\" : {\"c\":\"\\u00e4\\ud83d\\ude00\\n\"}} ")
                == .object([
                    "a": .list([.number(1), .number(-2), .number(3), .boolean(true), .boolean(false), .null]),
                    "b": .object(["c": .text("ä😀\n")]),
                ]))
        #expect(value("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"") == .text("\"\\/\u{08}\u{0C}\n\r\t"))
        #expect(value("{}") == .object([:]) && value("[ ]") == .list([]))
    }

    @Test func keepsWholeNumbers() {
        #expect(value("9223372036854775807") == .number(.max) && value("-9223372036854775808") == .number(.min))
        #expect(value("9223372036854775808") == .number(nil) && value("1e3") == .number(nil) && value("-0.9") == .number(0))
    }

    @Test(arguments: [
        "", "{", "{}x", "{\"a\":1,\"a\":2}", "{\"a\":1,\"\\u0061\":2}", "{a:1}", "[1,]", "[01]", "\"\u{01}\"", "\"\\ud800\"", "\"\\udc00\"",
        "\"\\x\"", "\"\\u12\"", "tru", "-", "1.", ".5", "1e", "+1", "{\"a\"}", "{\"a\":1,}", "[1 2]", "[1}", "\"a", "\"a\\", "nulll",
        "// x\n1",
    ])
    func refusesWhatIsNone(text: String) {
        #expect(value(text) == nil)
    }

    @Test func refusesWhatIsNoText() {
        #expect(JSONValue([UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")]) == nil)
    }

    @Test(arguments: [("[", "]"), ("{\"a\":", "}")])
    func nestingIsBounded(open: String, close: String) {
        func nested(_ count: Int) -> String {
            String(repeating: open, count: count) + "1" + String(repeating: close, count: count)
        }
        #expect(value(nested(JSONScanner.depthMax)) != nil)
        #expect(value(nested(JSONScanner.depthMax + 1)) == nil)
        #expect(value(nested(100_000)) == nil)
    }

    /// Whatever is written as a string is read as the same.
    @Test func stringsSurvive() {
        for text in ["", "plain", "\"\\/\u{00}\u{1F}\n\r\t\u{7F}", "ä😀\u{2028}", String(repeating: "\u{0B}x", count: 1_000)] {
            var writer = ByteWriter(minimumCapacity: 16)
            JSONText.append(string: Array(text.utf8).span.bytes, to: &writer)
            #expect(JSONValue(writer.finish().withUnsafeBytes { Array($0) }) == .text(text))
        }
    }
}
