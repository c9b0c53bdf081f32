import ChatProtocol

/// A member that was said to be typing.
struct Typist {
    /// When it was last relayed, by the monotonic clock.
    let relayedAt: UInt64
    var isTyping: Bool
}

/// Who is writing: relayed at once or not at all, and kept nowhere.
extension Shard {
    private static let typingIntervalMilliseconds: UInt64 = 3_000
    private static let typingLifetimeMilliseconds: UInt64 = 6_000

    /// Whether a shard has so much to do that nobody is told who is typing.
    private func isBusy(_ shard: Int) -> Bool { mailboxCounts[shard] > settings.mailboxMessagesMax / 8 }

    /// TYPING on its way to the room's home. It is the first thing to be dropped.
    func forward(_ typing: Typing, _ session: Session, _ requestID: UInt32) {
        if isBusy(map.home(of: typing.room)) { return answer(requestID, .ok(Success()), session) }
        ask(.typing(typing), session, requestID, false)
    }

    /// TYPING: it is relayed if it is news, and if the room is small enough that it is not noise.
    func note(_ typing: Typing, in room: Room, _ requester: Requester) throws(Failure) {
        guard let member = room.member(requester.account) else { throw Failure(.notJoined, reason: "not a member of \(room.address)") }
        guard !room.policy.contains(.moderated) || member.role > .reader else {
            throw Failure(.forbidden, reason: "readers may not publish here")
        }
        guard typing.state <= 1 else { throw Failure(.badValue, reason: "typing is 1, stopped is 0", field: 0x40) }
        answer(requester, .ok(Success()))
        let time = now.monotonicMilliseconds
        let name = requester.account.name
        let before = room.typists[name]
        if typing.isTyping {
            if let before, time < before.relayedAt + Self.typingIntervalMilliseconds { return }
            if room.typists.count >= 16 {
                room.typists = room.typists.filter { time < $0.value.relayedAt + Self.typingLifetimeMilliseconds }
            }
            room.typists[name] = Typist(relayedAt: time, isTyping: true)
        } else {
            guard let before, before.isTyping, time < before.relayedAt + Self.typingLifetimeMilliseconds else { return }
            room.typists[name]?.isTyping = false
        }
        guard room.members.count <= settings.noticeMembersMax else { return }
        let notice = Typing(room: room.address, state: typing.state, user: name)
        for shard in room.grants.indices where room.grants[shard] > 0 && !isBusy(shard) {
            send(.typing(notice, epoch: room.epoch), to: shard)
        }
    }

    /// Passes it on to the attached connections that want it and have read what they were sent.
    func relay(_ typing: Typing, epoch: UInt64) {
        guard let roster = rosters[typing.room], roster.epoch == epoch, !isPressed else { return }
        let sessions = roster.attachments.lazy.filter { $0.state == .live && $0.session.account?.name != typing.user }.map(\.session)
        deliver(.typing(typing), to: sessions, byteCountMax: settings.outboundLowWaterBytes)
    }
}
