internal import ChatCore
internal import Synchronization

/// A thread that reads: requests take turns, a slice each.
final class Reader: Sendable {
    enum Order: Sendable {
        case history(HistoryQuery, then: @Sendable (Result<HistoryPage, StoreError>) -> Void)
        case question(StoreQuestion, then: @Sendable (Result<StoreFinding, StoreError>) -> Void)
        case close

        fileprivate var job: (any ReadJob)? {
            switch self {
            case .history(let query, let answer):
                if let thread = query.thread { ThreadJob(query, thread: thread, then: answer) } else { HistoryJob(query, then: answer) }
            case .question(.publication(let query), let answer): PublicationJob(query, then: answer)
            case .question(.target(let query), let answer): TargetJob(query, then: answer)
            case .question(.messageCount(let query), let answer): MessageCountJob(query, then: answer)
            case .close: nil
            }
        }
    }

    private let box = PostBox<Order>()
    private let waiting = Atomic<Int>(0)
    private let waitingMax: Int
    private let sliceEventsMax: Int

    init(_ settings: StoreSettings) {
        waitingMax = settings.waitingReadsMax
        sliceEventsMax = settings.sliceEventsMax
    }

    /// Requests that are not answered yet.
    var waitingCount: Int { waiting.load(ordering: .relaxed) }

    /// Leaves a request. False if as many wait as may. From any thread.
    func post(_ order: Order) -> Bool {
        guard waiting.add(1, ordering: .relaxed).newValue <= waitingMax else {
            waiting.subtract(1, ordering: .relaxed)
            return false
        }
        box.post(order)
        return true
    }

    /// Ends the thread when what has been posted is answered.
    func close() { box.post(.close) }

    /// The thread's body. The connection is its own.
    func run(_ database: Database, _ reader: LogReader) {
        var jobs: [any ReadJob] = []
        var isClosing = false
        while !isClosing || !jobs.isEmpty {
            for order in box.take(waitingMilliseconds: jobs.isEmpty ? nil : 0) {
                if let job = order.job { jobs.append(job) } else { isClosing = true }
            }
            // One slice for each; those that are through leave.
            var left: [any ReadJob] = []
            for job in jobs where !isThrough(job, reader) { left.append(job) }
            jobs = left
        }
    }

    private func isThrough(_ job: any ReadJob, _ reader: LogReader) -> Bool {
        do throws(StoreError) {
            guard try job.advance(reader, eventCountMax: sliceEventsMax) else { return false }
        } catch {
            job.fail(error)
        }
        waiting.subtract(1, ordering: .relaxed)
        return true
    }
}
