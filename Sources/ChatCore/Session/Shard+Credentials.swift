import Bytes
import ChatDialects
import ChatProtocol

/// AUTH by anything but a guest's wish: questions to those who judge credentials, and what follows from their answers.
extension Shard {
    /// What is known about a question of this shard; see ``ShardEffects/questions``.
    public func answer(_ number: UInt64, with answer: CredentialAnswer, at moment: Moment) {
        now = moment
        guard let purpose = questions.removeValue(forKey: number) else { return }
        switch purpose {
        case .exchange(let session): advance(session, answer)
        case .wish(let session): decideWish(session, answer)
        case .registration(let session, let requestID): finishRegistration(session, requestID, answer)
        case .password(let session, let requestID): finishPasswordChange(session, requestID, answer)
        case .devices(let session, let requestID): listDevices(session, requestID, answer)
        case .revocation(let account, let session, let requestID): finishRevocation(account, session, requestID, answer)
        case .party(let address, let party): noteRegistration(of: party, in: address, answer)
        }
    }

    func ask(_ subject: CredentialQuestion.Subject, for session: Session?, _ purpose: CredentialPurpose) {
        lastQuestion += 1
        questions[lastQuestion] = purpose
        effects.questions.append(
            CredentialQuestion(
                number: lastQuestion, subject: subject, session: session?.id, origin: session?.logIn?.origin ?? LogInOrigin()))
    }

    // MARK: How a connection begins

    /// Keeps the octets of the client's preface (on a WebSocket the name of the subprotocol) or HELLO, which the exchange may vouch for
    /// later. Called before ``receive(_:from:at:)`` is given what they mean.
    public func note(opening octets: RawSpan, of session: Session) {
        guard settings.offersAccounts, session.state == .preface || session.state == .hello else { return }
        let logIn = session.logIn ?? LogIn()
        session.logIn = logIn
        if session.state == .preface {
            logIn.preface = SharedBytes(copying: octets)
        } else {
            logIn.origin.transcript = session.encoding.payload(ofReceived: SharedBytes(copying: octets))
        }
    }

    /// Both sides have said how the connection began.
    func completeTranscript(_ session: Session, welcome: SharedBytes) {
        guard let logIn = session.logIn, settings.offersAccounts else { return }
        var writer = ByteWriter(minimumCapacity: 512)
        writer.append(logIn.preface)
        writer.append(logIn.origin.transcript)
        if let preface = Preface(octets: logIn.preface) {
            Preface.broker(answering: preface).append(to: &writer)
        } else {
            // On a WebSocket there are none, and the name of the subprotocol stands for both.
            writer.append(logIn.preface)
        }
        writer.append(session.encoding.payload(ofSent: welcome))
        logIn.origin.transcript = writer.finish()
        logIn.preface = .empty
    }

    /// The mechanisms offered on a connection, the preferred first.
    func mechanisms(for session: Session) -> [String] {
        let channel = session.channel
        var names: [String] = []
        if settings.offersAccounts {
            let isPrivate = channel.contains(.encrypted) || channel.contains(.loopback)
            if channel.contains(.certified) { names.append("EXTERNAL") }
            if channel.contains(.bindable) { names.append("SCRAM-SHA-256-PLUS") }
            if isPrivate || settings.offersPasswordsInClear { names.append("SCRAM-SHA-256") }
            if settings.givesTokens {
                if channel.contains(.bindable) { names.append("HT-SHA-256-EXPR") }
                let isUnbound = channel.contains(.encrypted) ? channel.contains(.scripted) : channel.contains(.loopback)
                if isUnbound { names.append("HT-SHA-256-NONE") }
            }
            if settings.acceptsBearerTokens, isPrivate { names.append("OAUTHBEARER") }
        }
        if settings.guestMode != .off { names.append("ANONYMOUS") }
        return names
    }

    // MARK: Exchanges

    func beginExchange(_ session: Session, _ wish: Authenticate, requestID: UInt32) {
        let isTyped = wish.mechanism == "PLAIN" && session.channel.contains(.typed) && settings.offersAccounts
        guard isTyped || mechanisms(for: session).contains(wish.mechanism), let logIn = session.logIn else {
            return answer(requestID, .error(Failure(.mechUnsupported, reason: "mechanism not offered")), session)
        }
        if let account = session.account, !account.isRegistered {
            let failure = Failure(.forbidden, reason: "a guest logs in to an account on a new connection")
            return answer(requestID, .error(failure), session)
        }
        logIn.exchange = LogIn.Exchange(requestID: requestID)
        session.holds.insert(.claim)
        ask(.begin(mechanism: wish.mechanism, message: wish.message), for: session, .exchange(session.id))
    }

    /// AUTH_STEP: whether it belongs to the exchange under way.
    func takeStep(_ message: SharedBytes, requestID: UInt32, _ session: Session) -> Bool {
        guard let logIn = session.logIn, var exchange = logIn.exchange, exchange.awaitsStep, exchange.requestID == requestID,
            let progress = exchange.progress
        else { return false }
        exchange.awaitsStep = false
        exchange.progress = nil
        logIn.exchange = exchange
        session.holds.insert(.claim)
        ask(.proceed(progress, message: message), for: session, .exchange(session.id))
        return true
    }

