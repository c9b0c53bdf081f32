import ChatProtocol

/// How connections end: requests in flight are answered, GOODBYE is the last word, and nobody waits for ever.
extension Shard {
    /// Ends a connection in words: requests in flight are answered first, GOODBYE is the last frame.
    func end(_ session: Session, _ goodbye: Goodbye) {
        guard !session.isEnding else { return }
        guard session.state != .preface else { return abandon(session, CloseReason(goodbye.code, goodbye.reason ?? "")) }
        beginDraining(session)
        session.farewell = Farewell(goodbye)
        finishIfAnswered(session, because: nil)
    }

    /// From here on the session is sent answers, but no events.
    private func beginDraining(_ session: Session) {
        session.state = .draining
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
        dropWaitingExchange(session)
        for link in session.links.reversed() { detach(session, from: link.roster) }
    }

    /// Says the last word once nothing is in flight.
    func finishIfAnswered(_ session: Session, because reason: CloseReason?) {
        guard session.requestsInFlight.isEmpty else { return }
        finish(session, because: reason)
    }

    func finish(_ session: Session, because reason: CloseReason?) {
        let farewell = session.farewell.take()?.goodbye
        guard farewell != nil || session.hasSaidGoodbye, !session.hasFinished else { return }
        session.hasSaidGoodbye = false
        if let farewell {
            reply(.goodbye(farewell), requestID: 0, session)
            effects.ended.append((session, CloseReason(farewell.code, farewell.reason ?? "")))
        } else {
            effects.ended.append((session, reason ?? CloseReason(.ok, "the client said goodbye")))
        }
        session.hasFinished = true
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
    }

    /// Ends a connection without a word.
    func abandon(_ session: Session, _ reason: CloseReason) {
        guard !session.isEnding else { return }
        session.state = .draining
        session.deadline = now.monotonicMilliseconds + settings.drainMilliseconds
        effects.ended.append((session, reason))
    }

    /// The broker stops: every client is told, each with another time to come back.
    public func shutDown(at moment: Moment) {
        now = moment
        for slot in 0..<sessions.slotCount {
            guard let session = sessions[slot: slot] else { continue }
            let pause = 500 + random.next() % 4_500
            end(session, Goodbye(.shuttingDown, reason: "the broker is shutting down", retryMilliseconds: pause))
        }
    }

    /// The client said goodbye.
    func leave(_ session: Session, _ goodbye: Goodbye) {
        beginDraining(session)
        session.farewell = nil
        session.hasSaidGoodbye = true
        finishIfAnswered(session, because: CloseReason(goodbye.code, "the client said goodbye"))
    }

    /// The client's side of the stream has ended.
    func inputEnded(_ session: Session) {
        guard !session.isEnding else { return }
        guard session.state != .preface else { return abandon(session, CloseReason(.ok, "the client closed before it said anything")) }
        leave(session, Goodbye(.ok))
    }
}
