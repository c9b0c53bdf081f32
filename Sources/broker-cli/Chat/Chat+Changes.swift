import ChatClient
import ChatCore
import ChatProtocol
import LibUV

/// What refers to messages of the current room, and who is typing there.
extension Chat {
    /// A client that types goes on saying so, this often.
    private static let typingMilliseconds: UInt64 = 3_000
    /// Who was said to be typing is forgotten after so long.
    private static let typistMilliseconds: UInt64 = 6_000

    func change(_ kind: EventKind, _ target: EventTarget, _ body: String?) {
        guard let seq = seq(of: target) else { return }
        publish(EventDraft(kind: kind, reference: seq, body: body))
    }

    func answer(_ target: EventTarget, _ text: String, inThread: Bool) {
        guard let seq = seq(of: target) else { return }
        publish(inThread ? EventDraft(thread: seq, body: text) : EventDraft(reply: seq, body: text))
    }

    private func publish(_ draft: EventDraft) {
        let room = current
        ask(.refer(room, draft, id: .random())) { [unowned self] in
            if draft.kind == .message { noteOwn(draft.body ?? "", $0) }
            didPublish($0, to: room)
        }
    }

    private func seq(of target: EventTarget) -> UInt64? {
        if let seq = recent.seq(of: target, in: current, account: client.account) { return seq }
        switch target {
        case .lastOf(let name): complain("no message of \(name) was seen in \(current)", .usage)
        case .own: complain("no message of yours was seen in \(current)", .usage)
        default: complain("no message was seen in \(current)", .usage)
        }
        return nil
    }

    func listLast(_ count: Int) {
        let messages = recent.last(count, in: current)
        guard !messages.isEmpty else { return say("-- no message was seen in \(current)", .dim) }
        for message in messages {
            var line = StyledText("   #\(message.seq) ", .dim)
            let name = message.from.description
            line.append(name, message.from == client.account ? .ownName(name) : .name(name))
            line.append(": ")
            if let text = message.text { line.appendLines(text, isOneLine: true) } else { line.append("(deleted)", .dim) }
            if !isJSON { console.show(line) }
        }
    }

    func setPresence(_ state: PresenceState) {
        ask(.presence(state)) { [unowned self] _ in
            say(state == .online ? "-- you are back" : state == .away ? "-- you are away" : "-- you do not want to be disturbed", .dim)
        }
    }

    // MARK: Typing

    /// The line being edited has changed: the room is told that its user is writing.
    func didEdit(_ line: String) {
        guard client.phase == .ready, client.welcome?.capabilities.contains("typing") == true else { return }
        let isText = !line.allSatisfy(\.isWhitespace) && line.first != ":" && line.first != "/"
        if isText {
            if let typedAt, loop.nowMilliseconds < typedAt + Self.typingMilliseconds { return }
            typedAt = loop.nowMilliseconds
            client.request(.typing(current, isTyping: true)) { _ in }
        } else if typedAt != nil {
            typedAt = nil
            client.request(.typing(current, isTyping: false)) { _ in }
        }
    }

    func noteTyping(_ typing: Typing) {
        guard let user = typing.user, typing.room == current else { return }
        typists[user] = typing.isTyping ? loop.nowMilliseconds + Self.typistMilliseconds : nil
        updateTypists()
    }

    /// Forgets who has been silent for too long, and shows who has not.
    func updateTypists() {
        typists = typists.filter { $0.value > loop.nowMilliseconds }
        updatePrompt()
        guard let next = typists.values.min() else { return typistTimer.stop() }
        typistTimer.start(afterMilliseconds: next - loop.nowMilliseconds) { [unowned self] in updateTypists() }
    }

    /// `bob is typing`, for the prompt; nil if nobody is.
    var typingText: String? {
        let names = typists.keys.sorted().map(\.description)
        switch names.count {
        case 0: return nil
        case 1: return "\(names[0]) is typing"
        case 2: return "\(names[0]) and \(names[1]) are typing"
        default: return "\(names.count) are typing"
        }
    }
}
