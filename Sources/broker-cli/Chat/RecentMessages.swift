import ChatProtocol

/// How a person names a message.
enum EventTarget: Equatable {
    /// `#17`: by its number.
    case number(UInt64)
    /// `^`: the last one of somebody else, or one's own if there is no other.
    case last
    /// `^bob`: the last one of a user.
    case lastOf(AccountName)
    /// The last one of one's own.
    case own

    /// Reads `#17`, `^` or `^bob`; nil if the word is none of them.
    init?(_ word: some StringProtocol) {
        switch word.first {
        case "#":
            guard let number = UInt64(word.dropFirst()) else { return nil }
            self = .number(number)
        case "^":
            if word.count == 1 {
                self = .last
            } else if let name = try? AccountName(String(word.dropFirst())) {
                self = .lastOf(name)
            } else {
                return nil
            }
        default: return nil
        }
    }
}

/// The messages seen last, so that they can be named without their numbers and shown where something refers to them. Pure.
struct RecentMessages {
    static let countMaxPerRoom = 100

    struct Message: Equatable {
        let seq: UInt64
        let from: AccountName
        /// What it says now; nil if it was deleted.
        var text: String?
    }

    private var rooms: [RoomAddress: [Message]] = [:]

    mutating func note(_ event: Event) {
        switch event.kind {
        case .message, .notice:
            var messages = rooms[event.room] ?? []
            // A log that began anew has the same numbers for other messages.
            if let last = messages.last, last.seq >= event.seq { messages.removeAll { $0.seq >= event.seq } }
            messages.append(Message(seq: event.seq, from: event.from, text: event.body))
            if messages.count > Self.countMaxPerRoom { messages.removeFirst() }
            rooms[event.room] = messages
        case .edit: change(event) { $0.text = event.body ?? $0.text }
        case .delete: change(event) { $0.text = nil }
        default: break
        }
    }

    private mutating func change(_ event: Event, _ body: (inout Message) -> Void) {
        guard let seq = event.reference, let index = rooms[event.room]?.firstIndex(where: { $0.seq == seq }) else { return }
        body(&rooms[event.room]![index])
    }

    /// The last messages of a room, ascending.
    func last(_ count: Int, in room: RoomAddress) -> ArraySlice<Message> { (rooms[room] ?? []).suffix(count) }

    func message(_ seq: UInt64, in room: RoomAddress) -> Message? { rooms[room]?.first { $0.seq == seq } }

    /// The number of the message that is meant; nil if none was seen.
    func seq(of target: EventTarget, in room: RoomAddress, account: AccountName?) -> UInt64? {
        let there = (rooms[room] ?? []).reversed().filter { $0.text != nil }
        return switch target {
        case .number(let seq): seq
        case .last: (there.first { $0.from != account } ?? there.first)?.seq
        case .lastOf(let name): there.first { $0.from == name }?.seq
        case .own: there.first { $0.from == account }?.seq
        }
    }
}
