import Bytes
import ChatProtocol

extension ClientSession {
    /// Preface, HELLO and AUTH in one go: one round trip to AUTH_OK.
    mutating func sendOpening(at now: UInt64, chance: UInt64) {
        var hello = Hello(agent: settings.agent, capabilities: settings.capabilities, device: settings.device)
        if isGreased { hello.capabilities.append(ClientGrease.capability(chance)) }
        let helloID = requests.launch(PendingRequest(.hello))
        var writer = ByteWriter()
        Preface.client.append(to: &writer)
        let start = writer.count
        FrameEncoder.append(.hello(hello), requestID: helloID, to: &writer)
        if isGreased { ClientGrease.appendField(toFrameAt: start, chance: chance, in: &writer) }
        let opening = writer.finish()
        effects.append(.send(opening))
        if settings.logsInToAccount {
            var transcript = ByteWriter(minimumCapacity: opening.count)
            transcript.append(opening[0..<Preface.byteCount])
            transcript.append(opening[(start + FrameHeader.byteCount)..<opening.count])
            logIn = ClientLogIn(opening: transcript.finish())
        } else {
            sendLogin(at: now)
        }
        guard isGreased else { return }
        var grease = ByteWriter()
        ClientGrease.appendFrame(chance: chance, to: &grease)
        effects.append(.send(grease.finish()))
    }

    /// AUTH ANONYMOUS with the name wished for.
    mutating func sendLogin(at now: UInt64) {
        let id = requests.launch(PendingRequest(.login))
        send(.authenticate(Self.anonymous(settings.wish)), requestID: id)
    }

    static func anonymous(_ wish: String) -> Authenticate {
        // A longer wish is no name; its beginning is refused as well.
        Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(Array(wish.utf8.prefix(Int(Field.sasl.maximum)))))
    }

    mutating func handleWelcome(_ welcome: Welcome) {
        self.welcome = welcome
        if settings.logsInToAccount { offerLogIn(welcome) }
    }

    /// AUTH_OK of the log-in.
    mutating func handleLogin(_ authenticated: Authenticated, at now: UInt64) {
        guard let welcome else { return breakOff(.badState, "AUTH_OK before WELCOME") }
        // Who is leaving already does not come in.
        guard phase != .leaving else { return }
        let previous = account
        account = authenticated.user
        phase = .ready
        readyAt = now
        // One place is kept for the heartbeat.
        requests.inFlightMax = max(1, Int(clamping: welcome.requestsInFlightMax) - 1)
        notify(.ready(account: authenticated.user, welcome: welcome, isReturn: hasBeenReady))
        if hasBeenReady { beginRecovery(previous: previous, at: now) }
        hasBeenReady = true
    }

    /// ERROR to the log-in. Another name cures 400 and 408; nothing the user can say cures the others.
    mutating func handleLoginRefused(_ failure: Failure) {
        guard phase != .leaving else { return }
        if failure.code == .exists || failure.code == .badName {
            phase = .nameless
            notify(.nameRefused(wish: settings.wish, failure))
            return
        }
        send(.goodbye(Goodbye(.ok)), requestID: 0)
        loss = .loginRefused(failure)
        phase = .closing
        effects.append(.close)
    }

    /// GOODBYE: the transport is closed; what had been asked before has been answered.
    mutating func handleGoodbye(_ goodbye: Goodbye) {
        if phase != .leaving {
            loss = .goodbye(goodbye)
            phase = .closing
        }
        effects.append(.close)
    }

    /// A frame that cannot be decoded.
    mutating func handleUnreadable(_ header: FrameHeader, _ error: PayloadError, at now: UInt64) {
        switch error.code {
        case .unknownType where header.requestID == 0 && !header.flags.contains(.critical):
            return
        case .unknownType where header.requestID != 0:
            send(.error(Failure(.unknownType)), requestID: header.requestID)
        case .unsupportedField where header.requestID == 0:
            // Closing and resuming would bring the same event again, for ever: it is left out and shows as a named hole.
            for room in rooms.keys { rooms[room]?.mayHaveUnreadable = true }
            send(.error(Failure(.unsupportedField, field: error.field, type: header.type)), requestID: 0)
        default:
            breakOff(error.code, "a frame of type \(header.type) cannot be read: \(error.reason)")
        }
    }
}
