import Bytes
import ChatProtocol

@testable import ChatCore

/// Who answers the questions of simulated shards: knows which names are registered, and that every password is "right".
struct SimulatedJudge {
    struct Progress: CredentialExchange {
        let name: AccountName
    }

    var registered: Set<AccountName> = []
    var refusalMilliseconds: UInt64 = 300

    mutating func answer(_ question: CredentialQuestion, random: inout SeededRandom) -> CredentialAnswer {
        switch question.subject {
        case .begin("SCRAM-SHA-256", let message?):
            guard let name = try? AccountName(message.withBytes { $0.text(in: 0..<$0.byteCount) } ?? "") else { return refused }
            return .challenge(SharedBytes(utf8: "password?"), Progress(name: name))
        case .begin("HT-SHA-256-NONE", let message?):
            guard let name = try? AccountName(message.withBytes { $0.text(in: 0..<$0.byteCount) } ?? ""), registered.contains(name) else {
                return .refused(.sessionUnknown)
            }
            return .accepted(AcceptedLogIn(name: name))
        case .begin: return refused
        case .proceed(let progress, let message):
            guard let progress = progress as? Progress, registered.contains(progress.name), message == SharedBytes(utf8: "right") else {
                return refused
            }
            return .accepted(AcceptedLogIn(name: progress.name, message: SharedBytes(utf8: "welcome"), provesPassword: true))
        case .register(let name, _): return registered.insert(name).inserted ? .done : .refused(.exists)
        case .changePassword: return .done
        case .isRegistered(let name): return .registered(registered.contains(name))
        case .devices(_, let connected):
            return .devices(
                connected.map { DeviceRecord(id: $0, agent: "test", lastLogIn: 1, until: 2, state: .online) })
        case .revoke(_, let device, let connected):
            return connected.contains(device) || Bool.random(using: &random)
                ? .revoked(connected: connected.contains(device) ? device : nil) : .refused(.sessionUnknown)
        }
    }

    private var refused: CredentialAnswer { .refused(.authFailed, delayMilliseconds: refusalMilliseconds) }
}
