import Bytes
import ChatProtocol

extension ClientSession {
    /// Greatest number of records that one list collects.
    static let recordCountMax = 100_000

    /// Sends what waits, as far as the broker lets requests be in flight. While rooms are being resumed the user's requests wait, so
    /// that nothing overtakes a message that must perhaps be sent again.
    mutating func pump(at now: UInt64) {
        guard phase == .ready else { return }
        while requests.hasRoom, !requests.urgent.isEmpty { launch(requests.urgent.removeFirst(), at: now) }
        while recovery == nil, requests.hasRoom, !requests.waiting.isEmpty { launch(requests.waiting.removeFirst(), at: now) }
    }

    private mutating func launch(_ pending: PendingRequest, at now: UInt64) {
        guard let request = pending.request else { preconditionFailure("only the user's requests and rejoins wait") }
        var pending = pending
        let age = pending.isRetry ? now - (pending.firstSentAt ?? now) : nil
        if pending.firstSentAt == nil || !pending.isRetry { pending.firstSentAt = now }
        pending.sentAs = account
        switch request {
        case .join(let room, _):
            pending.cursor = rooms[room]?.cursor?.position
            rooms[room, default: RoomState()].isJoining = true
        case .attach(let room, let position):
            pending.cursor = rooms[room]?.cursor?.position ?? position
            rooms[room, default: RoomState()].isJoining = true
        default: break
        }
        let command = command(request, cursor: pending.cursor, ageMilliseconds: age)
        send(command, requestID: requests.launch(pending), isRetry: pending.isRetry)
    }

    private func command(_ request: ClientRequest, cursor: LogPosition?, ageMilliseconds: UInt64?) -> Command {
        switch request {
        case .join(let room, let tail):
            return .join(Join(room: room, cursor: cursor, tail: cursor == nil ? tail : settings.resumeTail))
        case .attach(let room, _): return .join(Join(room: room, cursor: cursor, tail: settings.resumeTail))
        case .leave(let room): return .leave(Leave(room: room))
        case .create(let room, let title): return .create(CreateRoom(room: room, title: title))
        case .publish(let room, let body, let id):
            return .publish(Publish(room: room, publication: publication(body, id, ageMilliseconds)))
        case .directMessage(let user, let body, let id):
            return .directMessage(DirectMessage(to: user, publication: publication(body, id, ageMilliseconds)))
        case .refer(let room, let draft, let id):
            return .publish(Publish(room: room, publication: Publication(content: draft.content(id), ageMilliseconds: ageMilliseconds)))
        case .typing(let room, let isTyping): return .typing(Typing(room: room, state: isTyping ? 1 : 0))
        case .presence(let state): return .presence(Presence(state: state))
        case .mark(let room, let seq): return .mark(ReadMarker(room: room, mark: seq, epoch: rooms[room]?.cursor?.position.epoch))
        case .rooms(let filter): return .list(ListRooms(limit: 1000, filter: filter))
        case .members(let room): return .members(ListMembers(room: room, limit: 1000))
        case .history(let room, let from, let to, let limit, let thread):
            return .history(ReadHistory(room: room, fromSeq: from, toSeq: to, limit: limit, thread: thread))
        case .search(let search): return .search(search)
        case .inbox: return .inbox(ReadInbox(since: 0, limit: Self.inboxPageCountMax))
        case .rename(let wish): return .authenticate(Self.anonymous(wish))
        case .ping: return .ping(timestamp: nil)
        case .changePassword(let verifier): return .changePassword(verifier: verifier)
        case .devices: return .listDevices
        case .revoke(let device): return .revokeDevice(device)
        }
    }

    private func publication(_ body: String, _ id: MessageID, _ ageMilliseconds: UInt64?) -> Publication {
        Publication(
            content: EventContent(messageID: id, body: body), acknowledgement: settings.acknowledgement, ageMilliseconds: ageMilliseconds)
    }

    /// One frame from the broker other than DELIVER.
    mutating func handle(_ reply: Reply, requestID id: UInt32, hasMore: Bool, at now: UInt64) {
        switch reply {
        case .ping(let timestamp): return send(.pong(timestamp: timestamp), requestID: id)
        case .goodbye(let goodbye): return handleGoodbye(goodbye)
        case .lag(let lag): return handleLag(lag, at: now)
        case .notice(let notice): return notify(.told(notice))
        case .joined(let joined) where id == 0: return handleUnaskedJoined(joined, at: now)
        case .error(let failure) where id == 0: return notify(.fault(failure))
        case .typing(let typing): return notify(.typing(typing))
        case .presence(let presence): return notify(.presence(presence))
        case .mark(let marker): return notify(.marked(marker))
        default: break
        }
        // A reply to nothing is ignored: the request may have been one that this client cannot know, such as grease.
        guard let pending = requests.answer(id, hasMore: hasMore) else { return }
        switch pending.purpose {
        case .login where settings.logsInToAccount, .registration: handleLogInReply(reply, requestID: id)
        case .hello, .login: handleHandshake(reply, pending, at: now)
        case .heartbeat: break
        case .rejoin, .user: handleAnswer(reply, pending, requestID: id, hasMore: hasMore, at: now)
        }
    }

