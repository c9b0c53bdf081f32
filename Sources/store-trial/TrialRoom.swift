import Bytes
import ChatCore
import ChatProtocol
import ChatStore

/// The part of a room that numbers events, as a broker's does it: within what is reserved, and behind what was lost.
struct TrialRoom {
    let address: RoomAddress
    let epoch: UInt64
    var head: UInt64
    var anchor: LogAnchor
    var reservedThrough: UInt64 = 0

    static func address(_ index: Int) -> RoomAddress {
        guard let address = try? RoomAddress("room-\(index)") else { preconditionFailure("a name with a number is a name") }
        return address
    }

    static let author: AccountName = {
        guard let name = try? AccountName("ada") else { preconditionFailure("ada is a name") }
        return name
    }()

    /// Rooms `room-0` and so on: those that are stored, and new ones for the rest.
    static func open(_ count: Int, in store: Store, _ state: StoredState) -> [TrialRoom] {
        (0..<count).map { index in
            let address = address(index)
            let stored = state.rooms.first { $0.record.address == address }
            let epoch = stored?.record.epoch ?? state.lastEpoch + 1
            let opening: StoreWrite =
                stored == nil
                ? .create(LogRecord(address: address, epoch: epoch, createdAt: Clock.wallMilliseconds, policy: .keepsHistory))
                : .reserve(address, epoch: epoch)
            let committed = Waiting<CommittedLog>()
            let isTaken = store.post([opening]) { outcome in
                guard case .committed(let results) = outcome, case .stored(let log?) = results[0] else {
                    return StoreTrial.fail("cannot open \(address): \(outcome)")
                }
                committed.give(log)
            }
            guard isTaken else { preconditionFailure("an empty queue has room") }
            let log = committed.take()
            return TrialRoom(
                address: address, epoch: epoch, head: stored?.head ?? 0, anchor: log.anchor, reservedThrough: log.reservedThrough)
        }
    }

    /// Numbers and encodes events; nil if that would go beyond what is reserved.
    mutating func append(_ kind: EventKind = .message, ids: [UInt64], body: String, at timestamp: Timestamp) -> StoreWrite? {
        append(kind, ids: ids, bodies: ids.map { _ in body }, at: timestamp)
    }

    /// The same, with a text for each.
    mutating func append(_ kind: EventKind = .message, ids: [UInt64], bodies: [String], at timestamp: Timestamp) -> StoreWrite? {
        guard head + UInt64(ids.count) <= reservedThrough else { return nil }
        var writer = ByteWriter(minimumCapacity: 256)
        for (index, id) in ids.enumerated() {
            let content = EventContent(kind: kind, messageID: MessageID(id), body: bodies[index])
            FrameEncoder.appendDeliver(
                room: address, seq: head + 1 + UInt64(index), timestamp: timestamp, from: Self.author, content: content, to: &writer)
        }
        let first = head + 1
        head += UInt64(ids.count)
        return .append(address, epoch: epoch, firstSeq: first, events: writer.finish())
    }
}
