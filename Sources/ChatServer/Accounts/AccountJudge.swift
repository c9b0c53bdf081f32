import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Credentials
import Logging
import SASL

/// Answers what loops ask about credentials: looks into the accounts, judges proofs, gives out tokens.
///
/// Its work waits for the disk, so it has a thread of its own; confined to it. What derives keys from passwords takes longer still, and is
/// only begun here.
final class AccountJudge {
    enum Verdict {
        case answer(CredentialAnswer)
        /// Somebody else is to find out whether the password fits.
        case derive(ScramVerifier, password: [UInt8], account: AccountName, isGenuine: Bool)
    }

    /// Progress of SCRAM between the client's two messages.
    private struct ScramProgress: CredentialExchange {
        let server: ScramServer
        let isBindingRequired: Bool
    }

    private let settings: AccountSettings
    private let store: AccountStore
    private let secret: [UInt8]
    private let log: Logger
    private var keys: BearerKeys?
    private var failures = FailureMemory()
    private var registrations = RegistrationMemory()
    /// The changes of other programs that have been seen.
    private var changeNumber: Int64 = 0
    private var clock: (monotonic: UInt64, wall: Timestamp) = (0, 0)

    /// Opens the accounts.
    init(_ settings: AccountSettings, log: Logger) throws(ServerError) {
        self.settings = settings
        self.log = log
        do throws(StoreError) {
            store = try AccountStore(directory: settings.directory)
            secret = try DeploymentSecret.load(
                directory: settings.directory, orKeep: SharedBytes(Digests.random(byteCount: DeploymentSecret.byteCount))
            ).array
            changeNumber = try store.changeNumber()
        } catch {
            throw ServerError("\(error)")
        }
        if let bearer = settings.bearer { keys = try BearerKeys(path: bearer.keysFile) }
    }

    /// Answers several questions with one commit.
    ///
    /// - Parameters:
    ///   - monotonic: Milliseconds of a clock that never steps.
    ///   - wall: Milliseconds since 1970-01-01T00:00:00Z.
    func judge(
        _ questions: [(subject: CredentialQuestion.Subject, origin: LogInOrigin, evidence: ChannelEvidence)], monotonic: UInt64,
        wall: Timestamp
    ) -> [Verdict] {
        clock = (monotonic, wall)
        do throws(StoreError) {
            return try store.together { () throws(StoreError) in
                var verdicts: [Verdict] = []
                for question in questions { verdicts.append(try judge(question.subject, question.origin, question.evidence)) }
                return verdicts
            }
        } catch {
            log.error("the accounts cannot be used: \(error)")
            return questions.map { _ in .answer(.refused(.storeFailed, reason: "the accounts cannot be used at present")) }
        }
    }

    private func judge(
        _ subject: CredentialQuestion.Subject, _ origin: LogInOrigin, _ evidence: ChannelEvidence
    ) throws(StoreError) -> Verdict {
        switch subject {
        case .begin(let name, let message):
            guard let mechanism = Mechanism(rawValue: name) else { return .answer(.refused(.mechUnsupported)) }
            return try begin(mechanism, message?.array ?? [], origin, evidence)
        case .proceed(let progress, let message):
            guard let progress = progress as? ScramProgress else { preconditionFailure("only SCRAM has a second step") }
            return .answer(try finish(progress, message.array, origin, evidence))
        case .register(let name, let verifier): return .answer(try register(name, verifier.array, from: evidence.address))
        case .changePassword(let name, let verifier): return .answer(try changePassword(name, verifier.array, origin))
        case .isRegistered(let name): return .answer(.registered(try store.account(named: name) != nil))
        case .devices(let name, let connected): return .answer(try devices(name, connected))
        case .revoke(let name, let device, let connected): return .answer(try revoke(name, device, connected))
        }
    }

    // MARK: Log-ins

    private func begin(
        _ mechanism: Mechanism, _ message: [UInt8], _ origin: LogInOrigin, _ evidence: ChannelEvidence
    ) throws(StoreError) -> Verdict {
        switch mechanism {
        case .scram, .scramPlus:
            guard let first = try? ScramClientFirst(message) else { break }
            return .answer(try beginScram(first, isBindingRequired: mechanism == .scramPlus))
        case .resumeBound, .resumeUnbound:
            guard let message = try? ResumeMessage(message) else { break }
            return .answer(try resume(message, isBound: mechanism == .resumeBound, origin, evidence))
        case .bearer:
            guard let message = try? BearerMessage(message) else { break }
            return .answer(try accept(message, evidence))
        case .external: return .answer(try acceptCertificate(message, evidence))
        case .plain:
            guard let message = try? PlainMessage(message) else { break }
            return try beginPlain(message)
        case .anonymous: return .answer(.refused(.mechUnsupported))
        }
        // A message that is none is answered like a wrong password.
        return .answer(refusal(evidence, nil))
    }

