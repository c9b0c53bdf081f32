internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// Looks at one event that is to be changed.
final class TargetJob: ReadJob {
    private let query: TargetQuery
    private let answer: (Result<StoreFinding, StoreError>) -> Void

    init(_ query: TargetQuery, then answer: @escaping (Result<StoreFinding, StoreError>) -> Void) {
        self.query = query
        self.answer = answer
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool {
        answer(.success(.target(try reader.target(query))))
        return true
    }
}

/// Counts the messages of a log up to a seq.
final class MessageCountJob: ReadJob {
    private let query: MessageCountQuery
    private let answer: (Result<StoreFinding, StoreError>) -> Void

    init(_ query: MessageCountQuery, then answer: @escaping (Result<StoreFinding, StoreError>) -> Void) {
        self.query = query
        self.answer = answer
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool {
        answer(.success(.messageCount(try reader.messageCount(query))))
        return true
    }
}

/// Reads one page of a thread.
final class ThreadJob: ReadJob {
    private let query: HistoryQuery
    private let thread: UInt64
    private let answer: (Result<HistoryPage, StoreError>) -> Void
    /// What is left to be looked at.
    private var low: UInt64
    private var high: UInt64
    private var floor: UInt64 = 0
    private var frames: [SharedBytes] = []
    private var byteCount = 0

    init(_ query: HistoryQuery, thread: UInt64, then answer: @escaping (Result<HistoryPage, StoreError>) -> Void) {
        self.query = query
        self.thread = thread
        self.answer = answer
        low = max(1, query.fromSeq)
        high = min(query.toSeq, query.anchor.head)
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool {
        if floor == 0 {
            floor = try reader.floor(of: query.anchor.log)?.seq ?? query.anchor.head + 1
            low = max(low, floor)
        }
        guard low <= high else { return finish(start <= end ? start...end : nil) }
        let takesOldest = query.direction == .oldest
        let countMax = min(eventCountMax, query.eventCountMax - frames.count)
        let events = try reader.thread(thread, query.anchor, from: low, to: high, takesOldest: takesOldest, countMax: countMax)
        for (seq, frame) in events {
            guard frames.isEmpty || frame.count <= query.byteCountMax - byteCount else {
                return finish(takesOldest ? start...seq - 1 : seq + 1...end)
            }
            frames.append(frame)
            byteCount += frame.count
            if takesOldest { low = seq + 1 } else { high = seq - 1 }
        }
        if events.count < countMax { return finish(start...end) }
        if frames.count == query.eventCountMax { return finish(takesOldest ? start...low - 1 : high + 1...end) }
        return false
    }

    private var start: UInt64 { max(1, query.fromSeq, floor) }
    private var end: UInt64 { min(query.toSeq, query.anchor.head) }

    private func finish(_ covered: ClosedRange<UInt64>?) -> Bool {
        var writer = ByteWriter(minimumCapacity: byteCount)
        for frame in query.direction == .oldest ? frames : frames.reversed() { writer.append(frame) }
        answer(.success(HistoryPage(covered: covered, floor: floor, events: writer.finish(), count: frames.count)))
        return true
    }
}
