import Bytes
import ChatDialects
import ChatProtocol

/// What may be lost: presence, typing, and word of read markers.
extension Shard {
    /// Why a command cannot be carried out on this connection; nil if it can.
    func refusal(of command: Command, _ session: Session) -> Failure? {
        let needed: Capabilities =
            switch command {
            case .mark: .marks
            case .typing: .typing
            case .presence: .presence
            case .inbox: .inbox
            default: []
            }
        guard !session.capabilities.isSuperset(of: needed) else { return nil }
        return Failure(.notImplemented, reason: "HELLO did not offer the capability \(needed.names.joined())")
    }

    /// Tells connections wherever they are, each shard once.
    func tell(_ reply: Reply, to sessions: [SessionID]) {
        if sessions.count == 1 { return send(.ephemeral(reply, sessions), to: Int(sessions[0].shard)) }
        for shard in 0..<map.shardCount {
            let there = sessions.filter { Int($0.shard) == shard }
            if !there.isEmpty { send(.ephemeral(reply, there), to: shard) }
        }
    }

    func deliver(_ reply: Reply, to sessions: [SessionID]) {
        deliver(reply, to: sessions.lazy.compactMap { self.sessions[$0] }, byteCountMax: settings.outboundHighWaterBytes)
    }

    /// Queues a frame, written once, for the connections that have its capability in force and no more than so many octets before it.
    func deliver(_ reply: Reply, to sessions: some Sequence<Session>, byteCountMax: Int) {
        let needed: Capabilities =
            switch reply {
            case .mark: .marks
            case .typing: .typing
            case .presence: .presence
            default: []
            }
        var written: (encoding: WireEncoding, octets: SharedBytes)?
        for session in sessions {
            guard session.isReady, session.capabilities.isSuperset(of: needed), hasRoom(session), session.queue.byteCount < byteCountMax
            else { continue }
            let encoding = session.encoding
            if written?.encoding != encoding {
                written = (encoding, replies.write { encoding.append(reply, requestID: 0, hasMore: false, to: &$0) })
            }
            guard let octets = written?.octets else { preconditionFailure("written above") }
            session.queue.append(octets)
            unwrittenByteCount += octets.count
            schedule(session)
        }
    }
}
