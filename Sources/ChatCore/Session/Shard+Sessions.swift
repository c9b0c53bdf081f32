import Bytes
import ChatDialects
import ChatProtocol

/// From the preface to the last word: what a shard does for the connections it accepted.
extension Shard {
    func open(_ session: Session, _ preface: Preface) {
        guard session.state == .preface else { return }
        let answer = Preface.broker(answering: preface)
        var writer = ByteWriter(minimumCapacity: Preface.byteCount)
        answer.append(to: &writer)
        session.queue.append(writer.finish())
        schedule(session)
        session.state = .hello
        session.deadline = now.monotonicMilliseconds + settings.helloMilliseconds
        if let refusal = session.farewell {
            end(session, refusal)
        } else if !answer.choseVersion {
            end(session, Goodbye(.version, reason: "this broker speaks version \(Preface.version)"))
        }
    }

    func handle(_ command: Command, requestID: UInt32, isRetry: Bool, from session: Session) {
        if let refusal = CommandRules.refusal(of: command, requestID: requestID, in: session.state) {
            return refuse(refusal, type: command.typeNumber, requestID: requestID, session)
        }
        switch command {
        case .ping(let timestamp): return reply(.pong(timestamp: timestamp), requestID: requestID, session)
        case .pong, .error: return
        case .goodbye(let goodbye): return leave(session, goodbye)
        default: break
        }
        guard admit(requestID, type: command.typeNumber, session) else { return }
        switch command {
        case .hello(let hello): welcome(session, hello, requestID: requestID)
        case .authenticate(let wish): authenticate(session, wish, requestID: requestID)
        case .authenticateStep: answer(requestID, .error(Failure(.badState, reason: "no exchange is under way")), session)
        case .list(let query): listRooms(query, Requester(session, requestID, isRetry))
        case .join(let join): ask(.join(join, isAutomatic: false), session, requestID, isRetry)
        case .leave(let leave): ask(.leave(leave), session, requestID, isRetry)
        case .members(let query): ask(.members(query), session, requestID, isRetry)
        case .create(let room): ask(.create(room), session, requestID, isRetry)
        case .publish(let publish): self.publish(publish, to: nil, session, requestID, isRetry)
        case .directMessage(let message):
            guard let account = session.account else { preconditionFailure("a ready session has an account") }
            let address = RoomAddress(conversationOf: account.name, and: message.to)
            publish(Publish(room: address, publication: message.publication), to: message.to, session, requestID, isRetry)
        case .ping, .pong, .error, .goodbye: preconditionFailure("answered above")
        }
    }

    /// Takes a request into flight, unless its id is in flight already or there are too many.
    private func admit(_ requestID: UInt32, type: UInt8, _ session: Session) -> Bool {
        guard requestID != 0 else { return true }
        if session.requestsInFlight.contains(requestID) {
            end(session, Goodbye(.duplicateId, reason: "request id \(requestID) is in flight"))
            return false
        }
        let limit = session.state == .ready ? settings.requestsInFlightMax : settings.unauthenticatedRequestsInFlightMax
        guard session.requestsInFlight.count < limit else {
            refuse(Failure(.tooManyRequests, reason: "more than \(limit) requests in flight"), type: type, requestID: requestID, session)
            return false
        }
        session.requestsInFlight.append(requestID)
        return true
    }

    private func ask(_ request: RoomRequest, _ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        if request.mayAddMembership, request.room != .lobby, !session.memberships.contains(request.room) {
            guard session.memberships.count < settings.roomsPerAccountMax else {
                let failure = Failure(.tooManyRooms, reason: "at most \(settings.roomsPerAccountMax) rooms an account", room: request.room)
                return refuse(failure, request, Requester(session, requestID, isRetry))
            }
            session.memberships.insert(request.room)
        }
        send(.request(request, Requester(session, requestID, isRetry)), to: map.home(of: request.room))
    }

