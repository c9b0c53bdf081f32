/// The release that broker, clients and tools of this package belong to.
public enum Release {
    /// Version by semver.org.
    public static let version = "0.1.0"
}
