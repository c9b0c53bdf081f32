import Bytes
import ChatProtocol
import JSON
import WebSocket

/// A message to a client of the simple dialects (docs/PROTOCOL.md, *Simple JSON*).
struct SimpleMessage {
    enum Value {
        case text(String)
        case number(UInt64)
        case texts([String])
    }

    let name: String
    let members: [(name: String, value: Value)]

    init(_ name: String, _ members: (name: String, value: Value)...) {
        self.name = name
        self.members = members
    }

    /// Appends the message as one unmasked text frame.
    ///
    /// - Parameter isNested: writes `{"Message":{…}}` in place of `{"type":"Message",…}`.
    func append(isNested: Bool, to writer: inout ByteWriter) {
        var text = ByteWriter(minimumCapacity: 128)
        text.append(utf8: isNested ? "{\"\(name)\":{" : "{\"type\":\"\(name)\"")
        for (index, member) in members.enumerated() {
            if index > 0 || !isNested { text.append(UInt8(ascii: ",")) }
            text.append(utf8: "\"\(member.name)\":")
            switch member.value {
            case .text(let value): Self.append(value, to: &text)
            case .number(let number): JSONText.append(number, to: &text)
            case .texts(let values):
                text.append(UInt8(ascii: "["))
                for (index, value) in values.enumerated() {
                    if index > 0 { text.append(UInt8(ascii: ",")) }
                    Self.append(value, to: &text)
                }
                text.append(UInt8(ascii: "]"))
            }
        }
        text.append(utf8: isNested ? "}}" : "}")
        text.withBytes { WebSocketEncoder.append(.text, $0, to: &writer) }
    }

    private static func append(_ value: String, to writer: inout ByteWriter) {
        let octets = Array(value.utf8)
        JSONText.append(string: octets.span.bytes, to: &writer)
    }
}

extension SimpleMessage {
    /// What an event says in a vocabulary; nothing if there is no word for it. The same for every reader.
    static func messages(for event: Event, in vocabulary: SimpleVocabulary) -> [SimpleMessage] {
        switch event.kind {
        // Who edits a message says it anew: readers of this kind have no numbers by which to know the old one.
        case .message, .notice, .edit: event.body.map { [said($0, event, vocabulary)] } ?? []
        case .joined: [came(event.user ?? event.from, event.room, vocabulary)]
        case .left: [went(event.user ?? event.from, event.room, vocabulary)]
        // Lists of who is here stay true.
        case .renamed: (event.user.map { [went($0, event.room, vocabulary)] } ?? []) + [came(event.from, event.room, vocabulary)]
        default: vocabulary == .usernames ? (note(on: event).map { [system($0)] } ?? []) : []
        }
    }

    private static func said(_ body: String, _ event: Event, _ vocabulary: SimpleVocabulary) -> SimpleMessage {
        let from = event.from.description
        switch vocabulary {
        case .usernames:
            let timestamp = CalendarTime.text(event.timestamp)
            guard !event.room.isConversation else {
                return SimpleMessage("PrivateMessage", ("from", .text(from)), ("content", .text(body)), ("timestamp", .text(timestamp)))
            }
            return SimpleMessage(
                "Message", ("username", .text(from)), ("content", .text(body)), ("timestamp", .text(timestamp)),
                ("room", .text(event.room.description)))
        case .nicks:
            // There is no message for what is said to one person, and it must not look as if it were said to all.
            let text = event.room.isConversation ? "[private] " + body : body
            return SimpleMessage("Message", ("from", .text(from)), ("text", .text(text)), ("ts", .number(event.timestamp)))
        }
    }

    static func came(_ user: AccountName, _ room: RoomAddress, _ vocabulary: SimpleVocabulary) -> SimpleMessage {
        presence("UserJoined", user, room, vocabulary)
    }

    static func went(_ user: AccountName, _ room: RoomAddress, _ vocabulary: SimpleVocabulary) -> SimpleMessage {
        presence("UserLeft", user, room, vocabulary)
    }

    private static func presence(
        _ name: String, _ user: AccountName, _ room: RoomAddress, _ vocabulary: SimpleVocabulary
    ) -> SimpleMessage {
        switch vocabulary {
        case .usernames: SimpleMessage(name, ("username", .text(user.description)), ("room", .text(room.description)))
        case .nicks: SimpleMessage(name, ("nick", .text(user.description)))
        }
    }

    private static func note(on event: Event) -> String? {
        switch event.kind {
        case .created where event.room == .lobby: "\(event.from) created the room \(event.title ?? "")"
        case .delete: "\(event.from) deleted a message in \(event.room)"
        case .react: "\(event.from) reacted \(event.body ?? "") in \(event.room)"
        case .pin: "\(event.from) pinned a message in \(event.room)"
        default: nil
        }
    }

    static func system(_ content: String) -> SimpleMessage { SimpleMessage("SystemMessage", ("content", .text(content))) }

    /// What went wrong, in the words that a vocabulary has.
    static func fault(_ reason: String, _ vocabulary: SimpleVocabulary) -> SimpleMessage {
        switch vocabulary {
        case .usernames: system("Error: " + reason)
        case .nicks: SimpleMessage("Error", ("reason", .text(reason)))
        }
    }
}
