import Glibc

/// The clock that every thread of this machine shares and that never goes back (`clock_gettime(2)`, `CLOCK_MONOTONIC`).
enum MonotonicClock {
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Waits until the clock shows at least `nanoseconds`.
    static func sleep(until nanoseconds: UInt64) {
        var time = timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
        while clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, nil) == EINTR {}
    }
}

extension UInt64 {
    /// A time in seconds as nanoseconds; negative times are none.
    init(nanosecondsFrom seconds: Double) {
        self = UInt64((Swift.max(0, seconds) * 1e9).rounded())
    }
}