    private mutating func handleHandshake(_ reply: Reply, _ pending: PendingRequest, at now: UInt64) {
        switch (pending.purpose, reply) {
        case (.hello, .welcome(let welcome)): handleWelcome(welcome)
        case (.login, .authenticated(let authenticated)): handleLogin(authenticated, at: now)
        case (.login, .error(let failure)): handleLoginRefused(failure)
        case (_, .error(let failure)): breakOff(failure.code, failure.reason ?? "the broker refused HELLO")
        default: breakOff(.badState, "an answer that does not fit the handshake")
        }
    }

    private mutating func handleAnswer(
        _ reply: Reply, _ pending: PendingRequest, requestID id: UInt32, hasMore: Bool, at now: UInt64
    ) {
        switch (pending.request, reply) {
        case (.join(let room, _), .joined(let joined)) where joined.room == room,
            (.attach(let room, _), .joined(let joined)) where joined.room == room:
            handleJoined(joined, pending, at: now)
        case (.join(let room, _), .error(let failure)), (.attach(let room, _), .error(let failure)):
            handleJoinRefused(room, failure, pending, at: now)
        case (_, .error(let failure)): finish(pending, Self.outcome(of: failure))
        case (.leave(let room), .ok):
            rooms[room] = nil
            finish(pending, .done)
        case (.create, .ok), (.typing, .ok), (.presence, .ok), (.mark, .ok): finish(pending, .done)
        case (.publish, .published(let published)), (.directMessage, .published(let published)), (.refer, .published(let published)):
            finish(pending, .published(published))
        case (.rooms, .items(let items)), (.members, .items(let items)):
            collect(items, pending, requestID: id, hasMore: hasMore, at: now)
        case (.inbox, .items(let items)): collectInbox(items, pending, requestID: id, hasMore: hasMore)
        case (.history, .batch(let batch)): collect(batch, pending, requestID: id, hasMore: hasMore)
        case (.search, .found(let found)): collect(found, pending, requestID: id, hasMore: hasMore)
        case (.rename, .authenticated(let authenticated)):
            settings.wish = authenticated.user.description
            changeAccount(to: authenticated.user)
            finish(pending, .renamed(authenticated.user))
        case (.ping, .pong): finish(pending, .pong)
        case (.changePassword, .ok), (.revoke, .ok): finish(pending, .done)
        case (.devices, .items(let items)):
            finish(pending, .devices(items.records.compactMap { if case .device(let record) = $0 { record } else { nil } }))
        default: breakOff(.badState, "an answer that does not fit its request")
        }
    }

    mutating func finish(_ pending: PendingRequest, _ outcome: ClientOutcome) {
        if !pending.isAbandoned { complete(pending.token, outcome) }
    }

    private static func outcome(of failure: Failure) -> ClientOutcome {
        switch failure.code {
        case .retryTooOld, .outcomeUnknown: .unknown(.broker(failure))
        default: .refused(failure)
        }
    }

    /// One frame of a history; its range adjoins that of the frame before.
    private mutating func collect(_ batch: Batch, _ pending: PendingRequest, requestID id: UInt32, hasMore: Bool) {
        var pending = pending
        guard let events = try? batch.events() else { return breakOff(.malformed, "a history that cannot be read") }
        pending.events += events
        if pending.historyFromSeq == nil { pending.historyFromSeq = batch.fromSeq }
        if hasMore {
            requests.update(id) { [pending] in $0 = pending }
            return
        }
        finish(
            pending,
            .history(pending.events, fromSeq: pending.historyFromSeq ?? batch.fromSeq, toSeq: batch.toSeq, floor: batch.floor))
    }

    /// One frame of what was found.
    private mutating func collect(_ found: Found, _ pending: PendingRequest, requestID id: UInt32, hasMore: Bool) {
        var pending = pending
        guard let events = try? found.events() else { return breakOff(.malformed, "events that cannot be read") }
        pending.events += events
        if hasMore {
            requests.update(id) { [pending] in $0 = pending }
        } else {
            finish(pending, .found(pending.events, cursor: found.cursor, isIncomplete: found.isIncomplete))
        }
    }

    /// One frame of a list: M says that more frames of this reply follow, `cursor` in the last one that there is another page.
    private mutating func collect(_ items: Items, _ pending: PendingRequest, requestID id: UInt32, hasMore: Bool, at now: UInt64) {
        var pending = pending
        pending.records += items.records
        if hasMore {
            requests.update(id) { $0.records = pending.records }
            return
        }
        if let cursor = items.cursor, pending.records.count < Self.recordCountMax, !pending.isAbandoned {
            let command: Command =
                switch pending.request {
                case .members(let room): .members(ListMembers(room: room, limit: 1000, cursor: cursor))
                case .rooms(let filter): .list(ListRooms(limit: 1000, cursor: cursor, filter: filter))
                default: preconditionFailure("only lists have pages")
                }
            return send(command, requestID: requests.launch(pending))
        }
        let isComplete = items.cursor == nil
        if case .members = pending.request {
            let members = pending.records.compactMap { if case .member(let record) = $0 { record } else { nil } }
            finish(pending, .members(members, isComplete: isComplete))
        } else {
            let rooms = pending.records.compactMap { if case .room(let record) = $0 { record } else { nil } }
            finish(pending, .rooms(rooms, isComplete: isComplete))
        }
    }
}
