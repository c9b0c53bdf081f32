import ChatProtocol

/// What a user has seen of each log, and what is not seen yet. Pure.
///
/// A read marker says that everything up to it was read, so it does not move past what was neither shown nor told.
struct Reading {
    /// Logs with something unread that was not shown, as the inbox told it.
    private(set) var unread: [RoomAddress: InboxRecord] = [:]
    /// Up to which event what was shown is still to be marked.
    private var shown: [RoomAddress: UInt64] = [:]

    var hasMarks: Bool { !shown.isEmpty }

    mutating func noteUnread(_ record: InboxRecord) {
        unread[record.room] = record
        shown[record.room] = nil
    }

    /// A message was shown as it came.
    mutating func noteShown(_ event: Event) {
        guard event.kind == .message, unread[event.room] == nil else { return }
        shown[event.room] = max(shown[event.room] ?? 0, event.seq)
    }

    /// What the inbox told of a log was shown.
    mutating func noteShown(_ record: InboxRecord) {
        unread[record.room] = nil
        shown[record.room] = max(shown[record.room] ?? 0, record.head)
    }

    /// The account has read it elsewhere.
    mutating func noteMarked(_ marker: ReadMarker) {
        if let record = unread[marker.room], marker.mark >= record.head { unread[marker.room] = nil }
    }

    /// The log began anew, so that its numbers mean nothing any more, or the user is no longer in it.
    mutating func forget(_ room: RoomAddress) {
        unread[room] = nil
        shown[room] = nil
    }

    /// The marks to be set, by name of the log; they are not handed out again.
    mutating func takeMarks() -> [(room: RoomAddress, seq: UInt64)] {
        defer { shown = [:] }
        return shown.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
