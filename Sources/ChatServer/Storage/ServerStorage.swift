import ChatConfiguration
import ChatCore
import ChatProtocol
import ChatStore
import Glibc
import LibUV
import Logging

/// The store of a broker, and what each shard begins with. For any thread.
final class ServerStorage: Sendable {
    let store: Store
    let directory: String
    /// What each shard begins with.
    let histories: [ShardHistory]
    /// Why nothing can be stored at present; nil if it can.
    private let problem: Guarded<String?>

    /// Opens the data directory. Blocks.
    ///
    /// - Throws: one line that says what is wrong and what to do.
    init(_ configuration: Configuration, map: ShardMap, boxes: [DriverBoxes], now: Timestamp, log: Logger) throws(ServerError) {
        // A limit of file sizes is an error like a full disk, and not the end of the process (setrlimit(2), `RLIMIT_FSIZE`).
        signal(SIGXFSZ, SIG_IGN)
        let directory = try DataDirectory.path(configuration)
        DataDirectory.makeParents(of: directory)
        var settings = StoreSettings(directory: directory)
        let storage = configuration.storage
        if storage.retainedEventsPerRoomMax > 0 { settings.retainedSeqsMax = UInt64(storage.retainedEventsPerRoomMax) }
        if storage.retainedDaysMax > 0 { settings.retainedMilliseconds = UInt64(storage.retainedDaysMax) * 86_400_000 }
        settings.gatheringMilliseconds = storage.commitDelayMilliseconds
        settings.isSearchable = storage.searchEnabled
        settings.recalledMilliseconds = UInt64(configuration.rooms.deduplicationSeconds) * 1_000
        let problem = Guarded<String?>(nil)
        let observer = StoreObserver(
            writabilityDidChange: { error in
                problem.withLock { $0 = error?.description }
                if let error {
                    log.error("STORAGE: nothing is stored until this is mended; reading goes on: \(error)")
                } else {
                    log.warning("STORAGE: messages are stored again")
                }
                for box in boxes { box.store.post([.writability(error == nil)]) }
            },
            floorDidRise: { address, epoch, floor, removed in
                boxes[map.home(of: address)].store.post([.floorRose(address, epoch: epoch, floor: floor, removedMessageCount: removed)])
            })
        let opened: (store: Store, state: StoredState)
        do throws(StoreError) {
            opened = try Store.open(settings, now: now, observer: observer)
        } catch {
            throw ServerError("cannot keep history: \(error)")
        }
        store = opened.store
        self.directory = directory
        self.problem = problem
        histories = (0..<map.shardCount).map { ShardHistory(of: $0, map, in: opened.state) }
        let count = opened.state.rooms.count
        log.notice("history is kept in \(directory): \(count) \(count == 1 ? "room" : "rooms")")
    }

    /// Logs what the store has done and what waits.
    func report(to log: Logger) {
        let now = store.statistics
        log.notice(
            "storage: \(currentProblem.map { "STORAGE \($0)" } ?? "ok")",
            metadata: [
                "commits": "\(now.commits)", "events": "\(now.events)", "failed": "\(now.failedPosts)",
                "waiting_posts": "\(now.waitingPosts)",
                "waiting_octets": "\(now.waitingBytes)", "waiting_reads": "\(now.waitingReads)", "log_pages": "\(now.logPages)",
                "waiting_searches": "\(now.waitingSearches)", "events_not_indexed": "\(now.unindexedEvents)",
            ])
    }

    /// Why nothing can be stored at present, in one line; nil if it can.
    var currentProblem: String? { problem.withLock { $0 } }
}

extension StoreAnswer {
    /// What a post came to, as a shard is told.
    init(_ outcome: StoreOutcome, to post: UInt64) {
        switch outcome {
        case .committed(let results): self = .committed(post: post, results)
        case .failed: self = .failed(post: post)
        }
    }
}
