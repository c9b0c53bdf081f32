import ChatCore
import ChatProtocol
import ChatStore
import Glibc
import LibUV
import Synchronization

/// Writes to some rooms as fast as the store takes it, until it is killed, and says on its standard output what a broker would have said to
/// others: `n ROOM SEQ ID` before an event is posted, that is when it is delivered, `a ROOM SEQ ID` when it is acknowledged, and
/// `l ROOM FROM TO` for what an earlier stop has taken.
final class EndlessWriter: Sendable {
    private static let roomCount = 5
    private static let postsInFlightMax = 64

    private let store: Store
    private let rooms: Guarded<[TrialRoom]>
    private let inFlight = Atomic<Int>(0)

    init(directory: String) throws {
        // Who starts this from a test hands on a mask that blocks nearly everything.
        var none = sigset_t()
        sigemptyset(&none)
        sigprocmask(SIG_SETMASK, &none, nil)
        var settings = StoreSettings(directory: directory)
        // Small bounds, so that a short life passes them all.
        settings.reservedSeqs = 128
        settings.notedEvents = 512
        settings.checkpointPages = 64
        let (store, state) = try Store.open(settings, now: Clock.wallMilliseconds)
        self.store = store
        for room in state.rooms {
            if let lost = room.lost { Self.say("l \(room.record.address) \(lost.lowerBound) \(lost.upperBound)") }
        }
        rooms = Guarded(TrialRoom.open(Self.roomCount, in: store, state))
    }

    func run() -> Never {
        // Where something was lost a void event comes first; elsewhere it is an event like any other.
        for index in 0..<Self.roomCount { post(.void, count: 1, to: index) }
        while true {
            while inFlight.load(ordering: .acquiring) >= Self.postsInFlightMax { sched_yield() }
            post(.message, count: Int.random(in: 1...8), to: Int.random(in: 0..<Self.roomCount))
        }
    }

    private func post(_ kind: EventKind, count: Int, to index: Int) {
        let ids = (0..<count).map { _ in UInt64.random(in: .min ... .max) }
        let numbered = rooms.withLock { rooms -> (room: TrialRoom, write: StoreWrite)? in
            guard let write = rooms[index].append(kind, ids: ids, body: "hello", at: Clock.wallMilliseconds) else { return nil }
            return (rooms[index], write)
        }
        guard let (room, write) = numbered else { return }
        let first = room.head + 1 - UInt64(count)
        say("n", room, first, ids)
        inFlight.add(1, ordering: .relaxed)
        let isTaken = store.post([write]) { [self] outcome in
            guard case .committed(let results) = outcome, case .stored(let log?) = results[0] else {
                return StoreTrial.fail("not stored: \(outcome)")
            }
            say("a", room, first, ids)
            rooms.withLock { $0[index].reservedThrough = max($0[index].reservedThrough, log.reservedThrough) }
            inFlight.subtract(1, ordering: .releasing)
        }
        guard isTaken else { preconditionFailure("so few posts have room") }
    }

    private func say(_ word: String, _ room: TrialRoom, _ first: UInt64, _ ids: [UInt64]) {
        Self.say(ids.enumerated().map { "\(word) \(room.address) \(first + UInt64($0)) \($1)" }.joined(separator: "\n"))
    }

    private static func say(_ lines: String) {
        let octets = Array((lines + "\n").utf8)
        // One system call of a few hundred octets, so that no line is ever half there (pipe(7)).
        _ = octets.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
    }
}