    private func verifier(for name: String) throws(StoreError) -> (ScramVerifier, isGenuine: Bool) {
        if let account = try? AccountName(name), let text = try store.account(named: account)?.verifier,
            let verifier = try? ScramVerifier(Array(text.utf8))
        {
            return (verifier, true)
        }
        return (ScramVerifier(fakeFor: name, secret: secret, iterationCounts: try store.iterationCounts()), false)
    }

    private func beginScram(_ first: ScramClientFirst, isBindingRequired: Bool) throws(StoreError) -> CredentialAnswer {
        let (verifier, isGenuine) = try verifier(for: first.name)
        let server = ScramServer(first, verifier: verifier, isGenuine: isGenuine, nonce: ScramServer.makeNonce())
        return .challenge(SharedBytes(server.challenge), ScramProgress(server: server, isBindingRequired: isBindingRequired))
    }

    private func finish(
        _ progress: ScramProgress, _ message: [UInt8], _ origin: LogInOrigin, _ evidence: ChannelEvidence
    ) throws(StoreError) -> CredentialAnswer {
        let channel = ScramServer.Channel(
            isBindingRequired: progress.isBindingRequired, isBindingOffered: origin.offersBinding, exporter: evidence.exporter,
            transcriptDigest: Digests.sha256(origin.transcript.array))
        let name = progress.server.name
        let final: [UInt8]
        do throws(ScramServer.Refusal) {
            final = try progress.server.finish(message, on: channel)
        } catch {
            guard error == .bindingMismatch else { return refusal(evidence, name) }
            log.warning("a log-in was refused: its connection was changed on the way", metadata: ["peer": "\(evidence.address)"])
            return .refused(.bindingMismatch, reason: "the connection is not what the client thinks it is")
        }
        guard let account = try? AccountName(name) else { return refusal(evidence, name) }
        return try welcome(account, origin, message: final, givesToken: true, provesPassword: true)
    }

    /// A password as it is, from a door where a person types it.
    private func beginPlain(_ message: PlainMessage) throws(StoreError) -> Verdict {
        let (verifier, isGenuine) = try verifier(for: message.name)
        guard let name = try? AccountName(message.name) else {
            // Takes as long as with a name that might be one.
            guard let stranger = try? AccountName("guest-nobody") else { preconditionFailure("this is a name") }
            return .derive(verifier, password: message.password, account: stranger, isGenuine: false)
        }
        return .derive(verifier, password: message.password, account: name, isGenuine: isGenuine)
    }

    /// Whether a password that was typed is the right one has been found out.
    func finishPlain(
        _ name: AccountName, isRight: Bool, _ origin: LogInOrigin, _ evidence: ChannelEvidence, monotonic: UInt64, wall: Timestamp
    ) -> CredentialAnswer {
        clock = (monotonic, wall)
        guard isRight else { return refusal(evidence, name.description) }
        do throws(StoreError) {
            return try welcome(name, origin, givesToken: false, provesPassword: true)
        } catch {
            log.error("the accounts cannot be used: \(error)")
            return .refused(.storeFailed, reason: "the accounts cannot be used at present")
        }
    }

    private func resume(
        _ message: ResumeMessage, isBound: Bool, _ origin: LogInOrigin, _ evidence: ChannelEvidence
    ) throws(StoreError) -> CredentialAnswer {
        let unknown = CredentialAnswer.refused(
            .sessionUnknown, reason: "the resume token is not known",
            delayMilliseconds: failures.note(["address \(evidence.address)"], at: clock.monotonic))
        guard settings.tokenMilliseconds > 0, let name = try? AccountName(message.name), let secret = origin.device,
            let account = try store.account(named: name), let exporter = isBound ? evidence.exporter : [],
            let device = try store.device(Self.publicID(of: secret), of: account.id), clock.wall < device.expiresAt
        else { return unknown }
        var candidates = [device.nonce]
        // The reply that brought the newer token may have been lost.
        if let previous = device.previousNonce, clock.wall < device.renewedAt + 60_000 { candidates.append(previous) }
        for nonce in candidates {
            let token = self.token(name, device.publicID, nonce)
            guard Digests.areEqual(message.proof, ResumeProof.client(token: token, exporter: exporter)) else { continue }
            failures.forget("address \(evidence.address)")
            return try welcome(
                name, origin, message: ResumeProof.server(token: token, exporter: exporter), givesToken: true, provesPassword: false,
                used: nonce)
        }
        log(refusalOf: message.name, evidence)
        return unknown
    }

