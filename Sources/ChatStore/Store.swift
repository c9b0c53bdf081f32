public import ChatCore
public import ChatProtocol
internal import Glibc
internal import Synchronization

/// What the store tells unasked. Called on its writer's thread; whoever owns a loop posts it there.
public struct StoreObserver: Sendable {
    /// Nothing can be written, for this reason; nil: it can again. Reading goes on.
    public var writabilityDidChange: @Sendable (StoreError?) -> Void
    /// Retention has removed the events of a log below the new floor, with so many messages (kind 0) in all since the log began.
    public var floorDidRise: @Sendable (RoomAddress, _ epoch: UInt64, _ floor: UInt64, _ removedMessageCount: UInt64) -> Void

    public init(
        writabilityDidChange: @escaping @Sendable (StoreError?) -> Void = { _ in },
        floorDidRise: @escaping @Sendable (RoomAddress, _ epoch: UInt64, _ floor: UInt64, _ removedMessageCount: UInt64) -> Void = {
            _, _, _, _ in
        }
    ) {
        self.writabilityDidChange = writabilityDidChange
        self.floorDidRise = floorDidRise
    }
}

/// What the store has done and what waits, out of date as soon as it is read.
public struct StoreStatistics: Sendable {
    public let commits: Int
    public let events: Int
    public let failedPosts: Int
    public let waitingPosts: Int
    public let waitingBytes: Int
    public let waitingReads: Int
    /// Pages (4 KiB) in the write-ahead log.
    public let logPages: Int
    public let waitingSearches: Int
    /// Events that are stored and not indexed yet.
    public let unindexedEvents: Int
}

/// The history of all rooms in one SQLite file: one thread writes, others read, and whoever posts waits for neither.
///
/// Every method but ``close()`` is for any thread. Answers are called on the store's threads: they are short, and hand what they got to
/// the loop that asked. Posts of one thread are stored in the order posted, and are answered in that order.
public final class Store: Sendable {
    private let port: WriterPort
    private let readers: [Reader]
    private let checkpointer: Checkpointer
    private let searching: (port: SearchPort, thread: StoreThread)?
    private let threads: [StoreThread]
    private let checkpointThread: StoreThread
    // Released by `close`; before that the writer's thread holds it too.
    nonisolated(unsafe) private let lock: DirectoryLock

    private init(
        port: WriterPort, readers: [Reader], checkpointer: Checkpointer, searching: (SearchPort, StoreThread)?, threads: [StoreThread],
        checkpointThread: StoreThread, lock: DirectoryLock
    ) {
        self.port = port
        self.readers = readers
        self.checkpointer = checkpointer
        self.searching = searching
        self.threads = threads
        self.checkpointThread = checkpointThread
        self.lock = lock
    }

    /// Opens the history, or begins one where there is none, and reads what a broker starts with. Blocks; takes time with the number of
    /// rooms and members, not with that of events.
    ///
    /// - Parameter now: the time by the broker's clock.
    /// - Throws: an error whose description tells the operator in one line what to do. A file that exists is never taken for empty.
    public static func open(
        _ settings: StoreSettings, now: Timestamp, observer: StoreObserver = StoreObserver()
    ) throws(StoreError) -> (store: Store, state: StoredState) {
        let opening = try StoreOpening(settings)
        let searchPort = settings.isSearchable ? SearchPort(settings) : nil
        let log = try LogWriter(opening.database, settings: settings, search: searchPort)
        let state = try StoredLogs.state(in: opening.database, states: log.logs.states, settings: settings, now: now)
        let port = WriterPort(settings)
        let checkpointer = Checkpointer()
        var connections: [(Reader, Database, LogReader)] = []
        for _ in 0..<max(1, settings.readers) {
            let database = try StoreOpening.readingConnection(settings)
            connections.append((Reader(settings), database, try LogReader(database)))
        }
        // Each object goes to the one thread that uses it from here on.
        nonisolated(unsafe) let checkpointDatabase = try StoreOpening.writingConnection(settings)
        nonisolated(unsafe) let writer = Writer(
            log, settings: settings, observer: observer, port: port, checkpointer: checkpointer, search: searchPort)
        let search = try searchPort.map { (port) throws(StoreError) in
            try SearchService(try StoreOpening.readingConnection(settings), settings: settings, port: port)
        }
        if search == nil { SearchIndex.remove(settings) }
        let checkpointThread = try StoreThread(name: "checkpoint") { checkpointer.run(checkpointDatabase) }
        var threads: [StoreThread] = []
        var searching: (port: SearchPort, thread: StoreThread)?
        do throws(StoreError) {
            for connection in connections {
                nonisolated(unsafe) let connection = connection
                threads.append(try StoreThread(name: "history") { connection.0.run(connection.1, connection.2) })
            }
            if let search, let searchPort {
                nonisolated(unsafe) let search = search
                searching = (searchPort, try StoreThread(name: "search") { search.run() })
            }
            // Whatever becomes of the store, nobody else has the directory while this thread writes.
            nonisolated(unsafe) let lock = opening.lock
            threads.append(try StoreThread(name: "store") { withExtendedLifetime(lock) { writer.run() } })
        } catch {
            for (reader, _, _) in connections.prefix(threads.count) { reader.close() }
            for thread in threads { thread.join() }
            if let searching {
                searching.port.close()
                searching.thread.join()
            }
            checkpointer.close()
            checkpointThread.join()
            throw error
        }
        let store = Store(
            port: port, readers: connections.map(\.0), checkpointer: checkpointer, searching: searching, threads: threads,
            checkpointThread: checkpointThread, lock: opening.lock)
        return (store, state)
    }

