import ChatProtocol

extension ClientSession {
    /// When ``timePassed(at:)`` must be called next, by the caller's clock; nil: not before something else happens.
    public var nextDeadline: UInt64? {
        var earliest = requests.nextDeadline
        switch phase {
        case .handshaking: earliest = RequestTable.earlier(earliest, openedAt + settings.handshakeMillisecondsMax)
        case .ready:
            if let heartbeat {
                earliest = RequestTable.earlier(earliest, receivedAt + (isHeartbeatInFlight ? 2 * heartbeat : heartbeat))
            }
            earliest = RequestTable.earlier(earliest, recovery?.deadline)
        case .leaving: earliest = RequestTable.earlier(earliest, leavingSince.map { $0 + Self.leavingMillisecondsMax })
        case .disconnected, .nameless, .closing, .ended: break
        }
        return earliest
    }

    private var heartbeat: UInt64? {
        guard let welcome, welcome.heartbeatMilliseconds > 0 else { return nil }
        return welcome.heartbeatMilliseconds
    }

    private var isHeartbeatInFlight: Bool { requests.firstID { $0.purpose == .heartbeat } != nil }

    mutating func keepTime(at now: UInt64) {
        let expired = requests.expire(at: now)
        for request in expired.unsent { complete(request.token, request.isRetry ? .unknown(.deadline) : .notSent(.deadline)) }
        for request in expired.unanswered { complete(request.token, .unknown(.deadline)) }
        switch phase {
        case .handshaking where now >= openedAt + settings.handshakeMillisecondsMax: drop(.timeout)
        case .leaving where now >= (leavingSince ?? now) + Self.leavingMillisecondsMax: effects.append(.abort)
        case .ready:
            beat(at: now)
            if let recovery, now >= recovery.deadline { giveUpRecovery() }
        default: break
        }
    }

    /// Nothing received for a heartbeat: PING. Nothing for two: the connection is dead, however healthy its socket looks.
    private mutating func beat(at now: UInt64) {
        guard let heartbeat, now >= receivedAt + heartbeat else { return }
        if now >= receivedAt + 2 * heartbeat {
            drop(.timeout)
        } else if !isHeartbeatInFlight {
            send(.ping(timestamp: nil), requestID: requests.launch(PendingRequest(.heartbeat)))
        }
    }

    private mutating func drop(_ cause: ConnectionLoss) {
        loss = cause
        phase = .closing
        effects.append(.abort)
    }
}