    private func accept(_ message: BearerMessage, _ evidence: ChannelEvidence) throws(StoreError) -> CredentialAnswer {
        guard let keys, let rules = settings.bearer?.rules else { return .refused(.mechUnsupported) }
        guard let token = try? WebToken(message.token) else { return refusal(evidence, nil) }
        switch keys.keys.judge(token, rules, now: Int64(clock.wall / 1_000)) {
        case .failure(.claims(.expired)): return .refused(.credentialExpired, reason: "the token has expired")
        case .failure(let error):
            log.info("a token was refused: \(error)", metadata: ["peer": "\(evidence.address)"])
            return refusal(evidence, nil)
        case .success(let (subject, expiresAt)):
            guard let name = try? AccountName(subject), !name.isReserved, message.name == nil || message.name == subject else {
                return refusal(evidence, nil)
            }
            guard try provide(name) else { return .refused(.quota, reason: "the broker has as many accounts as it may") }
            return try welcome(name, LogInOrigin(), givesToken: false, until: Timestamp(expiresAt) * 1_000)
        }
    }

    private func acceptCertificate(_ message: [UInt8], _ evidence: ChannelEvidence) throws(StoreError) -> CredentialAnswer {
        guard let name = evidence.certificateName, !name.isReserved, message.isEmpty || message == Array(name.description.utf8) else {
            return refusal(evidence, nil)
        }
        guard try provide(name) else { return .refused(.quota, reason: "the broker has as many accounts as it may") }
        return try welcome(name, LogInOrigin(), givesToken: false)
    }

    /// Makes the account of somebody for whom others vouch, at the first log-in. False if there are too many.
    private func provide(_ name: AccountName) throws(StoreError) -> Bool {
        guard try store.account(named: name) == nil else { return true }
        guard try store.accountCount() < settings.accountsMax else { return false }
        _ = try store.add(name, verifier: nil, iterationCount: nil, at: clock.wall)
        return true
    }

    /// The credential is good; what is left is whether the account may log in.
    private func welcome(
        _ name: AccountName, _ origin: LogInOrigin, message: [UInt8]? = nil, givesToken: Bool, provesPassword: Bool = false,
        until: Timestamp? = nil, used: SharedBytes? = nil
    ) throws(StoreError) -> CredentialAnswer {
        guard let account = try store.account(named: name) else { return .refused(.authFailed) }
        guard !account.isSuspended else { return .refused(.suspended, reason: "the account is suspended") }
        failures.forget("account \(name)")
        var accepted = AcceptedLogIn(name: name, message: message.map { SharedBytes($0) }, until: until, provesPassword: provesPassword)
        if givesToken, settings.tokenMilliseconds > 0, let secret = origin.device {
            let device = DeviceRow(
                publicID: Self.publicID(of: secret), nonce: SharedBytes(Digests.random(byteCount: 16)), previousNonce: used,
                renewedAt: clock.wall, expiresAt: clock.wall + settings.tokenMilliseconds, agent: origin.agent)
            try store.keep(device, of: account.id, at: clock.wall)
            accepted.token = SharedBytes(token(name, device.publicID, device.nonce))
            accepted.tokenSeconds = settings.tokenMilliseconds / 1_000
        }
        return .accepted(accepted)
    }

    /// Wrong, whatever was wrong: the answer does not tell.
    private func refusal(_ evidence: ChannelEvidence, _ name: String?) -> CredentialAnswer {
        var keys = ["address \(evidence.address)"]
        if let name, let account = try? AccountName(name) { keys.append("account \(account)") }
        log(refusalOf: name, evidence)
        return .refused(.authFailed, delayMilliseconds: failures.note(keys, at: clock.monotonic))
    }

    /// For the operator, who may want to keep an address out. What is no name is not repeated.
    private func log(refusalOf name: String?, _ evidence: ChannelEvidence) {
        let user = name.flatMap { try? AccountName($0) }?.description ?? "-"
        log.info("a log-in was refused", metadata: ["peer": "\(evidence.address)", "user": "\(user)"])
    }

