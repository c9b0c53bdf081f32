import ChatProtocol

/// Moments as people and JSON write them.
enum CalendarTime {
    /// Such as `2024-01-01T12:00:00Z` (RFC 3339), in UTC and whole seconds.
    static func text(_ timestamp: Timestamp) -> String {
        // The days of the civil calendar since 0000-03-01, by eras of 400 years.
        let days = Int(timestamp / 86_400_000) + 719_468
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = days / 146_097 * 400 + yearOfEra + (month <= 2 ? 1 : 0)
        let seconds = Int(timestamp / 1_000 % 86_400)
        let date = "\(padded(year, 4))-\(padded(month))-\(padded(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1))"
        return "\(date)T\(padded(seconds / 3_600)):\(padded(seconds / 60 % 60)):\(padded(seconds % 60))Z"
    }

    private static func padded(_ number: Int, _ count: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, count - digits.count)) + digits
    }
}
