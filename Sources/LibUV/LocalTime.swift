import Glibc

/// The time of day, for people who read a log.
public enum LocalTime {
    /// Now, to the second, by the local clock and with its distance from UTC, as in `2026-11-22T04:00:00+0000` (`strftime(3)`).
    public static var now: String {
        var seconds = time(nil)
        var parts = tm()
        localtime_r(&seconds, &parts)
        return String(unsafeUninitializedCapacity: 32) { buffer in
            buffer.withMemoryRebound(to: CChar.self) { strftime($0.baseAddress!, $0.count, "%Y-%m-%dT%H:%M:%S%z", &parts) }
        }
    }
}
