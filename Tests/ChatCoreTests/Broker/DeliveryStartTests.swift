import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Where delivery starts*: tail × cursor × what the ring retains.
struct DeliveryStartTests {
    /// A log of ten messages and nothing else, and a newcomer.
    struct Scene {
        let broker: SimulatedBroker
        let client: SimulatedClient
        let epoch: UInt64

        init(head: Int = 10, shards: Int = 1, seed: UInt64 = 1, retained: Int, octets: Int = 1 << 20) {
            broker = SimulatedBroker(shards: shards, seed: seed) { settings in
                settings.recentEventsPerRoom = retained
                settings.recentEventBytesPerRoomMax = octets
            }
            let writer = broker.logIn("writer")
            writer.create("r", policy: [])
            for seq in stride(from: 2, through: head, by: 1) { writer.publish("\(seq)", to: "r") }
            client = broker.logIn("reader")
            client.takeInbox()
            epoch = broker.room("r")!.epoch
        }
    }

    struct Row: Sendable, CustomTestStringConvertible {
        var retained: Int
        var cursor: UInt64?
        var tail: UInt64?
        /// The `next` that follows, or the code.
        var next: UInt64 = 0
        var code: ResultCode?

        var testDescription: String { "ring \(retained), cursor \(cursor.map(String.init) ?? "-"), tail \(tail.map(String.init) ?? "-")" }
    }

    /// The head is 10 throughout.
    static let rows: [Row] = [
        // No cursor: as much as is wanted and there.
        Row(retained: 128, cursor: nil, tail: nil, next: 11), Row(retained: 128, cursor: nil, tail: 0, next: 11),
        Row(retained: 128, cursor: nil, tail: 1, next: 10), Row(retained: 128, cursor: nil, tail: 9, next: 2),
        Row(retained: 128, cursor: nil, tail: 10, next: 1), Row(retained: 128, cursor: nil, tail: 11, next: 1),
        Row(retained: 128, cursor: nil, tail: 1000, next: 1),
        Row(retained: 3, cursor: nil, tail: 2, next: 9), Row(retained: 3, cursor: nil, tail: 3, next: 8),
        Row(retained: 3, cursor: nil, tail: 4, next: 8), Row(retained: 0, cursor: nil, tail: 5, next: 11),
        // A cursor at the head misses nothing.
        Row(retained: 128, cursor: 10, tail: nil, next: 11), Row(retained: 128, cursor: 10, tail: 0, next: 11),
        Row(retained: 128, cursor: 10, tail: 5, next: 11), Row(retained: 0, cursor: 10, tail: nil, next: 11),
        // A cursor behind it: all, if no more is missing than is wanted and there.
        Row(retained: 128, cursor: 9, tail: nil, next: 10), Row(retained: 128, cursor: 9, tail: 1, next: 10),
        Row(retained: 128, cursor: 9, tail: 0, next: 11), Row(retained: 128, cursor: 5, tail: 5, next: 6),
        Row(retained: 128, cursor: 5, tail: 4, next: 7), Row(retained: 128, cursor: 5, tail: 1000, next: 6),
        Row(retained: 128, cursor: 0, tail: nil, next: 1), Row(retained: 128, cursor: 0, tail: 10, next: 1),
        Row(retained: 128, cursor: 0, tail: 9, next: 2),
        Row(retained: 3, cursor: 7, tail: nil, next: 8), Row(retained: 3, cursor: 6, tail: nil, next: 8),
        Row(retained: 3, cursor: 0, tail: 1000, next: 8), Row(retained: 3, cursor: 7, tail: 2, next: 9),
        Row(retained: 0, cursor: 9, tail: 1000, next: 11),
        // Beyond it.
        Row(retained: 128, cursor: 11, tail: nil, code: .cursorAhead), Row(retained: 128, cursor: 1 << 50, tail: 5, code: .cursorAhead),
    ]

    @Test(arguments: rows, 1...3)
    func startsWhereTheTableSays(row: Row, shards: Int) {
        let scene = Scene(shards: shards, retained: row.retained)
        let cursor = row.cursor.map { LogPosition(epoch: scene.epoch, seq: $0) }
        let reply = scene.client.ask(.join(Join(room: "r", cursor: cursor, tail: row.tail)))
        switch reply {
        case .joined(let joined)?:
            #expect(row.code == nil)
            #expect(joined.next == row.next)
            #expect(joined.head == 10)
            #expect(joined.floor == 11 - UInt64(min(10, row.retained)))
            #expect(joined.epoch == scene.epoch)
            #expect(scene.client.events.map(\.seq) == Array(row.next..<11))
        case .error(let failure)?: #expect(failure.code == row.code)
        default: #expect(Bool(false), "no reply")
        }
        #expect(scene.broker.faultsAtRest() == [])
    }

