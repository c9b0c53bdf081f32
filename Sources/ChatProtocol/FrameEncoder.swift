public import Bytes

/// Writes frames in their one canonical form. A value that the protocol does not allow is our own mistake, and traps: texts that come
/// from elsewhere go through ``TextRules/clipped(_:byteCountMax:)`` first.
public enum FrameEncoder {
    /// Appends a frame from client to broker.
    ///
    /// - Parameter isRetry: sets flag R, this request may have been processed before.
    public static func append(_ command: Command, requestID: UInt32, isRetry: Bool = false, to writer: inout ByteWriter) {
        let start = writer.beginFrame()
        let type: FrameType
        switch command {
        case .hello(let hello):
            type = .hello
            writer.append(.agent, text: hello.agent)
            if !hello.capabilities.isEmpty { writer.append(.capabilities, texts: hello.capabilities) }
            writer.append(.frameByteCountMax, number: hello.frameByteCountMax)
            writer.append(.device, bytes: hello.device)
        case .authenticate(let authenticate):
            type = .authenticate
            writer.append(.mechanism, text: authenticate.mechanism)
            writer.append(.sasl, bytes: authenticate.message)
        case .authenticateStep(let message):
            type = .authenticateStep
            writer.append(.sasl, bytes: message)
        case .ping(let timestamp):
            type = .ping
            writer.append(.timestamp, number: timestamp)
        case .pong(let timestamp):
            type = .pong
            writer.append(.timestamp, number: timestamp)
        case .goodbye(let goodbye):
            type = .goodbye
            writer.append(goodbye)
        case .error(let failure):
            type = .error
            writer.append(failure)
        case .resume(let resume):
            type = .resume
            writer.append(resume)
        case .history(let history):
            type = .history
            writer.append(history)
        case .search(let search):
            type = .search
            writer.append(search)
        case .join(let join):
            type = .join
            writer.append(.room, address: join.room)
            writer.append(.seq, number: join.cursor?.seq)
            writer.append(.epoch, number: join.cursor?.epoch)
            writer.append(.tail, number: join.tail)
        case .leave(let leave):
            type = .leave
            writer.append(.room, address: leave.room)
            writer.append(.reason, text: leave.reason)
            writer.append(.detach, flag: leave.detachesOnly)
        case .list(let list):
            type = .list
            writer.append(.limit, number: list.limit)
            writer.append(.title, text: list.filter)
            writer.append(.cursor, bytes: list.cursor)
        case .members(let members):
            type = .members
            writer.append(.room, address: members.room)
            writer.append(.limit, number: members.limit)
            writer.append(.cursor, bytes: members.cursor)
        case .create(let create):
            type = .create
            precondition(!create.room.isConversation, "a conversation is not created by name")
            precondition(create.policy?.isSubset(of: .settable) ?? true, "policy bits that nobody may set")
            writer.append(.room, address: create.room)
            writer.append(.title, text: create.title)
            writer.append(.topic, text: create.topic)
            writer.append(.policy, number: create.policy?.rawValue)
        case .publish(let publish):
            type = .publish
            writer.append(.room, address: publish.room)
            writer.append(publish.publication, requestID: requestID)
        case .directMessage(let message):
            type = .directMessage
            writer.append(message.publication, requestID: requestID)
            writer.append(.to, name: message.to)
        case .mark(let marker):
            type = .mark
            writer.append(marker)
        case .typing(let typing):
            type = .typing
            writer.append(typing)
        case .presence(let presence):
            type = .presence
            writer.append(presence)
        case .inbox(let query):
            type = .inbox
            writer.append(.limit, number: query.limit)
            writer.append(.updateNumber, number: query.since)
        case .register(let register):
            type = .register
            writer.append(.user, name: register.user)
            writer.append(.sasl, bytes: register.verifier)
        case .changePassword(let verifier):
            type = .changePassword
            writer.append(.sasl, bytes: verifier)
        case .listDevices: type = .listDevices
        case .revokeDevice(let id):
            type = .revokeDevice
            writer.append(.session, bytes: id)
        }
        writer.endFrame(type, flags: isRetry ? .retry : [], requestID: requestID, start: start)
    }

