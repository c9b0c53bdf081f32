import ChatClient
import ChatCore
import ChatProtocol

/// What the commands do.
extension Chat {
    func perform(_ input: ChatInput) {
        switch input {
        case .nothing: break
        case .text(let text): publish(text, to: current)
        case .roomMessage(let room, let text): publish(text, to: room)
        case .directMessage(let user, let text):
            ask(.directMessage(user, body: text, id: .random())) { [unowned self] in
                noteOwn(text, $0)
                didPublish($0, to: nil)
            }
        case .users: listMembers(of: .lobby, title: "connected")
        case .members(let room): listMembers(of: room ?? current, title: "in \(room ?? current)")
        case .rooms: listRooms()
        case .create(let room): create(room)
        case .join(let room):
            if client.attachedRooms.contains(room) {
                complain("you are in \(room) already; :room \(room) makes it the current room", .refused)
            } else {
                enter(room, isFirst: false)
            }
        case .leave(let room): leave(room ?? current)
        case .switchTo(let name): changeRoom(name)
        case .rename(let name):
            ask(.rename(name)) { [unowned self] outcome in
                if case .renamed(let account) = outcome { say("-- you are now called \(account)", .dim) }
            }
        case .change(let kind, let target, let body): change(kind, target, body)
        case .answer(let target, let text, let inThread): answer(target, text, inThread: inThread)
        case .last(let count): listLast(count)
        case .history(let name, let count): showHistory(name, count)
        case .inbox: listInbox()
        case .search(let words): search(words)
        case .presence(let state): setPresence(state)
        case .ping: ping()
        case .help: help()
        case .quit: leaveWhenDone()
        case .problem(let reason): complain(reason, .usage)
        }
    }

    /// Asks, tells what went wrong, and gives what went right to `onSuccess`.
    func ask(_ request: ClientRequest, onSuccess: @escaping (ClientOutcome) -> Void) {
        client.request(request) { [unowned self] outcome in
            switch outcome {
            case .refused(let failure): refuse(failure, for: request)
            // The end of the session is told by itself; only what was to be said is not to be lost in silence.
            case .notSent(.sessionEnded) where Self.quoted(request).isEmpty: break
            case .notSent(let reason):
                let text = FailureText.sentence(reason, for: request, bodyByteCountMax: bodyByteCountMax)
                complain(text + Self.quoted(request), ExitStatus(reason))
            case .unknown(let doubt):
                complain(FailureText.sentence(doubt, for: request) + Self.quoted(request), ExitStatus.unknown(request))
            default: onSuccess(outcome)
            }
            didAnswer()
        }
    }

    /// How much text this broker takes, once it has said so.
    private var bodyByteCountMax: UInt64? { client.welcome?.bodyByteCountMax }

    private func refuse(_ failure: Failure, for request: ClientRequest) {
        guard isJSON else { return complain(FailureText.sentence(failure, for: request, bodyByteCountMax: bodyByteCountMax), .refused) }
        console.write(NoticeJSON.error(failure))
        noteFailure(.refused)
    }

    /// What was to be said, so that it is not lost with the bad news.
    private static func quoted(_ request: ClientRequest) -> String {
        switch request {
        case .publish(_, let body, _), .directMessage(_, let body, _): ": " + body
        case .refer(_, let draft, _): draft.body.map { ": " + $0 } ?? ""
        default: ""
        }
    }

    private func publish(_ text: String, to room: RoomAddress) {
        // The first message begins a conversation.
        if let other = room.other(than: account) { return perform(.directMessage(other, text)) }
        ask(.publish(room, body: text, id: .random())) { [unowned self] in
            noteOwn(text, $0)
            didPublish($0, to: room)
        }
    }

    func didPublish(_ outcome: ClientOutcome, to room: RoomAddress?) {
        guard case .published(let published) = outcome else { return }
        if isJSON { return console.write(NoticeJSON.published(published)) }
        // Where the room is received, the message itself is the confirmation.
        guard let room, !client.attachedRooms.contains(room) else { return }
        say("-- said in \(room) as event \(published.seq)", .dim)
    }

    // MARK: Rooms

    /// - Parameter isFirst: at the start, where only what is wrong is told.
    func enter(_ room: RoomAddress, isFirst: Bool) {
        ask(.join(room, tail: Self.tail)) { [unowned self] outcome in
            guard case .joined(let joined) = outcome else { return }
            if isJSON { return console.write(NoticeJSON.joined(joined)) }
            if isFirst && room == .lobby { return }
            let count = joined.members.map { $0 == 1 ? ", alone" : $0 == 2 ? ", with 1 other" : ", with \($0 - min($0, 1)) others" } ?? ""
            let topic = (joined.topic ?? joined.title).map { ": " + $0 } ?? ""
            say(
                "-- you are in \(room.name(for: account))\(count)\(topic)"
                    + (room == current ? "" : "; :room \(room) makes it the current room"), .dim)
        }
    }

