import Glibc

/// When an event happened, by this machine's time zone: `12:04:31`.
enum ClockText {
    static func timeOfDay(milliseconds: UInt64) -> String {
        var seconds = time_t(clamping: milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "--:--:--" }
        return joined([parts.tm_hour, parts.tm_min, parts.tm_sec], by: ":")
    }

    /// With the day: `2026-11-21 12:04:31`.
    static func dayAndTime(milliseconds: UInt64) -> String {
        var seconds = time_t(clamping: milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return "----------" + " " + timeOfDay(milliseconds: milliseconds) }
        return joined([parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday], by: "-") + " " + timeOfDay(milliseconds: milliseconds)
    }

    private static func joined(_ numbers: [Int32], by separator: String) -> String {
        numbers.map { ($0 < 10 ? "0" : "") + String($0) }.joined(separator: separator)
    }
}

/// Durations for people and for JSON.
enum DurationText {
    /// `1.2 s`.
    static func seconds(milliseconds: UInt64) -> String {
        let tenths = (milliseconds + 50) / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }

    /// `0.317`: milliseconds to the microsecond, without an exponent.
    static func milliseconds(_ value: Double) -> String {
        let microseconds = UInt64(max(0, value * 1000).rounded())
        let fraction = String(microseconds % 1000)
        return "\(microseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }

    static func milliseconds(_ duration: Duration) -> Double {
        let parts = duration.components
        return Double(parts.seconds) * 1000 + Double(parts.attoseconds) / 1e15
    }
}
