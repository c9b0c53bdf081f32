import CLibUV
import Glibc

/// What the system allows this process.
public enum ProcessLimits {
    /// How many descriptors, and so connections, a process may have open (`getrlimit(2)`, `RLIMIT_NOFILE`).
    public struct DescriptorLimit: Sendable, Hashable {
        /// The limit in force.
        public let soft: UInt64
        /// How far the process may raise it by itself.
        public let hard: UInt64
    }

    /// How many processors this process may use, at least 1 (`uv_available_parallelism`).
    public static var processorCount: Int { Int(uv_available_parallelism()) }

    /// The limit as it is.
    public static func descriptorLimit() throws(UVError) -> DescriptorLimit {
        let limit = try current()
        return DescriptorLimit(soft: UInt64(limit.rlim_cur), hard: UInt64(limit.rlim_max))
    }

    /// Raises the limit in force as far as the process may, and gives back what is in force then. For the whole process.
    @discardableResult
    public static func raiseDescriptorLimit() throws(UVError) -> DescriptorLimit {
        var limit = try current()
        if limit.rlim_cur < limit.rlim_max {
            limit.rlim_cur = limit.rlim_max
            try UVError.checkSystemCall(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        }
        return try descriptorLimit()
    }

    private static func current() throws(UVError) -> rlimit {
        var limit = rlimit()
        try UVError.checkSystemCall(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit))
        return limit
    }
}
