import Bytes
import ChatProtocol
import Foundation

/// The JSON reading of a decoded frame, as docs/PROTOCOL.md writes its examples.
func json(_ value: Frame.Value, header: FrameHeader) -> [String: Any] {
    var object = JSONFields()
    switch value {
    case .command(let command): object.read(command)
    case .server(.reply(let reply)): object.read(reply)
    case .server(.event(let event)): object.read(event)
    }
    var members = object.members
    members["t"] = Schema.frame(header.type)?.name.lowercased()
    if header.requestID != 0 { members["id"] = header.requestID }
    if header.flags.contains(.more) { members["more"] = true }
    if header.flags.contains(.retry) { members["retry"] = true }
    if header.flags.contains(.critical) { members["critical"] = true }
    return members
}

private struct JSONFields {
    var members: [String: Any] = [:]

    mutating func set(_ field: Field, _ number: UInt64?) { members[field.name] = number }
    mutating func set(_ field: Field, _ text: String?) { members[field.name] = text }
    mutating func set(_ field: Field, _ address: RoomAddress?) { members[field.name] = address?.description }
    mutating func set(_ field: Field, _ name: AccountName?) { members[field.name] = name?.description }
    mutating func set(_ field: Field, _ flag: Bool) { if flag { members[field.name] = true } }
    mutating func set(_ field: Field, _ texts: [String]) { if !texts.isEmpty { members[field.name] = texts } }
    mutating func set(_ field: Field, _ role: Role?) { members[field.name] = role?.rawValue }
    mutating func set(_ field: Field, _ policy: RoomPolicy?) { members[field.name] = policy?.rawValue }
    mutating func set(_ field: Field, _ bytes: SharedBytes?) { members[field.name] = bytes.map { base64url($0.array) } }
    mutating func set(_ id: MessageID?) {
        members["cmid"] = id.map { id in base64url((0..<8).map { UInt8(truncatingIfNeeded: id.value >> UInt64(56 - 8 * $0)) }) }
    }

    mutating func read(_ command: Command) {
        switch command {
        case .hello(let hello):
            set(.agent, hello.agent)
            set(.capabilities, hello.capabilities)
            set(.frameByteCountMax, hello.frameByteCountMax)
            set(.device, hello.device)
        case .authenticate(let authenticate):
            set(.mechanism, authenticate.mechanism)
            set(.sasl, authenticate.message)
        case .authenticateStep(let message): set(.sasl, message)
        case .ping(let timestamp), .pong(let timestamp): set(.timestamp, timestamp)
        case .goodbye(let goodbye): read(goodbye)
        case .error(let failure): read(failure)
        case .resume(let resume):
            members["items"] = resume.items.map { item in
                var group = JSONFields()
                group.set(.room, item.room)
                group.set(.seq, item.cursor.seq)
                group.set(.epoch, item.cursor.epoch)
                return group.members
            }
            set(.tail, resume.tail)
        case .history(let history):
            set(.thread, history.thread)
            set(.room, history.room)
            set(.epoch, history.epoch)
            set(.fromSeq, history.fromSeq)
            set(.toSeq, history.toSeq)
            set(.limit, history.limit)
            set(.direction, (history.direction?.rawValue).map(UInt64.init))
        case .search(let search):
            set(.room, search.room)
            set(.from, search.from)
            set(.limit, search.limit)
            set(.until, search.until)
            set(.cursor, search.cursor)
            set(.query, search.query)
            set(.since, search.since)
        case .join(let join):
            set(.room, join.room)
            set(.seq, join.cursor?.seq)
            set(.epoch, join.cursor?.epoch)
            set(.tail, join.tail)
        case .leave(let leave):
            set(.room, leave.room)
            set(.reason, leave.reason)
            set(.detach, leave.detachesOnly)
        case .list(let list):
            set(.limit, list.limit)
            set(.title, list.filter)
            set(.cursor, list.cursor)
        case .members(let list):
            set(.room, list.room)
            set(.limit, list.limit)
            set(.cursor, list.cursor)
        case .create(let create):
            set(.room, create.room)
            set(.title, create.title)
            set(.topic, create.topic)
            set(.policy, create.policy)
        case .register(let register):
            set(.user, register.user)
            set(.sasl, register.verifier)
        case .changePassword(let verifier): set(.sasl, verifier)
        case .listDevices: break
        case .revokeDevice(let id): set(.session, id)
        case .publish(let publish):
            read(publish.publication)
            set(.room, publish.room)
        case .directMessage(let message):
            read(message.publication)
            set(.to, message.to)
        case .mark(let marker): read(marker)
        case .typing(let typing): read(typing)
        case .presence(let presence): read(presence)
        case .inbox(let query):
            set(.limit, query.limit)
            set(.updateNumber, query.since)
        }
    }