    /// Appends a frame from broker to one client. ITEMS whose records do not fit one frame become several, all but the last with flag M.
    ///
    /// - Parameter more: sets flag M, further frames of this reply follow.
    public static func append(_ reply: Reply, requestID: UInt32, more: Bool = false, to writer: inout ByteWriter) {
        if case .items(let items) = reply { return append(items, requestID: requestID, more: more, to: &writer) }
        let start = writer.beginFrame()
        let type: FrameType
        switch reply {
        case .welcome(let welcome):
            type = .welcome
            writer.append(welcome)
        case .authenticateStep(let message):
            type = .authenticateStep
            writer.append(.sasl, bytes: message)
        case .authenticated(let authenticated):
            type = .authenticated
            writer.append(.timestamp, number: authenticated.timestamp)
            writer.append(.user, name: authenticated.user)
            writer.append(.title, text: authenticated.title)
            writer.append(.role, number: (authenticated.role?.rawValue).map(UInt64.init))
            writer.append(.until, number: authenticated.until)
            writer.append(.sasl, bytes: authenticated.message)
            writer.append(.session, bytes: authenticated.session)
            writer.append(.token, bytes: authenticated.token)
            writer.append(.lifetime, number: authenticated.lifetimeSeconds)
        case .ping(let timestamp):
            type = .ping
            writer.append(.timestamp, number: timestamp)
        case .pong(let timestamp):
            type = .pong
            writer.append(.timestamp, number: timestamp)
        case .ok(let success):
            type = .ok
            writer.append(.epoch, number: success.epoch)
            writer.append(.head, number: success.head)
            writer.append(.lifetime, number: success.lifetimeSeconds)
        case .error(let failure):
            type = .error
            writer.append(failure)
        case .notice(let notice):
            type = .notice
            writer.append(notice)
        case .goodbye(let goodbye):
            type = .goodbye
            writer.append(goodbye)
        case .joined(let joined):
            type = .joined
            writer.append(joined)
        case .items: preconditionFailure("written above")
        case .published(let published):
            type = .published
            writer.append(.room, address: published.room)
            writer.append(.seq, number: published.seq)
            writer.append(.timestamp, number: published.timestamp)
            writer.append(.acknowledgement, number: UInt64(published.acknowledgement.rawValue))
            writer.append(.duplicate, flag: published.isDuplicate)
            writer.append(.epoch, number: published.epoch)
        case .resumed(let rooms):
            type = .resumed
            writer.append(rooms)
        case .batch(let batch):
            type = .batch
            writer.append(batch)
        case .found(let found):
            type = .found
            writer.append(found)
        case .lag(let lag):
            type = .lag
            writer.append(.room, address: lag.room)
            writer.append(.epoch, number: lag.epoch)
            writer.append(.next, number: lag.next)
            writer.append(.fromSeq, number: lag.fromSeq)
            writer.append(.toSeq, number: lag.toSeq)
            writer.append(.reason, text: lag.reason)
        case .mark(let marker):
            type = .mark
            writer.append(marker)
        case .typing(let typing):
            type = .typing
            writer.append(typing)
        case .presence(let presence):
            type = .presence
            writer.append(presence)
        }
        writer.endFrame(type, flags: more ? .more : [], requestID: requestID, start: start)
    }

    /// Appends the DELIVER frame of an event. It is a function of the event alone, so its octets serve every recipient.
    public static func appendDeliver(
        room: RoomAddress, seq: UInt64, timestamp: Timestamp, from: AccountName, content: EventContent, to writer: inout ByteWriter
    ) {
        let payloadByteCount =
            1 + VariableLength.byteCount(of: room.count) + room.count + 2 + ByteWriter.numberByteCount(seq) + 2
            + ByteWriter.numberByteCount(timestamp) + 2 + from.count + content.fields.count
        precondition(payloadByteCount <= ProtocolLimits.payloadByteCountMax, "a DELIVER fits every recipient")
        writer.reserve(FrameHeader.byteCount + payloadByteCount + 8)
        let header = FrameHeader(payloadByteCount: payloadByteCount, type: FrameType.deliver.rawValue)
        writer.appendBigEndian(header.word, byteCount: 8)
        writer.append(.room, address: room)
        writer.append(.seq, number: seq)
        writer.append(.timestamp, number: timestamp)
        writer.append(.from, name: from)
        writer.append(content.fields)
    }

    /// Appends the DELIVER frame of an event that stands in parts: for tests and tools.
    public static func append(_ event: Event, to writer: inout ByteWriter) {
        appendDeliver(
            room: event.room, seq: event.seq, timestamp: event.timestamp, from: event.from, content: EventContent(event), to: &writer)
    }

    private static func append(_ items: Items, requestID: UInt32, more: Bool, to writer: inout ByteWriter) {
        // Everything of the payload but the records: room and cursor at their longest, and the head of `items`.
        let recordsByteCountMax = ProtocolLimits.payloadByteCountMax - 160
        var records = items.records[...]
        repeat {
            var group = ByteWriter(minimumCapacity: 1024)
            var list = ByteWriter(minimumCapacity: 4096)
            var count = 0
            for record in records {
                group.append(record)
                let byteCount = group.count
                guard list.count + 4 + byteCount <= recordsByteCountMax, UInt64(count) < Field.items.maximum else { break }
                list.appendVariableLength(byteCount)
                list.append(group.finish())
                group = ByteWriter(minimumCapacity: 1024)
                count += 1
            }
            records = records.dropFirst(count)
            let start = writer.beginFrame()
            writer.append(.room, address: items.room)
            writer.append(.items, groups: list.finish())
            if records.isEmpty {
                writer.append(.cursor, bytes: items.cursor)
                writer.append(.updateNumber, number: items.updateNumber)
            }
            let flags: FrameFlags = more || !records.isEmpty ? .more : []
            writer.endFrame(.items, flags: flags, requestID: requestID, start: start)
        } while !records.isEmpty
    }
}
