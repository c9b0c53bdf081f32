public import Bytes

/// What a dialect that keeps a conversation of its own wants done: it stands between a client and the core, and translates both ways.
public enum DialectStep: Sendable, Equatable {
    /// For the core.
    case input(DialectInput)
    /// For the client.
    case write(SharedBytes)
    /// This is no client of ours: the connection is closed without a word.
    case close
}
