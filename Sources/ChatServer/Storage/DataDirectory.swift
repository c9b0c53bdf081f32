public import ChatConfiguration
import Glibc

/// Where what outlives the process is kept.
public enum DataDirectory {
    private static let name = "chat-broker"

    /// The folder that the operator names; else the one that systemd gives (systemd.exec(5), `StateDirectory=`); else one in the user's
    /// folder of states (XDG Base Directory Specification, `$XDG_STATE_HOME`).
    public static func path(_ configuration: Configuration) throws(ServerError) -> String {
        let named = configuration.runtime.dataDirectory
        guard named.isEmpty else { return named }
        if let given = variable("STATE_DIRECTORY") { return String(given.prefix { $0 != ":" }) }
        if let states = variable("XDG_STATE_HOME") { return states + "/" + name }
        if let home = variable("HOME") { return home + "/.local/state/" + name }
        throw ServerError(
            "nobody says where history is to be kept: set runtime.data_directory (--data-dir), or storage.enabled = false for none")
    }

    private static func variable(_ name: String) -> String? {
        guard let value = getenv(name), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// Makes the folders above a path that are missing, for this user alone. What cannot be made is reported by who needs it.
    static func makeParents(of path: String) {
        var parent = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false).dropLast() {
            parent += part + "/"
            mkdir(parent, 0o700)
        }
    }
}
