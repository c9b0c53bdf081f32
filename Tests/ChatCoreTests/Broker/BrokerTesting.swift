import Bytes
import ChatProtocol

@testable import ChatCore

/// What the tests of the broker's end say again and again.
extension SimulatedClient {
    /// Asks for a room; nil if it was created, otherwise the code.
    @discardableResult
    func create(_ room: RoomAddress, title: String? = nil, topic: String? = nil, policy: RoomPolicy? = nil) -> ResultCode? {
        refusal(of: .create(CreateRoom(room: room, title: title, topic: topic, policy: policy)))
    }

    /// The ERROR that answers a request; nil if it is not refused.
    func failure(of command: Command, isRetry: Bool = false) -> Failure? {
        guard case .error(let failure)? = ask(command, isRetry: isRetry) else { return nil }
        return failure
    }

    func authenticate(_ wish: String?, mechanism: String = "ANONYMOUS") -> Reply? {
        ask(.authenticate(Authenticate(mechanism: mechanism, message: wish.map { SharedBytes(utf8: $0) })))
    }

    /// The name after an AUTH; nil if it was refused.
    @discardableResult
    func rename(to wish: String) -> AccountName? {
        guard case .authenticated(let authenticated)? = authenticate(wish) else { return nil }
        return authenticated.user
    }

    @discardableResult
    func leave(_ room: RoomAddress, detachesOnly: Bool = false, reason: String? = nil) -> ResultCode? {
        refusal(of: .leave(Leave(room: room, detachesOnly: detachesOnly, reason: reason)))
    }

    /// The records of one MEMBERS, all frames of it.
    func members(_ room: RoomAddress, limit: UInt64? = nil) -> [MemberRecord] {
        replies(to: .members(ListMembers(room: room, limit: limit))).flatMap { reply -> [MemberRecord] in
            guard case .items(let items) = reply else { return [] }
            return items.records.compactMap { if case .member(let member) = $0 { member } else { nil } }
        }
    }

    /// Publishes as a repetition of an attempt that began `age` milliseconds ago.
    func retry(_ body: String, to room: RoomAddress, id: MessageID, age: UInt64?) -> Reply? {
        ask(.publish(Publish(room: room, publication: .text(body, id, age: age))), isRetry: true)
    }

    /// The bodies of the messages that were received from a room.
    func bodies(in room: RoomAddress) -> [String] { events(in: room).compactMap(\.body) }

    /// The broker's own events that were received from a room.
    func notices(in room: RoomAddress) -> [Event] { events(in: room).filter { $0.kind.rawValue >= 32 } }

    /// The JOINED without request id.
    var joinedUnasked: [Joined] { announcements.compactMap { if case .joined(let joined) = $0 { joined } else { nil } } }

    /// Everything that was received, in short words: what the order of frames is tested by.
    var story: [String] {
        inbox.map { received in
            switch received.frame {
            case .event(let event): "\(event.room) \(event.seq)"
            case .reply(.joined(let joined)): "joined \(joined.room) \(joined.next)"
            case .reply(.lag(let lag)): "lag \(lag.room) \(lag.fromSeq)-\(lag.toSeq)"
            case .reply(.goodbye(let goodbye)): "goodbye \(goodbye.code.rawValue)"
            case .reply(.error(let failure)): "error \(received.requestID) \(failure.code.rawValue)"
            case .reply(.published(let published)): "published \(received.requestID) \(published.seq)"
            case .reply(.authenticated(let authenticated)): "name \(authenticated.user)"
            case .reply(.ok): "ok \(received.requestID)"
            case .reply(.pong): "pong \(received.requestID)"
            case .reply(.ping): "ping"
            case .reply(.welcome): "welcome"
            case .reply(.items(let items)): "items \(received.requestID) \(items.records.count)"
            case .reply(.authenticateStep): "step"
            case .reply(.mark(let marker)): "mark \(marker.room) \(marker.user?.description ?? "?") \(marker.mark)"
            case .reply(.typing(let typing)): "typing \(typing.room) \(typing.user?.description ?? "?") \(typing.state)"
            case .reply(.presence(let presence)): "presence \(presence.user?.description ?? "?") \(presence.state?.rawValue ?? 99)"
            case .reply(.notice(let notice)): "notice \(notice.code.rawValue)"
            case .reply(.resumed(let rooms)): "resumed \(received.requestID) \(rooms.count)"
            case .reply(.found(let found)): "found \(received.requestID) \((try? found.events())?.count ?? -1)"
            case .reply(.batch(let batch)): "batch \(received.requestID) \(batch.fromSeq)-\(batch.toSeq)"
            }
        }
    }
}

/// A frame, octet by octet.
func frame(type: UInt8, id: UInt32, flags: UInt8 = 0, payload: [UInt8] = []) -> [UInt8] {
    let length = payload.count
    return [
        UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags, UInt8(id >> 16), UInt8(id >> 8 & 255),
        UInt8(id & 255),
    ] + payload
}

extension Reply {
    var code: ResultCode? {
        if case .error(let failure) = self { failure.code } else { nil }
    }

    var published: Published? {
        if case .published(let published) = self { published } else { nil }
    }
}

extension SimulatedClient {
    /// Sends a command and has the broker read it before anything else happens.
    func readNow(_ command: Command, id: UInt32) {
        send(command, id: id)
        broker.turn(of: shardIndex) { _ in readOnBrokersSide() }
    }
}
