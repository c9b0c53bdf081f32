public import Bytes

/// HISTORY: read a range of a log.
public struct ReadHistory: Sendable, Equatable {
    public var room: RoomAddress
    public var fromSeq: UInt64
    public var toSeq: UInt64
    /// The epoch that the client believes the log to have; nil means whichever it has.
    public var epoch: UInt64?
    /// Events wanted; nil or 0 means 100.
    public var limit: UInt64?
    /// Which events of the range if they are more than wanted; nil means the newest.
    public var direction: HistoryDirection?
    /// The root of the thread that alone is wanted; nil means all events.
    public var thread: UInt64?

    public init(
        room: RoomAddress, fromSeq: UInt64, toSeq: UInt64, epoch: UInt64? = nil, limit: UInt64? = nil, direction: HistoryDirection? = nil,
        thread: UInt64? = nil
    ) {
        self.room = room
        self.fromSeq = fromSeq
        self.toSeq = toSeq
        self.epoch = epoch
        self.limit = limit
        self.direction = direction
        self.thread = thread
    }
}

/// From which end of a range HISTORY takes events. They are sent in ascending order in both cases.
public struct HistoryDirection: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let newest = HistoryDirection(rawValue: 0)
    public static let oldest = HistoryDirection(rawValue: 1)
}

/// BATCH: a part of a log, as the DELIVER frames that it was sent as.
public struct Batch: Sendable, Equatable {
    public var room: RoomAddress
    public var epoch: UInt64
    /// Highest seq assigned.
    public var head: UInt64?
    /// Lowest seq retained.
    public var floor: UInt64
    /// The range that the batch answers for: a seq in it that has no frame holds no event. Empty if `toSeq` is below `fromSeq`.
    public var fromSeq: UInt64
    public var toSeq: UInt64
    /// DELIVER frames back to back, in ascending order of seqs.
    public var frames: SharedBytes

    public init(
        room: RoomAddress, epoch: UInt64, head: UInt64? = nil, floor: UInt64, fromSeq: UInt64, toSeq: UInt64, frames: SharedBytes = .empty
    ) {
        self.room = room
        self.epoch = epoch
        self.head = head
        self.floor = floor
        self.fromSeq = fromSeq
        self.toSeq = toSeq
        self.frames = frames
    }

    /// The events of the frames.
    public func events() throws(PayloadError) -> [Event] { try Self.events(in: frames) }

    /// The events of DELIVER frames that stand back to back.
    static func events(in frames: SharedBytes) throws(PayloadError) -> [Event] {
        try frames.withBytes { (octets) throws(PayloadError) in
            var events: [Event] = []
            try forEachFrame(in: octets) { (header, range) throws(PayloadError) in
                guard case .event(let event) = try FrameDecoder.serverFrame(header, payload: octets.extracting(range)) else {
                    preconditionFailure("a DELIVER frame is an event")
                }
                events.append(event)
            }
            return events
        }
    }

    /// Visits the frames, each with the range of its payload.
    ///
    /// - Throws: 101 if the octets are not whole DELIVER frames.
    static func forEachFrame(
        in octets: RawSpan, _ body: (FrameHeader, Range<Int>) throws(PayloadError) -> Void
    ) throws(PayloadError) {
        var offset = 0
        while offset < octets.byteCount {
            guard let header = FrameHeader(octets, at: offset), header.type == FrameType.deliver.rawValue,
                header.frameByteCount <= octets.byteCount - offset
            else { throw PayloadError(.malformed, .frames, "not a DELIVER frame, or not the whole of it") }
            try body(header, offset + FrameHeader.byteCount..<offset + header.frameByteCount)
            offset += header.frameByteCount
        }
    }
}

/// RESUME: attach to many rooms, each at its cursor.
public struct Resume: Sendable, Equatable {
    /// One room with the last event that the client has of it.
    public struct Item: Sendable, Equatable {
        public var room: RoomAddress
        public var cursor: LogPosition

        public init(room: RoomAddress, cursor: LogPosition) {
            self.room = room
            self.cursor = cursor
        }
    }

    public var items: [Item]
    /// Events of each room wanted before live delivery starts; nil means 100.
    public var tail: UInt64?

    public init(items: [Item], tail: UInt64? = nil) {
        self.items = items
        self.tail = tail
    }
}

/// RESUMED: what became of each room of a RESUME.
public struct ResumedRoom: Sendable, Equatable {
    public var room: RoomAddress
    /// Where the log is; always there if the room was attached, and with codes 600 and 601.
    public var epoch: UInt64?
    public var head: UInt64?
    public var floor: UInt64?
    /// Seq of the next event that this connection will be sent; nil if the room was not attached.
    public var next: UInt64?
    /// Why the room was not attached; nil if it was.
    public var code: ResultCode?

    public init(
        room: RoomAddress, epoch: UInt64? = nil, head: UInt64? = nil, floor: UInt64? = nil, next: UInt64? = nil, code: ResultCode? = nil
    ) {
        self.room = room
        self.epoch = epoch
        self.head = head
        self.floor = floor
        self.next = next
        self.code = code
    }
}
