@preconcurrency import Glibc

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// All variables, by name (environ(7)). Where a name stands twice, the first counts, as for getenv(3).
    ///
    /// To be called before threads start: libc lets nobody read the environment while another thread changes it.
    public static func variables() -> [String: String] {
        var variables: [String: String] = [:]
        var next = environ
        while let entry = next.pointee {
            let parts = String(cString: entry).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            if parts.count == 2, variables[parts[0]] == nil { variables[parts[0]] = parts[1] }
            next += 1
        }
        return variables
    }
}
