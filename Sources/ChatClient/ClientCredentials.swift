public import Bytes
import ChatCore
public import ChatProtocol
import Credentials
import SASL

/// How a client logs in to an account: by the token of its device while it has a good one, else by the password.
///
/// Confined to the loop of its client. Nothing of it is ever printed.
public final class ClientCredentials {
    public let name: AccountName
    /// Told when the broker gave a token, and for how many seconds it is good; also whether the log-in was bound to its connection.
    public var onToken: ((SharedBytes, _ seconds: UInt64, _ isBound: Bool) -> Void)?
    /// Told when the broker does not know the token any more; gives the device to log in as instead, if there is one.
    public var onTokenRefused: (() -> Device?)?

    /// A device that is logged in to the account.
    public struct Device {
        /// The secret of HELLO.
        let id: SharedBytes
        let token: SharedBytes
        let isBindingExpected: Bool

        public init(id: SharedBytes, token: SharedBytes, isBindingExpected: Bool) {
            self.id = id
            self.token = token
            self.isBindingExpected = isBindingExpected
        }
    }

    private let password: [UInt8]?
    private let registers: Bool
    /// Whether a log-in that is not bound to the connection is refused where there is TLS 1.3: it was bound before.
    private var isBindingExpected: Bool
    private var token: SharedBytes?
    private var hasRegistered = false
    private var offer: (welcome: Welcome, transcript: SharedBytes)?
    private var attempt: Attempt?

    private enum Attempt {
        case scram(ScramClient, isBound: Bool)
        case token(expected: [UInt8], isBound: Bool)
    }

    /// - Parameters:
    ///   - password: UTF-8; nil: there is only the token.
    ///   - registers: The account is to be made first.
    public init(name: AccountName, password: String?, token: SharedBytes?, registers: Bool = false, isBindingExpected: Bool = false) {
        self.name = name
        self.password = password.map { Array($0.utf8) }
        self.token = token
        self.registers = registers
        self.isBindingExpected = isBindingExpected
    }

    /// What REGISTER and PASSWORD carry of a password. Takes long, by design.
    public static func verifier(of password: String) -> SharedBytes {
        SharedBytes(utf8: ScramVerifier(password: Array(password.utf8)).text)
    }

    func answer(_ step: LogInStep, exporter: [UInt8]?) -> LogInAnswer {
        switch step {
        case .offer(let welcome, let transcript):
            offer = (welcome, transcript)
            if registers, !hasRegistered, let password {
                return .register(name, verifier: SharedBytes(utf8: ScramVerifier(password: password).text))
            }
            return begin(exporter)
        case .registered:
            hasRegistered = true
            return begin(exporter)
        case .challenge(let message):
            guard case .scram(var client, let isBound) = attempt, let offer,
                let answer = try? client.answer(message.array, transcriptDigest: Digests.sha256(offer.transcript.array))
            else { return .giveUp(Failure(.malformed, reason: "the broker asked for something that is no log-in")) }
            attempt = .scram(client, isBound: isBound)
            return .challenge(SharedBytes(answer))
        case .confirm(let authenticated): return confirm(authenticated)
        case .refused(let failure):
            guard case .token = attempt, Self.isTokenWorthless(after: failure.code) else { return .giveUp(failure) }
            token = nil
            let next = onTokenRefused?()
            if password != nil { return begin(exporter) }
            guard let next else { return .giveUp(failure) }
            token = next.token
            isBindingExpected = isBindingExpected || next.isBindingExpected
            return .startOver(device: next.id)
        }
    }

    /// What else a broker refuses, such as a suspended account or too many at once, says nothing about the token.
    private static func isTokenWorthless(after code: ResultCode) -> Bool {
        switch code {
        case .authFailed, .credentialExpired, .sessionUnknown: true
        default: false
        }
    }

    private func begin(_ exporter: [UInt8]?) -> LogInAnswer {
        let mechanisms = offer?.welcome.mechanisms ?? []
        func offers(_ mechanism: Mechanism) -> Bool { mechanisms.contains(mechanism.rawValue) }
        let isBound = exporter != nil && offers(.scramPlus)
        if exporter != nil, isBindingExpected, !isBound {
            return .giveUp(Failure(.bindingMismatch, reason: "this broker offered more before: somebody may be listening"))
        }
        if let token,
            let mechanism: Mechanism = exporter != nil && offers(.resumeBound)
                ? .resumeBound : offers(.resumeUnbound) ? .resumeUnbound : nil
        {
            let binding = mechanism == .resumeBound ? exporter ?? [] : []
            attempt = .token(expected: ResumeProof.server(token: token.array, exporter: binding), isBound: mechanism == .resumeBound)
            let message = ResumeMessage(name: name.description, proof: ResumeProof.client(token: token.array, exporter: binding))
            return .mechanism(mechanism.rawValue, SharedBytes(message.octets))
        }
        guard let password else { return .giveUp(Failure(.sessionUnknown, reason: "there is no password and no token")) }
        guard isBound || offers(.scram) else {
            return .giveUp(Failure(.notImplemented, reason: "it keeps no accounts, or takes no passwords here"))
        }
        let client = ScramClient(name: name.description, password: password, exporter: isBound ? exporter : nil)
        attempt = .scram(client, isBound: isBound)
        return .mechanism((isBound ? Mechanism.scramPlus : .scram).rawValue, SharedBytes(client.opening))
    }

    private func confirm(_ authenticated: Authenticated) -> LogInAnswer {
        let message = authenticated.message?.array ?? []
        let (isProven, isBound) =
            switch attempt {
            case .scram(let client, let isBound): (client.accepts(message), isBound)
            case .token(let expected, let isBound): (Digests.areEqual(message, expected), isBound)
            case nil: (false, false)
            }
        attempt = nil
        guard isProven, authenticated.user == name else {
            return .giveUp(Failure(.authFailed, reason: "the broker did not prove that it knows the account"))
        }
        if let fresh = authenticated.token {
            token = fresh
            onToken?(fresh, authenticated.lifetimeSeconds ?? 0, isBound)
        }
        return .confirmed
    }
}