    private func publish(_ publish: Publish, to peer: AccountName?, _ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        let home = map.home(of: publish.room)
        let requester = Requester(session, requestID, isRetry)
        let request = peer.map { RoomRequest.directMessage(publish, to: $0) } ?? .publish(publish)
        guard mailboxCounts[home] <= settings.mailboxMessagesMax else {
            return refuse(Failure(.overloaded, reason: "too much waits to be handled; try later"), request, requester)
        }
        let milliseconds = session.publishBucket.take(
            perSecond: settings.publishesPerSecond, burst: settings.publishBurst, now: now.monotonicMilliseconds)
        if let milliseconds {
            // The publish that came too early is still accepted; the ones behind it wait in the peer's socket.
            session.throttledUntil = now.monotonicMilliseconds + milliseconds
            session.holds.insert(.rate)
        }
        send(.request(request, requester), to: home)
    }

    // MARK: Log-in

    private func welcome(_ session: Session, _ hello: Hello, requestID: UInt32) {
        session.device = hello.device
        session.state = .authenticating
        session.deadline = now.monotonicMilliseconds + settings.authenticationMilliseconds
        let welcome = Welcome(
            server: settings.nodeName, mechanisms: settings.guestMode == .off ? [] : ["ANONYMOUS"],
            heartbeatMilliseconds: settings.heartbeatMilliseconds, frameByteCountMax: UInt64(settings.frameByteCountMax),
            bodyByteCountMax: UInt64(settings.bodyByteCountMax), requestsInFlightMax: UInt64(settings.requestsInFlightMax),
            deduplicationSeconds: settings.deduplicationSeconds, timestamp: now.wallMilliseconds)
        answer(requestID, .welcome(welcome), session)
    }

    private func authenticate(_ session: Session, _ wish: Authenticate, requestID: UInt32) {
        guard settings.guestMode != .off, wish.mechanism == "ANONYMOUS" else {
            let failure = Failure(.mechUnsupported, reason: "mechanism not offered")
            return answer(requestID, .error(failure), session)
        }
        let isNumbered = settings.guestMode == .numbered
        var wished: AccountName?
        if let message = wish.message, !message.isEmpty, !isNumbered {
            do throws(BadName) {
                wished = try message.withBytes { (span) throws(BadName) in try AccountName(span) }
            } catch {
                let failure = Failure(.badName, reason: "a name is 1 to 32 of a-z 0-9 . _ - and begins with a letter or digit", field: 0x34)
                return answer(requestID, .error(failure), session)
            }
        }
        if let account = session.account, wished == nil || wished == account.name {
            return answer(requestID, .authenticated(authenticated(session, account.name)), session)
        }
        session.claim = NameClaim(requestID: requestID, isGenerated: wished == nil, renames: session.account)
        session.holds.insert(.claim)
        claim(wished ?? guestName(), for: session)
    }

    private func claim(_ name: AccountName, for session: Session) {
        guard let claim = session.claim else { preconditionFailure("a name is claimed within a claim") }
        send(
            .claim(
                name, session: session.id, device: session.device, isRename: claim.renames != nil, isGenerated: claim.isGenerated),
            to: map.home(of: name))
    }

    private func guestName() -> AccountName {
        let letters = Array("abcdefghijkmnpqrstuvwxyz23456789")
        let suffix = String((0..<8).map { _ in letters[Int(random.next() % UInt64(letters.count))] })
        guard let name = try? AccountName("guest-" + suffix) else { preconditionFailure("a guest's name is a name") }
        return name
    }

    private func authenticated(_ session: Session, _ name: AccountName) -> Authenticated {
        // The same octets every time: a rename does not change them.
        var writer = ByteWriter(minimumCapacity: 16)
        writer.appendBigEndian(UInt64(session.id.shard) << 32 | UInt64(session.id.slot), byteCount: 8)
        writer.appendBigEndian(session.mark, byteCount: 8)
        return Authenticated(user: name, session: writer.finish(), role: .reader, timestamp: now.wallMilliseconds)
    }

