import Bytes
import ChatDialects
import ChatProtocol

/// What one connection is answered, and what holds its input.
extension Shard {
    func refuse(_ failure: Failure, type: UInt8, requestID: UInt32, _ session: Session) {
        var failure = failure
        if requestID == 0 { failure.type = type }
        statistics.refusals += 1
        reply(.error(failure), requestID: requestID, session)
        noteFault(failure.code, session)
    }

    func refuse(_ error: PayloadError, type: UInt8, requestID: UInt32, _ session: Session) {
        refuse(Failure(error.code, reason: error.reason, field: error.field), type: type, requestID: requestID, session)
    }

    /// A peer whose software keeps sending faulty payloads is sent away (docs/PROTOCOL.md, *Fields*). Types it may try, frames out of
    /// their state and a person's mistakes do not count.
    private func noteFault(_ code: ResultCode, _ session: Session) {
        guard [.malformed, .unsupportedField, .missingField, .badValue].contains(code) else { return }
        session.malformedFrameCount += 1
        if session.malformedFrameCount >= settings.malformedFramesMax {
            end(session, Goodbye(.tooManyErrors, reason: "too many bad frames"))
        }
    }

    /// The final answer to a request, or with `hasMore` a part of it.
    func answer(_ requestID: UInt32, _ reply: Reply, hasMore: Bool = false, _ session: Session) {
        if !hasMore, let place = session.requestsInFlight.firstIndex(of: requestID) { session.requestsInFlight.remove(at: place) }
        if requestID != 0 || !reply.isMereSuccess { self.reply(reply, requestID: requestID, hasMore: hasMore, session) }
        beginClaim(session)
        if session.state == .draining { finishIfAnswered(session, because: nil) }
    }

    /// Queues a reply.
    func reply(_ reply: Reply, requestID: UInt32, hasMore: Bool = false, _ session: Session) {
        guard session.state != .closed, !session.hasFinished else { return }
        let encoding = session.encoding
        session.queue.append(replies.write { encoding.append(reply, requestID: requestID, hasMore: hasMore, to: &$0) })
        schedule(session)
        regulateInput(session)
    }

    /// Notes that the queue has something to be written at the end of the turn.
    func schedule(_ session: Session) {
        guard !session.isScheduledForWriting else { return }
        session.isScheduledForWriting = true
        effects.writable.append(session)
    }

    /// Holds the input of a peer that does not read its answers, and lets it go on once it has.
    func regulateInput(_ session: Session) {
        let eventBytes = isCrowded && session.backlogByteCount > 0 ? 0 : settings.outboundHighWaterBytes
        if session.queue.byteCount > eventBytes + settings.outboundControlBytes {
            session.holds.insert(.overflow)
        } else {
            release(.overflow, session)
        }
    }

    /// Notes whether the peer takes what is queued for it. A little is enough: who reads slowly is not sent away.
    func noteProgress(_ session: Session) {
        if session.queue.isEmpty {
            session.stalledSince = 0
        } else if session.stalledSince == 0 || session.queue.byteCount < Int(session.byteCountBeforeWriting) {
            session.stalledSince = now.monotonicMilliseconds
        }
    }

    /// Notes how much the peer has not taken.
    func noteBacklog(_ session: Session, _ byteCount: Int) {
        guard byteCount != Int(session.backlogByteCount) else { return }
        backlogByteCount += byteCount - Int(session.backlogByteCount)
        session.backlogByteCount = UInt32(byteCount)
    }

    /// Whether slow readers have so much waiting for them that they get no more.
    var isCrowded: Bool { backlogByteCount > settings.outboundTotalBytesMax }

    /// Whether events may be queued: the others are kept in the rings. Who takes everything at once is not made to wait for who does not.
    func hasRoom(_ session: Session) -> Bool {
        session.queue.byteCount < settings.outboundHighWaterBytes && (session.backlogByteCount == 0 || !isCrowded)
    }

    func release(_ hold: HoldReasons, _ session: Session) {
        guard session.holds.contains(hold) else { return }
        session.holds.remove(hold)
        if session.holds.isEmpty { effects.resumed.append(session) }
    }
}

extension Reply {
    /// Whether the reply says no more than that the request succeeded: it is left out if no reply was wanted.
    fileprivate var isMereSuccess: Bool {
        switch self {
        case .ok, .published, .items: true
        default: false
        }
    }
}
