/// Where the history is kept, and its bounds. The defaults are meant for a broker on one machine.
public struct StoreSettings: Sendable {
    /// The data directory. Its last part is made if it is missing. One broker at a time.
    public var directory: String

    // Writing.
    /// Posts that may wait for the writer; beyond it ``Store/post(_:then:)`` refuses.
    public var waitingPostsMax = 65_536
    /// Octets of events that may wait for the writer; beyond it ``Store/post(_:then:)`` refuses.
    public var waitingBytesMax = 64 << 20
    /// Events of one transaction; a post is never split.
    public var groupEventsMax = 8_192
    /// Octets of events of one transaction.
    public var groupBytesMax = 8 << 20
    /// How long what nobody waits for may wait to be committed together with more of its kind; 0 means not at all.
    public var gatheringMilliseconds = 10
    /// Seqs of a log that are reserved at a time, and so at most lost to an unclean stop; at least 2.
    public var reservedSeqs: UInt64 = 1_024
    /// How long a transaction waits for another program that has locked the file, before its posts fail.
    public var busyMilliseconds = 2_000
    /// How often a store that cannot write tries again.
    public var recoveryMilliseconds = 500
    /// Events after which the heads of logs are noted; so many are looked through after an unclean stop.
    public var notedEvents = 65_536

    // The write-ahead log.
    /// Pages (``StoreOpening/pageByteCount`` octets) in it from which on the checkpoint thread copies them back.
    public var checkpointPages = 1_024
    /// Pages in it at which the writer itself waits for a checkpoint: the bound of the file's growth.
    public var checkpointPagesMax = 32_768

    // Reading.
    /// Threads that read, each with its own connection.
    public var readers = 2
    /// Requests that may wait for one reader; beyond it ``Store/read(_:then:)`` refuses.
    public var waitingReadsMax = 1_024
    /// Events that a request may look at before the next one has its turn.
    public var sliceEventsMax = 128

    // Searching.
    /// Whether there is an index of what was said; if not, nothing can be searched.
    public var isSearchable = true
    /// How long a search may take; then it answers with what it has found so far.
    public var searchMilliseconds = 1_000
    /// Searches that may wait; beyond it ``Store/search(_:then:)`` refuses.
    public var waitingSearchesMax = 64
    /// Events that are indexed at a time. The newest ones are indexed when there are so many; until then they are looked through.
    public var indexSliceEvents: Int64 = 1_024
    /// Octets of text that are indexed at a time.
    public var indexSliceBytes = 65_536
    /// Events of a block of the index, which is what is made anew when something is to be erased from it.
    public var indexBlockEvents: Int64 = 65_536

    // Retention.
    /// Seqs of a log that are kept; nil means all.
    public var retainedSeqsMax: UInt64?
    /// How long events are kept; nil means for ever.
    public var retainedMilliseconds: UInt64?
    /// How often all logs are looked through for what need not be kept.
    public var retentionMilliseconds = 10_000

    // Deduplication.
    /// How far back publications are recalled when the store is opened.
    public var recalledMilliseconds: UInt64 = 600_000
    /// How many of them at most.
    public var recalledPublicationsMax = 262_144

    /// The name of a file system registered with SQLite (sqlite.org/vfs.html); nil means the system's. For tests.
    public var fileSystem: String?

    public init(directory: String) { self.directory = directory }

    /// The database file in the directory.
    public var path: String { directory + "/history.sqlite3" }

    /// The file of the index in the directory.
    var indexPath: String { directory + "/search.sqlite3" }

    var retainsAll: Bool { retainedSeqsMax == nil && retainedMilliseconds == nil }
}
