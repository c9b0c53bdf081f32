internal import ChatCore
internal import ChatProtocol
internal import Synchronization

/// The one thread that writes: takes what has been posted, commits as much of it as there is in one transaction, and answers each post.
///
/// While one group is being flushed the next one gathers, so the cost of a flush is shared by all who publish meanwhile; a group that nobody
/// waits for gathers a little longer. What fails is answered at once and never tried again; a new connection is tried until the disk takes a
/// write. Retention works between groups.
final class Writer {
    /// How long retention may be put off by a queue that never empties.
    private static let retentionPatienceMilliseconds = 100

    /// How long the log is left alone if it could not be emptied of what is to be erased.
    private static let erasurePatienceMilliseconds = 10_000

    private struct Post {
        let writes: [StoreWrite]
        let byteCount: Int
        let answer: @Sendable (StoreOutcome) -> Void
        var results: [WriteResult] = []
    }

    private let settings: StoreSettings
    private let observer: StoreObserver
    private let port: WriterPort
    private let checkpointer: Checkpointer
    private let search: SearchPort?
    private var log: LogWriter?
    /// What was known of the logs when writing failed.
    private var lastLogs: LogTable?
    private var failure: StoreError?
    private var nextRecovery = 0
    private var retention: Retention
    private var lastRetention = 0
    private var queue: ArraySlice<Post> = []
    /// Whether somebody waits for something in the queue.
    private var isAwaited = false
    private var isClosing = false
    private var nextErasure = 0
    /// Logs of which something failed that may have been delivered, and behind which no void event has been stored.
    private var torn: Set<RoomAddress> = []
    /// Pages at which the writer itself waits for a checkpoint.
    private var checkpointAt: Int

    init(
        _ log: LogWriter, settings: StoreSettings, observer: StoreObserver, port: WriterPort, checkpointer: Checkpointer,
        search: SearchPort?
    ) {
        self.log = log
        self.settings = settings
        self.observer = observer
        self.port = port
        self.checkpointer = checkpointer
        self.search = search
        retention = Retention(settings, now: StoreThread.monotonicMilliseconds)
        checkpointAt = settings.checkpointPagesMax
        log.database.takeOverCheckpoints()
    }

    /// The thread's body.
    func run() {
        while true {
            if queue.isEmpty { isAwaited = false }
            let mayGather = queue.isEmpty
            receive(port.box.take(waitingMilliseconds: queue.isEmpty && !isClosing ? delay() : 0))
            if mayGather { gather() }
            if log == nil { recover() }
            if let log { commitGroup(log) } else { refuseAll() }
            if isClosing && queue.isEmpty { break }
            workOnRetention()
            seeToCheckpoints()
        }
        close()
    }

    private func delay() -> Int? {
        let now = StoreThread.monotonicMilliseconds
        guard let log else { return max(0, nextRecovery - now) }
        let untilErasure = log.hasErased ? max(0, nextErasure - now) : nil
        return [retention.delay(log, now: now), untilErasure].compactMap(\.self).min()
    }

    /// Leaves posts that nobody waits for until there are more of them: each commit writes some pages, however little it holds.
    private func gather() {
        guard !queue.isEmpty, !isAwaited, !isClosing, settings.gatheringMilliseconds > 0 else { return }
        port.box.rest(milliseconds: settings.gatheringMilliseconds)
        receive(port.box.take())
    }

    private func receive(_ orders: [WriterPort.Order]) {
        for order in orders {
            switch order {
            case .write(let writes, let byteCount, let isAwaited, let answer):
                queue.append(Post(writes: writes, byteCount: byteCount, answer: answer))
                if isAwaited { self.isAwaited = true }
            case .close: isClosing = true
            }
        }
    }

    // MARK: Groups

    private func commitGroup(_ log: LogWriter) {
        guard !queue.isEmpty else { return }
        var group: [Post] = []
        var byteCount = 0
        do throws(StoreError) {
            try log.begin()
            while var post = queue.first, group.isEmpty || log.eventsInTransaction < settings.groupEventsMax,
                group.isEmpty || byteCount + post.byteCount <= settings.groupBytesMax
            {
                queue.removeFirst()
                byteCount += post.byteCount
                group.append(post)
                post.results.reserveCapacity(post.writes.count)
                for write in post.writes { post.results.append(try log.apply(write)) }
                group[group.count - 1] = post
            }
            try log.commit()
        } catch {
            giveUp(log, error)
            for post in group { answer(post, .failed(error)) }
            return
        }
        // An empty slice would keep what it held.
        if queue.isEmpty { queue = [] }
        port.commits.add(1, ordering: .relaxed)
        port.events.add(log.eventsInTransaction, ordering: .relaxed)
        for post in group { answer(post, .committed(post.results)) }
    }

