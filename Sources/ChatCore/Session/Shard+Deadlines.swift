import ChatProtocol

/// The passage of time: deadlines, heartbeats, and what is kept only for a while.
extension Shard {
    /// Called every tenth of a second or so: looks after deadlines. A call looks at a part of the sessions if there are many.
    public func tick(at moment: Moment) {
        now = moment
        let count = sessions.slotCount
        for _ in 0..<min(count, max(1_000, count / 8)) {
            sweepCursor = sweepCursor + 1 < count ? sweepCursor + 1 : 0
            if let session = sessions[slot: sweepCursor] { lookAfter(session) }
        }
        tellDueRefusals()
        sweepRooms()
        sweepAccounts()
        sweepWatches()
        sweepRecalled()
        sweepLookUps()
    }

    func lookAfter(_ session: Session) {
        let time = now.monotonicMilliseconds
        if let rate = session.publishRate, rate.throttledUntil != 0, time >= rate.throttledUntil {
            rate.throttledUntil = 0
            release(.rate, session)
        }
        if session.stalledSince != 0, time > session.stalledSince + settings.slowConsumerMilliseconds {
            end(session, Goodbye(.slowConsumer, reason: "nothing was read for too long"))
        }
        switch session.state {
        case .preface:
            if time > session.deadline { abandon(session, CloseReason(.timeout, "no preface in time")) }
        case .hello:
            if time > session.deadline { end(session, Goodbye(.timeout, reason: "no HELLO in time")) }
        case .authenticating:
            if time > session.deadline { end(session, Goodbye(.timeout, reason: "not authenticated in time")) }
        case .ready: probe(session)
        case .draining:
            guard time > session.deadline else { return }
            if session.farewell != nil || session.hasSaidGoodbye { finish(session, because: nil) } else { effects.aborted.append(session) }
        case .closed: break
        }
    }

    private func probe(_ session: Session) {
        lookAfterCredential(session)
        guard !session.isEnding else { return }
        // Most connections are silent most of the time: they keep no storage for the next request.
        if session.requestsInFlight.isEmpty { session.requestsInFlight = [] }
        // A peer that is not being read counts as alive.
        if session.isInputHeld { session.lastReceived = now.monotonicMilliseconds }
        let silence = now.monotonicMilliseconds - min(session.lastReceived, now.monotonicMilliseconds)
        let heartbeatMilliseconds = UInt64(session.heartbeatMilliseconds)
        if silence > 2 * heartbeatMilliseconds {
            end(session, Goodbye(.timeout, reason: "nothing was heard for \(silence) ms"))
        } else if silence > heartbeatMilliseconds && !session.isProbed {
            session.isProbed = true
            reply(.ping(timestamp: now.wallMilliseconds), requestID: 1, session)
        }
    }
}
