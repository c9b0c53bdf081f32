import ChatProtocol

/// Gathers the direct messages that an account has not read, for those who have no inbox to look into: asks which conversations have some, and then
/// for the newest of each.
struct UnreadMessages: Sendable {
    /// Messages at most, and conversations that are looked into.
    static let countMax = 20
    private static let inboxLimit: UInt64 = 1_000

    private let reader: AccountName
    /// Conversations with something unread, as far as the inbox is known.
    private var inbox: [RoomAddress: InboxRecord] = [:]
    /// Those that are still to be looked into, the one that was used last at the end.
    private var logs: [InboxRecord] = []
    private var since: UInt64 = 0
    /// Lines of the present page of the inbox, and what to ask from next.
    private var page: (lineCount: Int, next: UInt64) = (0, 0)
    private var pageCountLeft = 64
    private var isInboxRead = false
    /// The conversation that is being read, and what has come of it.
    private var present: (log: InboxRecord, tail: HistoryTail)?
    private var found: [Event] = []
    private var read: [ReadMarker] = []
    /// From where on conversations are delivered anyway.
    private var delivered: [RoomAddress: UInt64] = [:]
    /// Whether there are older ones, which were left out.
    private(set) var isCut = false

    init(of reader: AccountName) { self.reader = reader }

    /// What is to be asked of the broker next; nil once all is known.
    var query: Command? {
        if !isInboxRead { return .inbox(ReadInbox(since: since, limit: Self.inboxLimit)) }
        return present?.tail.query
    }

    /// The messages, the oldest first.
    var messages: [Event] { found }

    /// How far they have been read once they are shown. Where older ones were left out, all stay unread.
    var marks: [ReadMarker] { isCut || found.isEmpty ? [] : read }

    /// The broker delivers a conversation from now on.
    mutating func note(_ joined: Joined) {
        if joined.room.isConversation { delivered[joined.room] = joined.next }
    }

    /// Takes a part of the answer to the ``query``.
    ///
    /// - Parameter hasMore: whether other parts follow.
    mutating func take(_ reply: Reply, hasMore: Bool) {
        switch reply {
        case .items(let items): take(items)
        case .batch(let batch): present?.tail.take(batch)
        default:
            // What cannot be had is left out.
            isInboxRead = true
            return readNext()
        }
        if !hasMore { finishPage() }
    }

    private mutating func take(_ items: Items) {
        page.lineCount += items.records.count
        page.next = items.updateNumber ?? page.next
        for case .inbox(let record) in items.records where record.room.isConversation && record.unread > 0 {
            inbox[record.room] = record
        }
    }

    private mutating func finishPage() {
        guard isInboxRead else { return finishInboxPage() }
        guard let (log, tail) = present else { return }
        var rest = tail
        if rest.finishPage() {
            present = (log, rest)
        } else {
            finish(log, rest)
        }
    }

    private mutating func finishInboxPage() {
        logs = inbox.values.sorted { $0.timestamp ?? 0 < $1.timestamp ?? 0 }
        if logs.count > Self.countMax {
            isCut = true
            logs.removeFirst(logs.count - Self.countMax)
            inbox = Dictionary(uniqueKeysWithValues: logs.map { ($0.room, $0) })
        }
        pageCountLeft -= 1
        if page.lineCount >= Int(Self.inboxLimit), page.next > since, pageCountLeft > 0 {
            since = page.next
            page.lineCount = 0
        } else {
            isInboxRead = true
            readNext()
        }
    }

    private mutating func readNext() {
        present = logs.popLast().map { log in
            (log, HistoryTail(of: log.room, countMax: Self.countMax, from: log.mark + 1, through: log.head))
        }
    }

    private mutating func finish(_ log: InboxRecord, _ tail: HistoryTail) {
        if !tail.reachesStart { isCut = true }
        let end = delivered[log.room] ?? ProtocolLimits.integerMax
        found += tail.messages.filter { $0.from != reader && $0.seq < end }
        found.sort { $0.timestamp < $1.timestamp }
        if found.count > Self.countMax {
            isCut = true
            found.removeFirst(found.count - Self.countMax)
        }
        read.append(ReadMarker(room: log.room, mark: log.head, epoch: log.epoch))
        readNext()
    }
}
