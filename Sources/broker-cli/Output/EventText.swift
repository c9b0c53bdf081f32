import ChatProtocol

/// Events as lines for people.
struct EventText {
    /// The own name, so that own messages can be marked.
    var account: AccountName?
    /// A message is one line, whatever it holds: for output that is not a terminal.
    var isOneLine: Bool
    /// The messages that events refer to, as far as they are known.
    var recent = RecentMessages()
    /// Whether the day is told, because events are of many days.
    var tellsDay = false
    /// Whether the number is told, by which commands name an event.
    var tellsNumber = false

    func line(_ event: Event) -> StyledText {
        let time = tellsDay ? ClockText.dayAndTime(milliseconds: event.timestamp) : ClockText.timeOfDay(milliseconds: event.timestamp)
        var line = StyledText(time + " " + (tellsNumber ? "#\(event.seq) " : ""), .dim)
        switch event.kind {
        case .message, .notice:
            appendHead(of: event, to: &line)
            appendContext(of: event, to: &line)
            appendBody(of: event, to: &line)
        case .void: return void(event)
        default:
            line.append("[\(roomName(event.room))] * ", .dim)
            appendChange(event, to: &line)
        }
        return line
    }

    func roomName(_ room: RoomAddress) -> String { room.name(for: account) }

    private func appendHead(of event: Event, to line: inout StyledText) {
        let isOwn = event.from == account
        if let parties = event.room.parties {
            let other = parties.0 == event.from ? parties.1 : parties.0
            line.append("[")
            if isOwn { line.append("you", .ownName(event.from.description)) } else { appendName(event.from, to: &line) }
            line.append(" -> ", .dim)
            if other == account { line.append("you") } else { appendName(other, to: &line) }
            line.append("] ")
        } else {
            line.append("[\(event.room)] ", .dim)
            line.append("<")
            appendName(event.from, to: &line)
            line.append(isOwn ? " (you)> " : "> ")
        }
    }

    private func appendName(_ name: AccountName, to line: inout StyledText) {
        let text = name.description
        line.append(text, name == account ? .ownName(text) : .name(text))
    }

    /// What a message answers, and the thread that it belongs to.
    private func appendContext(of event: Event, to line: inout StyledText) {
        if let reply = event.reply { line.append("(to \(named(reply, in: event.room))) ", .dim) }
        if let thread = event.thread, thread != event.reply { line.append("(thread \(named(thread, in: event.room))) ", .dim) }
    }

    /// `#17`, and what is known of it.
    private func named(_ seq: UInt64, in room: RoomAddress) -> String {
        guard let message = recent.message(seq, in: room) else { return "#\(seq)" }
        return "#\(seq) \(message.from): " + (message.text.map(Self.excerpt) ?? "deleted")
    }

    private static func excerpt(_ text: String) -> String {
        let line = text.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
        return line.count > 30 ? line.prefix(29) + "…" : line
    }

    private func appendBody(of event: Event, to line: inout StyledText) {
        if let body = event.body {
            line.appendLines(body, event.kind == .notice ? .dim : .plain, isOneLine: isOneLine)
        } else {
            line.append(event.isRedacted ? "(deleted)" : "(no text)", .dim)
        }
    }

    private func appendChange(_ event: Event, to line: inout StyledText) {
        let concerned = event.user ?? event.from
        if let reference = event.reference, event.kind.isChange { return appendChange(event, of: reference, to: &line) }
        switch event.kind {
        case .joined:
            appendName(concerned, to: &line)
            line.append(" joined")
        case .left:
            appendName(concerned, to: &line)
            line.append(" left")
            if let reason = event.reason { line.append(": " + reason) }
        case .renamed:
            appendName(concerned, to: &line)
            line.append(" is now called ")
            appendName(event.from, to: &line)
        case .created:
            appendName(event.from, to: &line)
            line.append(" created the room")
            if let title = event.title { line.append(" " + title, .bold) }
        case .roomSet:
            appendName(event.from, to: &line)
            line.append(" changed the room")
            if let title = event.title { line.append(", title: " + title) }
            if let topic = event.topic { line.append(", topic: " + topic) }
        default:
            appendName(event.from, to: &line)
            // Of a kind that is not known, nothing must be shown as if it were a message.
            line.append(" did something that this client does not know (event \(event.seq), kind \(event.kind.rawValue))")
        }
    }

    private func appendChange(_ event: Event, of reference: UInt64, to line: inout StyledText) {
        appendName(event.from, to: &line)
        switch event.kind {
        case .edit:
            line.append(" edited #\(reference): ")
            appendBody(of: event, to: &line)
        case .delete:
            let author = recent.message(reference, in: event.room)?.from
            line.append(" deleted #\(reference)")
            if let author, author != event.from { line.append(" of \(author)") }
        case .react: line.append(" reacted \(event.body ?? "") to " + named(reference, in: event.room))
        case .unreact: line.append(" took back \(event.body ?? "") from " + named(reference, in: event.room))
        case .pin: line.append(" pinned " + named(reference, in: event.room))
        default: line.append(" unpinned " + named(reference, in: event.room))
        }
    }

    private func void(_ event: Event) -> StyledText {
        let range = NoticeText.events(event.fromSeq ?? event.seq, event.toSeq ?? event.seq)
        return StyledText(
            "-- \(range) of \(roomName(event.room)) hold nothing: the broker ended unexpectedly, or could not store", .warning)
    }
}
