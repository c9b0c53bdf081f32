import Bytes
import ChatProtocol

/// What a person reads, as lines. Every line of it begins with what is ours, so that no message looks like another line: names hold no blanks and no
/// colons, a line break in a text is followed by a mark, and nothing invisible reaches the terminal (``VisibleText``).
enum LineText {
    static let lineEnd = "\r\n"

    /// One line, whatever the text holds.
    static func line(_ text: String) -> String {
        let text = VisibleText.escape(text, lineFeed: .kept)
        guard text.utf8.contains(0x0A) else { return text + lineEnd }
        return text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: lineEnd + "| ") + lineEnd
    }

    static func notice(_ text: String) -> String { line("* " + text) }

    static func failure(_ code: ResultCode, _ reason: String) -> String { line("! \(code.rawValue) \(reason)") }

    static func usage(_ usage: String) -> String { "that is used like this: \(usage)" }

    /// A direct message of somebody's own.
    static func told(_ user: AccountName, _ body: String) -> String { line("[to \(user)] \(body)") }

    /// What an event says to somebody who is called `name`; nil if it says nothing.
    static func event(_ event: Event, to name: AccountName?) -> String? {
        let place = event.room == .lobby || event.room.isConversation ? "" : "[\(event.room)] "
        let suffix = event.room == .lobby ? "" : " \(event.room)"
        switch event.kind {
        case .message, .notice:
            guard let body = event.body else { return nil }
            guard let (first, second) = event.room.parties else { return line("\(place)\(event.from): \(body)") }
            let other = first == event.from ? second : first
            return event.from == name ? told(other, body) : line("[from \(event.from)] \(body)")
        case .joined: return event.user == name ? nil : notice("\(event.user ?? event.from) joined\(suffix)")
        case .left:
            return event.user == name ? nil : notice("\(event.user ?? event.from) left\(suffix)" + (event.reason.map { " (\($0))" } ?? ""))
        case .renamed: return notice("\(place)\(event.user?.description ?? "somebody") is now called \(event.from)")
        case .created: return event.room == .lobby ? notice("\(event.from) created the room \(event.title ?? "")") : nil
        // Lines have no numbers, so that it cannot be said which message was changed.
        case .edit: return event.body.map { notice("\(place)\(event.from) now says: \($0)") }
        case .delete: return notice("\(place)\(event.from) deleted a message")
        case .react: return notice("\(place)\(event.from) reacted \(event.body ?? "")")
        case .pin: return notice("\(place)\(event.from) pinned a message")
        case .unreact, .unpin: return nil
        default: return notice("\(place)\(event.from) did what cannot be shown here (kind \(event.kind.rawValue))")
        }
    }

    static func room(_ record: RoomRecord) -> String {
        let members = record.members == 1 ? "1 member" : "\(record.members) members"
        let about = (record.topic ?? record.title).map { " \($0)" } ?? ""
        return notice("\(record.room) (\(members))\(about)")
    }
}
