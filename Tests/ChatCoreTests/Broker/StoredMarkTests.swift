import ChatProtocol
import Testing

@testable import ChatCore

/// Read markers and inboxes across restarts, and threads (docs/PROTOCOL.md, *Read markers and the inbox*, HISTORY).
struct StoredMarkTests {
    private func inbox(_ client: SimulatedClient, since: UInt64 = 0) -> (records: [RoomAddress: InboxRecord], next: UInt64) {
        var records: [RoomAddress: InboxRecord] = [:]
        var next: UInt64 = 0
        for case .items(let items) in client.replies(to: .inbox(ReadInbox(since: since))) {
            for case .inbox(let record) in items.records { records[record.room] = record }
            next = items.updateNumber ?? next
        }
        return (records, next)
    }

    /// A room of ann's with bob in it, and 20 messages and as many notices.
    private func talk(shards: Int = 1) -> (rooms: StoredRooms, ann: SimulatedClient, bob: SimulatedClient) {
        let rooms = StoredRooms(shards: shards)
        let (ann, bob) = (rooms.logIn("ann"), rooms.logIn("bob"))
        ann.create("r")
        _ = ann.join("r")
        _ = bob.join("r")
        for _ in 0..<20 {
            ann.publish("x", to: "r")
            ann.ask(.publish(Publish(room: "r", publication: Publication(content: EventContent(kind: .notice, body: "n")))))
        }
        return (rooms, ann, bob)
    }

