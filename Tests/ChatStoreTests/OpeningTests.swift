import ChatCore
import ChatProtocol
import Glibc
import Testing

@testable import ChatStore

/// What is refused at start, with a line that says what to do; and nothing is ever taken for empty.
@Suite(.timeLimit(.minutes(1))) struct OpeningTests {
    private let lobby = address("lobby")
    private let file = "history.sqlite3"
    private let index = "search.sqlite3"
    private let known = Schema.current.migrations.count

    /// A folder with a history of some events, closed.
    private func history(_ eventCount: UInt64 = 3) async throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        await store.stored(.create(lobby))
        for first in stride(from: 1, through: eventCount, by: 500) {
            let events = (first...min(eventCount, first + 499)).map { TestEvent(seq: $0, body: String(repeating: "x", count: 100)) }
            await store.stored(.append(lobby, events))
        }
        store.close()
        return folder
    }

    private func refusal(_ folder: TemporaryFolder, _ change: (inout StoreSettings) -> Void = { _ in }) throws -> StoreError {
        do {
            let (store, _) = try Store.open(folder, change)
            store.close()
        } catch let error as StoreError {
            #expect(!error.description.contains("\n"))
            #expect(error.description.contains(folder.path))
            return error
        }
        throw Unrefused()
    }

    private struct Unrefused: Error {}

    @Test func beginsOnlyWithWhatItNeeds() async throws {
        let folder = try await history()
        #expect(folder.files == ["broker.lock", file, index])
        for name in folder.files {
            var status = stat()
            #expect(stat(folder.path + "/" + name, &status) == 0 && status.st_mode & 0o777 == 0o600)
        }
    }

    @Test func makesTheLastPartOfItsPath() async throws {
        let folder = try TemporaryFolder()
        let inner = folder.path + "/data"
        var (store, _) = try Store.open(StoreSettings(directory: inner), now: moment)
        store.close()
        (store, _) = try Store.open(StoreSettings(directory: inner), now: moment)
        store.close()
        for name in ["broker.lock", file, index] { unlink(inner + "/" + name) }
        rmdir(inner)
        #expect(throws: StoreError.self) { try Store.open(StoreSettings(directory: inner + "/deeper"), now: moment) }
    }

    @Test func beginsAnewWhereMakingWasInterrupted() async throws {
        let folder = try TemporaryFolder()
        try folder.write(Array("half a database".utf8), to: file + ".new")
        try folder.write([], to: "broker.lock")
        let (store, state) = try Store.open(folder)
        #expect(state.rooms.isEmpty)
        store.close()
        #expect(folder.files == ["broker.lock", file, index])
    }

    @Test func aNewerSchemaIsRefused() async throws {
        let folder = try await history()
        try Shell(folder.path + "/" + file).run("PRAGMA user_version = 77")
        #expect(try refusal(folder).kind == .newerSchema(found: 77, known: known))
        #expect(try refusal(folder).description.contains("schema 77, this one knows \(known)"))
    }

    @Test func anOlderSchemaIsMigratedAndKeepsItsContents() async throws {
        let folder = try await history()
        let later = Schema(migrations: Schema.current.migrations + ["ALTER TABLE log ADD COLUMN colour TEXT", "CREATE TABLE extra (x)"])
        _ = try StoreOpening(StoreSettings(directory: folder.path), schema: later)
        let shell = try Shell(folder.path + "/" + file)
        #expect(try shell.run("PRAGMA user_version") == ["\(known + 2)"])
        #expect(try shell.run("SELECT address, head, colour FROM log") == ["lobby|3|"])
        #expect(try refusal(folder).kind == .newerSchema(found: known + 2, known: known))
    }

    @Test func aMigrationThatFailsChangesNothing() async throws {
        let folder = try await history()
        let broken = Schema(migrations: Schema.current.migrations + ["CREATE TABLE extra (x); CREATE TABLE log (x)"])
        #expect(throws: StoreError.self) { try StoreOpening(StoreSettings(directory: folder.path), schema: broken) }
        let (store, state) = try Store.open(folder)
        defer { store.close() }
        #expect(state.room(lobby)?.head == 3)
        #expect(try Shell(folder.path + "/" + file).run("SELECT count(*) FROM sqlite_schema WHERE name = 'extra'") == ["0"])
    }

    @Test func theDatabaseOfAnotherProgramIsRefused() async throws {
        let folder = try TemporaryFolder()
        try Shell(folder.path + "/" + file).run("CREATE TABLE address_book (name)")
        #expect(try refusal(folder).kind == .foreign)
    }

    @Test func aSecondBrokerIsRefusedAndToldWhoHasTheDirectory() async throws {
        let folder = try await history()
        let (store, _) = try Store.open(folder)
        let error = try refusal(folder)
        #expect(error.kind == .inUse(processID: Int(getpid())))
        #expect(error.description.contains("process \(getpid())"))
        // The refused one took nothing from the first.
        #expect(await store.stored(.reserve(lobby, epoch: 1)).count == 1)
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.room(lobby)?.head == 3)
        again.close()
    }

    @Test func aFileLockedByAnotherProgramIsRefused() async throws {
        let folder = try await history()
        let shell = try Shell(folder.path + "/" + file)
        try shell.run("BEGIN EXCLUSIVE")
        #expect(try refusal(folder) { $0.busyMilliseconds = 1 }.kind == .locked)
        try shell.run("COMMIT")
        let (store, _) = try Store.open(folder)
        store.close()
    }

    /// As root nothing is read-only, so another user tries.
    @Test(arguments: [false, true]) func whatCannotBeWrittenIsRefused(onlyTheFile: Bool) async throws {
        let folder = try await history()
        chmod(folder.path, onlyTheFile ? 0o777 : 0o555)
        for name in folder.files { chmod(folder.path + "/" + name, name == file || !onlyTheFile ? 0o444 : 0o666) }
        let trial = try TrialProgram(["open", folder.path] + (getuid() == 0 ? ["65534"] : []))
        let printed = String(decoding: trial.printedToEnd(), as: UTF8.self)
        #expect(trial.wait() != 0)
        #expect(printed.contains("cannot be written") && printed.contains(folder.path), "\(printed)")
        chmod(folder.path, 0o755)
    }

    @Test func garbageIsRefused() async throws {
        let folder = try TemporaryFolder()
        try folder.write([UInt8](repeating: 0x41, count: 8_192), to: file)
        #expect(try refusal(folder).kind == .damaged)
    }

    @Test func anEmptyFileIsRefused() async throws {
        let folder = try await history()
        try folder.write([], to: file)
        #expect(try refusal(folder).kind == .damaged)
    }

    @Test func aFileThatVanishedIsRefused() async throws {
        let folder = try await history()
        unlink(folder.path + "/" + file)
        let error = try refusal(folder)
        #expect(error.kind == .damaged)
        #expect(error.description.contains("remove broker.lock"))
        unlink(folder.path + "/broker.lock")
        let (store, state) = try Store.open(folder)
        #expect(state.rooms.isEmpty)
        store.close()
    }

    @Test(arguments: [100, 4_096, 4_097, 20_000, 100_000]) func aFileCutShortIsRefused(byteCount: Int) async throws {
        let folder = try await history(2_000)
        let octets = try folder.contents(of: file)
        try #require(octets.count > byteCount)
        try folder.write(Array(octets.prefix(byteCount)), to: file)
        #expect(try refusal(folder).kind == .damaged)
    }

    /// Each page of the small tables, and both ends of the large one. What lies between is found when it is read.
    @Test func damagedPagesAreRefused() async throws {
        let folder = try await history(2_000)
        let octets = try folder.contents(of: file)
        let shell = try Shell(folder.path + "/" + file)
        var pages = try shell.run("SELECT rootpage FROM sqlite_schema WHERE name IN ('log', 'event', 'membership', 'state')")
        pages.append("1")
        #expect(pages.count == 5)
        for page in pages.map({ Int($0)! }) {
            var damaged = octets
            let start = (page - 1) * 4_096
            for offset in start..<start + 4_096 { damaged[offset] = 0xA5 }
            try folder.write(damaged, to: file)
            #expect(try refusal(folder).kind == .damaged, "page \(page)")
        }
    }

    @Test func damageFoundWhileReadingIsToldToTheReader() async throws {
        let folder = try await history(2_000)
        var octets = try folder.contents(of: file)
        // The events are about 200 octets each, so this is amid them.
        for offset in 40 * 4_096..<60 * 4_096 { octets[offset] = 0xA5 }
        try folder.write(octets, to: file)
        let (store, state) = try Store.open(folder) { $0.recalledPublicationsMax = 10 }
        let room = try #require(state.room(lobby))
        await #expect(throws: StoreError.self) { try await store.seqs(room.anchor) }
        // The newest ones are still there.
        let page = try await store.page(
            HistoryQuery(anchor: room.anchor, fromSeq: 1_990, toSeq: 2_000, eventCountMax: 20, direction: .newest))
        #expect(page.count == 11)
        store.close()
    }

    @Test func peopleCanReadItWithTheShell() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let conversation = RoomAddress(conversationOf: account("ada"), and: account("bob"))
        await store.stored(.create(lobby), .create(conversation))
        await store.stored(
            .append(
                lobby,
                [
                    TestEvent(seq: 1, body: "first | 語", timestamp: 1_704_110_400_000), TestEvent(seq: 2, kind: .pin),
                    TestEvent(seq: 3, body: "", from: account("bob"), timestamp: 1_704_110_400_007),
                ]),
            .append(conversation, [TestEvent(seq: 1, body: "psst", timestamp: 1_704_110_401_000)]))
        // While the broker runs.
        let shell = try Shell(folder.path + "/" + file)
        #expect(
            try shell.run("SELECT room, username, content, timestamp, is_private FROM messages ORDER BY timestamp DESC LIMIT 10") == [
                "@ada+bob|ada|psst|2024-01-01T12:00:01.000Z|1",
                "lobby|bob||2024-01-01T12:00:00.007Z|0",
                "lobby|ada|first | 語|2024-01-01T12:00:00.000Z|0",
            ])
        #expect(try shell.run("SELECT count(DISTINCT id) FROM messages") == ["3"])
        #expect(try shell.run("SELECT name, created_at FROM rooms") == ["lobby|2026-11-21T08:55:19.123Z"])
        store.close()
    }
}
