public import Bytes
import ChatProtocol
import WebSocket

/// What the broker says to one client, in the words of its vocabulary.
extension SimpleDialect {
    /// Takes a slice of what the core has queued for a client of a simple ``WireEncoding``: messages for everybody, which are passed on, or replies.
    ///
    /// - Returns: the messages to be passed on, and what is to be done.
    public mutating func take(queued slice: SharedBytes) -> (passed: SharedBytes, steps: [DialectStep]) {
        guard slice.withBytes({ Self.isReply($0, at: 0) }) else { return (withoutArrival(slice), []) }
        slice.withBytes { octets in
            var offset = 0
            while offset < octets.byteCount {
                let payload = Self.payload(octets, at: offset)
                offset = payload.upperBound
                guard let header = FrameHeader(octets, at: payload.lowerBound) else { preconditionFailure("a reply is a whole frame") }
                take(header, octets.extracting((payload.lowerBound + FrameHeader.byteCount)..<payload.upperBound))
            }
        }
        return (.empty, takeSteps())
    }

    /// Whether a WebSocket frame is one of ours that never leaves: slices hold replies only, or none.
    private static func isReply(_ octets: RawSpan, at offset: Int) -> Bool {
        octets.byteCount > offset && octets.byte(at: offset) == 0x80 | WebSocketOpcode.binary.rawValue
    }

    /// Where the payload of an unmasked frame is (RFC 6455 section 5.2).
    private static func payload(_ octets: RawSpan, at offset: Int) -> Range<Int> {
        let short = Int(octets.byte(at: offset + 1))
        let width = short == 126 ? 2 : short == 127 ? 8 : 0
        let count = width == 0 ? short : Int(octets.bigEndian(at: offset + 2, byteCount: width))
        let start = offset + 2 + width
        return start..<(start + count)
    }

    /// Takes word of the client's own arrival out of messages that all readers share.
    private mutating func withoutArrival(_ slice: SharedBytes) -> SharedBytes {
        guard let arrival, slice.withBytes({ $0.byte(at: 0) == 0x80 | WebSocketOpcode.text.rawValue }) else { return slice }
        var offset = 0
        while offset < slice.count {
            let end = slice.withBytes { Self.payload($0, at: offset).upperBound }
            if slice[offset..<end] == arrival {
                self.arrival = nil
                var rest = ByteWriter(minimumCapacity: slice.count)
                rest.append(slice[0..<offset])
                rest.append(slice[end..<slice.count])
                return rest.finish()
            }
            offset = end
        }
        return slice
    }

    private mutating func take(_ header: FrameHeader, _ payload: RawSpan) {
        // A frame of a later kind means nothing here.
        guard case .reply(let reply)? = try? FrameDecoder.serverFrame(header, payload: payload) else { return }
        let hasMore = header.flags.contains(.more)
        let purpose = pending[header.requestID]
        if !hasMore { pending[header.requestID] = nil }
        if case .unread = purpose { return takeUnread(reply, hasMore: hasMore) }
        switch reply {
        case .authenticated(let account): loggedIn(account.user)
        // Nobody asked for the marker.
        case .error(let failure) where failure.type == FrameType.mark.rawValue: break
        case .error(let failure): show(failure, purpose)
        case .goodbye(let goodbye): if goodbye.code != .ok { refuse(FailureWords.text(goodbye.code, goodbye.reason)) }
        case .joined(let joined):
            unread?.note(joined)
            if purpose == .join { entered(joined) }
        case .ok:
            switch purpose {
            case .create: if let entry { request(.join(Join(room: entry.room)), .join) }
            case .leave: left()
            default: break
            }
        case .batch(let batch):
            entry?.tail?.take(batch)
            if !hasMore { finishTailPage() }
        case .items(let items): take(items, purpose, hasMore: hasMore)
        case .lag(let lag): refuse("\(lag.toSeq - lag.fromSeq + 1) messages of \(lag.room) were missed")
        // What answers it is a Pong, which every WebSocket client sends by itself: whatever comes shows that the client lives.
        case .ping: write(WebSocketEncoder.ping())
        default: break
        }
    }

    // MARK: Names

    private mutating func loggedIn(_ user: AccountName) {
        name = user
        isBusy = false
        switch wish.take() {
        case .room(let room): enter(room)
        case .list: list(cursor: nil)
        case nil:
            let isFirst = !isWelcomed
            isWelcomed = true
            write(.system(isFirst ? "Welcome, \(user)!" : "You are now called \(user)"))
            // The other vocabulary has no message for what is said to one person.
            guard hasPassword, vocabulary == .usernames else { return }
            isBusy = true
            unread = UnreadMessages(of: user)
            askForUnread()
        }
    }

    private mutating func takeUnread(_ reply: Reply, hasMore: Bool) {
        unread?.take(reply, hasMore: hasMore)
        if !hasMore { askForUnread() }
    }

