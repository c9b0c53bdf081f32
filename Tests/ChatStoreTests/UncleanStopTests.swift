import ChatCore
import ChatProtocol
import ChatStore
import Glibc
import Testing

/// What a stop without a close leaves: no seq names two events.
@Suite(.timeLimit(.minutes(2))) struct UncleanStopTests {
    private let lobby = address("lobby")

    @Test func whatWasReservedIsLost() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 100 }
        await store.stored(.create(lobby), .create(address("idle")), .append(lobby, (1...10).map { TestEvent(seq: $0, id: $0) }))
        await store.stored(.release(address("idle"), epoch: 1))
        let remains = try folder.copy()
        store.close()
        let (again, state) = try Store.open(remains) { $0.reservedSeqs = 100 }
        let room = try #require(state.room(lobby))
        #expect(room.anchor.head == 10)
        #expect(room.lost == 11...100)
        #expect(room.head == 100)
        #expect(state.room(address("idle"))?.lost == nil)
        #expect(state.publications.count == 10)
        // Nothing goes on as if nothing had happened.
        let reserved = await again.stored(.reserve(lobby, epoch: 1))
        #expect(reserved.first?.reservedThrough == 200)
        for event in [TestEvent(seq: 11), TestEvent(seq: 101), TestEvent(seq: 50, kind: .void)] {
            #expect(await again.write(.append(lobby, [event])).results == [.rejected(.gap(takenThrough: 100))])
        }
        let logs = await again.stored(.append(lobby, [TestEvent(seq: 101, kind: .void), TestEvent(seq: 102)]))
        #expect(try await again.seqs(logs[0].anchor) == Array(1...10) + [101, 102])
        again.close()
        let (third, later) = try Store.open(remains)
        #expect(later.room(lobby)?.lost == nil && later.room(lobby)?.head == 102)
        third.close()
    }

    @Test func whatWasLostStaysLostUntilItIsCovered() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 100 }
        await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))
        let remains = try folder.copy()
        store.close()
        // A life in which nobody says anything, closed cleanly.
        for _ in 0..<2 {
            let (quiet, state) = try Store.open(remains) { $0.reservedSeqs = 100 }
            #expect(state.room(lobby)?.lost == 2...100)
            await quiet.stored(.release(lobby, epoch: 1))
            quiet.close()
        }
        // A life that reserves and is cut off too.
        let (second, _) = try Store.open(remains) { $0.reservedSeqs = 100 }
        await second.stored(.reserve(lobby, epoch: 1))
        let again = try remains.copy()
        second.close()
        let (third, state) = try Store.open(again)
        #expect(state.room(lobby)?.lost == 2...200)
        third.close()
    }

    /// The heads are found from the events behind the last note, wherever the cut falls.
    @Test func headsAreFoundWhereverTheNoteStands() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.notedEvents = 50 }
        var heads: [RoomAddress: UInt64] = [:]
        var random = SeededRandom(seed: 1)
        let rooms = (0..<7).map { address("room-\($0)") }
        for room in rooms { await store.stored(.create(room)) }
        for round in 0..<60 {
            let room = rooms[Int(random.next() % 7)]
            let head = heads[room] ?? 0
            let count = random.next() % 9 + 1
            await store.stored(.append(room, (head + 1...head + count).map { TestEvent(seq: $0) }))
            heads[room] = head + count
            guard round % 6 == 0 else { continue }
            let (copy, state) = try Store.open(try folder.copy())
            for room in rooms {
                let stored = try #require(state.room(room))
                #expect(stored.anchor.head == heads[room] ?? 0)
                if let head = heads[room] { #expect(try await copy.seqs(stored.anchor) == Array(1...head)) }
            }
            copy.close()
        }
        store.close()
    }

    /// A program that writes is killed at a moment of no one's choosing, again and again, on one directory.
    @Test func nothingAcknowledgedIsLostWhenKilled() async throws {
        let folder = try TemporaryFolder()
        var record = CrashRecord()
        // STORE_KILLS makes it a longer trial.
        for life in 0..<(getenv("STORE_KILLS").flatMap { Int(String(cString: $0)) } ?? 5) {
            let program = try TrialProgram(["write", folder.path])
            let enough = Int.random(in: 0..<400_000)
            var octets: [UInt8] = []
            while octets.count <= enough {
                let more = program.printedNext()
                if more.isEmpty { break }
                octets += more
            }
            program.kill()
            octets += program.printedToEnd()
            #expect(program.wait() == 9, "life \(life) ended by itself: \(String(decoding: octets.suffix(300), as: UTF8.self))")
            record.note(octets)
            // Opening what is left changes nothing of it: the next life finds the same.
            let (store, state) = try Store.open(folder)
            for room in state.rooms {
                let page = try await store.page(
                    HistoryQuery(
                        anchor: room.anchor, fromSeq: 1, toSeq: .max, eventCountMax: 10_000_000, byteCountMax: .max, direction: .newest))
                record.check(room, page.parts)
            }
            record.checkPublications(state.publications)
            store.close()
        }
        #expect(record.acknowledged.values.reduce(0) { $0 + $1.count } > 100, "the trial was too short to mean anything")
        #expect(record.anomalies.prefix(5) == [])
    }
}

/// What a writer that was killed has said, against what is found.
struct CrashRecord {
    /// By room and seq the id of the event: what others were shown.
    private(set) var numbered: [String: [UInt64: UInt64]] = [:]
    private(set) var acknowledged: [String: [UInt64: UInt64]] = [:]
    private(set) var anomalies: [String] = []

    mutating func note(_ octets: [UInt8]) {
        for line in String(decoding: octets, as: UTF8.self).split(separator: "\n") {
            let words = line.split(separator: " ")
            guard words.count == 4, let seq = UInt64(words[2]), let id = UInt64(words[3]) else {
                anomalies.append("the writer said: \(line)")
                continue
            }
            let room = String(words[1])
            switch words[0] {
            case "n":
                if numbered[room]?[seq] != nil { anomalies.append("\(room) \(seq) names two events") }
                numbered[room, default: [:]][seq] = id
            case "a": acknowledged[room, default: [:]][seq] = id
            default: break
            }
        }
    }

    mutating func check(_ room: StoredRoom, _ events: [Event]) {
        let name = room.record.address.description
        var stored: [UInt64: UInt64] = [:]
        var last: UInt64 = 0
        for event in events {
            if event.seq <= last { anomalies.append("\(name) \(event.seq) is out of order") }
            if event.seq != last + 1, event.kind != .void {
                anomalies.append("\(name) \(last + 1)..\(event.seq - 1) is an unannounced gap")
            }
            last = event.seq
            stored[event.seq] = event.messageID?.value
        }
        for (seq, id) in acknowledged[name] ?? [:] where stored[seq] != id {
            anomalies.append("\(name) \(seq) was acknowledged and is not stored")
        }
        for (seq, id) in stored where numbered[name]?[seq] != id { anomalies.append("\(name) \(seq) is stored and was never said") }
        let greatest = numbered[name]?.keys.max() ?? 0
        if room.head < greatest { anomalies.append("\(name) would number \(greatest) again") }
    }

    mutating func checkPublications(_ publications: [StoredPublication]) {
        let known = Set(publications.map { "\($0.room) \($0.seq) \($0.messageID.value)" })
        for (room, events) in acknowledged {
            for (seq, id) in events where !known.contains("\(room) \(seq) \(id)") {
                anomalies.append("\(room) \(seq) was acknowledged without its deduplication record")
            }
        }
    }
}

/// Chance that is the same in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}
