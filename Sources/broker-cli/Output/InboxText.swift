import ChatProtocol

/// The inbox for people.
enum InboxText {
    /// The log in which something happened last comes last.
    static func sorted(_ records: [InboxRecord]) -> [InboxRecord] {
        records.sorted { ($0.timestamp ?? 0, $0.room) < ($1.timestamp ?? 0, $1.room) }
    }

    /// Columns with tabs between: name, unread messages, time of the last event.
    static func columns(_ record: InboxRecord, account: AccountName?) -> String {
        let time = record.timestamp.map { ClockText.dayAndTime(milliseconds: $0) } ?? ""
        return "\(record.room.name(for: account))\t\(record.unread)\t\(time)"
    }

    static func line(_ record: InboxRecord, account: AccountName?) -> StyledText {
        var line = StyledText("   ")
        line.append(record.room.name(for: account), record.unread > 0 ? .bold : .plain)
        line.append(record.unread > 0 ? ", \(record.unread) unread" : "", .dim)
        if let timestamp = record.timestamp { line.append(", last " + ClockText.dayAndTime(milliseconds: timestamp), .dim) }
        return line
    }

    /// `2 in tea, 3 in @bob`, at most twenty of them.
    static func summary(_ records: [InboxRecord], account: AccountName?) -> String {
        let countMax = 20
        let parts = records.prefix(countMax).map { "\($0.unread) in \($0.room.name(for: account))" }
        let rest = records.count > countMax ? ", and more in \(records.count - countMax) others" : ""
        return parts.joined(separator: ", ") + rest
    }
}

extension RoomAddress {
    /// A room's name, or what a conversation is called by one of its parties: `@bob`.
    func name(for account: AccountName?) -> String { other(than: account).map { "@\($0)" } ?? description }

    /// The other party of a conversation, for whom one is a party of it; nil for a room.
    func other(than account: AccountName?) -> AccountName? {
        guard let parties else { return nil }
        return parties.0 == account ? parties.1 : parties.0
    }
}
