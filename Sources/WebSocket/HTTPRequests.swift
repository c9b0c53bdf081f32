/// The requests of one connection, each answered before the next is looked at (RFC 9112 section 9.3).
///
/// It holds no octets and knows no time. The caller offers what it has received, counts the deadlines by ``state``, and closes behind
/// what was refused: then nobody knows where another request would begin.
public struct HTTPRequests: Sendable {
    public enum State: Sendable {
        /// A head is being read: from its first octet on, and the first one of a connection from the beginning.
        case reading
        /// A head has been read, and its answer has not left.
        case answering
        /// All is answered, and not an octet of another request has come.
        case idle
    }

    public private(set) var state = State.reading
    private let limits: HTTPLimits
    private var parser: HTTPRequestParser
    private var leftCount: Int

    public init(limits: HTTPLimits = HTTPLimits()) {
        self.limits = limits
        parser = HTTPRequestParser(limits: limits)
        leftCount = limits.requestCountMax
    }

    /// Takes the next head from the front of `octets`, which begin behind the head before it; see ``HTTPRequestParser/next(in:)``. Traps
    /// while an answer is due.
    public mutating func next(in octets: RawSpan) throws(HTTPRefusal) -> (head: HTTPRequestHead, byteCount: Int)? {
        precondition(state != .answering, "one request at a time")
        guard !octets.isEmpty else { return nil }
        state = .reading
        guard let next = try parser.next(in: octets) else { return nil }
        parser = HTTPRequestParser(limits: limits)
        leftCount -= 1
        state = .answering
        return next
    }

    /// Whether another request may follow the one of that head, which was the last: the client speaks HTTP/1.1, does not ask for the end,
    /// and has not asked for all that a connection gives.
    public func mayGoOn(behind head: HTTPRequestHead) -> Bool {
        head.minorVersion >= 1 && !head.hasToken("close", in: "connection") && leftCount > 0
    }

    /// The answer has left.
    public mutating func noteAnswered() {
        precondition(state == .answering, "an answer to nothing")
        state = .idle
    }
}
