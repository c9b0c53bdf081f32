public import ChatProtocol

/// What a shard must know of what is stored before it can judge a request.
public struct StoreLookUp: Sendable {
    /// By which the answer names it.
    public let number: UInt64
    public let question: StoreQuestion
}

/// Something small that is looked up in a log.
public enum StoreQuestion: Sendable {
    case target(TargetQuery)
    case publication(PublicationQuery)
    case messageCount(MessageCountQuery)
}

/// What was found.
public enum StoreFinding: Sendable, Equatable {
    /// nil if no event has the seq, or no longer.
    case target(StoredTarget?)
    case publication(PublicationAnswer)
    case messageCount(UInt64)
}

/// An event that is to be changed.
public struct TargetQuery: Sendable {
    public var anchor: LogAnchor
    public var seq: UInt64
    /// The reaction that is to be put to it or taken back.
    public var reaction: Reaction?

    public init(anchor: LogAnchor, seq: UInt64, reaction: Reaction? = nil) {
        self.anchor = anchor
        self.seq = seq
        self.reaction = reaction
    }
}

/// What is stored of an event that is to be changed.
public struct StoredTarget: Sendable, Equatable {
    public var from: AccountName
    /// ``EventAuthors/subscript(_:)``; nil if it is not known.
    public var author: Int64?
    public var kind: EventKind
    public var isRedacted: Bool
    /// Whether it has the reaction asked for.
    public var hasReaction: Bool
    public var reactionCount: Int

    public init(
        from: AccountName, author: Int64?, kind: EventKind, isRedacted: Bool = false, hasReaction: Bool = false, reactionCount: Int = 0
    ) {
        self.from = from
        self.author = author
        self.kind = kind
        self.isRedacted = isRedacted
        self.hasReaction = hasReaction
        self.reactionCount = reactionCount
    }
}

/// How many messages (kind 0) a log has up to a seq, those that retention has removed counted too.
public struct MessageCountQuery: Sendable {
    public var anchor: LogAnchor
    public var seq: UInt64

    public init(anchor: LogAnchor, seq: UInt64) {
        self.anchor = anchor
        self.seq = seq
    }
}

/// Who said the events of a batch, in their order, as it is stored beside their names.
public struct EventAuthors: Sendable {
    /// What is stored for every registered account: their names tell them apart, and nobody else can have those.
    public static let registered: Int64 = -1

    private let events: ContiguousArray<(end: Int, note: EventNote)>

    /// Nobody is known.
    public init() { events = [] }

    init(_ events: ContiguousArray<(end: Int, note: EventNote)>) { self.events = events }

    /// ``registered``, or for a guest the number of its life, which no other guest ever had; nil if it is the broker, or not known.
    public subscript(_ index: Int) -> Int64? {
        guard index < events.count else { return nil }
        let author = events[index].note.author
        return author == 0 ? nil : author >= Member.registeredIdentityMin ? Self.registered : Int64(author)
    }
}

/// A publish that is to be found, because a retry is older than what the broker remembers.
public struct PublicationQuery: Sendable {
    public var anchor: LogAnchor
    public var account: AccountName
    public var messageID: MessageID
    /// The publish is not older than this.
    public var since: Timestamp
    /// Events that are looked through at most.
    public var eventCountMax: Int

    public init(anchor: LogAnchor, account: AccountName, messageID: MessageID, since: Timestamp, eventCountMax: Int = 100_000) {
        self.anchor = anchor
        self.account = account
        self.messageID = messageID
        self.since = since
        self.eventCountMax = eventCountMax
    }
}

/// Whether a publish is stored.
public enum PublicationAnswer: Sendable, Equatable {
    case found(seq: UInt64, timestamp: Timestamp)
    /// It certainly is not.
    case absent
    /// The log reaches further back than could be looked through, or not far enough.
    case unknown
}
