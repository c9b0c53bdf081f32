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
        if let refusal = session.farewell?.goodbye {
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
        // It goes on under the id of AUTH, which is in flight.
        case .authenticateStep(let message) where takeStep(message, requestID: requestID, session): return
        case .mark, .typing, .presence, .inbox:
            if let refusal = refusal(of: command, session) {
                return refuse(refusal, type: command.typeNumber, requestID: requestID, session)
            }
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
        case .mark(let marker): ask(.mark(marker), session, requestID, isRetry)
        case .typing(let typing): forward(typing, session, requestID)
        case .presence(let presence): setPresence(presence, session, requestID: requestID)
        case .inbox(let query): readInbox(query, Requester(session, requestID, isRetry))
        case .register(let wish): register(wish, session, requestID)
        case .changePassword(let verifier): changePassword(verifier, session, requestID)
        case .listDevices: askForDevices(session, requestID)
        case .revokeDevice(let device): revoke(device, session, requestID)
        case .resume(let resume): self.resume(session, resume, requestID)
        case .history(let query): ask(.history(query), session, requestID, isRetry)
        case .search(let query): search(query, session, requestID)
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

    func ask(_ request: RoomRequest, _ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        if request.mayAddMembership, request.room != .lobby, !session.memberships.contains(request.room) {
            guard session.memberships.count < settings.roomsPerAccountMax else {
                let failure = Failure(.tooManyRooms, reason: "at most \(settings.roomsPerAccountMax) rooms an account", room: request.room)
                return refuse(failure, request, Requester(session, requestID, isRetry))
            }
            session.memberships.insert(request.room)
        }
        post(request, Requester(session, requestID, isRetry), to: map.home(of: request.room))
    }

    /// Hands a request to the room's home; here, without the detour over mail.
    private func post(_ request: RoomRequest, _ requester: Requester, to home: Int) {
        if home == index { handle(request, requester) } else { effects.mail[home].append(.request(request, requester)) }
    }

    private func publish(_ publish: Publish, to peer: AccountName?, _ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        let home = map.home(of: publish.room)
        let requester = Requester(session, requestID, isRetry)
        let request = peer.map { RoomRequest.directMessage(publish, to: $0) } ?? .publish(publish)
        guard mailboxCounts[home] <= settings.mailboxMessagesMax else {
            return refuse(Failure(.overloaded, reason: "too much waits to be handled; try later"), request, requester)
        }
        if settings.publishesPerSecond > 0 { regulatePublishing(session) }
        post(request, requester, to: home)
    }

    /// The publish that came too early is still accepted; the ones behind it wait in the peer's socket.
    private func regulatePublishing(_ session: Session) {
        let rate = session.publishRate ?? PublishRate()
        session.publishRate = rate
        let milliseconds = rate.bucket.take(
            perSecond: settings.publishesPerSecond, burst: settings.publishBurst, now: now.monotonicMilliseconds)
        guard let milliseconds else { return }
        rate.throttledUntil = now.monotonicMilliseconds + milliseconds
        session.holds.insert(.rate)
    }
}

extension Requester {
    init(_ session: Session, _ requestID: UInt32, _ isRetry: Bool) {
        guard let account = session.account else { preconditionFailure("only a session with an account makes requests") }
        self.init(session: session.id, account: account, requestID: requestID, isRetry: isRetry)
    }
}
