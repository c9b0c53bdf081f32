import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Slow readers and LAG*, and the timer *stalled*.
struct SlowReaderTests {
    /// Somebody who does not read the room `r`, and somebody who writes to it.
    struct Scene {
        let broker: SimulatedBroker
        let reader: SimulatedClient
        let writer: SimulatedClient

        init(shards: Int = 1, seed: UInt64 = 1, retained: Int = 1_000, _ change: (inout CoreSettings) -> Void = { _ in }) {
            broker = SimulatedBroker(shards: shards, seed: seed) { settings in
                settings.recentEventsPerRoom = retained
                settings.outboundHighWaterBytes = 2_000
                settings.outboundLowWaterBytes = 500
                settings.outboundControlBytes = 1_000
                settings.batchByteCountMax = 300
                change(&settings)
            }
            writer = broker.logIn("writer")
            reader = broker.logIn("reader")
            writer.create("r", policy: .unlisted)
            _ = writer.join("r")
            _ = reader.join("r")
            writer.takeInbox()
            reader.takeInbox()
        }

        func write(_ count: Int) {
            for index in 0..<count {
                writer.send(.publish(Publish(room: "r", publication: .text("\(index) " + String(repeating: "x", count: 80)))))
                broker.settle()
            }
        }
    }

    @Test(arguments: 1...3)
    func catchesUpFromMemory(shards: Int) {
        let scene = Scene(shards: shards)
        scene.reader.reader = .window(0)
        scene.write(100)
        // Nobody else has been slowed down, and what waits is bounded.
        #expect(scene.writer.events(in: "r").count == 100)
        #expect(scene.reader.queuedByteCountMax <= 2_000 + 300 + 200)
        scene.reader.reader = .everything
        scene.broker.settle()
        #expect(scene.reader.events(in: "r").map(\.seq) == Array(2...101))
        #expect(scene.reader.view.lags.isEmpty)
        #expect(scene.broker.faultsAtRest() == [])
    }

    @Test(arguments: [0, 1, 10], 1...3)
    func namesWhatMemoryHasLost(retained: Int, shards: Int) throws {
        let scene = Scene(shards: shards, retained: retained)
        scene.reader.reader = .window(0)
        scene.write(100)
        scene.reader.reader = .everything
        scene.broker.settle()
        let lags = scene.reader.view.lags.filter { $0.room == "r" }
        let lag = try #require(lags.first)
        #expect(lags.count == 1)
        #expect(lag.toSeq == UInt64(101 - retained))
        #expect(lag.next == lag.toSeq + 1)
        #expect(lag.epoch == scene.broker.room("r")?.epoch)
        let had = scene.reader.events(in: "r").map(\.seq)
        #expect(had == Array(2..<lag.fromSeq) + Array(lag.next..<102))
        // LAG stands where the gap is.
        #expect(scene.reader.story.firstIndex(of: "lag r \(lag.fromSeq)-\(lag.toSeq)") == Int(lag.fromSeq) - 2)
        scene.write(1)
        #expect(scene.reader.events(in: "r").last?.seq == 102)
        #expect(scene.broker.faultsAtRest() == [])
    }

    /// Many slow readers share a bound; those who read are not concerned, and nobody loses anything.
    @Test(arguments: 1...3)
    func boundOfAllQueuesHoldsBackOnlyTheSlow(shards: Int) {
        let scene = Scene(shards: shards) { $0.outboundTotalBytesMax = 4_000 }
        let others = (0..<12).map { scene.broker.logIn("slow-\($0)") }
        for other in others { _ = other.join("r") }
        let slow = [scene.reader] + others
        for reader in slow { reader.reader = .window(0) }
        scene.write(100)
        #expect(scene.writer.events(in: "r").count == 100)
        // What comes in one turn may pass the bound, once for each of them.
        let waiting = slow.map(\.session.queue.byteCount).reduce(0, +)
        #expect(waiting <= 4_000 * shards + slow.count * (300 + 200))
        #expect(waiting > 4_000)
        for reader in slow { reader.reader = .everything }
        scene.broker.settle()
        let expected = Array(scene.writer.events(in: "r").map(\.seq))
        for reader in slow {
            #expect(reader.view.lags.isEmpty)
            #expect(reader.events(in: "r").map(\.seq).suffix(100) == expected.suffix(100))
        }
        #expect(scene.broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func goesOnAtTheLowWaterMarkAndNotBefore(shards: Int) {
        let scene = Scene(shards: shards)
        scene.reader.reader = .window(0)
        scene.write(100)
        let queued = scene.reader.session.queue.byteCount
        #expect(queued >= 2_000)
        scene.reader.reader = .window(queued - 501)
        scene.broker.settle()
        #expect(scene.reader.session.queue.byteCount == 501)
        scene.reader.reader = .window(1)
        scene.broker.settle()
        #expect(scene.reader.session.queue.byteCount > 1_500)
        #expect(scene.reader.session.queue.byteCount <= 2_000 + 300)
    }

