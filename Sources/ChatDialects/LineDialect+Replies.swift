public import Bytes
import ChatProtocol

/// What the broker says, as lines.
extension LineDialect {
    /// Takes whole native frames of this broker's making.
    public mutating func take(frames: SharedBytes) -> [DialectStep] {
        frames.withBytes { octets in
            var offset = 0
            while offset < octets.byteCount, let header = FrameHeader(octets, at: offset) {
                let end = offset + header.frameByteCount
                take(header, octets.extracting((offset + FrameHeader.byteCount)..<end))
                offset = end
            }
        }
        return takeSteps()
    }

    private mutating func take(_ header: FrameHeader, _ payload: RawSpan) {
        let frame: ServerFrame
        do throws(PayloadError) {
            frame = try FrameDecoder.serverFrame(header, payload: payload)
        } catch {
            // A frame of a later kind, which means nothing to a person.
            return
        }
        let hasMore = header.flags.contains(.more)
        switch frame {
        case .event(let event): show(event)
        case .reply(.error(let failure)) where failure.type == FrameType.mark.rawValue:
            // Nobody asked for the marker.
            break
        case .reply(let reply):
            let purpose = pending[header.requestID]
            if !hasMore { pending[header.requestID] = nil }
            if purpose == .unread {
                unread?.take(reply, hasMore: hasMore)
                if !hasMore { askForUnread() }
            } else {
                show(reply, purpose, hasMore: hasMore, requestID: header.requestID)
            }
        }
        goOn()
    }

    private mutating func show(_ event: Event) {
        noteReplayed(event.room, through: event.seq)
        if isAccount, event.room.isConversation { answer(.mark(ReadMarker(room: event.room, mark: event.seq)), requestID: 0) }
        if event.from == name, let id = event.messageID, ownMessages.remove(id) != nil { return }
        if let text = LineText.event(event, to: name) { write(text) }
    }

    private mutating func noteReplayed(_ room: RoomAddress, through seq: UInt64) {
        if let end = replayed[room], end <= seq { replayed[room] = nil }
    }

    private mutating func show(_ reply: Reply, _ purpose: Pending?, hasMore: Bool, requestID: UInt32) {
        switch reply {
        case .authenticated(let account): entered(as: account.user, purpose)
        case .error(let failure): show(failure, purpose)
        case .goodbye(let goodbye):
            guard case .left = phase else { return write(LineText.failure(goodbye.code, FailureWords.text(goodbye.code, goodbye.reason))) }
        case .notice(let notice): if let reason = notice.reason { write(LineText.notice(reason)) }
        case .published(let published):
            lastSaid = (published.room, published.seq)
            if case .tell(let user, let text) = purpose { write(LineText.told(user, text)) }
        case .joined(let joined):
            unread?.note(joined)
            guard purpose == .join else { return }
            if joined.next <= joined.head { replayed[joined.room] = joined.head }
            if !joined.room.isConversation {
                room = joined.room
                write(LineText.notice("you are in \(joined.room) now" + (joined.topic.map { ": \($0)" } ?? "")))
            }
        case .ok:
            switch purpose {
            case .create(let created): request(.join(Join(room: created)), .join)
            case .leave(let left):
                replayed[left] = nil
                write(LineText.notice("you left \(left)"))
                if left == room { room = .lobby }
            default: break
            }
        case .batch(let batch):
            tail?.take(batch)
            if !hasMore { finishTailPage() }
        case .found(let found): show(found, hasMore: hasMore)
        case .items(let items): show(items, purpose, hasMore: hasMore)
        case .lag(let lag):
            noteReplayed(lag.room, through: lag.toSeq)
            write(LineText.notice("\(lag.toSeq - lag.fromSeq + 1) messages of \(lag.room) were missed"))
        case .ping(let timestamp): answer(.pong(timestamp: timestamp), requestID: requestID)
        case .pong: write(LineText.notice("the broker is there"))
        default: break
        }
    }

    private mutating func show(_ failure: Failure, _ purpose: Pending?) {
        let reason = FailureWords.text(failure)
        switch purpose {
        case .enter(let wish):
            if failure.code == .exists, let wish {
                write(LineText.failure(.exists, "the name \(wish) is taken: choose another, or /login \(wish) if it is your account"))
            } else {
                write(LineText.failure(failure.code, reason))
            }
            askForName()
        case .logIn:
            // The broker's own words are about mechanisms.
            switch failure.code {
            case .authFailed: write(LineText.failure(.authFailed, FailureWords.text(.authFailed, nil)))
            case .mechUnsupported: write(LineText.failure(.mechUnsupported, "passwords are not taken here"))
            default: write(LineText.failure(failure.code, reason))
            }
            askForName()
        case .join where failure.code == .noSuchRoom:
            write(LineText.failure(failure.code, "there is no such room; /create makes one"))
        case .leave(.lobby) where failure.code == .forbidden:
            write(LineText.failure(failure.code, "everybody is in the lobby; /join ROOM speaks elsewhere"))
        case .history where failure.code == .rangeGone: finishTail()
        default: write(LineText.failure(failure.code, reason))
        }
    }

    private mutating func finishTailPage() {
        guard var tail else { return }
        let hasMore = tail.finishPage()
        self.tail = tail
        if hasMore { request(tail.query, .history) } else { finishTail() }
    }

    private mutating func finishTail() {
        let messages = tail?.messages ?? []
        tail = nil
        if messages.isEmpty { return write(LineText.notice("nothing was said here before")) }
        for message in messages { if let text = LineText.event(message, to: name) { write(text) } }
    }

    private mutating func show(_ items: Items, _ purpose: Pending?, hasMore: Bool) {
        if purpose == .rooms {
            for case .room(let record) in items.records { write(LineText.room(record)) }
            if !hasMore, let cursor = items.cursor { request(.list(ListRooms(limit: 1_000, cursor: cursor)), .rooms) }
            return
        }
        for case .member(let record) in items.records where record.state != .offline && names.count < Self.nameCountMax {
            names.append(record.user)
        }
        guard !hasMore, let purpose else { return }
        if let cursor = items.cursor, names.count < Self.nameCountMax {
            var query = ListMembers(room: .lobby, limit: 1_000, cursor: cursor)
            if case .who(let room) = purpose { query.room = room }
            return request(.members(query), purpose)
        }
        let all = names.sorted()
        names = []
        switch purpose {
        case .who(let room): write(LineText.notice("\(room): \(all.map(\.description).joined(separator: ", "))"))
        default:
            write(LineText.line("Users online: \(all.count)"))
            for name in all { write(LineText.line(name.description)) }
        }
    }
}
