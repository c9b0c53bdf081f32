/// Settings as text for people.
public enum SettingListing {
    /// What can be set: for each setting its key, explanation, default, accepted values, environment variable and flag.
    public static func catalogue() -> String {
        Setting.all.map { setting in
            var lines = ["\(setting.key) = \(setting.defaultValue)", "    \(setting.explanation)", "    Accepted: \(setting.accepted)."]
            lines.append("    Environment: \(setting.environmentName)" + (setting.flag.map { "   Flag: \($0)" } ?? ""))
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    /// A TOML file that gives this configuration again; each line that somebody decided tells who did.
    public static func toml(of loaded: LoadedConfiguration) -> String {
        var lines: [String] = []
        for setting in Setting.all {
            let header = "[\(setting.table)]"
            if !lines.contains(header) { lines += lines.isEmpty ? [header] : ["", header] }
            let source = loaded.source(of: setting)
            let line = "\(setting.name) = \(setting.value(in: loaded.configuration))"
            lines.append(source == .standard ? line : line + "  # \(source)")
        }
        return lines.joined(separator: "\n")
    }

    /// What is not at its default: a line for each setting, with its source; then how many are.
    public static func deviations(of loaded: LoadedConfiguration) -> [String] {
        let deviating = Setting.all.filter { $0.value(in: loaded.configuration) != $0.defaultValue }
        return deviating.map { "\($0.key) = \($0.value(in: loaded.configuration))  (\(loaded.source(of: $0)))" }
            + ["\(Setting.all.count - deviating.count) of \(Setting.all.count) settings at their defaults"]
    }
}
