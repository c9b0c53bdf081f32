import Bytes

extension FrameDecoder {
    static func history(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> ReadHistory {
        let room = try fields.address(.room, in: payload)
        let thread = try fields.numberIfPresent(.thread, in: payload)
        let epoch = try fields.numberIfPresent(.epoch, in: payload)
        var history = ReadHistory(
            room: room, fromSeq: try fields.number(.fromSeq, in: payload), toSeq: try fields.number(.toSeq, in: payload), epoch: epoch)
        history.limit = try fields.numberIfPresent(.limit, in: payload)
        history.direction = try fields.octetNumberIfPresent(.direction, in: payload).map { HistoryDirection(rawValue: $0) }
        history.thread = thread
        return history
    }

    static func batch(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Batch {
        let room = try fields.address(.room, in: payload)
        let epoch = try fields.number(.epoch, in: payload)
        let head = try fields.numberIfPresent(.head, in: payload)
        let floor = try fields.number(.floor, in: payload)
        let fromSeq = try fields.number(.fromSeq, in: payload)
        let toSeq = try fields.number(.toSeq, in: payload)
        return Batch(
            room: room, epoch: epoch, head: head, floor: floor, fromSeq: fromSeq, toSeq: toSeq, frames: try frames(&fields, payload))
    }

    /// DELIVER frames back to back.
    static func frames(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> SharedBytes {
        guard let frames = fields.take(.frames, in: payload) else { preconditionFailure("a required field was checked to be there") }
        let octets = payload.extracting(frames)
        guard octets.byteCount <= Int(Field.frames.maximum) else { throw PayloadError(.badValue, .frames, "more octets than allowed") }
        try Batch.forEachFrame(in: octets) { (_, _) throws(PayloadError) in }
        return SharedBytes(copying: octets)
    }

    static func resume(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> Resume {
        var items: [Resume.Item] = []
        try fields.groups(.items, in: payload) { (range: Range<Int>) throws(PayloadError) in
            let group = payload.extracting(range)
            var fields = try FieldReader(group, .resumeItem)
            let room = try fields.address(.room, in: group)
            let seq = try fields.number(.seq, in: group)
            items.append(Resume.Item(room: room, cursor: LogPosition(epoch: try fields.number(.epoch, in: group), seq: seq)))
        }
        return Resume(items: items, tail: try fields.numberIfPresent(.tail, in: payload))
    }

    static func resumed(_ fields: inout FieldReader, _ payload: RawSpan) throws(PayloadError) -> [ResumedRoom] {
        var rooms: [ResumedRoom] = []
        try fields.groups(.items, in: payload) { (range: Range<Int>) throws(PayloadError) in
            rooms.append(try resumedRoom(payload.extracting(range)))
        }
        return rooms
    }

    /// A group without `code` is a room that was attached, and tells where.
    private static func resumedRoom(_ group: RawSpan) throws(PayloadError) -> ResumedRoom {
        var fields = try FieldReader(group, .resumedRoom)
        if !fields.has(.code, in: group) {
            for field in [Field.epoch, .head, .floor, .next] where !fields.has(field, in: group) {
                throw PayloadError(.missingField, field, "a room that was attached tells where")
            }
        }
        var room = ResumedRoom(
            room: try fields.address(.room, in: group), epoch: try fields.numberIfPresent(.epoch, in: group),
            head: try fields.numberIfPresent(.head, in: group), floor: try fields.numberIfPresent(.floor, in: group),
            next: try fields.numberIfPresent(.next, in: group))
        room.code = try fields.numberIfPresent(.code, in: group).map { ResultCode(rawValue: UInt16($0)) }
        return room
    }
}

extension FieldRules {
    static let resumeItem = FieldRules(required: [.room, .seq, .epoch], optional: [])
    static let resumedRoom = FieldRules(required: [.room], optional: [.epoch, .head, .floor, .next, .code])
}
