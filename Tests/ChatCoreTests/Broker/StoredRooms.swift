import Bytes
import ChatProtocol

@testable import ChatCore

/// A broker whose rooms are stored, with the accounts ann and bob, that can be stopped and started again.
final class StoredRooms {
    let store: SimulatedStore
    private(set) var broker: SimulatedBroker
    private let shards: Int
    private let change: (inout CoreSettings) -> Void

    init(shards: Int = 1, reservedSeqs: UInt64 = 64, _ change: @escaping (inout CoreSettings) -> Void = { _ in }) {
        self.shards = shards
        self.change = change
        store = SimulatedStore(reservedSeqs: reservedSeqs)
        broker = Self.start(shards, store, nil, change)
    }

    private static func start(
        _ shards: Int, _ store: SimulatedStore, _ former: SimulatedBroker?, _ change: (inout CoreSettings) -> Void
    ) -> SimulatedBroker {
        let broker = SimulatedBroker(shards: shards, store: store, former: former) { settings in
            settings.offersAccounts = true
            settings.givesTokens = true
            settings.recentEventsPerRoom = 4
            settings.noticeMembersMax = 0
            change(&settings)
        }
        broker.judge.registered = ["ann", "bob"]
        broker.settle()
        return broker
    }

    /// Ends the broker and starts another one on its store; a killed one has posted nothing more.
    func restart(isKilled: Bool = false) {
        if !isKilled {
            for shard in broker.shards { store.take(shard, isLast: true) }
            store.close()
        }
        broker = Self.start(shards, store, broker, change)
    }

    /// A connection of an account.
    func logIn(_ name: String, on shard: Int? = nil) -> SimulatedClient {
        let client = broker.greet(capabilities: ["inbox", "marks"], on: shard)
        client.ask(.authenticate(Authenticate(mechanism: "HT-SHA-256-NONE", message: SharedBytes(utf8: name))))
        return client
    }
}

extension SimulatedClient {
    /// The events of one HISTORY.
    func history(
        _ room: RoomAddress, from: UInt64 = 0, to: UInt64 = 1_000, limit: UInt64? = nil, oldest: Bool = false, thread: UInt64? = nil
    )
        -> (events: [Event], covered: ClosedRange<UInt64>?)
    {
        let query = ReadHistory(
            room: room, fromSeq: from, toSeq: to, limit: limit, direction: oldest ? .oldest : nil, thread: thread)
        var events: [Event] = []
        var covered: ClosedRange<UInt64>?
        for case .batch(let batch) in replies(to: .history(query)) {
            events += (try? batch.events()) ?? []
            covered = (covered?.lowerBound ?? batch.fromSeq)...batch.toSeq
        }
        return (events, covered)
    }

    /// A command that changes an event.
    static func change(
        _ kind: EventKind, _ reference: UInt64, in room: RoomAddress = "r", body: String? = nil, id: MessageID? = nil
    ) -> Command {
        let content = EventContent(kind: kind, messageID: id, reference: reference, body: body)
        return .publish(Publish(room: room, publication: Publication(content: content)))
    }

    /// Changes an event; nil if that was not refused.
    @discardableResult
    func change(_ kind: EventKind, _ reference: UInt64, in room: RoomAddress = "r", body: String? = nil) -> ResultCode? {
        refusal(of: Self.change(kind, reference, in: room, body: body))
    }
}