    mutating func read(_ reply: Reply) {
        switch reply {
        case .welcome(let welcome):
            set(.timestamp, welcome.timestamp)
            set(.capabilities, welcome.capabilities)
            members["mechs"] = welcome.mechanisms
            set(.heartbeat, welcome.heartbeatMilliseconds)
            set(.frameByteCountMax, welcome.frameByteCountMax)
            set(.bodyByteCountMax, welcome.bodyByteCountMax)
            set(.requestsInFlightMax, welcome.requestsInFlightMax)
            set(.server, welcome.server)
            set(.deduplication, welcome.deduplicationSeconds)
            set(.channelBindings, welcome.channelBindings)
        case .authenticateStep(let message): set(.sasl, message)
        case .authenticated(let authenticated):
            set(.timestamp, authenticated.timestamp)
            set(.user, authenticated.user)
            set(.title, authenticated.title)
            set(.role, authenticated.role)
            set(.sasl, authenticated.message)
            set(.session, authenticated.session)
            set(.lifetime, authenticated.lifetimeSeconds)
            set(.until, authenticated.until)
            set(.token, authenticated.token)
        case .ping(let timestamp), .pong(let timestamp): set(.timestamp, timestamp)
        case .ok(let success):
            set(.epoch, success.epoch)
            set(.head, success.head)
            set(.lifetime, success.lifetimeSeconds)
        case .error(let failure): read(failure)
        case .notice(let notice):
            set(.timestamp, notice.timestamp)
            set(.until, notice.until)
            set(.reason, notice.reason)
            set(.code, UInt64(notice.code.rawValue))
        case .goodbye(let goodbye): read(goodbye)
        case .joined(let joined):
            set(.room, joined.room)
            set(.epoch, joined.epoch)
            set(.head, joined.head)
            set(.floor, joined.floor)
            set(.next, joined.next)
            set(.title, joined.title)
            set(.topic, joined.topic)
            set(.members, joined.members)
            set(.role, joined.role)
            set(.policy, joined.policy)
            set(.mark, joined.mark)
        case .items(let items):
            set(.room, items.room)
            members["items"] = items.records.map(group)
            set(.cursor, items.cursor)
            set(.updateNumber, items.updateNumber)
        case .published(let published):
            set(.room, published.room)
            set(.seq, published.seq)
            set(.timestamp, published.timestamp)
            set(.acknowledgement, UInt64(published.acknowledgement.rawValue))
            set(.duplicate, published.isDuplicate)
            set(.epoch, published.epoch)
        case .resumed(let rooms):
            members["items"] = rooms.map { room in
                var group = JSONFields()
                group.set(.room, room.room)
                group.set(.epoch, room.epoch)
                group.set(.head, room.head)
                group.set(.floor, room.floor)
                group.set(.next, room.next)
                group.set(.code, (room.code?.rawValue).map(UInt64.init))
                return group.members
            }
        case .batch(let batch):
            set(.room, batch.room)
            set(.epoch, batch.epoch)
            set(.head, batch.head)
            set(.floor, batch.floor)
            set(.fromSeq, batch.fromSeq)
            set(.toSeq, batch.toSeq)
            setFrames(try? batch.events())
        case .found(let found):
            set(.cursor, found.cursor)
            set(.incomplete, found.isIncomplete)
            setFrames(try? found.events())
        case .lag(let lag):
            set(.room, lag.room)
            set(.epoch, lag.epoch)
            set(.next, lag.next)
            set(.fromSeq, lag.fromSeq)
            set(.toSeq, lag.toSeq)
            set(.reason, lag.reason)
        case .mark(let marker): read(marker)
        case .typing(let typing): read(typing)
        case .presence(let presence): read(presence)
        }
    }