    /// Replay and live delivery meet without seam while the room goes on.
    @Test(arguments: [8, 1_000], 1...3)
    func catchesUpWhileTrafficFlows(retained: Int, shards: Int) {
        for seed: UInt64 in 1...15 {
            let scene = Scene(shards: shards, seed: seed, retained: retained)
            let reader = scene.reader
            for index in 0..<150 {
                if index % 10 == 0 { reader.reader = [.window(0), .sips(60), .sips(700), .everything][Int(seed + UInt64(index / 10)) % 4] }
                scene.writer.send(.publish(Publish(room: "r", publication: .text(String(repeating: "x", count: 50)))))
                for _ in 0..<4 { scene.broker.step() }
            }
            reader.reader = .everything
            scene.broker.settle()
            let missed = reader.view.lags.flatMap { Array($0.fromSeq...$0.toSeq) }
            #expect((reader.events(in: "r").map(\.seq) + missed).sorted() == Array(2...151), "seed \(seed)")
            #expect(retained == 8 || missed.isEmpty, "seed \(seed)")
            #expect(scene.broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    @Test(arguments: 1...3)
    func everyRoomIsCaughtUpWith(shards: Int) {
        let scene = Scene(shards: shards)
        scene.reader.reader = .window(0)
        scene.write(40)
        for index in 0..<40 { scene.writer.publish("\(index) " + String(repeating: "y", count: 80), to: "lobby") }
        scene.writer.tell("reader", "psst")
        scene.reader.reader = .sips(300)
        scene.broker.settle()
        #expect(scene.reader.events(in: "r").count == 40)
        #expect(scene.reader.events(in: "lobby").count == 40)
        #expect(scene.reader.bodies(in: "@reader+writer") == ["psst"])
        #expect(scene.broker.faultsAtRest() == [])
    }

    // MARK: Replies

    @Test func repliesAreNotSkipped() {
        let scene = Scene()
        scene.reader.reader = .window(0)
        scene.write(100)
        for id in 500..<510 as Range<UInt32> { scene.reader.send(.ping(timestamp: 1), id: id) }
        scene.broker.settle()
        #expect(!scene.reader.session.isInputHeld)
        scene.reader.reader = .everything
        scene.broker.settle()
        #expect(scene.reader.inbox.map(\.requestID).filter { $0 != 0 } == Array(500..<510))
    }

    /// Who does not read its answers is not read.
    @Test func holdsTheInputOfWhoDoesNotReadAnswers() {
        let scene = Scene()
        scene.broker.cutsOctets = true
        scene.reader.reader = .window(0)
        for id in 1_000..<2_000 as Range<UInt32> { scene.reader.send(.ping(timestamp: 1), id: id) }
        scene.broker.settle()
        #expect(scene.reader.session.isInputHeld)
        #expect(scene.reader.session.queue.byteCount <= 3_000 + 40)
        scene.reader.reader = .everything
        scene.broker.settle()
        #expect(scene.reader.inbox.map(\.requestID) == Array(1_000..<2_000))
        #expect(!scene.reader.session.isInputHeld)
    }

    // MARK: Stalled

    /// A minute in which the peer takes nothing, whatever is queued for it.
    @Test(arguments: [1, 100])
    func endsWhoTakesNothing(eventCount: Int) {
        let scene = Scene { $0.heartbeatMilliseconds = 3_600_000 }
        scene.reader.reader = .window(0)
        scene.write(eventCount)
        scene.broker.pass(59_900, tick: 100)
        #expect(!scene.reader.session.isEnding)
        scene.broker.pass(300, tick: 100)
        #expect(scene.reader.session.isEnding)
        // It is told, if it can be.
        scene.reader.reader = .everything
        scene.broker.settle()
        #expect(scene.reader.story.last == "goodbye 604")
        #expect(scene.broker.faultsAtRest() == [])
    }

    @Test func closesWhoTakesNothingThenEither() {
        let scene = Scene { $0.heartbeatMilliseconds = 3_600_000 }
        scene.reader.reader = .window(0)
        for id in 1_000..<2_000 as Range<UInt32> { scene.reader.send(.ping(timestamp: 1), id: id) }
        scene.broker.settle()
        scene.broker.pass(60_200, tick: 100)
        #expect(scene.reader.session.isEnding)
        scene.broker.pass(2_100, tick: 100)
        #expect(scene.reader.wasAborted)
        #expect(scene.writer.members("r").map(\.user) == ["writer"])
    }

    /// A connection that reads slowly is not disconnected, however much it has asked for.
    @Test func sparesWhoTakesALittle() {
        let scene = Scene { $0.heartbeatMilliseconds = 3_600_000 }
        scene.reader.reader = .window(0)
        for id in 1_000..<3_000 as Range<UInt32> { scene.reader.send(.ping(timestamp: 1), id: id) }
        scene.broker.settle()
        for _ in 0..<12 {
            scene.broker.pass(20_000, tick: 1_000)
            scene.reader.reader = .window(1)
            scene.broker.settle()
        }
        #expect(!scene.reader.session.isEnding)
    }

    @Test func timeWithNothingQueuedDoesNotCount() {
        let scene = Scene { $0.heartbeatMilliseconds = 3_600_000 }
        scene.reader.reader = .window(0)
        scene.broker.pass(60_000, tick: 1_000)
        scene.write(1)
        scene.broker.pass(29_000, tick: 1_000)
        #expect(!scene.reader.session.isEnding)
        scene.reader.reader = .everything
        scene.broker.settle()
        scene.reader.reader = .window(0)
        scene.write(1)
        scene.broker.pass(29_000, tick: 1_000)
        #expect(!scene.reader.session.isEnding)
    }
}
