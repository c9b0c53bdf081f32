import Bytes
import ChatProtocol

/// What the homes of rooms have said about one RESUME.
struct ResumeGathering {
    var rooms: [ResumedRoom?]
    var left: Int
}

/// RESUME: many rooms at once. Nothing of a room is delivered before the reply that says where it begins.
extension Shard {
    func resume(_ session: Session, _ resume: Resume, _ requestID: UInt32) {
        guard !resume.items.isEmpty else { return answer(requestID, .resumed([]), session) }
        let key = GatheringKey(session: session.id, requestID: requestID)
        resumes[key] = ResumeGathering(rooms: Array(repeating: nil, count: resume.items.count), left: resume.items.count)
        for (place, item) in resume.items.enumerated() {
            ask(.resume(Join(room: item.room, cursor: item.cursor, tail: resume.tail), place: place), session, requestID, false)
        }
    }

    // MARK: At the home of a room

    func resumeRoom(_ join: Join, place: Int, in room: Room, _ requester: Requester) throws(Failure) {
        guard room.member(requester.account) != nil else { throw Failure(.notJoined, reason: "not a member of \(join.room)") }
        let next = try self.next(for: join, in: room)
        room.grants[Int(requester.session.shard)] += 1
        let resumed = ResumedRoom(room: room.address, epoch: room.epoch, head: room.head, floor: room.floor, next: next)
        send(
            .resumed(session: requester.session, requestID: requester.requestID, place: place, resumed), to: Int(requester.session.shard))
    }

    func refuseResuming(_ failure: Failure, _ room: RoomAddress, place: Int, _ requester: Requester) {
        let resumed = ResumedRoom(room: room, epoch: failure.epoch, head: failure.head, floor: failure.floor, code: failure.code)
        send(
            .resumed(session: requester.session, requestID: requester.requestID, place: place, resumed), to: Int(requester.session.shard))
    }

    // MARK: At the shard of the session

    func resumed(_ id: SessionID, requestID: UInt32, place: Int, _ room: ResumedRoom) {
        let session = sessions[id]
        var room = room
        if let epoch = room.epoch, let next = room.next {
            if let session, !session.isEnding {
                room.next = hold(session, in: roster(of: room.room, epoch: epoch), next: next)
            } else {
                send(.giveBack(room.room, epoch: epoch, shard: index, grants: 1), to: map.home(of: room.room))
            }
        }
        let key = GatheringKey(session: id, requestID: requestID)
        guard var gathering = resumes[key] else { return }
        gathering.rooms[place] = room
        gathering.left -= 1
        resumes[key] = gathering.left == 0 ? nil : gathering
        guard gathering.left == 0, let session else { return }
        let rooms = gathering.rooms.compactMap(\.self).map { asOfNow($0, session) }
        answer(rooms, requestID, session)
        // What another RESUME holds waits for the answer to that one.
        for room in rooms where room.next != nil {
            guard let roster = rosters[room.room], let place = roster.index(of: session), roster.attachments[place].state == .held
            else { continue }
            roster.setState(.late, at: place)
        }
        if session.queue.byteCount < settings.outboundHighWaterBytes { catchUp(session) }
    }

    /// Other homes took longer to answer: a room that was attached before has gone on, or has been left.
    private func asOfNow(_ room: ResumedRoom, _ session: Session) -> ResumedRoom {
        guard room.next != nil else { return room }
        guard let roster = rosters[room.room], roster.epoch == room.epoch, let place = roster.index(of: session) else {
            return ResumedRoom(room: room.room, code: .notJoined)
        }
        var room = room
        room.next = roster.attachments[place].next
        return room
    }

    /// Attaches a session, without anything being delivered yet.
    ///
    /// - Returns: the seq of the next event that it will be sent.
    private func hold(_ session: Session, in roster: LocalRoster, next: UInt64) -> UInt64 {
        roster.grants += 1
        guard let place = roster.index(of: session) else {
            roster.attach(session, next: next, state: .held, isAutomatic: false)
            return next
        }
        if roster.attachments[place].isAutomatic {
            // As by the first JOIN with a cursor of a room that the broker attached.
            roster.attachments[place].next = next
            roster.attachments[place].isAutomatic = false
            roster.setState(.held, at: place)
        }
        return roster.attachments[place].next
    }

    private func answer(_ rooms: [ResumedRoom], _ requestID: UInt32, _ session: Session) {
        var rest = rooms[...]
        repeat {
            // A record has at most 110 octets.
            let part = Array(rest.prefix(500))
            rest = rest.dropFirst(part.count)
            answer(requestID, .resumed(part), hasMore: !rest.isEmpty, session)
        } while !rest.isEmpty
    }
}