    private mutating func setFrames(_ events: [Event]?) {
        members["frames"] = events?.map { event in
            var frame = JSONFields()
            frame.read(event)
            frame.members["t"] = "deliver"
            return frame.members
        }
    }

    mutating func read(_ event: Event) {
        set(.room, event.room)
        set(.seq, event.seq)
        set(.timestamp, event.timestamp)
        set(.from, event.from)
        if event.kind != .message { set(.kind, UInt64(event.kind.rawValue)) }
        set(event.messageID)
        set(.reference, event.reference)
        set(.thread, event.thread)
        set(.reply, event.reply)
        set(.mediaType, event.mediaType)
        set(.meta, event.meta)
        set(.body, event.body)
        set(.fromSeq, event.fromSeq)
        set(.toSeq, event.toSeq)
        set(.user, event.user)
        set(.title, event.title)
        set(.topic, event.topic)
        set(.role, event.role)
        set(.reason, event.reason)
        set(.redacted, event.isRedacted)
    }

    private mutating func read(_ marker: ReadMarker) {
        set(.room, marker.room)
        set(.timestamp, marker.timestamp)
        set(.epoch, marker.epoch)
        set(.user, marker.user)
        set(.mark, marker.mark)
    }

    private mutating func read(_ typing: Typing) {
        set(.room, typing.room)
        set(.user, typing.user)
        set(.state, UInt64(typing.state))
    }

    private mutating func read(_ presence: Presence) {
        set(.user, presence.user)
        set(.state, (presence.state?.rawValue).map(UInt64.init))
        members["users"] = presence.users?.map(\.description)
    }

    private mutating func read(_ publication: Publication) {
        guard let nobody = try? AccountName("nobody") else { preconditionFailure("a name") }
        read(Event(room: .lobby, seq: 1, timestamp: 0, from: nobody, content: publication.content))
        for field in [Field.room, .seq, .timestamp, .from] { members[field.name] = nil }
        set(.acknowledgement, (publication.acknowledgement?.rawValue).map(UInt64.init))
        set(.age, publication.ageMilliseconds)
    }

    private mutating func read(_ goodbye: Goodbye) {
        set(.reason, goodbye.reason)
        set(.code, UInt64(goodbye.code.rawValue))
        set(.retryMilliseconds, goodbye.retryMilliseconds)
        set(.end, goodbye.endsSession)
    }

    private mutating func read(_ failure: Failure) {
        set(.room, failure.room)
        set(.epoch, failure.epoch)
        set(.head, failure.head)
        set(.floor, failure.floor)
        set(.reason, failure.reason)
        set(.code, UInt64(failure.code.rawValue))
        set(.field, failure.field)
        set(.retryMilliseconds, failure.retryMilliseconds)
        set(.type, failure.type.map(UInt64.init))
    }

    private func group(_ record: Record) -> [String: Any] {
        var group = JSONFields()
        switch record {
        case .room(let record):
            group.set(.room, record.room)
            group.set(.head, record.head)
            group.set(.title, record.title)
            group.set(.topic, record.topic)
            group.set(.members, record.members)
            group.set(.policy, record.policy)
        case .member(let record):
            group.set(.user, record.user)
            group.set(.role, record.role)
            group.set(.state, UInt64(record.state.rawValue))
        case .device(let record):
            group.set(.timestamp, record.lastLogIn)
            group.set(.until, record.until)
            group.set(.agent, record.agent)
            group.set(.session, record.id)
            group.set(.state, UInt64(record.state.rawValue))
        case .inbox(let record):
            group.set(.room, record.room)
            group.set(.timestamp, record.timestamp)
            group.set(.epoch, record.epoch)
            group.set(.head, record.head)
            group.set(.mark, record.mark)
            group.set(.unread, record.unread)
            group.set(.updateNumber, record.updateNumber)
        }
        return group.members
    }
}

/// Base64url without padding (RFC 4648 section 5).
func base64url(_ octets: [UInt8]) -> String {
    Data(octets).base64EncodedString().replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
        .replacingOccurrences(of: "=", with: "")
}

func octets(base64url text: String) -> [UInt8] {
    let plain = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    let padded = plain + String(repeating: "=", count: (4 - plain.count % 4) % 4)
    return Data(base64Encoded: padded).map { Array($0) } ?? []
}