    private func answer(_ post: Post, _ outcome: StoreOutcome) {
        // Settled first, so that who posts again in answer finds room.
        port.settle(byteCount: post.byteCount)
        noteTorn(post, outcome)
        post.answer(outcome)
    }

    private func noteTorn(_ post: Post, _ outcome: StoreOutcome) {
        switch outcome {
        case .failed:
            port.failedPosts.add(1, ordering: .relaxed)
            for case .append(let room, _, _, _, _) in post.writes { torn.insert(room) }
        case .committed(let results):
            for (write, result) in zip(post.writes, results) {
                guard case .append(let room, _, _, _, _) = write else { continue }
                if case .rejected = result { torn.insert(room) } else if !torn.isEmpty { torn.remove(room) }
            }
        }
    }

    // MARK: Failure and recovery

    /// Stops writing: what the connection holds may be more or less than what is on the disk, so it is not used again.
    private func giveUp(_ log: LogWriter, _ error: StoreError) {
        log.rollBack()
        lastLogs = log.logs
        self.log = nil
        failure = error
        nextRecovery = StoreThread.monotonicMilliseconds + settings.recoveryMilliseconds
        port.isWritable.store(false, ordering: .releasing)
        observer.writabilityDidChange(error)
    }

    private func refuseAll() {
        let error = failure ?? StoreError(.closed, path: settings.path)
        while let post = queue.popFirst() { answer(post, .failed(error)) }
    }

    private func recover() {
        let now = StoreThread.monotonicMilliseconds
        guard now >= nextRecovery else { return }
        nextRecovery = now + settings.recoveryMilliseconds
        do throws(StoreError) {
            let database = try StoreOpening.writingConnection(settings)
            let log = try LogWriter(database, settings: settings, search: search, continuing: lastLogs)
            try log.probe()
            database.takeOverCheckpoints()
            // What was posted while nothing could be written must not be stored behind what failed.
            receive(port.box.take())
            refuseAll()
            self.log = log
            lastLogs = nil
            failure = nil
            port.isWritable.store(true, ordering: .releasing)
            observer.writabilityDidChange(nil)
        } catch {
            failure = error
        }
    }

    // MARK: Between groups

    private func workOnRetention() {
        let now = StoreThread.monotonicMilliseconds
        guard let log, retention.delay(log, now: now) == 0 else { return }
        guard queue.isEmpty || now - lastRetention >= Self.retentionPatienceMilliseconds else { return }
        lastRetention = now
        do throws(StoreError) {
            for state in try retention.work(log, now: now, wall: StoreThread.wallMilliseconds) {
                observer.floorDidRise(state.address, state.epoch, state.floor, state.removedMessageCount)
            }
        } catch {
            giveUp(log, error)
        }
    }

    private func seeToCheckpoints() {
        guard let log else { return }
        let pages = log.database.logPageCount
        port.logPages.store(pages, ordering: .relaxed)
        let now = StoreThread.monotonicMilliseconds
        let erases = log.hasErased && queue.isEmpty && now >= nextErasure
        if pages < settings.checkpointPages && !erases { return }
        if pages < checkpointAt && !erases { return checkpointer.request() }
        do throws(StoreError) {
            // A reader that will not end, such as a shell within a transaction, holds the log back; it is not waited for at every group.
            nextErasure = now + Self.erasurePatienceMilliseconds
            checkpointAt = pages + settings.checkpointPagesMax / 4
            guard try log.database.checkpoint(.truncate) else { return }
            checkpointAt = settings.checkpointPagesMax
            log.hasErased = false
        } catch {
            giveUp(log, error)
        }
    }

    private func close() {
        guard let log else { return }
        do throws(StoreError) {
            // What a caller numbered and could not post, or what failed, must not be numbered again.
            if !port.hasRefused.load(ordering: .acquiring) { try log.releaseAll(but: torn) }
            _ = try log.database.checkpoint(.truncate)
        } catch {
            // The next start finds reserved seqs and reports them as lost, which is true.
            log.rollBack()
            observer.writabilityDidChange(error)
        }
        self.log = nil
    }
}
