/// Whether the files that a configuration names can be used by this process.
///
/// Not part of loading: a broker that starts finds out by using them, and says more. This is for `--check-config`, which starts nothing.
public enum FileAccess {
    /// A problem for each file that cannot be read. What is inside the files is not looked at.
    public static func problems(of loaded: LoadedConfiguration) -> [ConfigurationProblem] {
        let configuration = loaded.configuration
        let files = [
            ("tls.certificate_file", configuration.tls.certificateFile), ("tls.private_key_file", configuration.tls.privateKeyFile),
            ("tls.client_authorities_file", configuration.tls.clientAuthoritiesFile),
            ("accounts.bearer_keys_file", configuration.accounts.bearerKeysFile),
        ]
        return files.compactMap { key, path in
            guard !path.isEmpty, let reason = TextFile.whyUnreadable(path) else { return nil }
            return ConfigurationProblem(
                source: loaded.sources[key] ?? .standard, key: key, message: "\(SettingValue.quoted(path)): \(reason)")
        }
    }
}
