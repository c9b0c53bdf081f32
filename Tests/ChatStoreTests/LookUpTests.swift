import Bytes
import ChatCore
import ChatProtocol
import Testing

@testable import ChatStore

/// What is looked up of single events, what the store keeps beside them, and files of the schema before.
@Suite(.timeLimit(.minutes(1))) struct LookUpTests {
    private let lobby = address("lobby")

    /// A change or a reply, as a frame.
    private func frame(
        _ seq: UInt64, _ kind: EventKind = .message, reference: UInt64? = nil, thread: UInt64? = nil, body: String? = nil,
        from: AccountName = account("ada")
    ) -> SharedBytes {
        var writer = ByteWriter()
        let content = EventContent(kind: kind, reference: reference, thread: thread, body: body)
        FrameEncoder.appendDeliver(room: lobby, seq: seq, timestamp: moment + seq, from: from, content: content, to: &writer)
        return writer.finish()
    }

    private func append(_ frames: SharedBytes..., from seq: UInt64) -> StoreWrite {
        var writer = ByteWriter()
        for frame in frames { writer.append(frame) }
        return .append(lobby, epoch: 1, firstSeq: seq, events: writer.finish())
    }

    private func target(_ store: Store, _ anchor: LogAnchor, _ seq: UInt64, _ reaction: Reaction? = nil) async throws -> StoredTarget? {
        guard case .target(let target) = try await store.find(.target(TargetQuery(anchor: anchor, seq: seq, reaction: reaction))) else {
            preconditionFailure("another question's answer")
        }
        return target
    }

    private func reaction(_ name: String, _ body: String) -> Reaction {
        Reaction(account: account(name), EventContent(kind: .react, reference: 1, body: body))
    }

    @Test func aTargetIsFoundWithWhatWasSaidToIt() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        await store.stored(
            .create(lobby),
            append(
                frame(1, body: "hello"), frame(2, .react, reference: 1, body: "+1"),
                frame(3, .react, reference: 1, body: "+1", from: account("bob")),
                frame(4, .react, reference: 1, body: "-1"), frame(5, .unreact, reference: 1, body: "-1"), from: 1))
        let anchor = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        let found = try await target(store, anchor, 1, reaction("ada", "+1"))
        #expect(found?.kind == .message && found?.from == account("ada") && found?.isRedacted == false)
        #expect(found?.hasReaction == true && found?.reactionCount == 2)
        #expect(try await target(store, anchor, 1, reaction("ada", "-1"))?.hasReaction == false)
        #expect(try await target(store, anchor, 1, reaction("eve", "+1"))?.hasReaction == false)
        #expect(try await target(store, anchor, 2)?.kind == .react)
        for seq in [UInt64(0), 6, .max >> 11] { #expect(try await target(store, anchor, seq) == nil) }
        await store.stored(append(frame(6, .delete, reference: 1), from: 6), .erase(lobby, epoch: 1, seq: 1))
        let deleted = try await target(store, anchor, 1, reaction("ada", "+1"))
        #expect(deleted?.isRedacted == true && deleted?.hasReaction == false && deleted?.reactionCount == 0)
        store.close()
    }

    @Test func anErasureReachesTheEdits() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        await store.stored(
            .create(lobby),
            append(
                frame(1, body: "secret"), frame(2, body: "kept"), frame(3, .edit, reference: 1, body: "more secret"),
                frame(4, .edit, reference: 2, body: "kept too"), frame(5, .edit, reference: 1, body: "most secret"), from: 1))
        let anchor = await store.stored(.erase(lobby, epoch: 1, seq: 1), .reserve(lobby, epoch: 1))[0].anchor
        let page = try await store.page(HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: 5, eventCountMax: 9, direction: .oldest))
        #expect(page.parts.map(\.body) == [nil, "kept", nil, "kept too", nil])
        #expect(page.parts.map(\.isRedacted) == [true, false, true, false, true])
        #expect(page.parts[2].reference == 1)
        store.close()
        #expect(!String(decoding: try folder.contents(of: "history.sqlite3"), as: UTF8.self).contains("secret"))
    }

    @Test func messagesAreCountedFromAnyPlace() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        await store.stored(.create(lobby))
        var counts: [UInt64] = [0]
        for first in stride(from: UInt64(1), to: 400, by: 40) {
            let events = (first..<first + 40).map { TestEvent(seq: $0, kind: $0 % 3 == 0 ? .notice : .message) }
            for event in events { counts.append(counts.last! + (event.kind == .message ? 1 : 0)) }
            await store.stored(.append(lobby, events))
        }
        let early = LogAnchor(log: 1, event: 0, head: 0)
        #expect(early.messageCount == 0)
        var anchor = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        #expect(anchor.messageCount == counts[400])
        for life in 0..<2 {
            for seq in [UInt64(0), 1, 2, 3, 63, 64, 65, 127, 128, 129, 200, 398, 399, 400] {
                let found = try await store.find(.messageCount(MessageCountQuery(anchor: anchor, seq: seq)))
                #expect(found == .messageCount(counts[Int(seq)]), "\(seq)")
            }
            guard life == 0 else { return store.close() }
            // Heads lag behind in the file of a store that is not closed.
            let shell = try Shell(folder.path + "/history.sqlite3")
            #expect(try shell.run("SELECT head, messages FROM log") == ["0|0"])
            let copy = try folder.copy()
            let (again, state) = try Store.open(copy)
            anchor = try #require(state.room(lobby)).anchor
            #expect(anchor.messageCount == counts[400] && state.room(lobby)?.lastTimestamp == moment)
            again.close()
        }
    }

    @Test func markersAndPinsAreRestored() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder)
        let mark = StoredMark(seq: 2, messageCount: 2, updateNumber: moment)
        let member = MembershipRecord(account: account("bob"), role: .member, since: 1, mark: mark)
        await store.stored(
            .create(lobby), .admit(member, to: lobby, epoch: 1),
            .admit(MembershipRecord(account: account("eve"), role: .member, since: 1), to: lobby, epoch: 1),
            append(
                frame(1, body: "a"), frame(2, body: "b"), frame(3, .pin, reference: 1), frame(4, .pin, reference: 2),
                frame(5, .unpin, reference: 1), frame(6, body: "c"), frame(7, .pin, reference: 6), frame(8, .delete, reference: 6), from: 1)
        )
        let moved = StoredMark(seq: 8, messageCount: 3, updateNumber: moment + 5)
        await store.stored(
            .mark(account("eve"), in: lobby, epoch: 1, moved), .mark(account("nobody"), in: lobby, epoch: 1, moved),
            .mark(account("eve"), in: lobby, epoch: 1, moved))
        #expect(await store.write(.mark(account("eve"), in: lobby, epoch: 9, moved)).results == [.rejected(.unknownLog)])
        store.close()
        let (again, state) = try Store.open(folder)
        defer { again.close() }
        let room = try #require(state.room(lobby))
        #expect(room.members.map(\.mark) == [mark, moved])
        #expect(room.pins == [2])
        #expect(room.lastTimestamp == moment + 8)
        #expect(room.anchor.messageCount == 3)
    }

    @Test(arguments: [HistoryQuery.Direction.oldest, .newest], [1, 7, 128])
    func aThreadIsReadByItself(direction: HistoryQuery.Direction, sliceEventsMax: Int) async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) { $0.sliceEventsMax = sliceEventsMax }
        await store.stored(.create(lobby))
        var thread: [UInt64] = [5]
        for seq in UInt64(1)...200 {
            let isInIt = seq > 5 && seq % 9 == 0
            if isInIt { thread.append(seq) }
            await store.stored(append(frame(seq, thread: isInIt ? 5 : nil, body: "x"), from: seq))
        }
        let anchor = await store.stored(.reserve(lobby, epoch: 1))[0].anchor
        for countMax in [1, 2, 5, 1_000] {
            var found: [UInt64] = []
            var (low, high) = (UInt64(1), UInt64(200))
            while low <= high {
                let page = try await store.page(
                    HistoryQuery(anchor: anchor, fromSeq: low, toSeq: high, eventCountMax: countMax, direction: direction, thread: 5))
                let covered = try #require(page.covered)
                #expect(page.count == page.seqs.count && page.count <= countMax)
                if direction == .oldest {
                    #expect(covered.lowerBound == low)
                    found += page.seqs
                    low = covered.upperBound + 1
                } else {
                    #expect(covered.upperBound == high)
                    found = page.seqs + found
                    high = covered.lowerBound - 1
                }
            }
            #expect(found == thread, "\(countMax)")
        }
        // Octets bound a page too, but it has one event in any case.
        let small = HistoryQuery(anchor: anchor, fromSeq: 1, toSeq: 200, eventCountMax: 9, byteCountMax: 1, direction: direction, thread: 5)
        #expect(try await store.page(small).seqs == [direction == .oldest ? 5 : 198])
        store.close()
    }

    @Test func retentionTakesReactionsAlong() async throws {
        let folder = try TemporaryFolder()
        let (store, _) = try Store.open(folder) {
            $0.retainedSeqsMax = 10
            $0.retentionMilliseconds = 5
        }
        await store.stored(.create(lobby), append(frame(1, body: "a"), frame(2, .react, reference: 1, body: "+1"), from: 1))
        let events = (UInt64(3)...300).map { TestEvent(seq: $0) }
        await store.stored(.append(lobby, events))
        let shell = try Shell(folder.path + "/history.sqlite3")
        while try shell.run("SELECT floor FROM log") != ["291"] { await store.stored(.reserve(lobby, epoch: 1)) }
        #expect(try shell.run("SELECT count(*) FROM reaction") == ["0"])
        #expect(try shell.run("SELECT messages, removed_messages FROM log") == ["299|289"])
        store.close()
        let (again, state) = try Store.open(folder)
        #expect(state.room(lobby)?.removedMessageCount == 289 && state.room(lobby)?.anchor.messageCount == 299)
        again.close()
    }

    // MARK: Schema 1

    @Test func aFileOfSchemaOneIsLookedThrough() async throws {
        let folder = try TemporaryFolder()
        let first = Schema(migrations: [Schema.current.migrations[0]])
        _ = try StoreOpening(StoreSettings(directory: folder.path), schema: first)
        let shell = try Shell(folder.path + "/history.sqlite3")
        try shell.run("INSERT INTO log (id, address, epoch, created_at, policy, head, last_event) VALUES (1, 'lobby', 1, 1, 8, 2, 2)")
        try shell.run("UPDATE state SET value = 2 WHERE name = 'noted_event'")
        try shell.run("INSERT INTO membership VALUES (1, 'bob', 2, 7)")
        let frames = [
            frame(1, body: "root"), frame(2, .react, reference: 1, body: "+1"), frame(3, .edit, reference: 1, body: "better"),
            frame(4, thread: 1, body: "in it"), frame(5, .pin, reference: 4),
        ]
        for (index, frame) in frames.enumerated() {
            let stored = StoredFrame.split(frame)[0]
            let octets = frame.withBytes { span in (0..<span.byteCount).map { span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
            let hexadecimal = octets.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
            let body = stored.bodyRange
            try shell.run(
                """
                INSERT INTO event VALUES (\(index + 1), 1, \(index + 1), \(index), \(moment), \(stored.view.kind.rawValue), 'ada', NULL,
                    \(body.map { "\($0.lowerBound)" } ?? "NULL"), \(body.map { "\($0.count)" } ?? "NULL"), X'\(hexadecimal)')
                """)
        }
        try shell.run("INSERT INTO segment VALUES (1, 1, 1)")
        let (store, state) = try Store.open(folder)
        defer { store.close() }
        let room = try #require(state.room(lobby))
        #expect(room.head == 5 && room.anchor.messageCount == 2 && room.pins == [4])
        #expect(room.members.map(\.mark) == [nil])
        #expect(try shell.run("SELECT messages, last_timestamp FROM log") == ["1|\(moment)"])
        #expect(try shell.run("SELECT messages FROM segment") == ["1"])
        let found = try await target(store, room.anchor, 1, reaction("ada", "+1"))
        #expect(found?.hasReaction == true && found?.author == nil)
        let query = HistoryQuery(anchor: room.anchor, fromSeq: 1, toSeq: 9, eventCountMax: 9, direction: .newest, thread: 1)
        #expect(try await store.page(query).seqs == [1, 4])
        await store.stored(.erase(lobby, epoch: 1, seq: 1))
        #expect(try await target(store, room.anchor, 3)?.isRedacted == true)
        #expect(try shell.run("SELECT content FROM messages WHERE id = 4") == ["in it"])
    }
}
