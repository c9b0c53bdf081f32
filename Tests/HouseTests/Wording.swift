/// Words that must not stand in our files.
enum Wording {
    /// What is wrong with a file below `Sources`: work left undone, and ends that say nothing to the caller.
    static func violations(inSource file: Repository.File) -> [String] {
        let notes = file.text.split(separator: "\n", omittingEmptySubsequences: false).enumerated().flatMap { index, line in
            ["TODO", "FIXME", "XXX"].filter { line.containsWord($0) }.map { "\(file.path):\(index + 1): \($0)" }
        }
        let ends = SwiftText(file.text).lines(using: "fatalError", followedBy: "(").map { "\(file.path):\($0): fatalError" }
        return notes + ends
    }

    /// What is wrong with a file below `Tests`: waiting for time to pass instead of for what is tested.
    static func violations(inTest file: Repository.File) -> [String] {
        let text = file.path.hasSuffix(".swift") ? SwiftText(file.text) : SwiftText(withoutRemarks: file.text)
        return ["sleep", "usleep", "nanosleep", "clock_nanosleep", "sleepForTimeInterval"].flatMap { name in
            text.lines(using: name, followedBy: "(").map { "\(file.path):\($0): \(name)" }
        }
    }
}

extension SwiftText {
    /// A script of the shell or Python, without its remarks.
    init(withoutRemarks text: String) {
        code = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0.prefix { $0 != "#" }) }.joined(separator: "\n")
    }
}
