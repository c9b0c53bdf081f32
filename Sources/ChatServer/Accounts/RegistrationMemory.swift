/// How many accounts each address has made within an hour.
///
/// Bounded: where more addresses make accounts, those whose hour is over are forgotten, and if need be all. Confined to one thread.
struct RegistrationMemory {
    private static let hourMilliseconds: UInt64 = 3_600_000

    private let countMax: Int
    private var registrations: [String: (count: Int, since: UInt64)] = [:]

    init(countMax: Int = 8_192) { self.countMax = countMax }

    /// Accounts that the address has made in its present hour, which begins with the first.
    ///
    /// - Parameter now: milliseconds of a clock that never steps.
    func count(of address: String, at now: UInt64) -> Int {
        guard let known = registrations[address], now - min(known.since, now) < Self.hourMilliseconds else { return 0 }
        return known.count
    }

    /// Notes an account that the address has made.
    mutating func note(_ address: String, at now: UInt64) {
        let count = count(of: address, at: now)
        if registrations[address] == nil, registrations.count >= countMax {
            registrations = registrations.filter { now - min($0.value.since, now) < Self.hourMilliseconds }
            if registrations.count >= countMax { registrations.removeAll() }
        }
        registrations[address] = (count + 1, count == 0 ? now : registrations[address]?.since ?? now)
    }
}
