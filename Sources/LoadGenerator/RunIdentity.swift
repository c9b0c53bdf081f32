import ChatProtocol

/// The number of a run and the names made from it, so that runs do not meet: accounts `load-<run>-<n>`, rooms `load/<run>/<i>`.
struct RunIdentity: Sendable, Equatable {
    let number: UInt32

    /// Eight hexadecimal digits.
    var text: String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }

    func account(_ index: Int) -> AccountName {
        guard let name = try? AccountName("load-\(text)-\(index)") else { preconditionFailure("an account's name follows the grammar") }
        return name
    }

    func room(_ index: Int) -> RoomAddress {
        guard let room = try? RoomAddress("load/\(text)/\(index)") else { preconditionFailure("a room's name follows the grammar") }
        return room
    }
}
