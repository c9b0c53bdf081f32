import ChatProtocol

/// What a session keeps of one room or conversation.
struct RoomState: Sendable {
    /// Events held back at most while a JOIN is under way: no replay is longer, so what is dropped comes again or is named as missed.
    static let heldCountMax = 1000

    /// nil until the first position was told.
    var cursor: RoomCursor?
    /// A JOIN is queued or in flight. Its reply chooses `next` anew, so events that arrive before it may come a second time.
    var isJoining = false
    /// Events that arrived while joining.
    private(set) var held: [Event] = []
    /// A frame that may have been an event of this room could not be read.
    var mayHaveUnreadable = false

    /// Whether the room is asked for again after a reconnect.
    var isWanted: Bool { cursor != nil }

    mutating func hold(_ event: Event) {
        if held.count == Self.heldCountMax { held.removeFirst() }
        held.append(event)
    }

    mutating func takeHeld() -> [Event] {
        defer { held = [] }
        return held
    }

    /// The connection is gone: what was held is behind the cursor and will be replayed.
    mutating func connectionLost() {
        isJoining = false
        held = []
    }
}