    @Test(arguments: [0, 5, 10, 11] as [UInt64], 1...3)
    func cursorOfAnotherEpochIsToldThePosition(seq: UInt64, shards: Int) {
        let scene = Scene(shards: shards, retained: 4)
        for epoch in [scene.epoch - 1, scene.epoch + 1, 0] {
            let failure = scene.client.failure(of: .join(Join(room: "r", cursor: LogPosition(epoch: epoch, seq: seq), tail: 1000)))
            #expect(failure?.code == .epochChanged)
            #expect(failure?.epoch == scene.epoch)
            #expect(failure?.head == 10)
            #expect(failure?.floor == 7)
        }
        // No member has come of it.
        #expect(scene.client.failure(of: .members(ListMembers(room: "r")))?.code == .notJoined)
    }

    /// After 600 and 601 the attachment and the membership are as before.
    @Test(arguments: 1...3)
    func refusedCursorLeavesTheAttachmentAlone(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        let ann = broker.logIn("ann")
        ann.takeInbox()
        #expect(ann.refusal(of: .join(Join(room: "lobby", cursor: LogPosition(epoch: 1, seq: 1)))) == .epochChanged)
        bob.publish("heard", to: "lobby")
        #expect(ann.bodies(in: "lobby") == ["heard"])
        // The exception for what the broker attached is still there.
        #expect(ann.join("lobby", tail: 1)?.next == broker.room(.lobby)!.head)
        // A member that is not attached stays a member that is not attached.
        ann.leave("lobby", detachesOnly: true)
        #expect(ann.refusal(of: .join(Join(room: "lobby", cursor: LogPosition(epoch: 1, seq: 1)))) == .epochChanged)
        ann.takeInbox()
        bob.publish("unheard", to: "lobby")
        #expect(ann.inbox.isEmpty)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func refusedCursorWithoutAnIDSaysWhatItWas() {
        let scene = Scene(retained: 4)
        #expect(scene.client.join("r") != nil)
        #expect(scene.client.leave("r", detachesOnly: true) == nil)
        scene.client.takeInbox()
        scene.client.send(.join(Join(room: "r", cursor: LogPosition(epoch: 1, seq: 1))), id: 0)
        scene.broker.settle()
        guard case .error(let failure)? = scene.client.inbox.last?.reply else { return #expect(Bool(false), "no ERROR") }
        #expect(failure.code == .epochChanged)
        #expect(failure.type == 0x10)
        #expect(failure.room == "r")
    }

    /// The ring is bounded by octets as well as by number.
    @Test func ringIsBoundedByOctets() {
        let broker = SimulatedBroker { $0.recentEventBytesPerRoomMax = 1_000 }
        let ann = broker.logIn("ann")
        ann.create("r", policy: [])
        for _ in 1...20 { ann.publish(String(repeating: "x", count: 200), to: "r") }
        let joined = ann.join("r", tail: 1000)
        #expect(joined.map { $0.head + 1 - $0.floor } == 4)
        #expect(ann.events(in: "r").count == 4)
        // What is larger than the ring leaves nothing in it, and is delivered all the same.
        ann.takeInbox()
        ann.publish(String(repeating: "y", count: 2_000), to: "r")
        #expect(ann.events(in: "r").count == 1)
        ann.leave("r", detachesOnly: true)
        #expect(ann.join("r", tail: 10).map { $0.floor == $0.head + 1 && $0.next == $0.floor } == true)
        #expect(broker.faultsAtRest() == [])
    }

    /// A tail of 1000 is the most, and 1001 is refused by the decoder.
    @Test func tailIsBounded() {
        let scene = Scene(retained: 4)
        #expect(scene.client.join("r", tail: 1000) != nil)
        scene.client.takeInbox()
        scene.client.send(octets: frame(type: 0x10, id: 99, payload: [0x81, 1, 0x72, 0x54, 2, 3, 0xE9]))
        scene.broker.settle()
        #expect(scene.client.story == ["error 99 108"])
    }

    /// Between replay and live delivery there is no seam, however the traffic falls.
    @Test(arguments: 1...3)
    func joinsWithoutSeamWhileTrafficFlows(shards: Int) {
        for seed: UInt64 in 1...40 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let bob = broker.logIn("bob")
            bob.create("r", policy: [])
            let ann = broker.logIn("ann")
            ann.takeInbox()
            for index in 0..<30 {
                bob.send(.publish(Publish(room: "r", publication: .text("\(index)"))))
                if index == 15 { ann.send(.join(Join(room: "r", tail: 1000))) }
                for _ in 0..<Int(seed % 4) { broker.step() }
            }
            broker.settle()
            // From the first on, since the ring holds them all.
            #expect(ann.events(in: "r").map(\.seq) == Array(1...31), "seed \(seed)")
            #expect(ann.view.lags.isEmpty, "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }
}