    /// The name is this connection's.
    func claimGranted(_ id: SessionID, _ account: AccountReference, memberships: Set<RoomAddress>) {
        guard let session = sessions[id], let claim = session.claim, !session.isEnding else {
            // The connection ended while the name was being decided.
            send(.release(account, session: id), to: map.home(of: account.name))
            if let session = sessions[id] {
                finishClaim(session, with: .error(Failure(.overloaded, reason: "the connection is ending")))
            }
            return
        }
        if let old = claim.renames {
            claim.granted = account
            return send(.renameAccount(old, to: account, session: id), to: map.home(of: old.name))
        }
        session.account = account
        session.memberships = memberships
        session.state = .ready
        let spread = settings.heartbeatMilliseconds / 10
        session.heartbeatMilliseconds = settings.heartbeatMilliseconds - spread + random.next() % (2 * spread + 1)
        finishClaim(session, with: .authenticated(authenticated(session, account.name)))
        announceConversations(to: session)
        guard settings.attachesToLobby, session.state == .ready else { return }
        ask(.join(Join(room: .lobby), isAutomatic: true), session, 0, false)
    }

    func claimRefused(_ id: SessionID) {
        guard let session = sessions[id], let claim = session.claim else { return }
        if claim.isGenerated && claim.triesLeft > 0 && !session.isEnding {
            claim.triesLeft -= 1
            return self.claim(guestName(), for: session)
        }
        finishClaim(session, with: .error(Failure(.exists, reason: "this name is in use; choose another")))
    }

    /// The old name's home has let the account go on under its new name.
    func renamed(_ id: SessionID, _ old: AccountReference, to new: AccountReference, rooms: Set<RoomAddress>) {
        guard let session = sessions[id], session.claim?.granted == new else { return renameMembers(old, to: new, in: rooms, session: id) }
        renameMembers(old, to: new, in: rooms.union(session.memberships), session: id)
        session.account = new
        send(.settle(new), to: map.home(of: new.name))
        finishClaim(session, with: .authenticated(authenticated(session, new.name)))
    }

    /// Tells rooms the new name of a member.
    ///
    /// It goes the way that the session's requests take: behind those under the old name, and in front of those under the new one.
    func renameMembers(_ old: AccountReference, to new: AccountReference, in rooms: Set<RoomAddress>, session: SessionID) {
        let isConnected = sessions[session] != nil
        for room in rooms.sorted() {
            send(isConnected ? .renameMember(old, to: new, room) : .accountEnded(old, room), to: map.home(of: room))
        }
    }

    /// A newer connection has taken over the account that was to be renamed.
    func renameRefused(_ id: SessionID) {
        guard let session = sessions[id], let granted = session.claim?.granted else { return }
        send(.release(granted, session: id), to: map.home(of: granted.name))
        finishClaim(session, with: .error(Failure(.exists, reason: "a newer connection has this account")))
    }

    private func finishClaim(_ session: Session, with reply: Reply) {
        guard let claim = session.claim else { return }
        session.claim = nil
        answer(claim.requestID, reply, session)
        release(.claim, session)
    }

    /// A newer connection of the same device has taken over.
    func replace(_ id: SessionID) {
        guard let session = sessions[id] else { return }
        // The account stays; it is the newer connection's now.
        session.account = nil
        end(session, Goodbye(.replaced, reason: "a newer connection of this device took over", endsSession: true))
    }

    /// The client said goodbye.
    private func leave(_ session: Session, _ goodbye: Goodbye) {
        beginDraining(session)
        session.farewell = nil
        session.hasSaidGoodbye = true
        finishIfAnswered(session, because: CloseReason(goodbye.code, "the client said goodbye"))
    }

    /// The client's side of the stream has ended.
    func inputEnded(_ session: Session) {
        guard !session.isEnding else { return }
        guard session.state != .preface else { return abandon(session, CloseReason(.ok, "the client closed before it said anything")) }
        leave(session, Goodbye(.ok))
    }

    // MARK: Words to one connection

