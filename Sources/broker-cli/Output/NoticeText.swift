import ChatCore
import ChatProtocol

/// What a session tells, as lines for people; nil where there is nothing to say.
struct NoticeText {
    var events: EventText

    func lines(_ notice: ClientNotice) -> [StyledText] {
        switch notice {
        case .event(let event): return [events.line(event)]
        case .ready(let account, let welcome, let isReturn):
            guard !isReturn else { return [] }
            return [StyledText("-- connected to \(welcome.server) as \(account); :help lists the commands", .dim)]
        case .nameRefused(let wish, let failure): return [Self.refusal(wish, failure)]
        case .attached: return []
        case .skipped(let room, let range):
            return [
                StyledText(
                    "-- missed \(Self.events(range)) of \(events.roomName(room)): the broker no longer had what this client lacked",
                    .warning)
            ]
        case .hole(let room, let range, let isUnreadable):
            let reason = isUnreadable ? "this client cannot read them" : "the broker does not say why"
            return [StyledText("!! \(Self.events(range)) of \(events.roomName(room)) did not come: \(reason)", .error)]
        case .logReset(let room, _):
            return [StyledText("-- the log of \(events.roomName(room)) began anew; what was said in between cannot be told", .warning)]
        case .roomLost(let room, let failure):
            return [StyledText("-- you are no longer in \(room): " + FailureText.sentence(failure, for: .join(room, tail: 0)), .warning)]
        case .recovered(let recovery): return self.recovery(recovery)
        case .resent: return [StyledText("-- a message had not been accepted before the connection was lost; sent again", .warning)]
        // What passes is shown where it passes, if at all.
        case .typing, .presence, .marked: return []
        case .completed: return []
        case .connectionLost(let loss, let delay):
            let wait = delay < 50 ? "at once" : "in " + DurationText.seconds(milliseconds: delay)
            var head = "connection lost: "
            // What says that there is none is not said to be lost.
            if case .unreachable = loss { head = "" }
            return [StyledText("-- \(head)\(FailureText.sentence(loss)); trying again \(wait)", .warning)]
        case .ended(.left): return []
        case .ended(let loss): return [StyledText("!! " + FailureText.sentence(loss), .error)]
        case .told(let notice): return [StyledText("-- " + FailureText.sentence(Failure(notice.code, reason: notice.reason)), .warning)]
        case .fault(let failure): return [StyledText("!! " + FailureText.sentence(failure), .error)]
        }
    }

    /// `event 7` or `events 40–52`.
    static func events(_ range: ClosedRange<UInt64>) -> String { events(range.lowerBound, range.upperBound) }

    static func events(_ from: UInt64, _ to: UInt64) -> String {
        from == to ? "event \(from)" : "events \(from)–\(to)"
    }

    private static func refusal(_ wish: String, _ failure: Failure) -> StyledText {
        StyledText("!! " + FailureText.sentence(failure, for: .rename(wish), isConversation: false), .error)
    }

    private func recovery(_ recovery: Recovery) -> [StyledText] {
        let count = recovery.messageCount
        let caughtUp = count == 1 ? "1 message caught up" : "\(count) messages caught up"
        var parts: [String] = count > 0 ? [caughtUp] : []
        for room in recovery.rooms {
            for range in room.missed { parts.append("missed \(Self.events(range)) of \(events.roomName(room.room))") }
        }
        if recovery.isTimedOut { parts.append("not every room has caught up yet") }
        if parts.isEmpty { parts.append(recovery.isComplete ? "nothing missed" : "what was missed cannot be told") }
        return [StyledText("-- back; " + parts.joined(separator: "; "), recovery.isComplete ? .dim : .warning)]
    }
}