    @Test(arguments: 1...3)
    func countsWhatTheRingHasLost(shards: Int) {
        let (rooms, ann, bob) = talk(shards: shards)
        #expect(inbox(bob).records["r"]?.unread == 20)
        #expect(inbox(ann).records["r"]?.unread == 20, "one's own are counted")
        // Of 41 events the first is none; seq 12 is the sixth message.
        for (seq, unread) in [(UInt64(12), UInt64(14)), (13, 14), (14, 13), (40, 0), (41, 0)] {
            #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: seq))) == nil)
            #expect(inbox(bob).records["r"]?.unread == unread, "\(seq)")
        }
        ann.publish("x", to: "r")
        #expect(inbox(bob).records["r"]?.unread == 1)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test(arguments: 1...3)
    func markersOutliveTheBroker(shards: Int) {
        let (rooms, _, bob) = talk(shards: shards)
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 12))) == nil)
        let told = bob.tell("ann", "hello")!
        rooms.restart()
        let (ann, again) = (rooms.logIn("ann"), rooms.logIn("bob"))
        #expect(again.join("r")?.mark == 12)
        let records = inbox(again).records
        #expect(records["r"]?.mark == 12 && records["r"]?.unread == 14)
        #expect(inbox(ann).records[told.room]?.unread == 1)
        #expect(inbox(ann).records["r"]?.mark == 1)
        // It goes on from there.
        #expect(again.refusal(of: .mark(ReadMarker(room: "r", mark: 8))) == nil)
        #expect(rooms.broker.room("r")?.members["bob"]?.mark == 12)
        #expect(again.refusal(of: .mark(ReadMarker(room: "r", mark: 14))) == nil)
        ann.publish("x", to: "r")
        #expect(inbox(again).records["r"]?.unread == 14)
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    /// Markers are written at most once a second, and soon enough that a kill takes no more.
    @Test func aKillTakesTheLastSecond() {
        let (rooms, _, bob) = talk()
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 12))) == nil)
        rooms.broker.pass(1_100)
        for seq in UInt64(20)...30 { #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: seq))) == nil) }
        #expect(rooms.store.logs["r"]?.members["bob"]?.mark?.seq == 12)
        rooms.restart(isKilled: true)
        #expect(rooms.broker.room("r")?.members["bob"]?.mark == 12)
    }

    /// With something else that is written they are written at once.
    @Test func markersJoinWhatIsWritten() {
        let (rooms, ann, bob) = talk()
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 12))) == nil)
        ann.create("other")
        rooms.broker.settle()
        let home = rooms.broker.shards[0]
        #expect(home.marksToStore.isEmpty)
        #expect(rooms.store.logs["r"]?.members["bob"]?.mark?.seq == 12)
    }

    @Test func aMarkerThatCouldNotBeStoredIsStoredLater() {
        let (rooms, _, bob) = talk()
        rooms.store.setFailing(true)
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 12))) == nil)
        rooms.broker.pass(1_100)
        rooms.store.setFailing(false)
        rooms.broker.settle()
        rooms.broker.pass(1_100)
        #expect(rooms.store.logs["r"]?.members["bob"]?.mark?.seq == 12)
    }

    @Test(arguments: 1...3)
    func theInboxGoesOnBehindARestart(shards: Int) {
        let (rooms, ann, bob) = talk(shards: shards)
        ann.create("quiet")
        _ = bob.join("quiet")
        rooms.broker.pass(90_000, tick: 10_000)
        ann.publish("x", to: "r")
        rooms.broker.leap(1)
        let seen = inbox(bob)
        #expect(seen.records.keys.contains("quiet"))
        rooms.broker.pass(120_000, tick: 10_000)
        rooms.restart()
        let again = rooms.logIn("bob")
        // What changed in the last minute before may come again; the rest does not.
        var next = inbox(again, since: seen.next)
        #expect(Set(next.records.keys) == ["r"])
        rooms.broker.leap(1)
        next = inbox(again, since: next.next)
        let later = rooms.logIn("ann")
        later.publish("x", to: "quiet")
        rooms.broker.leap(1)
        #expect(inbox(again, since: next.next).records["quiet"]?.unread == 1)
        #expect(again.refusal(of: .inbox(ReadInbox(since: rooms.broker.moment.wallMilliseconds + 60_000))) == .epochChanged)
    }

    /// What was lost is not counted.
    @Test func whatWasLostIsNotUnread() {
        let (rooms, ann, bob) = talk()
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 41))) == nil)
        rooms.store.setFailing(true)
        ann.publish("lost", to: "r")
        #expect(bob.refusal(of: .mark(ReadMarker(room: "r", mark: 42))) == nil)
        rooms.store.setFailing(false)
        rooms.broker.settle()
        ann.publish("kept", to: "r")
        #expect(inbox(bob).records["r"]?.unread == 1)
        #expect(inbox(ann).records["r"]?.unread == 21)
    }

    // MARK: HISTORY

    @Test(arguments: UInt64(1)...6)
    func aPageIsNoLargerThanAsked(limit: UInt64) {
        let (rooms, ann, _) = talk()
        #expect(ann.history("r", to: 41, limit: limit).events.map(\.seq) == Array(42 - limit...41))
        #expect(ann.history("r", from: 36, to: 41, limit: limit, oldest: true).events.map(\.seq) == Array(36..<36 + limit))
        #expect(rooms.broker.faultsAtRest().isEmpty)
    }

    @Test(arguments: [1, 2, 3, 100], [false, true])
    func aThreadIsReadByItself(limit: UInt64, restarts: Bool) {
        let rooms = StoredRooms()
        var ann = rooms.logIn("ann")
        ann.create("r")
        _ = ann.join("r")
        var thread: [UInt64] = [ann.publish("root", to: "r")!.seq]
        for index in 0..<12 {
            ann.publish("x", to: "r")
            guard index % 3 == 0 else { continue }
            let content = EventContent(kind: .message, thread: thread[0], body: "in it")
            thread.append(ann.ask(.publish(Publish(room: "r", publication: Publication(content: content))))!.published!.seq)
        }
        let head = rooms.broker.room("r")!.head
        if restarts {
            rooms.restart()
            ann = rooms.logIn("ann")
            _ = ann.join("r")
        }
        var newest: [UInt64] = []
        var to = head
        while to > 0 {
            let page = ann.history("r", to: to, limit: limit, thread: thread[0])
            #expect(page.events.count <= Int(limit) && page.covered?.upperBound == to)
            newest = page.events.map(\.seq) + newest
            to = (page.covered?.lowerBound ?? 1) - 1
        }
        #expect(newest == thread)
        var oldest: [UInt64] = []
        var from: UInt64 = 1
        while from <= head {
            let page = ann.history("r", from: from, to: head, limit: limit, oldest: true, thread: thread[0])
            #expect(page.events.count <= Int(limit) && page.covered?.lowerBound == from)
            oldest += page.events.map(\.seq)
            from = (page.covered?.upperBound ?? head) + 1
        }
        #expect(oldest == thread)
        for seq in [0, head + 1] {
            let query = ReadHistory(room: "r", fromSeq: 1, toSeq: head, thread: seq)
            #expect(ann.failure(of: .history(query))?.code == .noSuchEvent)
        }
        // Rooms that are not stored read their rings.
        let unstored = SimulatedBroker()
        let bob = unstored.logIn("bob")
        let root = bob.publish("root", to: .lobby)!.seq
        bob.publish("x", to: .lobby)
        let content = EventContent(kind: .message, thread: root, body: "in it")
        bob.ask(.publish(Publish(room: .lobby, publication: Publication(content: content))))
        #expect(bob.history(.lobby, thread: root).events.map(\.seq) == [root, root + 2])
    }
}
