import ChatCore
import ChatProtocol

/// Events and notices as JSON objects, one a line, in the vocabulary of the protocol (docs/PROTOCOL.md, *JSON mapping*).
enum NoticeJSON {
    static func lines(_ notice: ClientNotice) -> [String] {
        switch notice {
        case .event(let event): return [self.event(event)]
        case .ready(let account, let welcome, let isReturn):
            var line = JSONLine("auth_ok")
            line.add("user", account.description)
            line.add("server", welcome.server)
            line.add("return", flag: isReturn)
            return [line.closed]
        case .attached(let joined): return [self.joined(joined)]
        case .skipped(let room, let range): return [self.range("lag", room, range)]
        case .hole(let room, let range, _): return [self.range("hole", room, range)]
        case .logReset(let room, let failure): return [error(failure ?? Failure(.epochChanged), room: room)]
        case .roomLost(let room, let failure): return [error(failure, room: room)]
        case .nameRefused(_, let failure), .fault(let failure): return [error(failure)]
        case .recovered(let recovery):
            var line = JSONLine("recovered")
            line.add("messages", recovery.messageCount)
            line.add("complete", flag: recovery.isComplete)
            let missed = recovery.rooms.flatMap { room in room.missed.map { range("missed", room.room, $0) } }
            return missed + [line.closed]
        case .connectionLost(let loss, let delay):
            var line = JSONLine("connection_lost")
            line.add("reason", FailureText.sentence(loss))
            line.add("retry_ms", delay)
            return [line.closed]
        case .ended(let loss):
            var line = JSONLine("ended")
            line.add("reason", FailureText.sentence(loss))
            return [line.closed]
        case .typing(let typing):
            var line = JSONLine("typing")
            line.add("room", typing.room.description)
            line.add("user", typing.user?.description)
            line.add("state", UInt64(typing.state))
            return [line.closed]
        case .presence(let presence):
            var line = JSONLine("presence")
            line.add("user", presence.user?.description)
            line.add("state", presence.state.map { UInt64($0.rawValue) })
            return [line.closed]
        case .marked(let marker):
            var line = JSONLine("mark")
            line.add("room", marker.room.description)
            line.add("ts", marker.timestamp)
            line.add("epoch", marker.epoch)
            line.add("user", marker.user?.description)
            line.add("mark", marker.mark)
            return [line.closed]
        case .told(let notice):
            var line = JSONLine("notice")
            line.add("code", UInt64(notice.code.rawValue))
            line.add("reason", notice.reason)
            line.add("until", notice.until)
            return [line.closed]
        case .resent: return [JSONLine("resent").closed]
        case .completed: return []
        }
    }

    static func event(_ event: Event) -> String {
        var line = JSONLine("deliver")
        line.add("room", event.room.description)
        line.add("seq", event.seq)
        line.add("ts", event.timestamp)
        line.add("from", event.from.description)
        if event.kind != .message { line.add("kind", UInt64(event.kind.rawValue)) }
        line.add("ref", event.reference)
        line.add("thread", event.thread)
        line.add("reply", event.reply)
        line.add("mime", event.mediaType)
        line.add("body", event.body)
        line.add("user", event.user?.description)
        line.add("title", event.title)
        line.add("topic", event.topic)
        line.add("role", event.role.map { UInt64($0.rawValue) })
        line.add("reason", event.reason)
        line.add("from_seq", event.fromSeq)
        line.add("to_seq", event.toSeq)
        line.add("redacted", flag: event.isRedacted)
        return line.closed
    }

    static func joined(_ joined: Joined) -> String {
        var line = JSONLine("joined")
        line.add("room", joined.room.description)
        line.add("epoch", joined.epoch)
        line.add("head", joined.head)
        line.add("next", joined.next)
        line.add("title", joined.title)
        line.add("topic", joined.topic)
        line.add("members", joined.members)
        return line.closed
    }

    static func published(_ published: Published) -> String {
        var line = JSONLine("published")
        line.add("room", published.room.description)
        line.add("seq", published.seq)
        line.add("ts", published.timestamp)
        line.add("ack", UInt64(published.acknowledgement.rawValue))
        line.add("dup", flag: published.isDuplicate)
        return line.closed
    }

    static func room(_ record: RoomRecord) -> String {
        var line = JSONLine("room")
        line.add("room", record.room.description)
        line.add("title", record.title)
        line.add("topic", record.topic)
        line.add("members", record.members)
        line.add("head", record.head)
        return line.closed
    }

    static func inbox(_ record: InboxRecord) -> String {
        var line = JSONLine("inbox")
        line.add("room", record.room.description)
        line.add("ts", record.timestamp)
        line.add("epoch", record.epoch)
        line.add("head", record.head)
        line.add("mark", record.mark)
        line.add("unread", record.unread)
        line.add("usn", record.updateNumber)
        return line.closed
    }

    static func created(_ room: RoomAddress) -> String {
        var line = JSONLine("created")
        line.add("room", room.description)
        return line.closed
    }

    static func member(_ record: MemberRecord) -> String {
        var line = JSONLine("member")
        line.add("user", record.user.description)
        line.add("role", UInt64(record.role.rawValue))
        line.add("state", UInt64(record.state.rawValue))
        return line.closed
    }

    static func error(_ failure: Failure, room: RoomAddress? = nil) -> String {
        var line = JSONLine("error")
        line.add("code", UInt64(failure.code.rawValue))
        line.add("name", failure.code.description)
        line.add("reason", failure.reason)
        line.add("room", (room ?? failure.room)?.description)
        line.add("retry_ms", failure.retryMilliseconds)
        return line.closed
    }

    /// A failure that no result code of the broker names.
    static func error(_ reason: String) -> String {
        var line = JSONLine("error")
        line.add("reason", reason)
        return line.closed
    }

    private static func range(_ type: String, _ room: RoomAddress, _ range: ClosedRange<UInt64>) -> String {
        var line = JSONLine(type)
        line.add("room", room.description)
        line.add("from_seq", range.lowerBound)
        line.add("to_seq", range.upperBound)
        return line.closed
    }
}
