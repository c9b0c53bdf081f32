import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Glibc

/// Fills the disk of a directory, which should be a small one, makes room again, and checks what was said against what is stored.
struct FullDisk {
    private static let ballastByteCount = 1 << 20

    let directory: String

    func run() throws {
        let ballast = directory + "/ballast"
        try fill(ballast)
        let hasRecovered = Waiting<Bool>()
        let observer = StoreObserver(writabilityDidChange: { if $0 == nil { hasRecovered.give(true) } })
        let (store, state) = try Store.open(StoreSettings(directory: directory), now: Clock.wallMilliseconds, observer: observer)
        var room = TrialRoom.open(1, in: store, state)[0]
        var acknowledged: UInt64 = 0
        while true {
            let outcome = append(.message, to: &room, store)
            guard case .committed(let results) = outcome, case .stored(let log?) = results[0] else {
                print("event \(room.head) was refused: \(outcome)")
                break
            }
            acknowledged = room.head
            room.anchor = log.anchor
            room.reservedThrough = log.reservedThrough
        }
        let page = Waiting<Int>()
        let query = HistoryQuery(anchor: room.anchor, fromSeq: 1, toSeq: acknowledged, eventCountMax: 100, direction: .newest)
        guard store.read(query, then: { page.give((try? $0.get().count) ?? 0) }) else { return StoreTrial.fail("the reader is busy") }
        print("meanwhile a page of \(page.take()) was read; writable: \(store.isWritable)")
        unlink(ballast)
        _ = hasRecovered.take()
        guard case .committed(let results) = append(.void, to: &room, store), case .stored = results[0] else {
            return StoreTrial.fail("there is space, and nothing is stored")
        }
        let last = room.head
        store.close()
        let (again, later) = try Store.open(StoreSettings(directory: directory), now: Clock.wallMilliseconds)
        guard later.rooms[0].anchor.head == last, later.rooms[0].lost == nil else {
            return StoreTrial.fail("the log ends at \(later.rooms[0].anchor.head)")
        }
        print("acknowledged \(acknowledged) events, then recovered without a restart, and stored event \(last)")
        again.close()
    }

    private func append(_ kind: EventKind, to room: inout TrialRoom, _ store: Store) -> StoreOutcome {
        let body = String(repeating: "x", count: 4_000)
        guard let write = room.append(kind, ids: [room.head + 1], body: body, at: Clock.wallMilliseconds) else {
            preconditionFailure("each answer has brought its reservation")
        }
        let outcome = Waiting<StoreOutcome>()
        guard store.post([write], then: { outcome.give($0) }) else { preconditionFailure("one post has room") }
        return outcome.take()
    }

    private func fill(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        let octets = [UInt8](repeating: 0, count: Self.ballastByteCount)
        let count = octets.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        guard count == octets.count else { return StoreTrial.fail("no room for \(path)") }
    }
}
