import Bytes

// Frames whose fields are written in more than one place, or are many. Fields stand in ascending tag order, always.
extension ByteWriter {
    /// Leaves room for a header, and returns where.
    mutating func beginFrame() -> Int {
        let start = count
        appendBigEndian(0, byteCount: 8)
        return start
    }

    /// Writes the header of the frame begun at `start`.
    mutating func endFrame(_ type: FrameType, flags: FrameFlags, requestID: UInt32, start: Int) {
        let payloadByteCount = count - start - FrameHeader.byteCount
        precondition(payloadByteCount <= ProtocolLimits.payloadByteCountMax, "a frame fits every recipient")
        let header = FrameHeader(payloadByteCount: payloadByteCount, type: type.rawValue, flags: flags, requestID: requestID)
        overwriteBigEndian(header.word, byteCount: 8, at: start)
    }

    mutating func append(_ goodbye: Goodbye) {
        append(.reason, text: goodbye.reason)
        append(.code, number: UInt64(goodbye.code.rawValue))
        append(.retryMilliseconds, number: goodbye.retryMilliseconds)
        append(.end, flag: goodbye.endsSession)
    }

    mutating func append(_ failure: Failure) {
        append(.room, address: failure.room)
        append(.epoch, number: failure.epoch)
        append(.head, number: failure.head)
        append(.floor, number: failure.floor)
        append(.reason, text: failure.reason)
        append(.code, number: UInt64(failure.code.rawValue))
        append(.field, number: failure.field)
        append(.retryMilliseconds, number: failure.retryMilliseconds)
        append(.type, number: failure.type.map(UInt64.init))
    }

    mutating func append(_ welcome: Welcome) {
        append(.timestamp, number: welcome.timestamp)
        if !welcome.capabilities.isEmpty { append(.capabilities, texts: welcome.capabilities) }
        append(.mechanisms, texts: welcome.mechanisms)
        append(.heartbeat, number: welcome.heartbeatMilliseconds)
        append(.frameByteCountMax, number: welcome.frameByteCountMax)
        append(.bodyByteCountMax, number: welcome.bodyByteCountMax)
        append(.requestsInFlightMax, number: welcome.requestsInFlightMax)
        append(.server, text: welcome.server)
        append(.deduplication, number: welcome.deduplicationSeconds)
        if !welcome.channelBindings.isEmpty { append(.channelBindings, texts: welcome.channelBindings) }
    }

    mutating func append(_ joined: Joined) {
        append(.room, address: joined.room)
        append(.epoch, number: joined.epoch)
        append(.head, number: joined.head)
        append(.floor, number: joined.floor)
        append(.next, number: joined.next)
        append(.title, text: joined.title)
        append(.topic, text: joined.topic)
        append(.members, number: joined.members)
        append(.role, number: (joined.role?.rawValue).map(UInt64.init))
        append(.policy, number: joined.policy?.rawValue)
    }

    mutating func append(_ publication: Publication, requestID: UInt32) {
        precondition(publication.acknowledgement != AcknowledgementLevel.none || requestID == 0, "a request with an id is acknowledged")
        append(publication.content.fields)
        append(.acknowledgement, number: (publication.acknowledgement?.rawValue).map(UInt64.init))
        append(.age, number: publication.ageMilliseconds)
    }

    /// Appends the fields of one group; every number is there, also one of 0.
    mutating func append(_ record: Record) {
        switch record {
        case .room(let record):
            append(.room, address: record.room)
            append(.head, number: record.head)
            append(.title, text: record.title)
            append(.topic, text: record.topic)
            append(.members, number: record.members)
            append(.policy, number: record.policy.rawValue)
        case .member(let record):
            append(.user, name: record.user)
            append(.role, number: UInt64(record.role.rawValue))
            append(.state, number: UInt64(record.state.rawValue))
        case .device(let record):
            append(.timestamp, number: record.lastLogIn)
            append(.until, number: record.until)
            append(.agent, text: record.agent)
            append(.session, bytes: record.id)
            append(.state, number: UInt64(record.state.rawValue))
        }
    }

    mutating func append(_ field: Field, groups: SharedBytes) {
        appendHead(of: field, valueByteCount: groups.count)
        append(groups)
    }
}
