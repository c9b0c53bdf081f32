import Foundation
import Testing

/// The vectors of docs/PROTOCOL.md, read out of the document, so that document and codec cannot part.
enum Document {
    struct Example: CustomTestStringConvertible, Sendable {
        var title: String
        var octetCount: Int
        var octets: [UInt8]
        var jsonText: String

        var json: [String: Any] {
            let parsed = try? JSONSerialization.jsonObject(with: Data(jsonText.utf8))
            guard let json = parsed as? [String: Any] else { fatalError("no JSON in \(title)") }
            return json
        }

        var testDescription: String { title }
    }

    struct Line: CustomTestStringConvertible, Sendable {
        var octets: [UInt8]
        var isFromClient: Bool
        var code: UInt16
        var comment: String

        var testDescription: String { comment }
    }

    static let text: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        guard let text = try? String(contentsOf: root.appending(path: "docs/PROTOCOL.md"), encoding: .utf8) else {
            fatalError("docs/PROTOCOL.md is missing")
        }
        return text
    }()

    private static let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)

    /// `**Example N. Title** — K octets`, then a fence with a dump, then a fence with JSON.
    static let examples: [Example] = {
        var examples: [Example] = []
        for (index, line) in lines.enumerated() where line.hasPrefix("**Example ") {
            let fences = fences(behind: index, count: 2)
            let octets = fences[0].flatMap { dumpLine in
                dumpLine.dropFirst(4).prefix { $0 != "|" }.split(separator: " ").compactMap { UInt8($0, radix: 16) }
            }
            let count = line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? -1
            examples.append(
                Example(title: line, octetCount: count, octets: octets, jsonText: fences[1].joined(separator: "\n")))
        }
        return examples
    }()

    static let negative = vectors("**Negative vectors**")
    static let tolerated = vectors("**Tolerated vectors**")

    /// Lines of `octets  C|S  code  comment` in the fence behind a heading.
    private static func vectors(_ heading: String) -> [Line] {
        guard let index = lines.firstIndex(of: heading) else { fatalError("\(heading) is missing") }
        return fences(behind: index, count: 1)[0].map { line in
            let words = line.split(separator: " ", maxSplits: 3, omittingEmptySubsequences: true)
            guard words.count == 4, let code = UInt16(words[2]) else { fatalError("not a vector: \(line)") }
            return Line(
                octets: octets(words[0]), isFromClient: words[1] == "C", code: code,
                comment: words[3].trimmingCharacters(in: .whitespaces))
        }
    }

    /// The rows of the table behind a heading, each a list of cells without back quotes.
    static func table(_ heading: String) -> [[String]] {
        guard let index = lines.firstIndex(of: heading) else { fatalError("\(heading) is missing") }
        let rows = lines[index...].drop { !$0.hasPrefix("|") }.prefix { $0.hasPrefix("|") }
        return rows.dropFirst(2).map { row in
            row.split(separator: "|", omittingEmptySubsequences: false).dropFirst().dropLast().map {
                $0.trimmingCharacters(in: CharacterSet(charactersIn: " `"))
            }
        }
    }

    private static func fences(behind start: Int, count: Int) -> [[String]] {
        var fences: [[String]] = []
        var index = start
        while fences.count < count {
            while !lines[index].hasPrefix("```") { index += 1 }
            let end = lines[(index + 1)...].firstIndex { $0.hasPrefix("```") } ?? lines.endIndex
            fences.append(Array(lines[(index + 1)..<end]))
            index = end + 1
        }
        return fences
    }

    private static func octets(_ hex: Substring) -> [UInt8] {
        stride(from: 0, to: hex.count, by: 2).map { offset in
            let start = hex.index(hex.startIndex, offsetBy: offset)
            guard let octet = UInt8(hex[start...].prefix(2), radix: 16) else { fatalError("not hexadecimal: \(hex)") }
            return octet
        }
    }
}