    // MARK: Tokens

    /// Names a device without betraying its secret.
    private static func publicID(of secret: SharedBytes) -> SharedBytes {
        SharedBytes(Array(Digests.sha256(Array("device".utf8) + secret.array).prefix(16)))
    }

    /// A token is kept nowhere: the file has what it is made of, but for the secret of the deployment.
    private func token(_ name: AccountName, _ device: SharedBytes, _ nonce: SharedBytes) -> [UInt8] {
        Digests.hmac(key: secret, Array("token".utf8) + Array(name.description.utf8) + [0] + device.array + nonce.array)
    }

    // MARK: Accounts

    private func readVerifier(_ octets: [UInt8]) -> (ScramVerifier?, CredentialAnswer) {
        guard let verifier = try? ScramVerifier(octets) else {
            return (nil, .refused(.badValue, reason: "this is no SCRAM-SHA-256 verifier"))
        }
        guard verifier.iterationCount >= settings.iterationCountMin else {
            return (nil, .refused(.badValue, reason: "at least \(settings.iterationCountMin) iterations"))
        }
        return (verifier, .done)
    }

    private func register(_ name: AccountName, _ octets: [UInt8], from address: String) throws(StoreError) -> CredentialAnswer {
        let (verifier, refusal) = readVerifier(octets)
        guard let verifier else { return refusal }
        let countMax = settings.registrationsPerHourMax
        guard countMax == 0 || registrations.count(of: address, at: clock.monotonic) < countMax else {
            return .refused(.quota, reason: "your address has made \(countMax) accounts within an hour; try later")
        }
        guard try store.accountCount() < settings.accountsMax else {
            return .refused(.quota, reason: "the broker has as many accounts as it may")
        }
        let account = try store.add(name, verifier: verifier.text, iterationCount: verifier.iterationCount, at: clock.wall)
        guard account != nil else { return .refused(.exists, reason: "this name has an account") }
        registrations.note(address, at: clock.monotonic)
        log.info("an account was registered", metadata: ["user": "\(name)"])
        return .done
    }

    private func changePassword(_ name: AccountName, _ octets: [UInt8], _ origin: LogInOrigin) throws(StoreError) -> CredentialAnswer {
        let (verifier, refusal) = readVerifier(octets)
        guard let verifier else { return refusal }
        guard let account = try store.account(named: name), account.verifier != nil else {
            return .refused(.forbidden, reason: "the account has no password here")
        }
        try store.setVerifier(verifier.text, iterationCount: verifier.iterationCount, of: account.id, at: clock.wall)
        try store.forgetDevices(of: account.id, except: origin.device.map { Self.publicID(of: $0) })
        log.info("a password was changed", metadata: ["user": "\(name)"])
        return .done
    }

    private func devices(_ name: AccountName, _ connected: [SharedBytes]) throws(StoreError) -> CredentialAnswer {
        guard let account = try store.account(named: name) else { return .devices([]) }
        let present = Set(connected.map { Self.publicID(of: $0) })
        return .devices(
            try store.devices(of: account.id).filter { $0.expiresAt > clock.wall }.map { row in
                DeviceRecord(
                    id: row.publicID, agent: TextRules.clipped(row.agent, byteCountMax: 64), lastLogIn: row.renewedAt, until: row.expiresAt,
                    state: present.contains(row.publicID) ? .online : .offline)
            })
    }

    private func revoke(_ name: AccountName, _ device: SharedBytes, _ connected: [SharedBytes]) throws(StoreError) -> CredentialAnswer {
        guard let account = try store.account(named: name), try store.forgetDevice(device, of: account.id) else {
            return .refused(.sessionUnknown, reason: "the account has no such device")
        }
        return .revoked(connected: connected.first { Self.publicID(of: $0) == device })
    }

    // MARK: What others change

    /// Looks whether the operator has changed something.
    ///
    /// - Returns: the accounts that are suspended, if anything has changed.
    func lookForChanges() -> [AccountName] {
        keys?.refresh(log)
        do throws(StoreError) {
            let number = try store.changeNumber()
            guard number != changeNumber else { return [] }
            changeNumber = number
            return try store.suspendedAccounts()
        } catch {
            log.error("the accounts cannot be used: \(error)")
            return []
        }
    }
}
