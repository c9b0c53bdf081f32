import Bytes
import ChatProtocol

/// Random values of every frame, biased towards limits: absent fields, empty ones, greatest ones.
struct RandomFrames {
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed: seed) }

    mutating func value(of type: FrameType, from sender: Frame.Sender) -> Frame.Value {
        switch sender {
        case .client: .command(command(type))
        case .broker: type == .deliver ? .server(.event(event())) : .server(.reply(reply(type)))
        }
    }

    private mutating func command(_ type: FrameType) -> Command {
        switch type {
        case .hello:
            .hello(
                Hello(
                    agent: text(64), capabilities: texts(64), frameByteCountMax: maybe { $0.number(1_048_576) },
                    device: maybe { $0.bytes(16...16) }))
        case .authenticate: .authenticate(Authenticate(mechanism: text(32), message: maybe { $0.bytes(0...8192) }))
        case .authenticateStep: .authenticateStep(bytes(0...8192))
        case .ping: .ping(timestamp: maybe { $0.number() })
        case .pong: .pong(timestamp: maybe { $0.number() })
        case .error: .error(failure())
        case .goodbye: .goodbye(goodbye())
        case .join:
            .join(
                Join(room: address(), cursor: maybe { LogPosition(epoch: $0.number(), seq: $0.number()) }, tail: maybe { $0.number(1000) }))
        case .leave: .leave(Leave(room: address(), detachesOnly: random.chance(50), reason: maybe { $0.text(256) }))
        case .resume:
            .resume(
                Resume(
                    items: (0..<random.upTo(20)).map { _ in
                        Resume.Item(room: address(), cursor: LogPosition(epoch: number(), seq: number()))
                    }, tail: maybe { $0.number(1000) }))
        case .history:
            .history(
                ReadHistory(
                    room: address(), fromSeq: number(), toSeq: number(), epoch: maybe { $0.number() }, limit: maybe { $0.number(1000) },
                    direction: maybe { HistoryDirection(rawValue: UInt8($0.number(1))) }, thread: maybe { $0.number() }))
        case .search:
            .search(
                Search(
                    query: text(256), room: maybe { $0.address() }, from: maybe { $0.name() }, since: maybe { $0.number() },
                    until: maybe { $0.number() }, limit: maybe { $0.number(1000) }, cursor: maybe { $0.bytes(0...64) }))
        case .list:
            .list(ListRooms(limit: maybe { $0.number(1000) }, cursor: maybe { $0.bytes(0...64) }, filter: maybe { $0.text(128) }))
        case .members: .members(ListMembers(room: address(), limit: maybe { $0.number(1000) }, cursor: maybe { $0.bytes(0...64) }))
        case .create:
            .create(
                CreateRoom(
                    room: room(), title: maybe { $0.text(128) }, topic: maybe { $0.text(512) },
                    policy: maybe { RoomPolicy(rawValue: $0.number(63)) }))
        case .publish: .publish(Publish(room: address(), publication: publication()))
        case .directMessage: .directMessage(DirectMessage(to: name(), publication: publication()))
        case .mark: .mark(marker())
        case .typing: .typing(Typing(room: address(), state: octet(), user: maybe { $0.name() }))
        case .presence: .presence(presence())
        case .inbox: .inbox(ReadInbox(since: number(), limit: maybe { $0.number(1000) }))
        case .register: .register(Register(user: name(), verifier: bytes(0...8192)))
        case .changePassword: .changePassword(verifier: bytes(0...8192))
        case .listDevices: .listDevices
        case .revokeDevice: .revokeDevice(bytes(16...16))
        default: preconditionFailure("\(type) is not a frame of clients")
        }
    }

    private mutating func reply(_ type: FrameType) -> Reply {
        switch type {
        case .welcome:
            .welcome(welcome())
        case .authenticateStep: .authenticateStep(bytes(0...8192))
        case .authenticated: .authenticated(authenticated())
        case .ping: .ping(timestamp: maybe { $0.number() })
        case .pong: .pong(timestamp: maybe { $0.number() })
        case .ok: .ok(Success(head: maybe { $0.number() }, epoch: maybe { $0.number() }, lifetimeSeconds: maybe { $0.number() }))
        case .error: .error(failure())
        case .notice:
            .notice(
                Notice(
                    ResultCode(rawValue: UInt16(number(999))), reason: maybe { $0.text(256) }, timestamp: maybe { $0.number() },
                    until: maybe { $0.number() }))
        case .goodbye: .goodbye(goodbye())
        case .joined:
            .joined(
                Joined(
                    room: address(), epoch: number(), head: number(), floor: number(), next: number(), title: maybe { $0.text(128) },
                    topic: maybe { $0.text(512) }, members: maybe { $0.number() }, role: maybe { Role(rawValue: $0.octet()) },
                    policy: maybe { RoomPolicy(rawValue: $0.number()) }))
        case .items: .items(items())
        case .published:
            .published(
                Published(
                    room: address(), seq: number(), timestamp: number(), acknowledgement: AcknowledgementLevel(rawValue: UInt8(number(3))),
                    isDuplicate: random.chance(50), epoch: maybe { $0.number() }))
        case .resumed:
            .resumed((0..<random.upTo(20)).map { _ in resumedRoom() })
        case .batch:
            .batch(batch())
        case .found: .found(Found(frames: batch().frames, cursor: maybe { $0.bytes(0...64) }, isIncomplete: random.chance(50)))
        case .lag:
            .lag(
                Lag(room: address(), epoch: number(), fromSeq: number(), toSeq: number(), next: number(), reason: maybe { $0.text(256) }))
        case .mark: .mark(marker())
        case .typing: .typing(Typing(room: address(), state: octet(), user: maybe { $0.name() }))
        case .presence: .presence(presence())
        default: preconditionFailure("\(type) is not a reply")
        }
    }

    mutating func event() -> Event {
        var event = Event(room: address(), seq: number(), timestamp: number(), from: name())
        event.kind = EventKind(rawValue: random.chance(50) ? 0 : octet())
        event.messageID = maybe { MessageID($0.random.next()) }
        event.reference = maybe { $0.number() }
        event.thread = maybe { $0.number() }
        event.reply = maybe { $0.number() }
        event.mediaType = maybe { $0.text(64) }
        event.meta = maybe { $0.bytes(0...1024) }
        event.body = maybe { $0.text(16_384) }
        event.fromSeq = maybe { $0.number() }
        event.toSeq = maybe { $0.number() }
        event.user = maybe { $0.name() }
        event.title = maybe { $0.text(128) }
        event.topic = maybe { $0.text(512) }
        event.role = maybe { Role(rawValue: $0.octet()) }
        event.reason = maybe { $0.text(256) }
        event.isRedacted = random.chance(20)
        return event
    }

    private mutating func publication() -> Publication {
        let kind = random.chance(60) ? EventKind.message : EventKind(rawValue: UInt8(random.upTo(7)))
        let body: String? =
            switch kind {
            case .react, .unreact: "a" + text(31)
            case .delete, .pin, .unpin: nil
            default: text(16_384)
            }
        return Publication(
            content: EventContent(
                kind: kind, messageID: maybe { MessageID($0.random.next()) }, reference: kind.isChange ? number() : nil,
                thread: maybe { $0.number() }, reply: maybe { $0.number() }, mediaType: maybe { $0.text(64) },
                meta: maybe { $0.bytes(0...1024) }, body: body),
            acknowledgement: maybe { AcknowledgementLevel(rawValue: UInt8(1 + $0.number(2))) }, ageMilliseconds: maybe { $0.number() })
    }

    private mutating func marker() -> ReadMarker {
        ReadMarker(
            room: address(), mark: number(), user: maybe { $0.name() }, timestamp: maybe { $0.number() }, epoch: maybe { $0.number() })
    }

    private mutating func presence() -> Presence {
        let count = random.upTo(random.chance(10) ? 256 : 3)
        return Presence(
            state: maybe { PresenceState(rawValue: $0.octet()) }, users: maybe { frames in (0..<count).map { _ in frames.name() } },
            user: maybe { $0.name() })
    }

    private mutating func welcome() -> Welcome {
        var welcome = Welcome(
            server: text(64), mechanisms: texts(16), heartbeatMilliseconds: number(3_600_000), frameByteCountMax: number(1_048_576),
            bodyByteCountMax: number(16_384), requestsInFlightMax: number(65_535), deduplicationSeconds: number(),
            timestamp: maybe { $0.number() })
        welcome.capabilities = texts(64)
        welcome.channelBindings = texts(8)
        return welcome
    }

    private mutating func authenticated() -> Authenticated {
        var authenticated = Authenticated(
            user: name(), session: bytes(16...16), message: maybe { $0.bytes(0...8192) }, role: maybe { Role(rawValue: $0.octet()) },
            timestamp: maybe { $0.number() })
        authenticated.title = maybe { $0.text(128) }
        authenticated.lifetimeSeconds = maybe { $0.number() }
        authenticated.until = maybe { $0.number() }
        authenticated.token = maybe { $0.bytes(32...32) }
        return authenticated
    }

    private mutating func goodbye() -> Goodbye {
        Goodbye(
            ResultCode(rawValue: UInt16(number(999))), reason: maybe { $0.text(256) }, retryMilliseconds: maybe { $0.number() },
            endsSession: random.chance(50))
    }

    private mutating func failure() -> Failure {
        Failure(
            ResultCode(rawValue: UInt16(number(999))), reason: maybe { $0.text(256) }, field: maybe { $0.number() },
            type: maybe { $0.octet() }, room: maybe { $0.address() }, retryMilliseconds: maybe { $0.number() },
            epoch: maybe { $0.number() }, head: maybe { $0.number() }, floor: maybe { $0.number() })
    }

    private mutating func items() -> Items {
        let count = random.upTo(20)
        if random.chance(20) {
            let devices = (0..<count).map { _ in
                Record.device(
                    DeviceRecord(
                        id: bytes(16...16), agent: text(64), lastLogIn: number(), until: number(), state: PresenceState(rawValue: octet())))
            }
            return Items(records: devices, cursor: maybe { $0.bytes(0...64) })
        }
        let sort = random.upTo(2)
        var records: [Record] = []
        for _ in 0..<count {
            records.append(
                sort == 2
                    ? .inbox(
                        InboxRecord(
                            room: address(), epoch: number(), head: number(), mark: number(), unread: number(), updateNumber: number(),
                            timestamp: maybe { $0.number() }))
                    : sort == 1
                        ? .room(
                            RoomRecord(
                                room: address(), title: maybe { $0.text(128) }, topic: maybe { $0.text(512) }, members: number(),
                                policy: RoomPolicy(rawValue: number()), head: number()))
                        : .member(MemberRecord(user: name(), role: Role(rawValue: octet()), state: PresenceState(rawValue: octet()))))
        }
        return Items(
            records: records, cursor: maybe { $0.bytes(0...64) }, room: maybe { $0.address() }, updateNumber: maybe { $0.number() })
    }

    private mutating func resumedRoom() -> ResumedRoom {
        guard random.chance(50) else {
            return ResumedRoom(room: address(), epoch: number(), head: number(), floor: number(), next: number())
        }
        return ResumedRoom(
            room: address(), epoch: maybe { $0.number() }, head: maybe { $0.number() }, floor: maybe { $0.number() },
            code: ResultCode(rawValue: UInt16(number(999))))
    }

    private mutating func batch() -> Batch {
        var frames = ByteWriter()
        for _ in 0..<random.upTo(2) { FrameEncoder.append(event(), to: &frames) }
        return Batch(
            room: address(), epoch: number(), head: maybe { $0.number() }, floor: number(), fromSeq: number(), toSeq: number(),
            frames: frames.finish())
    }

    private mutating func maybe<Value>(_ make: (inout RandomFrames) -> Value) -> Value? {
        random.chance(60) ? make(&self) : nil
    }

    mutating func number(_ bound: UInt64 = ProtocolLimits.integerMax) -> UInt64 {
        switch random.upTo(4) {
        case 0: 0
        case 1: bound
        case 2: min(bound, 1 << UInt64(8 * random.upTo(6)))
        default: (random.next() % (bound + 1)) >> UInt64(random.upTo(bound > 1_000 ? 40 : 0))
        }
    }

    private mutating func octet() -> UInt8 { UInt8(number(255)) }

    private mutating func count(_ range: ClosedRange<Int>) -> Int {
        switch random.upTo(9) {
        case 0: range.lowerBound
        case 1: range.upperBound
        case 2...7: min(range.upperBound, range.lowerBound + random.upTo(80))
        default: Int.random(in: range, using: &random)
        }
    }

    private mutating func bytes(_ range: ClosedRange<Int>) -> SharedBytes {
        let count = count(range)
        return SharedBytes((0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) })
    }

    /// A text of up to that many octets, half of the time ASCII.
    private mutating func text(_ byteCountMax: Int) -> String {
        var left = count(0...byteCountMax)
        let isASCII = random.chance(50)
        var text = ""
        while left > 0 {
            let scalar = self.scalar(isASCII: isASCII)
            left -= UTF8.width(scalar)
            guard left >= 0 else { break }
            text.unicodeScalars.append(scalar)
        }
        return text
    }

    private mutating func scalar(isASCII: Bool) -> Unicode.Scalar {
        while true {
            let bound: UInt32 = isASCII ? 0x7E : [0x7FF, 0xFFFF, 0x10_FFFF, 0xA0][random.upTo(3)]
            if let scalar = Unicode.Scalar(UInt32(random.upTo(Int(bound)))), TextRules.isAcceptable(scalar) { return scalar }
        }
    }

    private mutating func texts(_ countMax: Int) -> [String] {
        let count = random.chance(10) ? countMax : random.upTo(3)
        return (0..<count).map { _ in text(64) }
    }

    mutating func name() -> AccountName {
        guard let name = try? AccountName(grammatical(count(1...32), among: "._-")) else { preconditionFailure("a name") }
        return name
    }

    private mutating func room() -> RoomAddress {
        guard let room = try? RoomAddress(grammatical(count(1...64), among: "._-/")) else { preconditionFailure("a room") }
        return room
    }

    mutating func address() -> RoomAddress {
        random.chance(70) ? room() : RoomAddress(conversationOf: name(), and: name())
    }

    private mutating func grammatical(_ count: Int, among others: String) -> String {
        let first = Array("abcdefghijklmnopqrstuvwxyz0123456789")
        let all = first + Array(others)
        return String((0..<count).map { $0 == 0 ? first[random.upTo(first.count - 1)] : all[random.upTo(all.count - 1)] })
    }
}

extension FrameSchema {
    /// Every frame with every side that sends it.
    static let senders: [(frame: FrameSchema, sender: Frame.Sender)] = Schema.frames.flatMap { frame in
        Frame.Sender.allCases.filter { sender in
            frame.direction == .both || frame.direction == (sender == .client ? .client : .broker)
        }.map { (frame, $0) }
    }
}
