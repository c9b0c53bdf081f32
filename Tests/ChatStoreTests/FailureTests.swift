import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Synchronization
import Testing

/// Disks that are full or fail: nothing is acknowledged that is not stored, reading goes on, and writing begins again by itself.
@Suite(.timeLimit(.minutes(1))) struct FailureTests {
    private let lobby = address("lobby")

    /// A store on a disk that fails when told to, with one log of one event.
    private struct Failing {
        let folder: TemporaryFolder
        let files = FaultyFileSystem()
        let store: Store
        let recovered = Gate()
        let told = Log()
        let anchor: LogAnchor

        init(_ room: RoomAddress) async throws {
            folder = try TemporaryFolder()
            var settings = StoreSettings(directory: folder.path)
            settings.fileSystem = files.name
            settings.recoveryMilliseconds = 1
            let (told, recovered) = (told, recovered)
            let observer = StoreObserver(writabilityDidChange: { error in
                told.append(error)
                if error == nil { recovered.open() }
            })
            store = try Store.open(settings, now: moment, observer: observer).store
            anchor = await store.stored(.create(room), .append(room, [TestEvent(seq: 1, id: 1)]))[1].anchor
        }
    }

    @Test(arguments: [FaultyFileSystem.Fault.writesFindNoSpace, .writesFail, .flushesFail])
    func whatCannotBeStoredIsNeverAcknowledged(fault: FaultyFileSystem.Fault) async throws {
        let failing = try await Failing(lobby)
        let (store, files) = (failing.store, failing.files)
        files.begin(fault)
        let error = await store.write(.append(lobby, [TestEvent(seq: 2)])).failure
        #expect(error?.kind == (fault == .writesFindNoSpace ? .full : .inputOutput))
        #expect(!store.isWritable)
        // Later ones fail as well, and reading goes on.
        #expect(await store.write(.append(lobby, [TestEvent(seq: 3)])).failure != nil)
        #expect(try await store.seqs(failing.anchor) == [1])
        #expect(store.statistics.failedPosts == 2)
        files.end()
        failing.recovered.wait()
        #expect(store.isWritable)
        #expect(failing.told.errors.map { $0?.kind } == [error?.kind, nil])
        // What was posted behind what failed does not take its place.
        #expect(await store.write(.append(lobby, [TestEvent(seq: 4)])).results == [.rejected(.gap(takenThrough: 1))])
        let logs = await store.stored(.append(lobby, [TestEvent(seq: 5, kind: .void), TestEvent(seq: 6, id: 6)]))
        #expect(try await store.seqs(logs[0].anchor) == [1, 5, 6])
        store.close()
        let (again, state) = try Store.open(failing.folder)
        defer { again.close() }
        #expect(state.room(lobby)?.head == 6)
        #expect(state.publications.map(\.seq) == [1, 6])
    }

    /// What is answered as committed has been flushed, each time; a kill would not show it, but a power cut would.
    @Test func everyAnswerComesBehindAFlush() async throws {
        let failing = try await Failing(lobby)
        for seq in UInt64(2)...20 {
            let before = failing.files.flushes
            let flushed = await withCheckedContinuation { continuation in
                precondition(
                    failing.store.post([.append(lobby, [TestEvent(seq: seq)])]) { _ in continuation.resume(returning: failing.files.flushes)
                    })
            }
            #expect(flushed > before)
        }
        failing.store.close()
    }

    @Test func everyPostOfAGroupThatFailsIsToldSo() async throws {
        let failing = try await Failing(lobby)
        let (store, files) = (failing.store, failing.files)
        let gate = Gate()
        await withCheckedContinuation { continuation in
            precondition(
                store.post([.reserve(lobby, epoch: 1)]) { _ in
                    continuation.resume()
                    gate.wait()
                })
        }
        // Posted while the writer is held, these make one group.
        let (failed, answered) = (Counter(), Gate())
        for seq in UInt64(2)...20 {
            #expect(
                store.post([.append(lobby, [TestEvent(seq: seq)])]) { outcome in
                    if outcome.failure?.kind == .inputOutput { failed.increment() }
                    if seq == 20 { answered.open() }
                })
        }
        files.begin(.flushesFail)
        let commits = store.statistics.commits
        gate.open()
        answered.wait()
        #expect(failed.value == 19)
        #expect(files.refusals >= 1 && store.statistics.commits == commits)
        files.end()
        failing.recovered.wait()
        #expect(try await store.seqs(failing.anchor) == [1])
        await store.stored(.append(lobby, [TestEvent(seq: 21, kind: .void)]))
        store.close()
        // Nothing of the group came back.
        let (again, state) = try Store.open(failing.folder)
        #expect(try await again.seqs(try #require(state.room(lobby)).anchor) == [1, 21])
        again.close()
    }

    /// The fault at the first write or flush, at the second, and so on until the life of a store meets none.
    @Test(arguments: [FaultyFileSystem.Fault.writesFindNoSpace, .writesFail, .flushesFail])
    func everyFaultIsAnsweredTruly(fault: FaultyFileSystem.Fault) async throws {
        var step = 0
        while true {
            let folder = try TemporaryFolder()
            let files = FaultyFileSystem()
            files.begin(fault, after: step)
            var acknowledged: [UInt64] = []
            do {
                let (store, _) = try Store.open(folder) {
                    $0.fileSystem = files.name
                    $0.recoveryMilliseconds = 60_000
                    $0.notedEvents = 2
                    $0.checkpointPages = 1
                    $0.checkpointPagesMax = 8
                }
                if case .committed? = Optional(await store.write(.create(lobby))) {
                    for seq in UInt64(1)...6 {
                        let event = TestEvent(seq: seq, body: String(repeating: "x", count: 3_000))
                        if case .committed(let results) = await store.write(.append(lobby, [event])) {
                            guard case .stored = results[0] else { continue }
                            acknowledged.append(seq)
                        }
                    }
                }
                store.close()
            } catch is StoreError {
                // Refused at the start.
            }
            files.end()
            let (store, state) = try Store.open(folder)
            let found: [UInt64] = if let room = state.room(lobby) { try await store.seqs(room.anchor) } else { [] }
            store.close()
            // A commit whose flush failed may be there none the less; one that was acknowledged must be.
            #expect(Array(found.prefix(acknowledged.count)) == acknowledged, "step \(step)")
            if files.refusals == 0 {
                #expect(acknowledged == Array(1...6) && step > 5)
                return
            }
            step += 1
        }
    }

    @Test func anotherProgramsLockFailsPostsForAsLongAsItLasts() async throws {
        let folder = try TemporaryFolder()
        let recovered = Gate()
        var settings = StoreSettings(directory: folder.path)
        settings.busyMilliseconds = 1
        settings.recoveryMilliseconds = 1
        let observer = StoreObserver(writabilityDidChange: { if $0 == nil { recovered.open() } })
        let store = try Store.open(settings, now: moment, observer: observer).store
        await store.stored(.create(lobby))
        let shell = try Shell(settings.path)
        try shell.run("BEGIN IMMEDIATE")
        #expect(await store.write(.append(lobby, [TestEvent(seq: 1)])).failure?.kind == .locked)
        #expect(!store.isWritable)
        try shell.run("COMMIT")
        recovered.wait()
        #expect(store.isWritable)
        await store.stored(.append(lobby, [TestEvent(seq: 1)]))
        store.close()
    }

    /// A reader that never ends holds back the checkpoint, not the writer.
    @Test func aShellThatReadsForeverStopsNobody() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.busyMilliseconds = 1
            $0.checkpointPages = 4
            $0.checkpointPagesMax = 8
        }
        await store.stored(.create(lobby))
        let shell = try Shell(folder.path + "/history.sqlite3")
        try shell.run("BEGIN")
        #expect(try shell.run("SELECT count(*) FROM event") == ["0"])
        for seq in UInt64(1)...200 { await store.stored(.append(lobby, [TestEvent(seq: seq)])) }
        #expect(try shell.run("SELECT count(*) FROM event") == ["0"])
        #expect(store.statistics.logPages > 200)
        try shell.run("COMMIT")
        // The log is emptied as soon as nobody holds it.
        var pages = store.statistics.logPages
        for seq in UInt64(201)...400 {
            await store.stored(.append(lobby, [TestEvent(seq: seq)]))
            pages = min(pages, store.statistics.logPages)
        }
        #expect(pages < 20)
        store.close()
    }

    @Test func theLogIsBounded() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.checkpointPages = 32
            $0.checkpointPagesMax = 64
            $0.reservedSeqs = 100_000
        }
        await store.stored(.create(lobby))
        var most = 0
        for first in stride(from: UInt64(1), to: 10_000, by: 20) {
            await store.stored(.append(lobby, (first..<first + 20).map { TestEvent(seq: $0) }))
            most = max(most, store.statistics.logPages)
        }
        #expect(most > 32 && most < 128)
        #expect(try folder.contents(of: "history.sqlite3-wal").count < 100 * 8_216)
        store.close()
    }
}

/// What an observer was told, in order.
final class Log: Sendable {
    private let entries = Mutex<[StoreError?]>([])

    func append(_ error: StoreError?) { entries.withLock { $0.append(error) } }

    var errors: [StoreError?] { entries.withLock { $0 } }
}
