import ChatCore
import ChatProtocol

/// What the process tells whoever started it. A signal ends it with 128 and its number, as shells do.
struct ExitStatus: RawRepresentable, Equatable {
    let rawValue: Int32

    static let ok = ExitStatus(rawValue: 0)
    /// The broker said no.
    static let refused = ExitStatus(rawValue: 1)
    /// The command line or the input is wrong.
    static let usage = ExitStatus(rawValue: 2)
    /// No connection, no TLS, or no broker at the other end.
    static let unreachable = ExitStatus(rawValue: 3)
    static let timedOut = ExitStatus(rawValue: 4)
    /// It was sent, and nobody knows whether it was accepted.
    static let outcomeUnknown = ExitStatus(rawValue: 5)

    static func signal(_ number: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + number) }

    init(rawValue: Int32) { self.rawValue = rawValue }

    /// How a session that ended is told.
    init(_ loss: ConnectionLoss, hasBeenReady: Bool) {
        self =
            switch loss {
            case .left: .ok
            case .loginRefused: .refused
            case .goodbye(let goodbye) where goodbye.code != .tlsRequired && goodbye.code != .version:
                hasBeenReady ? .refused : .unreachable
            default: .unreachable
            }
    }

    /// How a request that never left is told.
    init(_ reason: NotSent) {
        if case .unacceptable = reason { self = .usage } else { self = .timedOut }
    }

    /// How a request without an answer is told.
    static func unknown(_ request: ClientRequest) -> ExitStatus { request.isPublish ? .outcomeUnknown : .unreachable }

    /// For `--help`.
    static let help = """
        EXIT STATUS
          0  done
          1  the broker refused (name in use, no such room, not a member, …)
          2  wrong command line or input
          3  cannot connect: unreachable, TLS failure, or no broker there
          4  timed out (--timeout), and nothing had an effect
          5  a message was sent, and its outcome is unknown
          128+N  ended by signal N
        Of a conversation at a terminal, refusals do not count; of one in a pipe, the first failure does.
        """
}

extension ClientRequest {
    /// Whether it says something.
    var isPublish: Bool {
        switch self {
        case .publish, .directMessage, .refer: true
        default: false
        }
    }
}
