import Bytes
import ChatCore
import ChatProtocol
import ChatStore
import Testing

/// What is posted, what is answered, and what is found afterwards.
@Suite struct WritingTests {
    private let lobby = address("lobby")

    @Test func findsWhatWasStored() async throws {
        let folder = try TemporaryFolder()
        let record = LogRecord(
            address: lobby, epoch: 7, createdAt: moment, policy: [.keepsHistory, .unlisted], title: "Lobby", topic: "æ 語",
            owner: account("ada"))
        let member = MembershipRecord(account: account("bob"), role: .moderator, since: moment)
        do {
            let (store, state) = try Store.open(folder)
            #expect(state.rooms.isEmpty && state.publications.isEmpty && state.lastEpoch == 0)
            await store.stored(.create(record), .admit(member, to: lobby, epoch: 7))
            let logs = await store.stored(.append(lobby, epoch: 7, [TestEvent(seq: 1, id: 5), TestEvent(seq: 2, body: "b", id: .max)]))
            #expect(logs[0].anchor.head == 2)
            store.close()
        }
        let (store, state) = try Store.open(folder)
        defer { store.close() }
        let room = try #require(state.room(lobby))
        #expect(state.rooms.count == 1 && state.lastEpoch == 7)
        #expect(room.record == record)
        #expect(room.members == [member])
        #expect(room.head == 2 && room.floor == 1 && room.lost == nil)
        #expect(room.recalledSince == moment - 600_000)
        #expect(state.publications.map(\.messageID) == [MessageID(5), MessageID(.max)])
        #expect(state.publications.map(\.seq) == [1, 2])
        #expect(state.publications.allSatisfy { $0.account == account("ada") && $0.room == lobby && $0.timestamp == moment })
        let page = try await store.page(
            HistoryQuery(anchor: room.anchor, fromSeq: 1, toSeq: 2, eventCountMax: 10, direction: .oldest))
        #expect(page.covered == 1...2 && page.count == 2)
        // The very octets that were delivered.
        #expect(
            page.events.array == TestEvent(seq: 1, id: 5).frame(in: lobby).array
                + TestEvent(seq: 2, body: "b", id: .max).frame(in: lobby).array)
    }

    @Test func asManyPublicationsAreRecalledAsMayBe() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        // A minute between one and the next.
        let events = (1...100).map { TestEvent(seq: $0, id: $0, timestamp: moment - 6_000_000 + $0 * 60_000) }
        await store.stored(.create(lobby), .append(lobby, events))
        store.close()
        for (settings, seqs, since) in [((600_000, 1_000), 89...100, moment - 600_000), ((600_000, 5), 96...100, moment - 240_000)] {
            let (again, state) = try Store.open(folder) {
                $0.recalledMilliseconds = UInt64(settings.0)
                $0.recalledPublicationsMax = settings.1
            }
            #expect(state.publications.map(\.seq) == seqs.map { UInt64($0) })
            #expect(state.room(lobby)?.recalledSince == since)
            again.close()
        }
    }

    @Test func changesWhatRoomsAreAndWhoIsIn() async throws {
        let folder = try TemporaryFolder()
        var record = LogRecord(address: lobby, epoch: 1, createdAt: moment, policy: .keepsHistory)
        let (store, _) = try Store.open(folder)
        await store.stored(.create(record))
        for name in ["ada", "bob", "eve"] {
            await store.stored(.admit(MembershipRecord(account: account(name), role: .member, since: moment), to: lobby, epoch: 1))
        }
        record.title = "New"
        record.owner = account("bob")
        record.policy = [.keepsHistory, .moderated]
        let promoted = MembershipRecord(account: account("bob"), role: .owner, since: moment + 1)
        await store.stored(.change(record), .admit(promoted, to: lobby, epoch: 1), .dismiss(account("ada"), from: lobby, epoch: 1))
        store.close()
        let (again, state) = try Store.open(folder)
        defer { again.close() }
        let room = try #require(state.room(lobby))
        #expect(room.record == record)
        #expect(room.members == [promoted, MembershipRecord(account: account("eve"), role: .member, since: moment)])
    }

    @Test func whatDoesNotFitIsRejectedAloneAndLeavesNoTrace() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 4 }
        defer { store.close() }
        let other = address("other")
        await store.stored(.create(lobby), .create(other), .append(lobby, [TestEvent(seq: 1)]))
        let outcome = await store.write(
            .append(lobby, [TestEvent(seq: 3)]), .append(lobby, epoch: 2, [TestEvent(seq: 2)]), .append(lobby, [TestEvent(seq: 1)]),
            .append(other, (1...5).map { TestEvent(seq: $0) }), .create(other), .append(address("none"), [TestEvent(seq: 1)]),
            .append(other, [TestEvent(seq: 1)]), .dismiss(account("ada"), from: address("none"), epoch: 1))
        guard case .committed(let results) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(results[0] == .rejected(.gap(takenThrough: 1)))
        #expect(results[1] == .rejected(.unknownLog))
        #expect(results[2] == .rejected(.gap(takenThrough: 1)))
        #expect(results[3] == .rejected(.notReserved(through: 4)))
        #expect(results[4] == .rejected(.epochNotNew))
        #expect(results[5] == .rejected(.unknownLog))
        guard case .stored(let log?) = results[6] else {
            Issue.record("\(results[6])")
            return
        }
        #expect(results[7] == .rejected(.unknownLog))
        #expect(try await store.seqs(log.anchor) == [1])
    }

    @Test func aVoidEventLeadsAcrossAGap() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        defer { store.close() }
        await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))
        let logs = await store.stored(.append(lobby, [TestEvent(seq: 9, kind: .void), TestEvent(seq: 10)]))
        #expect(try await store.seqs(logs[0].anchor) == [1, 9, 10])
    }

    @Test func reservationsStayAheadOfTheHead() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 64 }
        defer { store.close() }
        var log = try #require(await store.stored(.create(lobby)).first)
        #expect(log.reservedThrough == 64)
        for seq in UInt64(1)...150 {
            log = try #require(await store.stored(.append(lobby, [TestEvent(seq: seq)])).first)
            #expect(log.reservedThrough - seq >= 32 && log.reservedThrough - seq <= 64)
        }
        log = try #require(await store.stored(.release(lobby, epoch: 1)).first)
        #expect(log.reservedThrough == 150)
        #expect(await store.stored(.reserve(lobby, epoch: 1)).first?.reservedThrough == 214)
    }

    @Test func aLogThatBeginsAnewHasNothingOfTheOldOne() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        await store.stored(.create(lobby), .append(lobby, (1...1_000).map { TestEvent(seq: $0, id: $0) }))
        await store.stored(.admit(MembershipRecord(account: account("ada"), role: .member, since: 1), to: lobby, epoch: 1))
        let logs = await store.stored(.create(lobby, epoch: 2), .append(lobby, epoch: 2, [TestEvent(seq: 1, body: "new")]))
        #expect(
            try await store.page(
                HistoryQuery(anchor: logs[1].anchor, fromSeq: 1, toSeq: 9, eventCountMax: 9, direction: .newest)
            ).parts.map(\.body) == ["new"])
        #expect(await store.write(.append(lobby, [TestEvent(seq: 1_001)])).results == [.rejected(.unknownLog)])
        // Closing does not wait for removal, so a second life of the store finishes it.
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.rooms.map(\.record.epoch) == [2] && state.room(lobby)?.members == [])
        // Removal is through when nothing else is left to do, and each write lets one slice pass.
        let shell = try Shell(folder.path + "/history.sqlite3")
        while try shell.run("SELECT count(*) FROM event") != ["1"] {
            await again.stored(.reserve(lobby, epoch: 2))
        }
        while try shell.run("SELECT count(*) FROM log") != ["1"] { await again.stored(.reserve(lobby, epoch: 2)) }
        #expect(try shell.run("SELECT count(*) FROM segment") == ["1"])
        #expect(try shell.run("SELECT count(*) FROM membership") == ["0"])
        again.close()
    }

    @Test func whatIsReplacedIsErased() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let secret = "the password is swordfish "
        // One that spills over into pages of its own, too.
        let large = String(repeating: secret, count: 500)
        var events = (1...200).map { TestEvent(seq: UInt64($0), id: UInt64($0)) }
        events[99].body = secret
        events[100].body = large
        await store.stored(.create(lobby), .append(lobby, events))
        let holds = { (name: String) in
            String(decoding: try folder.contents(of: name), as: UTF8.self).contains("swordfish")
        }
        #expect(try holds("history.sqlite3-wal"))
        #expect(
            await store.write(.erase(lobby, epoch: 1, seq: 201)).results
                == [.rejected(.noSuchEvent)])
        await store.stored(.erase(lobby, epoch: 1, seq: 100), .erase(lobby, epoch: 1, seq: 101))
        let anchor = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        let page = try await store.page(HistoryQuery(anchor: anchor, fromSeq: 99, toSeq: 102, eventCountMax: 9, direction: .oldest))
        #expect(page.parts.map(\.body) == ["hello", nil, nil, "hello"])
        #expect(page.parts.map(\.isRedacted) == [false, true, true, false])
        // Each write lets the writer become idle once.
        while try holds("history.sqlite3-wal") { await store.stored(.reserve(lobby, epoch: 1)) }
        #expect(try !holds("history.sqlite3"))
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.publications.map(\.seq) == Array(1...200))
        again.close()
    }

    @Test func endedRoomsAreGone() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let logs = await store.stored(.create(lobby, epoch: 9), .append(lobby, epoch: 9, [TestEvent(seq: 1)]))
        await store.stored(.end(lobby, epoch: 9))
        #expect(await store.write(.append(lobby, epoch: 9, [TestEvent(seq: 2)])).results == [.rejected(.unknownLog)])
        store.close()
        let (again, state) = try Store.open(folder)
        defer { again.close() }
        #expect(state.rooms.isEmpty)
        #expect(state.lastEpoch == 9)
        #expect(logs[1].anchor.head == 1)
    }

    @Test func manyPostsShareOneCommit() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        defer { store.close() }
        await store.stored(.create(lobby), .append(lobby, [TestEvent(seq: 1)]))
        let before = store.statistics.commits
        await withTaskGroup { group in
            for number in 0..<1_000 {
                let room = address("room-\(number)")
                group.addTask { await store.stored(.create(room), .append(room, [TestEvent(seq: 1)])) }
            }
        }
        let commits = store.statistics.commits - before
        #expect(commits < 500, "\(commits) commits for 1000 posts")
        #expect(store.statistics.waitingPosts == 0 && store.statistics.waitingBytes == 0)
    }

    @Test func whatNobodyWaitsForIsStoredWithWhatSomebodyWaitsFor() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.gatheringMilliseconds = 600_000 }
        await store.stored(.create(lobby))
        let before = store.statistics.commits
        let answered = Counter()
        for seq in UInt64(1)...100 {
            #expect(store.post([.append(lobby, [TestEvent(seq: seq)])], isAwaited: false) { _ in answered.increment() })
        }
        await store.stored(.append(lobby, [TestEvent(seq: 101)]))
        #expect(answered.value == 100)
        #expect(store.statistics.commits - before == 1)
        // The end waits for nothing either.
        #expect(store.post([.append(lobby, [TestEvent(seq: 102)])], isAwaited: false) { _ in answered.increment() })
        store.close()
        #expect(answered.value == 101)
        let (again, state) = try Store.open(folder)
        defer { again.close() }
        #expect(state.room(lobby)?.head == 102)
    }

    @Test func whatNobodyWaitsForIsStoredInTime() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.gatheringMilliseconds = 5 }
        defer { store.close() }
        await store.stored(.create(lobby))
        let outcome: StoreOutcome = await withCheckedContinuation { continuation in
            _ = store.post([.append(lobby, [TestEvent(seq: 1)])], isAwaited: false) { continuation.resume(returning: $0) }
        }
        guard case .committed = outcome else { return #expect(Bool(false), "\(outcome)") }
    }

    @Test func answersInTheOrderPosted() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 10_000 }
        defer { store.close() }
        await store.stored(.create(lobby))
        let seen: [UInt64] = await withCheckedContinuation { continuation in
            nonisolated(unsafe) var seen: [UInt64] = []
            for seq in UInt64(1)...2_000 {
                let isTaken = store.post([.append(lobby, [TestEvent(seq: seq)])]) { outcome in
                    if case .committed(let results) = outcome, case .stored(let log?) = results[0] { seen.append(log.anchor.head) }
                    if seq == 2_000 { continuation.resume(returning: seen) }
                }
                precondition(isTaken)
            }
        }
        #expect(seen == Array(1...2_000))
    }

    @Test func beyondItsBoundsThePostIsRefused() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.waitingPostsMax = 3
            $0.waitingBytesMax = 1_000
        }
        await store.stored(.create(lobby))
        let gate = Gate()
        // The writer is held in an answer, so what is posted now waits.
        await withCheckedContinuation { continuation in
            precondition(
                store.post([.reserve(lobby, epoch: 1)]) { _ in
                    continuation.resume()
                    gate.wait()
                })
        }
        let large = TestEvent(seq: 1, body: String(repeating: "x", count: 2_000))
        // Larger than the bound, but nothing else waits.
        #expect(store.post([.append(lobby, [large])]) { _ in })
        #expect(!store.post([.reserve(lobby, epoch: 1)]) { _ in Issue.record("a post refused is answered") })
        #expect(store.statistics.waitingPosts == 1)
        gate.open()
        await store.settled(lobby)
        await withCheckedContinuation { continuation in
            precondition(
                store.post([.reserve(lobby, epoch: 1)]) { _ in
                    continuation.resume()
                    gate.wait()
                })
        }
        for _ in 0..<3 { #expect(store.post([.reserve(lobby, epoch: 1)]) { _ in }) }
        #expect(!store.post([.reserve(lobby, epoch: 1)]) { _ in Issue.record("a post refused is answered") })
        gate.open()
        await store.settled(lobby)
        store.close()
        #expect(!store.post([.reserve(lobby, epoch: 1)]) { _ in Issue.record("a closed store answers") })
    }

    @Test func closingStoresAndAnswersWhatWasPosted() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.reservedSeqs = 10_000 }
        await store.stored(.create(lobby))
        let answered = Counter()
        for seq in UInt64(1)...500 {
            #expect(store.post([.append(lobby, [TestEvent(seq: seq)])]) { if case .committed = $0 { answered.increment() } })
        }
        store.close()
        #expect(answered.value == 500)
        let (again, state) = try Store.open(folder)
        defer { again.close() }
        #expect(state.room(lobby)?.head == 500)
    }
}

extension StoreOutcome {
    var results: [WriteResult]? {
        if case .committed(let results) = self { results } else { nil }
    }

    var failure: StoreError? {
        if case .failed(let error) = self { error } else { nil }
    }
}

extension Store {
    /// Waits until the writer has nothing left, by posting until it is taken and answered.
    func settled(_ room: RoomAddress) async {
        while true {
            let isTaken = await withCheckedContinuation { continuation in
                if !post([.reserve(room, epoch: 1)], then: { _ in continuation.resume(returning: true) }) {
                    continuation.resume(returning: false)
                }
            }
            if isTaken { return }
            await Task.yield()
        }
    }
}