    private func create(_ room: RoomAddress) {
        ask(.create(room, title: nil)) { [unowned self] _ in
            say("-- created \(room)", .dim)
            enter(room, isFirst: false)
        }
    }

    private func leave(_ room: RoomAddress) {
        ask(.leave(room)) { [unowned self] _ in
            reading.forget(room)
            say("-- you left \(room)", .dim)
            if room == current, room != .lobby { switchTo(.lobby) }
        }
    }

    private func changeRoom(_ name: LogName?) {
        guard let name else { return say("-- the current room is \(current.name(for: account))", .dim) }
        guard let room = address(of: name) else { return }
        if let record = reading.unread[room] {
            attach(record)
            showUnread(record)
            return switchTo(room)
        }
        if client.attachedRooms.contains(room) { return switchTo(room) }
        client.request(.join(room, tail: Self.tail)) { [unowned self] outcome in
            switch outcome {
            case .joined: switchTo(room)
            // What is typed begins it.
            case .refused(let failure) where failure.code == .noSuchRoom && room.isConversation: switchTo(room)
            case .refused(let failure): refuse(failure, for: .join(room, tail: 0))
            case .notSent(let reason): complain(FailureText.sentence(reason), ExitStatus(reason))
            default: complain("there was no answer about \(room)", .timedOut)
            }
            didAnswer()
        }
    }

    // MARK: Lists

    private func listMembers(of room: RoomAddress, title: String) {
        ask(.members(room)) { [unowned self] outcome in
            guard case .members(let members, let isComplete) = outcome else { return }
            note(members: members)
            let online = members.filter { $0.state != .offline }
            if isJSON {
                for member in online { console.write(NoticeJSON.member(member)) }
                return
            }
            var line = StyledText("-- \(title) (\(online.count))" + (online.isEmpty ? "" : ": "), .dim)
            for (index, member) in online.enumerated() {
                let name = member.user.description
                line.append(index == 0 ? "" : ", ")
                line.append(name, member.user == client.account ? .ownName(name) : .name(name))
                if member.state == .away { line.append(" (away)", .dim) }
                if member.state == .doNotDisturb { line.append(" (busy)", .dim) }
                if member.role >= .moderator { line.append(member.role == .owner ? " (owner)" : " (moderator)", .dim) }
            }
            if !isComplete { line.append(", and more", .dim) }
            console.show(line)
        }
    }

    private func listRooms() {
        ask(.rooms(filter: nil)) { [unowned self] outcome in
            guard case .rooms(let rooms, let isComplete) = outcome else { return }
            note(rooms: rooms)
            if isJSON {
                for room in rooms { console.write(NoticeJSON.room(room)) }
                return
            }
            let attached = Set(client.attachedRooms)
            say("-- rooms: \(rooms.count)\(isComplete ? "" : " and more")", .dim)
            for room in rooms {
                var line = StyledText("   ")
                line.append(room.room.description, room.room == current ? .bold : .plain)
                line.append(room.members == 1 ? ", 1 member" : ", \(room.members) members", .dim)
                if attached.contains(room.room) { line.append(", you are in it", .dim) }
                if let title = room.title { line.append("  " + title) }
                console.show(line)
            }
        }
    }

    private func ping() {
        // What waits for the connection is not part of a round trip.
        if client.phase == .ready { measure() } else { ask(.ping) { [unowned self] _ in measure() } }
    }

    private func measure() {
        let start = ContinuousClock.now
        ask(.ping) { [unowned self] _ in
            let milliseconds = DurationText.milliseconds(ContinuousClock.now - start)
            if isJSON {
                var line = JSONLine("pong")
                line.add("ms", milliseconds: milliseconds)
                console.write(line.closed)
            } else {
                say("-- round trip \(DurationText.milliseconds(milliseconds)) ms", .dim)
            }
        }
    }

    private func help() {
        say("-- plain text goes to the current room. Commands, with : or / :", .dim)
        let commands = CommandTable.commands
        let heads = commands.map { command in
            command.names.map { ":" + $0 }.joined(separator: " ") + (command.parameters.isEmpty ? "" : " " + command.parameters)
        }
        let width = heads.map(\.count).max() ?? 0
        for (head, command) in zip(heads, commands) {
            say("   " + head + String(repeating: " ", count: width - head.count + 2) + command.help)
        }
        if console.isInteractive {
            say("   Tab completes, arrows and control-R bring back lines, control-A/E/K/U/W/Y edit;", .dim)
            say("   ::text says :text", .dim)
        }
    }
}

extension MessageID {
    static func random() -> MessageID { MessageID(UInt64.random(in: .min ... .max)) }
}