    func refuse(_ failure: Failure, type: UInt8, requestID: UInt32, _ session: Session) {
        var failure = failure
        if requestID == 0 { failure.type = type }
        statistics.refusals += 1
        reply(.error(failure), requestID: requestID, session)
        noteFault(failure.code, session)
    }

    func refuse(_ error: PayloadError, type: UInt8, requestID: UInt32, _ session: Session) {
        refuse(Failure(error.code, reason: error.reason, field: error.field), type: type, requestID: requestID, session)
    }

    /// A peer whose software keeps sending faulty payloads is sent away (docs/PROTOCOL.md, *Fields*). Types it may try, frames out of
    /// their state and a person's mistakes do not count.
    private func noteFault(_ code: ResultCode, _ session: Session) {
        guard [.malformed, .unsupportedField, .missingField, .badValue].contains(code) else { return }
        session.malformedFrameCount += 1
        if session.malformedFrameCount >= settings.malformedFramesMax {
            end(session, Goodbye(.tooManyErrors, reason: "too many bad frames"))
        }
    }

    /// The final answer to a request, or with `hasMore` a part of it.
    func answer(_ requestID: UInt32, _ reply: Reply, hasMore: Bool = false, _ session: Session) {
        if !hasMore, let place = session.requestsInFlight.firstIndex(of: requestID) { session.requestsInFlight.remove(at: place) }
        if requestID != 0 || !reply.isMereSuccess { self.reply(reply, requestID: requestID, hasMore: hasMore, session) }
        if session.state == .draining { finishIfAnswered(session, because: nil) }
    }

    /// Queues a reply.
    func reply(_ reply: Reply, requestID: UInt32, hasMore: Bool = false, _ session: Session) {
        guard session.state != .closed, !session.hasFinished else { return }
        var writer = ByteWriter(minimumCapacity: 64)
        session.encoding.append(reply, requestID: requestID, hasMore: hasMore, to: &writer)
        session.queue.append(writer.finish())
        schedule(session)
        regulateInput(session)
    }

    /// Notes that the queue has something to be written at the end of the turn.
    func schedule(_ session: Session) {
        guard !session.isScheduledForWriting else { return }
        session.isScheduledForWriting = true
        effects.writable.append(session)
    }

    /// Holds the input of a peer that does not read its answers, and lets it go on once it has.
    func regulateInput(_ session: Session) {
        if session.queue.byteCount > settings.outboundHighWaterBytes + settings.outboundControlBytes {
            session.holds.insert(.overflow)
        } else {
            release(.overflow, session)
        }
    }

    /// Notes whether the peer takes what is queued for it. A little is enough: who reads slowly is not sent away.
    func noteProgress(_ session: Session) {
        if session.queue.isEmpty {
            session.stalledSince = 0
        } else if session.stalledSince == 0 || session.queue.byteCount < session.byteCountBeforeWriting {
            session.stalledSince = now.monotonicMilliseconds
        }
    }

    func release(_ hold: HoldReasons, _ session: Session) {
        guard session.holds.contains(hold) else { return }
        session.holds.remove(hold)
        if session.holds.isEmpty { effects.resumed.append(session) }
    }

    // MARK: Endings

    /// Ends a connection in words: requests in flight are answered first, GOODBYE is the last frame.
    func end(_ session: Session, _ goodbye: Goodbye) {
        guard !session.isEnding else { return }
        guard session.state != .preface else { return abandon(session, CloseReason(goodbye.code, goodbye.reason ?? "")) }
        beginDraining(session)
        session.farewell = goodbye
        finishIfAnswered(session, because: nil)
    }

    /// From here on the session is sent answers, but no events.
    private func beginDraining(_ session: Session) {
        session.state = .draining
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
        for link in session.links.reversed() { detach(session, from: link.roster) }
    }

    /// Says the last word once nothing is in flight.
    private func finishIfAnswered(_ session: Session, because reason: CloseReason?) {
        guard session.requestsInFlight.isEmpty else { return }
        finish(session, because: reason)
    }

