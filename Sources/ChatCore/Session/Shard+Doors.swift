public import Bytes
public import ChatDialects

/// What the adapter asks for where the conversation is not a native byte stream: WebSocket, HTTP, line mode.
extension Shard {
    /// The client has opened the conversation otherwise than by a preface. HELLO is next.
    public func open(_ session: Session, speaking encoding: WireEncoding, at moment: Moment) {
        now = moment
        guard session.state == .preface else { return }
        session.encoding = encoding
        session.state = .hello
        session.deadline = now.monotonicMilliseconds + settings.helloMilliseconds
        if let refusal = session.farewell?.goodbye { end(session, refusal) }
    }

    /// The client wants events in another encoding from now on.
    public func change(_ session: Session, to encoding: WireEncoding) { session.encoding = encoding }

    /// Queues octets of the adapter's own making between what the core queues, such as a Pong frame.
    public func enqueue(_ octets: SharedBytes, for session: Session, at moment: Moment) {
        now = moment
        guard session.state != .closed, !session.hasFinished else { return }
        session.queue.append(octets)
        schedule(session)
        regulateInput(session)
    }

    /// Ends a connection whose last word the adapter has queued.
    ///
    /// - Parameter milliseconds: how long the peer may take for what is queued, and for closing its side.
    public func dismiss(_ session: Session, _ reason: CloseReason, withinMilliseconds milliseconds: UInt64, at moment: Moment) {
        now = moment
        guard !session.isEnding else { return }
        abandon(session, reason)
        session.deadline = now.monotonicMilliseconds + milliseconds
    }

    /// A connection that has no account and needs none may go on for a while.
    public func postpone(_ session: Session, byMilliseconds milliseconds: UInt64, at moment: Moment) {
        session.deadline = moment.monotonicMilliseconds + milliseconds
    }
}

/// The octets of a batch in every encoding that a connection here uses, each made once, when the first one asks.
struct Translations {
    let native: SharedBytes
    private var made: [WireEncoding: SharedBytes] = [:]

    init(_ native: SharedBytes) { self.native = native }

    @inline(__always)
    mutating func octets(for session: Session) -> SharedBytes {
        session.encoding == .native ? native : translation(session.encoding)
    }

    private mutating func translation(_ encoding: WireEncoding) -> SharedBytes {
        if let octets = made[encoding] { return octets }
        let octets = encoding.translation(of: native)
        made[encoding] = octets
        return octets
    }
}
