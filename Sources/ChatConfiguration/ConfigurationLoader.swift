/// A configuration, and who decided what in it.
public struct LoadedConfiguration: Sendable {
    /// The values; within their bounds, and fitting together.
    public let configuration: Configuration
    /// Where each setting that somebody decided got its value, by key. What is absent is at its default.
    public let sources: [String: SettingSource]

    /// Where the value of `setting` comes from.
    public func source(of setting: Setting) -> SettingSource { sources[setting.key] ?? .standard }
}

/// Lays a TOML file over the defaults, `BROKER_…` environment variables over that, and flags over all.
public enum ConfigurationLoader {
    /// The environment variable that names a file where no `--config` does.
    public static let fileEnvironmentName = "BROKER_CONFIG"

    /// Reads the configuration of a broker.
    ///
    /// - Parameters:
    ///   - file: the path of a TOML file (flag `--config`); without it, ``fileEnvironmentName`` may name one; without that, there is none.
    ///   - environment: all variables of the process; those that are no setting of the broker are passed over, unless they look like one misspelt.
    ///   - flags: by the name of a ``Setting/flag``, the words given; several only for a list. A name that is no such flag is a mistake of the caller.
    /// - Throws: every problem of the file, the environment, the flags, and their combination, found in one pass.
    public static func load(
        file: String? = nil, environment: [String: String] = [:], flags: [String: [String]] = [:]
    ) throws(ConfigurationError) -> LoadedConfiguration {
        var layers = Layers()
        if let path = file ?? environment[fileEnvironmentName].flatMap({ $0.isEmpty ? nil : $0 }) {
            let text: String
            do {
                text = try TextFile.read(path)
            } catch {
                throw ConfigurationError([
                    ConfigurationProblem(source: .file(path: path, line: 0, column: 0), key: nil, message: error.reason)
                ])
            }
            layers.apply(try TOMLSource(text: text, path: path))
        }
        layers.apply(environment: environment)
        layers.apply(flags: flags)
        return try layers.finish()
    }

    /// Reads a configuration from the text of a TOML file alone; `path` is for messages.
    public static func load(text: String, path: String) throws(ConfigurationError) -> LoadedConfiguration {
        var layers = Layers()
        layers.apply(try TOMLSource(text: text, path: path))
        return try layers.finish()
    }
}

/// The configuration while its layers are laid one over the other.
private struct Layers {
    var configuration = Configuration()
    var sources: [String: SettingSource] = [:]
    var problems: [ConfigurationProblem] = []

    mutating func apply(_ file: TOMLSource) {
        for entry in file.entries {
            guard let setting = Setting.named(entry.key) else {
                problems.append(
                    ConfigurationProblem(
                        source: entry.source, key: entry.key, message: "unknown key" + Self.question(Suggestion.key(near: entry.key))))
                continue
            }
            apply(entry.value, given: entry.given, to: setting, from: entry.source)
        }
    }

    mutating func apply(environment: [String: String]) {
        let byName = Dictionary(uniqueKeysWithValues: Setting.all.map { ($0.environmentName, $0) })
        // Sorted, because a dictionary has no order and messages should have one.
        for (name, words) in environment.sorted(by: { $0.key < $1.key }) where name.hasPrefix("BROKER_") {
            guard name != ConfigurationLoader.fileEnvironmentName else { continue }
            if let setting = byName[name] {
                apply(setting.value(ofWords: words), given: SettingValue.quoted(words), to: setting, from: .environment(name: name))
            } else if Self.looksLikeSetting(name) {
                let nearest = Suggestion.environmentName(near: name)
                problems.append(
                    ConfigurationProblem(source: .environment(name: name), key: nil, message: "no such setting" + Self.question(nearest)))
            }
        }
    }

    mutating func apply(flags: [String: [String]]) {
        for (flag, words) in flags.sorted(by: { $0.key < $1.key }) {
            guard let setting = Setting.all.first(where: { $0.flag == flag }) else { preconditionFailure("\(flag) sets nothing") }
            let joined = words.joined(separator: ",")
            if case .addresses = setting.shape {} else { precondition(words.count == 1, "\(flag) takes one value") }
            apply(setting.value(ofWords: joined), given: SettingValue.quoted(joined), to: setting, from: .flag(name: flag))
        }
    }

    consuming func finish() throws(ConfigurationError) -> LoadedConfiguration {
        // What does not fit together is only worth telling where each part is sound.
        if problems.isEmpty { problems = Agreement.problems(in: configuration, sources: sources) }
        guard problems.isEmpty else { throw ConfigurationError(problems) }
        return LoadedConfiguration(configuration: configuration, sources: sources)
    }

    private mutating func apply(_ value: SettingValue?, given: String, to setting: Setting, from source: SettingSource) {
        guard let value, setting.set(value, in: &configuration) else {
            problems.append(
                ConfigurationProblem(source: source, key: setting.key, message: "\(given) is not accepted; accepted: \(setting.accepted)"))
            return
        }
        sources[setting.key] = source
    }

    /// Other programs have variables named `BROKER_…` too (Kubernetes makes `BROKER_PORT` for a service of that name), so only what begins like
    /// a table of settings, or is nearly the name of one, is taken for a mistake.
    private static func looksLikeSetting(_ name: String) -> Bool {
        Set(Setting.all.map { "BROKER_" + $0.table.uppercased() + "_" }).contains { name.hasPrefix($0) }
            || Setting.all.contains { Suggestion.distance(Array(name.utf8), Array($0.environmentName.utf8)) <= 2 }
    }

    private static func question(_ suggestion: String?) -> String {
        guard let suggestion else { return "" }
        return "; did you mean \(suggestion)?"
    }
}
