import ArgumentParser
import Glibc

/// A moment as a person writes it, by ISO 8601: a day, perhaps with a time, perhaps with the offset of that from UTC.
///
/// `2026-11-21`, `2026-11-21T12:04`, `2026-11-21 12:04:31.5`, `2026-11-21T12:04:31Z`, `2026-11-21T12:04:31+01:00`. A day means its
/// beginning. What has no offset is in this machine's time zone.
struct MomentArgument: ExpressibleByArgument {
    /// Since 1970-01-01T00:00:00Z.
    let milliseconds: UInt64

    init?(argument: String) {
        let form = #/(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?:(Z)|([+-])(\d\d):(\d\d))?)?/#
        guard
            let (_, year, month, day, hour, minute, second, fraction, utc, sign, offsetHour, offsetMinute) =
                argument.wholeMatch(of: form.asciiOnlyDigits())?.output
        else { return nil }
        let number = { (digits: Substring?) in Int32(digits ?? "") ?? 0 }
        var time = tm()
        (time.tm_year, time.tm_mon, time.tm_mday) = (number(year) - 1900, number(month) - 1, number(day))
        (time.tm_hour, time.tm_min, time.tm_sec) = (number(hour), number(minute), number(second))
        time.tm_isdst = -1
        // What is on no calendar or clock comes back as something else.
        var known = time
        var seconds = timegm(&known)
        guard
            (known.tm_mon, known.tm_mday, known.tm_hour, known.tm_min, known.tm_sec)
                == (time.tm_mon, time.tm_mday, time.tm_hour, time.tm_min, time.tm_sec)
        else { return nil }
        if let sign {
            guard number(offsetHour) < 24, number(offsetMinute) < 60 else { return nil }
            let offset = Int(number(offsetHour) * 60 + number(offsetMinute)) * 60
            seconds -= sign == "-" ? -offset : offset
        } else if utc == nil {
            seconds = mktime(&time)
        }
        guard let whole = UInt64(exactly: seconds) else { return nil }
        // A fraction of one digit is in tenths.
        milliseconds = whole * 1_000 + UInt64(number(fraction.map { ($0 + "00").prefix(3) }))
    }
}