    // MARK: Writing

    /// Stores writes together, and answers when they are committed and flushed or when that has failed.
    ///
    /// - Parameter isAwaited: whether somebody waits for it. What nobody waits for may be committed a little later, with more of its kind.
    /// - Returns: false if as much waits as may, or the store is closed: nothing is stored and there is no answer.
    public func post(
        _ writes: [StoreWrite], isAwaited: Bool = true, then answer: @escaping @Sendable (StoreOutcome) -> Void
    ) -> Bool {
        port.post(writes, isAwaited: isAwaited, then: answer)
    }

    /// Whether the last transaction, or the last attempt since one failed, was committed.
    public var isWritable: Bool { port.isWritable.load(ordering: .acquiring) }

    /// Whether so much waits to be written that whoever can should hold back. Well below the bounds at which posts are refused.
    public var isBacklogged: Bool { port.isBacklogged }

    // MARK: Reading

    /// Reads a page of a log.
    ///
    /// - Returns: false if as many requests wait as may, or the store is closed: there is no answer.
    public func read(_ query: HistoryQuery, then answer: @escaping @Sendable (Result<HistoryPage, StoreError>) -> Void) -> Bool {
        post(.history(query, then: answer))
    }

    /// Looks something up in a log.
    ///
    /// - Returns: false if as many requests wait as may, or the store is closed: there is no answer.
    public func find(
        _ question: StoreQuestion, then answer: @escaping @Sendable (Result<StoreFinding, StoreError>) -> Void
    ) -> Bool {
        post(.question(question, then: answer))
    }

    /// Looks for events in which words occur, the newest first, in logs that the caller has found may be read.
    ///
    /// - Returns: false if as many searches wait as may, nothing can be searched, or the store is closed: there is no answer.
    public func search(_ query: SearchQuery, then answer: @escaping @Sendable (Result<SearchPage, StoreError>) -> Void) -> Bool {
        guard !port.isClosed.load(ordering: .acquiring), let searching else { return false }
        return searching.port.post(query, then: answer)
    }

    private func post(_ order: Reader.Order) -> Bool {
        guard !port.isClosed.load(ordering: .acquiring), let reader = readers.min(by: { $0.waitingCount < $1.waitingCount }) else {
            return false
        }
        return reader.post(order)
    }

    // MARK: Ending

    public var statistics: StoreStatistics {
        let waiting = port.waiting
        return StoreStatistics(
            commits: port.commits.load(ordering: .relaxed), events: port.events.load(ordering: .relaxed),
            failedPosts: port.failedPosts.load(ordering: .relaxed), waitingPosts: waiting.posts, waitingBytes: waiting.bytes,
            waitingReads: readers.reduce(0) { $0 + $1.waitingCount }, logPages: port.logPages.load(ordering: .relaxed),
            waitingSearches: searching?.port.waitingCount ?? 0, unindexedEvents: searching?.port.unindexedCount ?? 0)
    }

    /// Takes nothing more, stores and answers what was posted, gives the reserved seqs back and closes the file. Blocks; for one thread,
    /// once, after which nobody posts any more. A store that is never closed leaves what an unclean stop leaves.
    public func close() {
        guard !port.isClosed.exchange(true, ordering: .acquiringAndReleasing) else { return }
        for reader in readers { reader.close() }
        searching?.port.close()
        checkpointer.close()
        searching?.thread.join()
        // The checkpoint thread first: the last connection to go is the writer's, which has emptied the log.
        checkpointThread.join()
        for thread in threads.dropLast() { thread.join() }
        port.box.post(.close)
        threads.last?.join()
        lock.release()
    }
}
