import Bytes

// MARK, TYPING, PRESENCE and INBOX: the same in both directions.
extension FrameDecoder {
    static func mark(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> ReadMarker {
        let room = try fields.address(.room, in: payload)
        let timestamp = try fields.numberIfPresent(.timestamp, in: payload)
        let epoch = try fields.numberIfPresent(.epoch, in: payload)
        let user = try fields.nameIfPresent(.user, in: payload)
        return ReadMarker(room: room, mark: try fields.number(.mark, in: payload), user: user, timestamp: timestamp, epoch: epoch)
    }

    static func typing(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Typing {
        let room = try fields.address(.room, in: payload)
        let user = try fields.nameIfPresent(.user, in: payload)
        return Typing(room: room, state: UInt8(try fields.number(.state, in: payload)), user: user)
    }

    static func presence(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Presence {
        let user = try fields.nameIfPresent(.user, in: payload)
        let state = try fields.octetNumberIfPresent(.state, in: payload).map { PresenceState(rawValue: $0) }
        guard fields.has(.users, in: payload) else { return Presence(state: state, user: user) }
        var users: [AccountName] = []
        for text in try fields.texts(.users, in: payload) {
            guard let name = try? AccountName(text) else { throw PayloadError(.badName, .users, "not a name") }
            users.append(name)
        }
        return Presence(state: state, users: users, user: user)
    }

    static func inbox(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> ReadInbox {
        let limit = try fields.numberIfPresent(.limit, in: payload)
        return ReadInbox(since: try fields.number(.updateNumber, in: payload), limit: limit)
    }

    /// A group with `room`, the lowest tag of all, is a log: with `usn` one of the inbox, without it one of the list. One that begins
    /// with `ts` is a device; any other is a member.
    static func record(_ group: RawSpan) throws(PayloadError) -> Record {
        if group.byteCount > 0, group.byte(at: 0) == Field.timestamp.head { return .device(try deviceRecord(group)) }
        guard group.byteCount > 0, group.byte(at: 0) == Field.room.head else { return .member(try memberRecord(group)) }
        let fields = try FieldReader(group, .anyLogRecord)
        return fields.has(.updateNumber, in: group) ? .inbox(try inboxRecord(group)) : .room(try roomRecord(group))
    }

    private static func memberRecord(_ group: RawSpan) throws(PayloadError) -> MemberRecord {
        var fields = try FieldReader(group, .memberRecord)
        return MemberRecord(
            user: try fields.name(.user, in: group),
            role: Role(rawValue: UInt8(try fields.number(.role, in: group))),
            state: PresenceState(rawValue: UInt8(try fields.number(.state, in: group))))
    }

    private static func roomRecord(_ group: RawSpan) throws(PayloadError) -> RoomRecord {
        var fields = try FieldReader(group, .roomRecord)
        let room = try fields.address(.room, in: group)
        let head = try fields.number(.head, in: group)
        let title = try fields.textIfPresent(.title, in: group)
        let topic = try fields.textIfPresent(.topic, in: group)
        let members = try fields.number(.members, in: group)
        let policy = RoomPolicy(rawValue: try fields.number(.policy, in: group))
        return RoomRecord(room: room, title: title, topic: topic, members: members, policy: policy, head: head)
    }

    private static func inboxRecord(_ group: RawSpan) throws(PayloadError) -> InboxRecord {
        var fields = try FieldReader(group, .inboxRecord)
        let room = try fields.address(.room, in: group)
        let timestamp = try fields.numberIfPresent(.timestamp, in: group)
        let epoch = try fields.number(.epoch, in: group)
        let head = try fields.number(.head, in: group)
        let mark = try fields.number(.mark, in: group)
        let unread = try fields.number(.unread, in: group)
        return InboxRecord(
            room: room, epoch: epoch, head: head, mark: mark, unread: unread,
            updateNumber: try fields.number(.updateNumber, in: group), timestamp: timestamp)
    }
}
