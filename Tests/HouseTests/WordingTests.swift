import Testing

@Suite struct WordingTests {
    @Test func sourcesLeaveNothingUndone() throws {
        let files = try Repository.files(below: "Sources", endings: [".swift", ".h", ".c", ".html", ".js"])
        #expect(!files.isEmpty)
        #expect(files.flatMap { Wording.violations(inSource: $0) } == [])
    }

    @Test func testsDoNotSleep() throws {
        let files = try Repository.files(below: "Tests", endings: [".swift", ".py", ".sh"])
        #expect(!files.isEmpty)
        #expect(files.flatMap { Wording.violations(inTest: $0) } == [])
    }

    @Test(arguments: [
        "// TODO: later", "/* FIXME */", "let x = 1 // XXX", "let s = \"TODO\"", "fatalError(\"no\")", "default: Swift.fatalError()",
    ])
    func whatIsUndoneIsFound(text: String) {
        let file = Repository.File(path: "Sources/A/B.swift", text: "\n\(text)\n")
        #expect(Wording.violations(inSource: file).count == 1)
        #expect(Wording.violations(inSource: file).first?.hasPrefix("Sources/A/B.swift:2: ") == true)
    }

    @Test(arguments: [
        "// A to-do list.", "let mastodon = 1", "// Never fatalError(here).", "let MASTODON_TODONT = 1", "let fatalErrors = [1]",
    ])
    func whatIsDoneIsNot(text: String) {
        #expect(Wording.violations(inSource: Repository.File(path: "Sources/A/B.swift", text: text)) == [])
    }

    @Test(arguments: [
        ("A.swift", "try await Task.sleep(for: .seconds(1))"), ("A.swift", "Thread.sleep(forTimeInterval: 1)"), ("A.swift", "sleep(1)"),
        ("A.swift", "Glibc.usleep(1)"), ("a.py", "    time.sleep(1)"),
    ])
    func sleepIsFound(name: String, text: String) {
        #expect(Wording.violations(inTest: Repository.File(path: "Tests/ATests/" + name, text: text)).count == 1)
    }

    @Test(arguments: [("A.swift", "// no sleep(here)"), ("A.swift", "let asleep = oversleep(1)"), ("a.py", "# time.sleep(1)")])
    func noSleepIsNotFound(name: String, text: String) {
        #expect(Wording.violations(inTest: Repository.File(path: "Tests/ATests/" + name, text: text)) == [])
    }
}
