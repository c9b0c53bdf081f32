import Bytes
import ChatDialects
import ChatProtocol
import Foundation
import Testing

/// The examples of docs/PROTOCOL.md: the JSON there is what this broker writes, octet by octet.
struct DocumentTests {
    struct Example: CustomTestStringConvertible, Sendable {
        var title: String
        var octets: [UInt8]
        var json: String

        var testDescription: String { title }
    }

    static let examples: [Example] = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        guard let text = try? String(contentsOf: root.appending(path: "docs/PROTOCOL.md"), encoding: .utf8) else { return [] }
        return text.components(separatedBy: "\n**Example ").dropFirst().compactMap { section in
            let parts = section.components(separatedBy: "```")
            guard parts.count > 3 else { return nil }
            let octets = parts[1].split(separator: "\n").flatMap { line in
                line.dropFirst(4).prefix { $0 != "|" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
            }
            let json = parts[3].replacingOccurrences(of: "json\n", with: "").trimmingCharacters(in: .newlines)
            return Example(title: String(section.prefix { $0 != "\n" }), octets: octets, json: json)
        }
    }()

    @Test func thereAreExamples() { #expect(Self.examples.count > 40) }

    /// Fields and types that are not assigned have no name in JSON, and are left out.
    @Test(arguments: examples.filter { !$0.json.contains("\"#") && !$0.json.contains("\"t\":\"#") })
    func theDocumentsJSONIsWhatIsWritten(_ example: Example) throws {
        let frame = WireEncoding.json.translation(of: SharedBytes(example.octets)).array
        let header = frame[1] < 126 ? 2 : 4
        #expect(String(decoding: frame[header...], as: UTF8.self) == example.json)
    }
}
