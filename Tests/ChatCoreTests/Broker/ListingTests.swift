import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md: LIST, MEMBERS and the pages of ITEMS.
struct ListingTests {
    /// All pages of a LIST, each as its names.
    private func pages(_ client: SimulatedClient, limit: UInt64?, filter: String? = nil) -> [[String]] {
        var pages: [[String]] = []
        var cursor: SharedBytes?
        repeat {
            let frames = client.replies(to: .list(ListRooms(limit: limit, cursor: cursor, filter: filter))).compactMap { reply in
                if case .items(let items) = reply { items } else { nil }
            }
            #expect(frames.dropLast().allSatisfy { $0.cursor == nil })
            pages.append(frames.flatMap(\.records).compactMap { if case .room(let room) = $0 { room.room.description } else { nil } })
            cursor = frames.last?.cursor
        } while cursor != nil && pages.count < 100
        return pages
    }

    @Test(arguments: [1, 2, 4, 5, 6, 1000] as [UInt64], 1...3)
    func pagesAscendAndMissNothing(limit: UInt64, shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        for name: RoomAddress in ["b", "a", "b/c", "zz"] { ann.create(name) }
        ann.create("hidden", policy: .unlisted)
        ann.tell("bob", "x")
        let pages = pages(bob, limit: limit)
        #expect(pages.flatMap { $0 } == ["a", "b", "b/c", "lobby", "zz"])
        #expect(pages.dropLast().allSatisfy { $0.count == Int(limit) })
        #expect(pages.last?.isEmpty == false)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [nil, 0] as [UInt64?], [1, 3])
    func limitIsAHundredUnlessOneIsGiven(limit: UInt64?, shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        for index in 0..<119 { ann.send(.create(CreateRoom(room: try! RoomAddress("r\(index)")))) }
        broker.settle()
        #expect(pages(ann, limit: limit).map(\.count) == [100, 20])
    }

    @Test func limitIsBounded() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.takeInbox()
        ann.send(octets: frame(type: 0x13, id: 9, payload: [0x1C, 2, 3, 0xE9]))
        ann.send(octets: frame(type: 0x15, id: 8, payload: [0x81, 5] + Array("lobby".utf8) + [0x1C, 2, 3, 0xE9]))
        broker.settle()
        #expect(ann.story == ["error 9 108", "error 8 108"])
    }

    static let filters: [(filter: String, names: [String])] = [
        ("", ["bad", "cafe", "lobby", "tea"]), ("a", ["bad", "cafe", "tea"]), ("caf", ["cafe"]), ("Tea", ["cafe"]), ("tea", ["tea"]),
        ("nothing", []), ("lobby2", []),
        // The title of `tea` ends in e and U+0301, that of `bad` in U+00E9: octets are compared, not what they look like.
        ("e\u{301}", ["tea"]), ("\u{E9}", ["bad"]), ("The", ["tea"]),
    ]

    @Test(arguments: filters.indices, [1, 3])
    func filterIsFoundInNameOrTitle(row: Int, shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        ann.create("cafe", title: "Tea and more")
        ann.create("tea", title: "The\u{301}")
        ann.create("bad", title: "Th\u{E9}")
        #expect(pages(ann, limit: 2, filter: Self.filters[row].filter).flatMap { $0 } == Self.filters[row].names)
    }

    @Test(arguments: 1...3)
    func recordsSayWhatTheRoomIs(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r", title: "T", topic: "about", policy: [])
        _ = bob.join("r")
        ann.publish("x", to: "r")
        guard case .items(let items)? = ann.ask(.list(ListRooms(filter: "r"))) else { return #expect(Bool(false), "no ITEMS") }
        #expect(items.records == [.room(RoomRecord(room: "r", title: "T", topic: "about", members: 2, policy: [], head: 2))])
    }

    /// More than fits into a frame comes in several, all but the last with M.
    @Test(arguments: [1, 3])
    func longAnswersComeInSeveralFrames(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let topic = String(repeating: "t", count: 512)
        for index in 100..<250 { ann.send(.create(CreateRoom(room: try! RoomAddress("r\(index)"), topic: topic))) }
        broker.settle()
        ann.takeInbox()
        ann.send(.list(ListRooms(limit: 140)), id: 7_000)
        broker.settle()
        #expect(ann.inbox.count == 2)
        #expect(ann.inbox.map(\.hasMore) == [true, false])
        #expect(ann.inbox.map { if case .items(let items)? = $0.reply { items.cursor == nil } else { false } } == [true, false])
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [1, 2, 3, 4, 1000] as [UInt64], 1...3)
    func membersComeInPagesToo(limit: UInt64, shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let clients = ["cyd", "ann", "bob"].map { broker.logIn($0) }
        clients[0].create("r")
        for client in clients { _ = client.join("r") }
        var members: [MemberRecord] = []
        var cursor: SharedBytes?
        var pageCount = 0
        repeat {
            guard case .items(let items)? = clients[1].ask(.members(ListMembers(room: "r", limit: limit, cursor: cursor))) else { break }
            members += items.records.compactMap { if case .member(let member) = $0 { member } else { nil } }
            cursor = items.cursor
            pageCount += 1
        } while cursor != nil
        #expect(members.map(\.user) == ["ann", "bob", "cyd"])
        #expect(members.map(\.role) == [.member, .member, .owner])
        #expect(members.allSatisfy { $0.state == .online })
        #expect(pageCount == (3 + Int(limit) - 1) / Int(limit))
    }

    @Test func cursorOfSomebodyWhoHasLeftStillServes() {
        let broker = SimulatedBroker(shards: 2)
        let clients = ["ann", "bob", "cyd"].map { broker.logIn($0) }
        guard case .items(let first)? = clients[2].ask(.members(ListMembers(room: "lobby", limit: 1))) else {
            return #expect(Bool(false), "no ITEMS")
        }
        clients[0].drop()
        broker.settle()
        guard case .items(let second)? = clients[2].ask(.members(ListMembers(room: "lobby", limit: 5, cursor: first.cursor))) else {
            return #expect(Bool(false), "no ITEMS")
        }
        #expect(second.records.count == 2)
        #expect(second.cursor == nil)
    }
}