    private func finish(_ session: Session, because reason: CloseReason?) {
        let farewell = session.farewell.take()
        guard farewell != nil || session.hasSaidGoodbye, !session.hasFinished else { return }
        session.hasSaidGoodbye = false
        if let farewell {
            reply(.goodbye(farewell), requestID: 0, session)
            effects.ended.append((session, CloseReason(farewell.code, farewell.reason ?? "")))
        } else {
            effects.ended.append((session, reason ?? CloseReason(.ok, "the client said goodbye")))
        }
        session.hasFinished = true
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
    }

    /// Ends a connection without a word.
    func abandon(_ session: Session, _ reason: CloseReason) {
        guard !session.isEnding else { return }
        session.state = .draining
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
        effects.ended.append((session, reason))
    }

    /// The broker stops: every client is told, each with another time to come back.
    public func shutDown(at moment: Moment) {
        now = moment
        isShuttingDown = true
        for slot in 0..<sessions.slotCount {
            guard let session = sessions[slot: slot] else { continue }
            let pause = 500 + random.next() % 4_500
            end(session, Goodbye(.shuttingDown, reason: "the broker is shutting down", retryMilliseconds: pause))
        }
    }

    // MARK: The passage of time

    /// Called every tenth of a second or so: looks after deadlines. A call looks at a part of the sessions if there are many.
    public func tick(at moment: Moment) {
        now = moment
        let count = sessions.slotCount
        for _ in 0..<min(count, max(1_000, count / 8)) {
            sweepCursor = sweepCursor + 1 < count ? sweepCursor + 1 : 0
            if let session = sessions[slot: sweepCursor] { lookAfter(session) }
        }
        sweepRooms()
        sweepAccounts()
    }

    private func lookAfter(_ session: Session) {
        let time = now.monotonicMilliseconds
        if session.throttledUntil != 0, time >= session.throttledUntil {
            session.throttledUntil = 0
            release(.rate, session)
        }
        if session.stalledSince != 0, time > session.stalledSince + settings.slowConsumerMilliseconds {
            end(session, Goodbye(.slowConsumer, reason: "nothing was read for too long"))
        }
        switch session.state {
        case .preface:
            if time > session.deadline { abandon(session, CloseReason(.timeout, "no preface in time")) }
        case .hello:
            if time > session.deadline { end(session, Goodbye(.timeout, reason: "no HELLO in time")) }
        case .authenticating:
            if time > session.deadline { end(session, Goodbye(.timeout, reason: "not authenticated in time")) }
        case .ready: probe(session)
        case .draining:
            guard time > session.deadline else { return }
            if session.farewell != nil || session.hasSaidGoodbye { finish(session, because: nil) } else { effects.aborted.append(session) }
        case .closed: break
        }
    }

    private func probe(_ session: Session) {
        // Most connections are silent most of the time: they keep no storage for the next request.
        if session.requestsInFlight.isEmpty { session.requestsInFlight = [] }
        // A peer that is not being read counts as alive.
        if session.isInputHeld { session.lastReceived = now.monotonicMilliseconds }
        let silence = now.monotonicMilliseconds - min(session.lastReceived, now.monotonicMilliseconds)
        if silence > 2 * session.heartbeatMilliseconds {
            end(session, Goodbye(.timeout, reason: "nothing was heard for \(silence) ms"))
        } else if silence > session.heartbeatMilliseconds && !session.isProbed {
            session.isProbed = true
            reply(.ping(timestamp: now.wallMilliseconds), requestID: 1, session)
        }
    }
}

extension Requester {
    init(_ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        guard let account = session.account else { preconditionFailure("only a session with an account makes requests") }
        self.init(session: session.id, account: account, requestID: requestID, isRetry: isRetry)
    }
}

extension Reply {
    /// Whether the reply says no more than that the request succeeded: it is left out if no reply was wanted.
    fileprivate var isMereSuccess: Bool {
        switch self {
        case .ok, .published, .items: true
        default: false
        }
    }
}
