import Bytes
import ChatProtocol

/// What a connection needs to come to an account, and keeps of it: an object, because few sessions of guests have one for long.
final class LogIn {
    /// Refusals after which the connection ends.
    static let refusalsMax = 3

    var origin = LogInOrigin()
    /// The client's preface, while HELLO is awaited.
    var preface = SharedBytes.empty
    var exchange: Exchange?
    var refusalCount = 0
    var hasRegistered = false
    /// When the user last showed to know the password, by the monotonic clock.
    var passwordProvenAt: UInt64?
    /// When the credential ends, by the broker's wall clock.
    var until: Timestamp?
    /// Whether the client need not be told any more that the credential is about to end.
    var isEndTold = false
    /// How long before the end it is told.
    static let noticeMilliseconds: UInt64 = 120_000

    /// An AUTH that has not had its final reply.
    struct Exchange {
        let requestID: UInt32
        /// nil until there is something to go on with.
        var progress: (any CredentialExchange)?
        /// Whether the client is to send AUTH_STEP.
        var awaitsStep = false
        /// What the account's home is being asked for.
        var accepted: AcceptedLogIn?
        /// What is said once the time has come.
        var refusal: (code: ResultCode, reason: String?)?
    }
}
