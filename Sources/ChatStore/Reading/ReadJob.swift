internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// A request that a reader works through in slices, so that a long one does not keep others waiting.
protocol ReadJob: AnyObject {
    /// Looks at up to `eventCountMax` events and answers when through.
    ///
    /// - Returns: whether it is through.
    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool
    func fail(_ error: StoreError)
}

/// Reads one page.
final class HistoryJob: ReadJob {
    private let query: HistoryQuery
    private let answer: (Result<HistoryPage, StoreError>) -> Void
    private var low: UInt64
    private let high: UInt64
    private var floor: UInt64 = 0
    /// The row to go on from; nil before the start, and between two strides.
    private var event: Int64?
    /// The present stride; the whole range where the newest events are wanted.
    private var strideEnd: UInt64 = 0
    /// Events of the present stride, the last one first.
    private var descending: [(seq: UInt64, frame: SharedBytes)] = []
    /// Events before the present stride.
    private var ascending: [SharedBytes] = []
    private var byteCount = 0

    init(_ query: HistoryQuery, then answer: @escaping (Result<HistoryPage, StoreError>) -> Void) {
        self.query = query
        self.answer = answer
        low = max(1, query.fromSeq)
        high = min(query.toSeq, query.anchor.head)
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool {
        if event == nil {
            if floor == 0 {
                // A log that is gone retains nothing.
                floor = try reader.floor(of: query.anchor.log)?.seq ?? query.anchor.head + 1
                low = max(low, floor)
                first = low
            }
            guard low <= high else { return finish(through: high) }
            strideEnd = query.direction == .newest ? high : min(high, LogIndex.strideEnd(of: low))
            event = try reader.start(for: strideEnd, query.anchor)
        }
        var isFull = false
        let low = self.low
        let next = try reader.walk(query.anchor.log, from: event ?? 0, downTo: low, from: strideEnd, eventCountMax: eventCountMax) {
            seq, frame in
            if query.direction == .oldest {
                descending.append((seq, frame()))
                return seq > low
            }
            let frame = frame()
            guard fits(frame, behind: descending.count) else {
                isFull = true
                return false
            }
            descending.append((seq, frame))
            byteCount += frame.count
            isFull = descending.count == query.eventCountMax
            return !isFull && seq > low
        }
        if let next {
            event = next
            return false
        }
        event = nil
        if query.direction == .newest {
            if isFull, let last = descending.last { first = last.seq }
            takeStride()
            return finish(through: high)
        }
        for (seq, frame) in descending.reversed() {
            guard ascending.count < query.eventCountMax, fits(frame, behind: ascending.count) else {
                descending = []
                return finish(through: seq - 1)
            }
            ascending.append(frame)
            byteCount += frame.count
        }
        descending = []
        if strideEnd == high { return finish(through: high) }
        if ascending.count == query.eventCountMax { return finish(through: strideEnd) }
        self.low = strideEnd + 1
        return false
    }

    /// The lowest seq that the page answers for.
    private var first: UInt64 = 0

    private func fits(_ frame: SharedBytes, behind count: Int) -> Bool { count == 0 || frame.count <= query.byteCountMax - byteCount }

    private func takeStride() {
        for (_, frame) in descending.reversed() { ascending.append(frame) }
        descending = []
    }

    private func finish(through last: UInt64) -> Bool {
        var writer = ByteWriter(minimumCapacity: byteCount)
        for frame in ascending { writer.append(frame) }
        answer(
            .success(
                HistoryPage(covered: first <= last ? first...last : nil, floor: floor, events: writer.finish(), count: ascending.count)))
        return true
    }
}

/// Finds one publication.
final class PublicationJob: ReadJob {
    private let query: PublicationQuery
    private let answer: (Result<StoreFinding, StoreError>) -> Void
    private var event: Int64
    private var left: Int

    init(_ query: PublicationQuery, then answer: @escaping (Result<StoreFinding, StoreError>) -> Void) {
        self.query = query
        self.answer = answer
        event = query.anchor.event
        left = query.eventCountMax
    }

    func fail(_ error: StoreError) { answer(.failure(error)) }

    func advance(_ reader: LogReader, eventCountMax: Int) throws(StoreError) -> Bool {
        let count = min(eventCountMax, left)
        let (found, next) = try reader.search(query, from: event, eventCountMax: count)
        left -= count
        guard let result = found ?? (left == 0 ? .unknown : nil) else {
            event = next
            return false
        }
        answer(.success(.publication(result)))
        return true
    }
}
