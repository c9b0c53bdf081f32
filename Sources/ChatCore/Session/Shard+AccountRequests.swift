import Bytes
import ChatProtocol

/// REGISTER, PASSWORD, DEVICES and REVOKE: what people do with their accounts.
extension Shard {
    /// How long after the password was shown it may be changed.
    private static let passwordMilliseconds: UInt64 = 300_000

    func register(_ wish: Register, _ session: Session, _ requestID: UInt32) {
        guard settings.offersAccounts else {
            return answer(requestID, .error(Failure(.notImplemented, reason: "this broker keeps no accounts")), session)
        }
        guard settings.isRegistrationOpen, session.account?.isRegistered != true, session.logIn?.hasRegistered == false else {
            let reason = settings.isRegistrationOpen ? "one account a connection" : "accounts are given out by the operator"
            return answer(requestID, .error(Failure(.forbidden, reason: reason)), session)
        }
        guard !wish.user.isReserved else {
            return answer(requestID, .error(Failure(.exists, reason: "names that begin with guest- are the broker's")), session)
        }
        guard session.logIn?.exchange == nil else {
            return answer(requestID, .error(Failure(.badState, reason: "an exchange is under way")), session)
        }
        session.holds.insert(.claim)
        send(.askFree(wish, session: session.id, requestID: requestID), to: map.home(of: wish.user))
    }

    /// The home of the name says whether somebody else bears it.
    func mayRegister(_ wish: Register, isFree: Bool, _ id: SessionID, _ requestID: UInt32) {
        guard let session = sessions[id] else { return }
        guard isFree else { return finishRegistration(id, requestID, .refused(.exists, reason: "this name is in use; choose another")) }
        ask(.register(wish.user, verifier: wish.verifier), for: session, .registration(id, requestID: requestID))
    }

    func finishRegistration(_ id: SessionID, _ requestID: UInt32, _ answer: CredentialAnswer) {
        guard let session = sessions[id] else { return }
        if case .done = answer { session.logIn?.hasRegistered = true }
        self.answer(requestID, Self.plainReply(answer), session)
        release(.claim, session)
    }

    private static func plainReply(_ answer: CredentialAnswer) -> Reply {
        switch answer {
        case .done: .ok(Success())
        case .refused(let code, let reason, _): .error(Failure(code, reason: reason))
        default: preconditionFailure("the request is not answered like this")
        }
    }

    func changePassword(_ verifier: SharedBytes, _ session: Session, _ requestID: UInt32) {
        guard let account = registeredAccount(session, requestID) else { return }
        guard let provenAt = session.logIn?.passwordProvenAt, now.monotonicMilliseconds - provenAt <= Self.passwordMilliseconds else {
            let failure = Failure(.forbidden, reason: "log in with the present password first")
            return answer(requestID, .error(failure), session)
        }
        ask(.changePassword(account.name, verifier: verifier), for: session, .password(session.id, requestID: requestID))
    }

    func finishPasswordChange(_ id: SessionID, _ requestID: UInt32, _ answer: CredentialAnswer) {
        guard let session = sessions[id] else { return }
        if case .done = answer, let account = session.account {
            send(.endOthers(account, session: id), to: map.home(of: account.name))
        }
        self.answer(requestID, Self.plainReply(answer), session)
    }

    func askForDevices(_ session: Session, _ requestID: UInt32) {
        guard let account = registeredAccount(session, requestID) else { return }
        send(.askDevices(account, session: session.id, requestID: requestID), to: map.home(of: account.name))
    }

    func revoke(_ device: SharedBytes, _ session: Session, _ requestID: UInt32) {
        guard let account = registeredAccount(session, requestID) else { return }
        send(.revoke(account, device: device, session: session.id, requestID: requestID), to: map.home(of: account.name))
    }

    /// The account of a session, or a refusal if it is a guest's.
    private func registeredAccount(_ session: Session, _ requestID: UInt32) -> AccountReference? {
        if let account = session.account, account.isRegistered { return account }
        answer(requestID, .error(Failure(.forbidden, reason: "guests have no account")), session)
        return nil
    }

    /// A connection ends because of what another one of its account asked for.
    func endRevoked(_ id: SessionID) {
        guard let session = sessions[id] else { return }
        end(session, Goodbye(.credentialExpired, reason: "the account's owner has ended this session", endsSession: true))
    }

    /// A connection ends because its account must not be used any more.
    func endSuspended(_ id: SessionID) {
        guard let session = sessions[id] else { return }
        end(session, Goodbye(.suspended, reason: "the account is suspended", endsSession: true))
    }

    /// The name that a guest has belongs to an account, whose owner has come.
    func displace(_ id: SessionID) {
        guard let session = sessions[id] else { return }
        session.account = nil
        end(session, Goodbye(.replaced, reason: "the owner of this name has logged in", endsSession: true))
    }
}
