public import Bytes

extension EventContent {
    /// A content that a client publishes. Values outside the limits of docs/PROTOCOL.md trap, and so do texts that break the text rules:
    /// what comes from a person is checked before, what comes from a peer is decoded by ``FrameDecoder``.
    ///
    /// - Parameters:
    ///   - reference: The seq of the event that this one changes, for kinds 1 to 6.
    ///   - thread: The seq of the root of the thread.
    ///   - reply: The seq of the event replied to.
    ///   - mediaType: Media type of `body`; nil means text/plain.
    ///   - meta: Up to 1024 octets of the application, carried verbatim.
    public init(
        kind: EventKind = .message, messageID: MessageID? = nil, reference: UInt64? = nil, thread: UInt64? = nil, reply: UInt64? = nil,
        mediaType: String? = nil, meta: SharedBytes? = nil, body: String? = nil
    ) {
        var parts = Parts(kind: kind)
        parts.messageID = messageID
        parts.reference = reference
        parts.thread = thread
        parts.reply = reply
        parts.mediaType = mediaType
        parts.meta = meta
        parts.body = body
        self = parts.content
    }

    /// The broker's event that an account became a member.
    public static func joined(_ user: AccountName) -> EventContent { concerning(user, .joined) }

    /// The broker's event that an account is a member no longer, with the reason that it gave.
    public static func left(_ user: AccountName, reason: String? = nil) -> EventContent { concerning(user, .left, reason: reason) }

    /// The broker's event that a guest changed its name: `oldName` stands in `user`, the new one is the event's `from`.
    public static func renamed(from oldName: AccountName) -> EventContent { concerning(oldName, .renamed) }

    /// The broker's event that a room was created: the first one of its log with the room's title and topic, or in the lobby with the
    /// room's name as `title`.
    public static func created(title: String?, topic: String? = nil) -> EventContent {
        var parts = Parts(kind: .created)
        parts.title = title
        parts.topic = topic
        return parts.content
    }

    /// The broker's event that the seqs of a range hold no event: what they held was delivered and never stored.
    public static func void(_ range: ClosedRange<UInt64>) -> EventContent {
        var parts = Parts(kind: .void)
        parts.fromSeq = range.lowerBound
        parts.toSeq = range.upperBound
        return parts.content
    }

    /// The content of an event that stands in parts.
    public init(_ event: Event) {
        var parts = Parts(kind: event.kind)
        parts.messageID = event.messageID
        parts.reference = event.reference
        parts.thread = event.thread
        parts.reply = event.reply
        parts.mediaType = event.mediaType
        parts.meta = event.meta
        parts.body = event.body
        parts.fromSeq = event.fromSeq
        parts.toSeq = event.toSeq
        parts.user = event.user
        parts.title = event.title
        parts.topic = event.topic
        parts.role = event.role
        parts.reason = event.reason
        parts.isRedacted = event.isRedacted
        self = parts.content
    }

    private static func concerning(_ user: AccountName, _ kind: EventKind, reason: String? = nil) -> EventContent {
        var parts = Parts(kind: kind)
        parts.user = user
        parts.reason = reason
        return parts.content
    }
}

/// The fields of an event behind `from`, before they are written.
private struct Parts {
    var kind: EventKind
    var messageID: MessageID?
    var reference: UInt64?
    var thread: UInt64?
    var reply: UInt64?
    var mediaType: String?
    var meta: SharedBytes?
    var body: String?
    var fromSeq: UInt64?
    var toSeq: UInt64?
    var user: AccountName?
    var title: String?
    var topic: String?
    var role: Role?
    var reason: String?
    var isRedacted = false

    init(kind: EventKind) { self.kind = kind }

    var content: EventContent {
        var writer = ByteWriter(minimumCapacity: 64 + (body?.utf8.count ?? 0) + (meta?.count ?? 0))
        if kind != .message { writer.append(.kind, number: UInt64(kind.rawValue)) }
        writer.append(messageID)
        writer.append(.reference, number: reference)
        writer.append(.thread, number: thread)
        writer.append(.reply, number: reply)
        writer.append(.mediaType, text: mediaType)
        writer.append(.meta, bytes: meta)
        writer.append(.body, text: body)
        writer.append(.fromSeq, number: fromSeq)
        writer.append(.toSeq, number: toSeq)
        writer.append(.user, name: user)
        writer.append(.title, text: title)
        writer.append(.topic, text: topic)
        writer.append(.role, number: (role?.rawValue).map(UInt64.init))
        writer.append(.reason, text: reason)
        writer.append(.redacted, flag: isRedacted)
        return EventContent(
            kind: kind, messageID: messageID, reference: reference, thread: thread, reply: reply, fields: writer.finish())
    }
}
