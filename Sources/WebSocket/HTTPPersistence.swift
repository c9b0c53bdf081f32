/// What becomes of a connection behind an answer (RFC 9112 section 9.3).
public enum HTTPPersistence: Sendable, Equatable {
    case close
    /// Another request may follow, unless the connection rests for longer.
    case keep(idleMilliseconds: UInt64)

    /// What the client is told. `Keep-Alive` is in no current RFC, but clients that know it do not ask when the time is about to end.
    var fields: [HTTPField] {
        switch self {
        case .close: [HTTPField("Connection", "close")]
        case .keep(let milliseconds):
            [HTTPField("Connection", "keep-alive"), HTTPField("Keep-Alive", "timeout=\(milliseconds / 1_000)")]
        }
    }
}
