import Bytes
import ChatDialects
import ChatProtocol

/// HELLO, AUTH and names: how a connection comes to its account, and changes its name.
extension Shard {
    func welcome(_ session: Session, _ hello: Hello, requestID: UInt32) {
        session.device = hello.device
        session.capabilities = Capabilities(offered: hello.capabilities)
        if !offersSearch { session.capabilities.remove(.search) }
        let mechanisms = mechanisms(for: session)
        let offersBinding = mechanisms.contains("SCRAM-SHA-256-PLUS")
        if settings.offersAccounts {
            let logIn = session.logIn ?? LogIn()
            session.logIn = logIn
            logIn.origin.agent = hello.agent
            logIn.origin.device = hello.device
            logIn.origin.offersBinding = offersBinding
        }
        session.state = .authenticating
        session.deadline = now.monotonicMilliseconds + settings.authenticationMilliseconds
        var welcome = Welcome(
            server: settings.nodeName, mechanisms: mechanisms,
            heartbeatMilliseconds: settings.heartbeatMilliseconds, frameByteCountMax: UInt64(settings.frameByteCountMax),
            bodyByteCountMax: UInt64(settings.bodyByteCountMax), requestsInFlightMax: UInt64(settings.requestsInFlightMax),
            deduplicationSeconds: settings.deduplicationSeconds, timestamp: now.wallMilliseconds)
        welcome.capabilities = session.capabilities.names
        if offersBinding { welcome.channelBindings = ["tls-exporter"] }
        let reply = Reply.welcome(welcome)
        if settings.offersAccounts {
            var writer = ByteWriter(minimumCapacity: 256)
            session.encoding.append(reply, requestID: requestID, to: &writer)
            completeTranscript(session, welcome: writer.finish())
        }
        answer(requestID, reply, session)
    }

    func authenticate(_ session: Session, _ wish: Authenticate, requestID: UInt32) {
        guard session.logIn?.exchange == nil else {
            return answer(requestID, .error(Failure(.badState, reason: "an exchange is under way")), session)
        }
        guard wish.mechanism == "ANONYMOUS" else { return beginExchange(session, wish, requestID: requestID) }
        guard session.account?.isRegistered != true else {
            return answer(requestID, .error(Failure(.forbidden, reason: "accounts keep their names")), session)
        }
        guard settings.guestMode != .off else {
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
        session.claim = NameClaim(requestID: requestID, wish: wished, renames: session.account)
        session.holds.insert(.claim)
        beginClaim(session)
    }

    /// Asks for the name that a session wishes for, once its earlier requests are answered: they are made under the name it has.
    func beginClaim(_ session: Session) {
        guard let claim = session.claim, !claim.hasBegun, session.requestsInFlight.count == 1 else { return }
        claim.hasBegun = true
        if let wish = claim.wish, !wish.isReserved, settings.offersAccounts {
            return ask(.isRegistered(wish), for: session, .wish(session.id))
        }
        self.claim(claim.wish ?? guestName(), for: session)
    }

    func claim(_ name: AccountName, for session: Session) {
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

    func authenticated(_ session: Session, _ name: AccountName) -> Authenticated {
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
        if settings.isRegistrationOpen { session.logIn?.origin.transcript = .empty } else { session.logIn = nil }
        makeReady(session)
        finishClaim(session, with: .authenticated(authenticated(session, account.name)))
        enter(session)
    }

    func makeReady(_ session: Session) {
        session.state = .ready
        let spread = settings.heartbeatMilliseconds / 10
        session.heartbeatMilliseconds = UInt32(settings.heartbeatMilliseconds - spread + random.next() % (2 * spread + 1))
    }

    /// What a connection gets without asking, once it has been told its account.
    func enter(_ session: Session) {
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

    func finishClaim(_ session: Session, with reply: Reply) {
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
}
