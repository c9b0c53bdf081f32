import Bytes
import ChatCore
import ChatDialects
import ChatProtocol

/// What a shard costs: publishes into a room whose members are all here, the end of the turn, and the queues emptied as by a kernel
/// that takes everything. Sockets are missing, nothing else.
enum RoomBenchmarks {
    static var all: [Benchmark] {
        [(5, 1), (5, 8), (100, 1), (100, 32), (100, 128), (1_000, 32)].map { members, messages in
            Benchmark(name: "room: a delivery, \(members) members, \(messages) a turn", operationCount: members * messages) {
                delivery(memberCount: members, messagesPerTurn: messages)
            }
        }
    }

    private static func delivery(memberCount: Int, messagesPerTurn: Int) -> () -> Void {
        let room = BenchmarkRoom(memberCount: memberCount)
        // More than the window in which a message is known again, so that none is a duplicate.
        let publishes = (0..<4_096).map { Samples.publish($0) }
        var next = 0
        return {
            for _ in 0..<messagesPerTurn {
                room.publish(publishes[next & 4_095], requestID: UInt32(next & 0xFFFF) + 16)
                next += 1
            }
            let byteCount = room.endTurn()
            precondition(byteCount > memberCount * messagesPerTurn * 128, "every member gets every message")
        }
    }
}

/// A shard with one room.
private final class BenchmarkRoom {
    private let shard: Shard
    private var sessions: [Session] = []
    private var milliseconds: UInt64 = 1

    init(memberCount: Int) {
        var settings = CoreSettings()
        settings.attachesToLobby = false
        // As many as one turn of this benchmark holds: the bounds themselves are not measured.
        settings.outboundHighWaterBytes = 64 << 20
        shard = Shard(
            index: 0, map: ShardMap(shardCount: 1, key: 1), settings: settings, seed: 1,
            at: Moment(monotonicMilliseconds: 1, wallMilliseconds: 1_700_000_000_000))
        for number in 0..<memberCount { sessions.append(logIn(number)) }
        _ = endTurn()
    }

    private var moment: Moment {
        Moment(monotonicMilliseconds: milliseconds, wallMilliseconds: 1_700_000_000_000 + milliseconds)
    }

    private func logIn(_ number: Int) -> Session {
        let session = shard.connect(at: moment)
        shard.receive(.opened(.client), from: session, at: moment)
        send(.hello(Hello(agent: "micro")), 1, from: session)
        send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "member-\(number)"))), 2, from: session)
        precondition(session.isReady, "the member is logged in")
        if number == 0 { send(.create(CreateRoom(room: Samples.room, policy: .unlisted)), 3, from: session) }
        send(.join(Join(room: Samples.room)), 4, from: session)
        return session
    }

    private func send(_ command: Command, _ requestID: UInt32, from session: Session) {
        shard.receive(.command(command, requestID: requestID, isRetry: false), from: session, at: moment)
    }

    func publish(_ publish: Publish, requestID: UInt32) {
        send(.publish(publish), requestID, from: sessions[0])
    }

    /// Hands on what came in this turn and takes what is queued, as the adapter does; how many octets that was.
    func endTurn() -> Int {
        milliseconds += 1
        shard.endTurn(at: moment)
        var byteCount = 0
        while !shard.effects.writable.isEmpty {
            let writable = shard.effects.writable
            shard.effects.writable = []
            for session in writable {
                shard.beganWriting(session)
                byteCount += session.queue.byteCount
                session.queue.removeAll()
                shard.drained(session, at: moment)
            }
            shard.endTurn(at: moment)
        }
        return byteCount
    }
}
