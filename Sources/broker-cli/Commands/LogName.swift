import ChatProtocol

/// A room or a conversation as a person names it: `tea`, `@bob` for the conversation with bob, `@ada+bob`.
enum LogName: Equatable {
    case address(RoomAddress)
    case conversation(with: AccountName)

    /// nil if the text is none of them.
    init?(_ text: String) {
        guard text.first == "@" else {
            guard let room = try? RoomAddress(text) else { return nil }
            self = .address(room)
            return
        }
        let names = text.dropFirst().split(separator: "+", omittingEmptySubsequences: false).map { try? AccountName(String($0)) }
        switch names.count {
        case 1:
            guard let other = names[0] else { return nil }
            self = .conversation(with: other)
        case 2:
            guard let one = names[0], let other = names[1] else { return nil }
            self = .address(RoomAddress(conversationOf: one, and: other))
        default: return nil
        }
    }

    /// The address of what is meant by `account`; nil if that has no name yet and the name would be needed.
    func address(for account: AccountName?) -> RoomAddress? {
        switch self {
        case .address(let address): address
        case .conversation(let other): account.map { RoomAddress(conversationOf: $0, and: other) }
        }
    }

    static func isNone(_ text: String) -> String {
        "\(text) is no name of a room: \(FailureText.roomRule); nor of a conversation: @bob or @ada+bob"
    }
}

extension RoomAddress {
    /// A room or a conversation from the command line.
    ///
    /// - Parameter account: who says so, as far as that is known; nil: a guest that gets a name.
    static func argument(_ text: String, of account: AccountName?) throws(StartFailure) -> RoomAddress {
        guard let name = LogName(text) else { throw StartFailure(reason: LogName.isNone("\"\(text)\"")) }
        guard let address = name.address(for: account) else {
            throw StartFailure(reason: "\(text) is a conversation of whom? --user NAME, or $BROKER_USER")
        }
        return address
    }
}
