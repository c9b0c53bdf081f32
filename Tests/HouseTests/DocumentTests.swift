import Testing

/// Documents point to what is there.
@Suite struct DocumentTests {
    private static let documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]

    @Test func linksLeadSomewhere() throws {
        var broken: [String] = []
        for path in Self.documents {
            broken += Self.targets(in: try Repository.text(path)).filter { !Repository.exists($0) }.map { "\(path): \($0)" }
        }
        for file in try Repository.files(below: "docs", endings: [".md"]) {
            broken += Self.targets(in: file.text).map { $0.hasPrefix("../") ? String($0.dropFirst(3)) : "docs/" + $0 }
                .filter { !Repository.exists($0) }.map { "\(file.path): \($0)" }
        }
        #expect(broken == [])
    }

    /// A command that the documents name and the Makefile has not is a first step that fails.
    @Test func makeCommandsExist() throws {
        let makefile = try Repository.text("Makefile")
        for path in Self.documents + ["docs/OPERATIONS.md"] {
            for command in Self.makeCommands(in: try Repository.text(path)) {
                #expect(makefile.contains("\n\(command):"), "\(path): make \(command)")
            }
        }
    }

    @Test func readsLinksAndCommands() {
        let text = "[a](docs/A.md#part) [b](https://example.org) [c](#here) ![d](d.png)\n`make run`, make sure, `make test`"
        #expect(Self.targets(in: text) == ["docs/A.md", "d.png"])
        #expect(Self.makeCommands(in: text) == ["run", "test"])
        #expect(Self.makeCommands(in: "    make bench\n    cd x && make setup") == ["bench", "setup"])
    }

    /// The files that Markdown links name, without the part within.
    private static func targets(in text: String) -> [String] {
        text.matches(of: #/\]\(([^)\s]+)\)/#).map { String($0.1.prefix { $0 != "#" }) }
            .filter { !$0.isEmpty && !$0.contains("://") && !$0.hasPrefix("mailto:") }
    }

    /// What is called in code spans and indented blocks.
    private static func makeCommands(in text: String) -> [String] {
        text.matches(of: #/(?:`|\n {4}|^ {4}|&& )make ([a-z]+)/#).map { String($0.1) }
    }
}
