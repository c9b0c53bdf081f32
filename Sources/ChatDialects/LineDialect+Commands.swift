import Bytes
import ChatProtocol

/// What is typed by somebody who is in.
extension LineDialect {
    mutating func obey(_ command: LineCommand) {
        switch command {
        case .nothing: break
        case .say(let text): say(text)
        case .tell(let user, let text): tell(user, text)
        case .users: request(.members(ListMembers(room: .lobby, limit: 1_000)), .users)
        case .who(let text):
            guard let room = address(text) else { return }
            request(.members(ListMembers(room: room, limit: 1_000)), .who(room))
        case .rooms: request(.list(ListRooms(limit: 1_000)), .rooms)
        case .join(let text):
            guard let room = address(text) else { return }
            request(.join(Join(room: room, tail: 20)), .join)
        case .create(let text):
            guard let room = address(text) else { return }
            guard !room.isConversation else { return refuse(.badName, "not a name of a room") }
            request(.create(CreateRoom(room: room)), .create(room))
        case .leave(let text):
            guard let room = address(text) else { return }
            request(.leave(Leave(room: room)), .leave(room))
        case .history(let count):
            let tail = HistoryTail(of: room, countMax: Int(count), reaching: lastSaid?.room == room ? lastSaid?.seq ?? 0 : 0)
            self.tail = tail
            request(tail.query, .history)
        case .search(let words): search(words)
        case .rename(let text):
            guard let wish = Self.name(text) else { return refuse(.badName, "\(text) is no name") }
            request(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: wish.description))), .rename)
        case .logIn: refuse(.badState, "you are logged in; /quit first")
        case .guest: refuse(.badState, "you are here already; /nick NAME gives you another name")
        case .ping: request(.ping(timestamp: nil), .ping)
        case .help: writeHelp()
        case .usage(let usage): refuse(.badValue, LineText.usage(usage))
        case .unknown(let name):
            refuse(.badValue, "there is no \(name.utf8.count > 32 ? "such command" : name); /help lists the commands")
        case .indented: refuse(.badValue, "neither said nor obeyed: begin the line with / for a command, with // to say it")
        case .quit: quit()
        }
    }

    private mutating func say(_ text: String) {
        guard fits(text) else { return refuse(.bodyTooLarge, "a message of more than \(bodyByteCountMax) octets") }
        request(.publish(Publish(room: room, publication: publication(text))), .say)
    }

    private mutating func tell(_ user: String, _ text: String) {
        guard let to = Self.name(user) else { return refuse(.badName, "\(user) is no name") }
        guard fits(text) else { return refuse(.bodyTooLarge, "a message of more than \(bodyByteCountMax) octets") }
        request(.directMessage(DirectMessage(to: to, publication: publication(text))), .tell(to, text))
    }

    private mutating func publication(_ text: String) -> Publication {
        Publication(content: EventContent(messageID: takeMessageID(), body: text))
    }

    /// The room named; the present one if none is.
    private mutating func address(_ text: String?) -> RoomAddress? {
        guard let text else { return room }
        if let address = try? RoomAddress(text.lowercased()) { return address }
        refuse(.badName, "\(text) is no name of a room")
        return nil
    }

    mutating func quit() {
        phase = .left
        write("Goodbye!" + LineText.lineEnd)
        answer(.goodbye(Goodbye(.ok)), requestID: 0)
    }

    mutating func writeHelp() {
        for line in LineCommand.manual { write(LineText.line(line)) }
    }
}
