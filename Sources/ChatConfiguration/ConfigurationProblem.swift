/// Where a value comes from, or would have come from.
public enum SettingSource: Sendable, Hashable, CustomStringConvertible {
    /// Nobody decided: `Configuration()`.
    case standard
    /// A place in a TOML file. Lines and columns count from 1; 0 where the whole file is meant.
    case file(path: String, line: Int, column: Int)
    /// An environment variable.
    case environment(name: String)
    /// A flag on the command line.
    case flag(name: String)

    /// `FILE:LINE:COLUMN`, the name of the variable, or the flag.
    public var description: String {
        switch self {
        case .standard: "default"
        case .file(let path, 0, _): path
        case .file(let path, let line, let column): "\(path):\(line):\(column)"
        case .environment(let name): "environment variable \(name)"
        case .flag(let name): "flag \(name)"
        }
    }
}

/// One thing wrong with what the operator wrote.
public struct ConfigurationProblem: Sendable, Equatable, CustomStringConvertible {
    /// Where it is written.
    public let source: SettingSource
    /// The key concerned, or nil if the trouble is with the file as a whole.
    public let key: String?
    /// What was given, and what is accepted.
    public let message: String

    /// One line: source, key, what was given, what is accepted.
    public var description: String {
        guard let key else { return "\(source): \(message)" }
        return "\(source): \(key): \(message)"
    }
}

/// Everything wrong with a configuration; the broker does not start.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Never empty; in the order file, environment, flags, and then what does not fit together.
    public let problems: [ConfigurationProblem]

    /// One line: the first problem, and how many there are besides.
    public var description: String {
        let first = problems[0].description
        switch problems.count {
        case 1: return first
        case 2: return first + " (and one more problem; --check-config names both)"
        default: return first + " (and \(problems.count - 1) more problems; --check-config names all)"
        }
    }

    init(_ problems: [ConfigurationProblem]) {
        precondition(!problems.isEmpty, "an error needs a problem")
        self.problems = problems
    }
}
