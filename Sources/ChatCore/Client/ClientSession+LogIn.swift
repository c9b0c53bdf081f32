public import Bytes
public import ChatProtocol

/// What a session asks of its owner, who has the credentials, while it logs in to an account. Each is answered by
/// ``ClientSession/answerLogIn(_:at:)``.
public enum LogInStep: Sendable, Equatable {
    /// How is it to log in? `transcript`: both prefaces, HELLO and WELCOME as they went over the wire.
    case offer(Welcome, transcript: SharedBytes)
    /// The broker wants this answered.
    case challenge(SharedBytes)
    /// Has the broker proved that it knows the account?
    case confirm(Authenticated)
    /// REGISTER was granted.
    case registered
    /// The broker refused the mechanism, or REGISTER: another way may be tried.
    case refused(Failure)
}

/// What the owner of the credentials answers.
public enum LogInAnswer: Sendable, Equatable {
    case mechanism(String, SharedBytes)
    case challenge(SharedBytes)
    case confirmed
    case register(AccountName, verifier: SharedBytes)
    /// As another device, on a connection of its own.
    case startOver(device: SharedBytes)
    /// There is no way in, for this reason.
    case giveUp(Failure)
}

extension ClientSession {
    /// What the owner of the credentials has to say to a ``LogInStep``.
    public mutating func answerLogIn(_ answer: LogInAnswer, at now: UInt64) -> [ClientEffect] {
        guard phase == .handshaking else { return [] }
        switch answer {
        case .mechanism(let name, let message):
            let id = requests.launch(PendingRequest(.login))
            send(.authenticate(Authenticate(mechanism: name, message: message)), requestID: id)
        case .challenge(let message):
            guard let id = logIn?.requestID else { break }
            requests.goOn(PendingRequest(.login), id)
            send(.authenticateStep(message), requestID: id)
        case .confirmed:
            guard let authenticated = logIn?.authenticated else { break }
            logIn = nil
            handleLogin(authenticated, at: now)
            pump(at: now)
        case .register(let name, let verifier):
            let id = requests.launch(PendingRequest(.registration))
            send(.register(Register(user: name, verifier: verifier)), requestID: id)
        case .startOver(let device):
            settings.device = device
            startsOver = true
            closeBeforeLogIn()
        case .giveUp(let failure):
            loss = .loginRefused(failure)
            closeBeforeLogIn()
        }
        return takeEffects()
    }

    mutating func ask(_ step: LogInStep) { effects.append(.logIn(step)) }

    private mutating func closeBeforeLogIn() {
        send(.goodbye(Goodbye(.ok)), requestID: 0)
        phase = .closing
        effects.append(.close)
    }

    /// WELCOME has come, and the owner chooses the way in.
    mutating func offerLogIn(_ welcome: Welcome) {
        var writer = ByteWriter(minimumCapacity: 512)
        writer.append(logIn?.opening ?? .empty)
        writer.append(wire.preface)
        writer.append(wire.welcomePayload)
        ask(.offer(welcome, transcript: writer.finish()))
    }

    /// An answer to AUTH, AUTH_STEP or REGISTER.
    mutating func handleLogInReply(_ reply: Reply, requestID: UInt32) {
        switch reply {
        case .authenticateStep(let message):
            logIn?.requestID = requestID
            ask(.challenge(message))
        case .authenticated(let authenticated):
            logIn?.authenticated = authenticated
            ask(.confirm(authenticated))
        case .ok: ask(.registered)
        case .error(let failure): ask(.refused(failure))
        default: breakOff(.badState, "an answer that does not fit the handshake")
        }
    }
}

/// A log-in to an account under way.
struct ClientLogIn: Sendable {
    /// The client's preface and the payload of HELLO.
    let opening: SharedBytes
    /// Under which AUTH_STEP goes on.
    var requestID: UInt32?
    var authenticated: Authenticated?
}