    private func advance(_ id: SessionID, _ answer: CredentialAnswer) {
        guard let session = sessions[id], let logIn = session.logIn, var exchange = logIn.exchange else { return }
        guard !session.isEnding else { return finishExchange(session, .error(Failure(.overloaded, reason: "the connection is ending"))) }
        switch answer {
        case .challenge(let message, let progress):
            exchange.progress = progress
            exchange.awaitsStep = true
            logIn.exchange = exchange
            reply(.authenticateStep(message), requestID: exchange.requestID, session)
            release(.claim, session)
        case .accepted(let accepted):
            if let account = session.account, account.name != accepted.name {
                return finishExchange(session, .error(Failure(.forbidden, reason: "this connection has another account")))
            }
            exchange.accepted = accepted
            logIn.exchange = exchange
            if let account = session.account { return finishLogIn(session, account, accepted) }
            send(.logIn(accepted.name, session: id, device: session.device), to: map.home(of: accepted.name))
        case .refused(let code, let reason, let delay):
            exchange.refusal = (code, reason)
            logIn.exchange = exchange
            guard delay > 0 else { return tellRefusal(session) }
            refusals.append((now.monotonicMilliseconds + delay, id))
        case .done, .registered, .devices, .revoked: preconditionFailure("an exchange is not answered like this")
        }
    }

    /// Tells the refusals whose time has come.
    func tellDueRefusals() {
        guard !refusals.isEmpty else { return }
        let due = refusals.filter { $0.due <= now.monotonicMilliseconds }
        refusals.removeAll { $0.due <= now.monotonicMilliseconds }
        for refusal in due { if let session = sessions[refusal.session] { tellRefusal(session) } }
    }

    private func tellRefusal(_ session: Session) {
        guard let logIn = session.logIn, let refusal = logIn.exchange?.refusal else { return }
        statistics.refusals += 1
        let isFatal = refusal.code == .bindingMismatch || refusal.code == .suspended
        if refusal.code == .authFailed { logIn.refusalCount += 1 }
        finishExchange(session, .error(Failure(refusal.code, reason: refusal.reason)))
        if isFatal || refusal.code == .authFailed && logIn.refusalCount >= LogIn.refusalsMax {
            end(session, Goodbye(refusal.code, reason: refusal.reason, endsSession: refusal.code == .suspended))
        }
    }

    func finishExchange(_ session: Session, _ reply: Reply) {
        guard let exchange = session.logIn?.exchange else { return }
        session.logIn?.exchange = nil
        answer(exchange.requestID, reply, session)
        release(.claim, session)
    }

    /// An exchange that waits for the client comes to nothing once the client has left.
    func dropWaitingExchange(_ session: Session) {
        guard let exchange = session.logIn?.exchange, exchange.awaitsStep else { return }
        session.logIn?.exchange = nil
        session.requestsInFlight.removeAll { $0 == exchange.requestID }
    }

    /// The account's home has let the connection in.
    func loggedIn(_ id: SessionID, _ account: AccountReference, memberships: Set<RoomAddress>) {
        guard let session = sessions[id], !session.isEnding, let accepted = session.logIn?.exchange?.accepted else {
            send(.release(account, session: id), to: map.home(of: account.name))
            if let session = sessions[id] {
                finishExchange(session, .error(Failure(.overloaded, reason: "the connection is ending")))
            }
            return
        }
        session.account = account
        session.memberships = memberships
        makeReady(session)
        finishLogIn(session, account, accepted)
        enter(session)
    }

    private func finishLogIn(_ session: Session, _ account: AccountReference, _ accepted: AcceptedLogIn) {
        guard let logIn = session.logIn else { return }
        if accepted.provesPassword { logIn.passwordProvenAt = now.monotonicMilliseconds }
        logIn.until = accepted.until
        // What AUTH_OK says now need not be said again at once.
        logIn.isEndTold = accepted.until.map { $0 <= now.wallMilliseconds + LogIn.noticeMilliseconds } ?? true
        logIn.refusalCount = 0
        var reply = authenticated(session, account.name)
        reply.role = .member
        reply.message = accepted.message
        reply.token = accepted.token
        reply.lifetimeSeconds = accepted.tokenSeconds
        reply.until = accepted.until
        finishExchange(session, .authenticated(reply))
    }

    /// A credential that has ended ends its connection, which is told some time before.
    func lookAfterCredential(_ session: Session) {
        guard let logIn = session.logIn, let until = logIn.until else { return }
        guard now.wallMilliseconds >= until else {
            guard !logIn.isEndTold, now.wallMilliseconds + LogIn.noticeMilliseconds >= until else { return }
            logIn.isEndTold = true
            let notice = Notice(
                .credentialExpired, reason: "the credential ends soon; log in anew", timestamp: now.wallMilliseconds, until: until)
            return reply(.notice(notice), requestID: 0, session)
        }
        end(session, Goodbye(.credentialExpired, reason: "the credential has expired; log in again"))
    }

    // MARK: Guests

    /// Whether the name that a guest wishes for belongs to an account.
    func decideWish(_ id: SessionID, _ answer: CredentialAnswer) {
        guard let session = sessions[id], let claim = session.claim, let wish = claim.wish else { return }
        switch answer {
        case .registered(false) where !session.isEnding: self.claim(wish, for: session)
        case .registered(false): finishClaim(session, with: .error(Failure(.overloaded, reason: "the connection is ending")))
        case .registered(true): finishClaim(session, with: .error(Failure(.exists, reason: "this name has an account; log in to it")))
        case .refused(let code, let reason, _): finishClaim(session, with: .error(Failure(code, reason: reason)))
        default: preconditionFailure("a wish is not answered like this")
        }
    }
}
