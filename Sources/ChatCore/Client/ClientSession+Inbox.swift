import ChatProtocol

extension ClientSession {
    /// Lines of the inbox asked for at a time; the most that the protocol allows.
    static let inboxPageCountMax: UInt64 = 1000

    /// One frame of the inbox. Where a page is full, the next one begins with the update number that it ended with.
    mutating func collectInbox(_ items: Items, _ pending: PendingRequest, requestID id: UInt32, hasMore: Bool) {
        var pending = pending
        pending.records += items.records
        pending.pageRecordCount += items.records.count
        if hasMore {
            requests.update(id) { [pending] in $0 = pending }
            return
        }
        if let since = items.updateNumber, pending.pageRecordCount >= Int(Self.inboxPageCountMax),
            pending.records.count < Self.recordCountMax, !pending.isAbandoned
        {
            pending.pageRecordCount = 0
            let command = Command.inbox(ReadInbox(since: since, limit: Self.inboxPageCountMax))
            return send(command, requestID: requests.launch(pending))
        }
        // What changed between two pages is in both: the later line counts.
        var latest: [RoomAddress: InboxRecord] = [:]
        for case .inbox(let record) in pending.records { latest[record.room] = record }
        finish(pending, .inbox(latest.values.sorted { ($0.updateNumber, $0.room) < ($1.updateNumber, $1.room) }))
    }
}
