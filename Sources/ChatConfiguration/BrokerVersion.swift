/// The version of this software, as `--version`, the start line, WELCOME and the ready file tell it.
public enum BrokerVersion {
    /// Semantic version 2.0; CHANGELOG.md says what is in it.
    public static let text = "0.1.0-dev"
}