    private mutating func askForUnread() {
        guard let unread else { return }
        if let query = unread.query { return request(query, .unread) }
        self.unread = nil
        isBusy = false
        if !unread.messages.isEmpty { write(unread.messages.flatMap { SimpleMessage.messages(for: $0, in: vocabulary) }) }
        for mark in unread.marks { send(.mark(mark), requestID: 0) }
    }

    // MARK: Rooms

    private mutating func entered(_ joined: Joined) {
        guard var entry else { return }
        entry.isIn = true
        if joined.next > 1 {
            let tail = HistoryTail(of: joined.room, countMax: Self.replayCountMax, through: joined.next - 1)
            entry.tail = tail
            request(tail.query, .history)
        } else {
            entry.isTailComplete = true
        }
        if vocabulary == .nicks {
            // Others are told of this client; it knows.
            if joined.head >= joined.next, let name { arrival = arrival(of: name, in: joined.room) }
            request(.members(ListMembers(room: joined.room, limit: 1_000)), .members)
        } else {
            entry.areMembersComplete = true
            // In a large room nobody is told who comes, and where the client was already, nobody came.
            if joined.head < joined.next, let name { arrival = arrival(of: name, in: joined.room) }
        }
        self.entry = entry
        finishEntry()
    }

    private func arrival(of name: AccountName, in room: RoomAddress) -> SharedBytes {
        var writer = ByteWriter(minimumCapacity: 128)
        SimpleMessage.came(name, room, vocabulary).append(isNested: encoding == .nestedNicks, to: &writer)
        return writer.finish()
    }

    private mutating func finishTailPage() {
        guard var tail = entry?.tail else { return }
        if tail.finishPage() { request(tail.query, .history) } else { entry?.isTailComplete = true }
        entry?.tail = tail
        finishEntry()
    }

    /// Shows the room once everything is known of it.
    private mutating func finishEntry() {
        guard let entry, entry.isTailComplete, entry.areMembersComplete else { return }
        self.entry = nil
        isBusy = false
        room = entry.room
        if vocabulary == .nicks {
            let members = entry.members.sorted().map(\.description)
            write(SimpleMessage("Joined", ("room", .text(entry.room.description)), ("members", .texts(members))))
        }
        let messages = entry.tail?.messages ?? []
        if !messages.isEmpty { write(messages.flatMap { SimpleMessage.messages(for: $0, in: vocabulary) }) }
        // Readers of usernames learn from this message that they are in, whether or not the others are told.
        if vocabulary == .usernames, let arrival {
            self.arrival = nil
            write(arrival)
        }
    }

    private mutating func left() {
        isBusy = false
        arrival = nil
        guard let left = room.take(), let name else { return }
        write(.went(name, left, vocabulary))
    }

    private mutating func take(_ items: Items, _ purpose: Pending?, hasMore: Bool) {
        switch purpose {
        case .list:
            for case .room(let record) in items.records where rooms.count < Self.nameCountMax { rooms.append(record.room.description) }
            guard !hasMore else { return }
            if let cursor = items.cursor, rooms.count < Self.nameCountMax { return list(cursor: cursor) }
            let names = rooms.sorted()
            rooms = []
            let isNicks = vocabulary == .nicks
            write(isNicks ? SimpleMessage("RoomList", ("rooms", .texts(names))) : .system("Rooms: " + names.joined(separator: ", ")))
        case .members:
            for case .member(let record) in items.records where record.state != .offline { entry?.members.append(record.user) }
            guard !hasMore, let entry else { return }
            if let cursor = items.cursor, entry.members.count < Self.nameCountMax {
                return request(.members(ListMembers(room: entry.room, limit: 1_000, cursor: cursor)), .members)
            }
            self.entry?.areMembersComplete = true
            finishEntry()
        default: break
        }
    }

    // MARK: What went wrong

    private mutating func show(_ failure: Failure, _ purpose: Pending?) {
        switch purpose {
        case .join where failure.code == .noSuchRoom && entry?.hasTriedToCreate == false:
            entry?.hasTriedToCreate = true
            guard let entry else { return }
            return request(.create(CreateRoom(room: entry.room)), .create)
        // Somebody else made it meanwhile.
        case .create where failure.code == .exists:
            guard let entry else { return }
            return request(.join(Join(room: entry.room)), .join)
        // What cannot be read is not shown, and the room is entered all the same.
        case .history:
            entry?.isTailComplete = true
            return finishEntry()
        case .members:
            entry?.areMembersComplete = true
            return finishEntry()
        case .join, .create, .leave:
            entry = nil
            isBusy = false
        case .logIn:
            wish = nil
            isBusy = false
            if failure.code == .exists { return refuse("that name is in use: choose another, or give the password of its account") }
        default: break
        }
        refuse(FailureWords.text(failure))
    }
}
