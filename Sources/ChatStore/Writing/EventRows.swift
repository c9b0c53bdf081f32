internal import Bytes
internal import ChatCore
internal import ChatProtocol

/// Appends events to their table, several rows with one run of a statement: to begin and end a run costs a third as much as a row.
struct EventRows {
    /// Rows of one run, where there are so many.
    private static let runCount = 8
    private static let columnCount: Int32 = 14

    private let several: Statement
    private let single: Statement

    init(_ database: Database) throws(StoreError) {
        let row = "(" + repeatElement("?", count: Int(Self.columnCount)).joined(separator: ", ") + ")"
        several = try database.prepare("INSERT INTO event VALUES " + repeatElement(row, count: Self.runCount).joined(separator: ", "))
        single = try database.prepare("INSERT INTO event VALUES " + row)
    }

    /// Appends the events of a batch to a log, as the rows `event` and those that follow.
    ///
    /// - Parameter frames: the frames of `batch`, all of them.
    func append(
        _ frames: [StoredFrame], of batch: SharedBytes, by authors: EventAuthors, to log: LogState, as event: Int64
    ) throws(StoreError) {
        try batch.withBytes { (octets) throws(StoreError) in
            var start = 0
            while start < frames.count {
                let count = frames.count - start < Self.runCount ? 1 : Self.runCount
                let statement = count == 1 ? single : several
                for index in start..<start + count {
                    let id = event + Int64(index)
                    let parameters = Parameters(of: statement, after: Int32(index - start) * Self.columnCount)
                    parameters.bind(id: id, log: log.id, previous: index == 0 ? log.lastEvent : id - 1, author: authors[index])
                    parameters.bind(frames[index], lent: octets)
                }
                try statement.run()
                start += count
            }
        }
    }

    /// The parameters of one row, in the order of the table's columns.
    private struct Parameters {
        private let statement: Statement
        private let start: Int32

        init(of statement: Statement, after start: Int32) {
            self.statement = statement
            self.start = start
        }

        /// What the table knows of an event besides its frame.
        func bind(id: Int64, log: Int64, previous: Int64, author: Int64?) {
            statement.bind(id, at: start + 1).bind(log, at: start + 2).bind(previous, at: start + 4)
            if let author { statement.bind(author, at: start + 12) } else { statement.bindNull(at: start + 12) }
        }

        /// The frame and what is taken out of it. The octets of the batch must stay until the statement has run.
        func bind(_ frame: StoredFrame, lent batch: RawSpan) {
            let view = frame.view
            statement.bind(view.seq, at: start + 3).bind(view.timestamp, at: start + 5).bind(Int64(view.kind.rawValue), at: start + 6)
            statement.bindText(lent: batch.extracting(frame.place(of: frame.fromRange)), at: start + 7)
            if let id = view.messageID {
                statement.bind(Int64(bitPattern: id.value), at: start + 8)
            } else {
                statement.bindNull(at: start + 8)
            }
            statement.bind(body: frame.bodyRange, at: start + 9)
            statement.bindBlob(lent: batch.extracting(frame.range), at: start + 11)
            statement.bind(frame.target, at: start + 13).bind(view.thread, at: start + 14)
        }
    }
}

extension Statement {
    /// Where a body begins in its frame, and how long it is, in two parameters.
    func bind(body: Range<Int>?, at index: Int32) {
        if let body {
            bind(Int64(body.lowerBound), at: index).bind(Int64(body.count), at: index + 1)
        } else {
            bindNull(at: index).bindNull(at: index + 1)
        }
    }
}
