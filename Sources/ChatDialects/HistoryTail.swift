import ChatProtocol

/// Gathers the newest messages of a log, page by page from its end backwards: what a person is shown who comes into a room.
///
/// Messages say what they said last: an edit takes the place of the words it changed. What else happened is passed over.
struct HistoryTail: Sendable {
    /// Octets of messages at most, however many are wanted.
    static let byteCountMax = 262_144
    private static let pageEventCount: UInt64 = 200

    let room: RoomAddress
    /// Messages wanted.
    private let countMax: Int
    /// A seq that the broker has given, whether or not it has handed the event on yet: the first page must reach it.
    private let reaching: UInt64
    /// The lowest seq of interest.
    private let start: UInt64
    /// In descending order of their seqs.
    private var found: [Event] = []
    private var byteCount = 0
    /// The newest words of messages that have been edited, by their seqs.
    private var edits: [UInt64: String] = [:]
    private var toSeq: UInt64
    private var pageCountLeft: Int
    /// What has come of the present page.
    private var page: [Event] = []
    private var pageRange: (from: UInt64, to: UInt64)?
    private var floor: UInt64 = 1
    /// How often the broker may be asked again for what it has numbered and not yet handed on.
    private var repetitionsLeft = 100
    /// Whether nothing stands before what was found.
    private(set) var reachesStart = false

    /// - Parameters:
    ///   - start: the lowest seq of interest.
    ///   - through: up to where the log is to be read; nil: up to its end.
    ///   - reaching: a seq that the log is known to have; `through` is known to be one.
    init(of room: RoomAddress, countMax: Int, from start: UInt64 = 1, through: UInt64? = nil, reaching: UInt64 = 0) {
        self.room = room
        self.countMax = countMax
        self.start = start
        self.reaching = through ?? reaching
        toSeq = through ?? ProtocolLimits.integerMax
        pageCountLeft = 4 + countMax / 50
    }

    /// What is to be asked of the broker next.
    var query: Command {
        .history(ReadHistory(room: room, fromSeq: start, toSeq: toSeq, limit: Self.pageEventCount, direction: .newest))
    }

    /// Takes a part of the answer.
    mutating func take(_ batch: Batch) {
        floor = batch.floor
        pageRange = (min(pageRange?.from ?? batch.fromSeq, batch.fromSeq), batch.toSeq)
        // Frames of a later kind mean nothing to a person.
        page += (try? batch.events()) ?? []
    }

    /// The answer is complete.
    ///
    /// - Returns: whether more is to be asked for.
    mutating func finishPage() -> Bool {
        let (events, range) = (page, pageRange)
        page = []
        pageRange = nil
        guard let range else { return false }
        if range.to < reaching, toSeq >= reaching, repetitionsLeft > 0 {
            repetitionsLeft -= 1
            return true
        }
        for event in events.reversed() {
            guard found.count < countMax, byteCount < Self.byteCountMax else { return false }
            take(event)
        }
        pageCountLeft -= 1
        reachesStart = range.from <= max(start, floor)
        guard pageCountLeft > 0, found.count < countMax, !reachesStart else { return false }
        toSeq = range.from - 1
        return true
    }

    private mutating func take(_ event: Event) {
        if event.kind == .edit, let changed = event.reference, edits[changed] == nil { edits[changed] = event.body }
        guard event.kind.isChangeable, let said = event.body else { return }
        var event = event
        event.body = edits[event.seq] ?? said
        byteCount += event.body?.utf8.count ?? 0
        found.append(event)
    }

    /// The messages found, the oldest first.
    var messages: [Event] { found.reversed() }
}
