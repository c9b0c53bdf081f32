import ChatClient
import ChatCore
import ChatProtocol
import LibUV

/// What was said while the account was away, what was said before, and how far its user has read.
extension Chat {
    /// Unread messages shown of one log, the newest.
    private static let unreadCountMax = 20
    /// Conversations of which unread messages are shown without being asked for, the latest.
    private static let conversationCountMax = 10
    /// What is shown within so long is marked together.
    private static let markMilliseconds: UInt64 = 2_000

    /// Attaches the rooms of the account and tells what is unread.
    ///
    /// - Parameter isReturn: after a lost connection; what was attached before has caught up by itself.
    func attachRooms(isReturn: Bool) {
        guard keepsInbox else { return }
        ask(.inbox) { [unowned self] outcome in
            guard case .inbox(let records) = outcome else { return }
            // The first rooms were asked for with the log-in, and show their latest events.
            let known: Set<RoomAddress> = isReturn ? Set(client.attachedRooms) : [.lobby, current]
            let others = records.filter { !known.contains($0.room) }
            for record in others where !record.room.isConversation { attach(record) }
            tell(others.filter { $0.unread > 0 } + records.filter { !isReturn && $0.room == current && $0.unread > Self.tail })
        }
    }

    func attach(_ record: InboxRecord) {
        guard !client.attachedRooms.contains(record.room) else { return }
        ask(.attach(record.room, after: LogPosition(epoch: record.epoch, seq: record.head))) { [unowned self] outcome in
            if isJSON, case .joined(let joined) = outcome { console.write(NoticeJSON.joined(joined)) }
        }
    }

    /// Tells the rooms by their number of messages, and shows the messages of conversations.
    private func tell(_ records: [InboxRecord]) {
        let sorted = InboxText.sorted(records)
        let shown = sorted.filter { $0.room.isConversation && $0.room != current }.suffix(Self.conversationCountMax)
        let counted = sorted.filter { record in !shown.contains { $0.room == record.room } }
        for record in counted where record.room != current { reading.noteUnread(record) }
        if isJSON { for record in sorted { console.write(NoticeJSON.inbox(record)) } }
        if !counted.isEmpty {
            say("-- unread: \(InboxText.summary(counted, account: account)); :room NAME shows it, :history NAME more", .dim)
        }
        for record in shown { showUnread(record) }
    }

    /// Shows the newest of what is unread in a log and tells how much more there is: then it is read.
    func showUnread(_ record: InboxRecord) {
        // Among the messages are the events that changed them and those of people who came and went.
        let request = ClientRequest.history(record.room, from: record.mark + 1, to: record.head, limit: 200)
        ask(request) { [unowned self] outcome in
            guard case .history(let events, _, _, _) = outcome else { return }
            reading.noteShown(record)
            scheduleMarks()
            let talk = events.filter { ![.joined, .left, .renamed].contains($0.kind) }
            let last = Array(talk.suffix(Self.unreadCountMax))
            let more = record.unread - min(record.unread, UInt64(last.count { $0.kind == .message }))
            // What this user said by another program is no news.
            if more == 0, last.allSatisfy({ $0.from == client.account }) { return }
            if more > 0 {
                let name = record.room.name(for: account)
                say("-- \(more) unread before these in \(name); :history \(name) \(min(record.unread, 1_000)) shows them", .dim)
            }
            showPast(last)
        }
    }

    func showHistory(_ name: LogName?, _ count: Int) {
        guard let room = address(of: name) else { return }
        ask(.history(room, from: 1, to: ProtocolLimits.integerMax, limit: UInt64(count))) { [unowned self] outcome in
            guard case .history(let events, let fromSeq, _, _) = outcome else { return }
            if events.isEmpty { say("-- nothing is kept of \(room.name(for: account))", .dim) }
            showPast(events)
            guard let record = reading.unread[room], fromSeq <= record.mark + 1 else { return }
            reading.noteShown(record)
            scheduleMarks()
        }
    }

    func listInbox() {
        ask(.inbox) { [unowned self] outcome in
            guard case .inbox(let records) = outcome else { return }
            let sorted = InboxText.sorted(records)
            if isJSON {
                for record in sorted { console.write(NoticeJSON.inbox(record)) }
                return
            }
            say("-- inbox: \(sorted.reduce(0) { $0 + $1.unread }) unread", .dim)
            for record in sorted { console.show(InboxText.line(record, account: account)) }
        }
    }

    /// Events from before, which may be of other days.
    private func showPast(_ events: [Event]) {
        let text = EventText(account: account, isOneLine: !console.isInteractive, recent: recent, tellsDay: true)
        for event in events {
            if isJSON { console.write(NoticeJSON.event(event)) } else { console.show(text.line(event)) }
        }
    }

    /// The address of what a person named; the current one if nothing was.
    func address(of name: LogName?) -> RoomAddress? {
        guard let name else { return current }
        if let address = name.address(for: account) { return address }
        complain("there is no connection yet", .unreachable)
        return nil
    }

    // MARK: Marks

    /// Whether there is an account of which the broker keeps what is unread. A guest's inbox is empty when it comes.
    private var keepsInbox: Bool {
        guard client.credentials != nil, let offered = client.welcome?.capabilities else { return false }
        return offered.contains("inbox") && offered.contains("marks")
    }

    /// Sees to it that the broker is told what was shown, soon.
    func scheduleMarks() {
        guard keepsInbox, reading.hasMarks, !markTimer.isActive else { return }
        markTimer.start(afterMilliseconds: Self.markMilliseconds) { [unowned self] in sendMarks() }
    }

    /// Tells the broker what was shown.
    func sendMarks() {
        markTimer.stop()
        guard client.phase == .ready, keepsInbox else { return }
        for (room, seq) in reading.takeMarks() {
            client.request(.mark(room, seq: seq)) { [unowned self] _ in didAnswer() }
        }
    }
}
