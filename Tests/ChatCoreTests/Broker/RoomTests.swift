import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md: CREATE, JOIN, LEAVE and what they refuse.
struct RoomTests {
    @Test(arguments: 1...3)
    func creatorOwnsTheRoomAndIsNotAttached(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        let ann = broker.logIn("ann")
        #expect(ann.create("r", title: "The room", topic: "things") == nil)
        ann.publish("unheard", to: "r")
        #expect(ann.events(in: "r").isEmpty)

        let joined = ann.join("r", tail: 1_000)
        #expect(joined?.role == .owner)
        #expect(joined?.members == 1)
        #expect(joined?.title == "The room")
        #expect(joined?.topic == "things")
        #expect(joined?.policy == .logsMembership)
        let created = ann.events(in: "r").first
        #expect(created?.seq == 1)
        #expect(created?.kind == .created)
        #expect(created?.from == "ann")
        #expect(created?.title == "The room")
        #expect(created?.topic == "things")
        #expect(ann.bodies(in: "r") == ["unheard"])

        // In the lobby, the title is the room's name.
        let announced = bob.notices(in: "lobby").last
        #expect(announced?.kind == .created)
        #expect(announced?.title == "r")
        #expect(announced?.from == "ann")
        #expect(broker.faultsAtRest() == [])
    }

    static let policies: [(bits: UInt64, code: ResultCode?)] = [
        (0, nil), (1, nil), (4, nil), (16, nil), (21, nil), (2, .notImplemented), (8, .notImplemented), (32, .notImplemented),
        (63, .notImplemented), (64, .badValue), (128, .badValue), (1 << 52, .badValue), (66, .badValue), (130, .badValue),
    ]

    @Test(arguments: policies.indices)
    func takesThePoliciesItOffers(row: Int) {
        let (bits, code) = Self.policies[row]
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        let value = (0..<8).reversed().map { UInt8(truncatingIfNeeded: bits >> ($0 * 8)) }.drop { $0 == 0 }
        ann.takeInbox()
        ann.send(octets: frame(type: 0x16, id: 99, payload: [0x81, 1, 0x72, 0x26, UInt8(value.count)] + value))
        broker.settle()
        #expect(ann.story.contains(code.map { "error 99 \($0.rawValue)" } ?? "ok 99"))
        #expect(ann.join("r")?.policy?.rawValue == (code == nil ? bits : nil))
    }

    @Test(arguments: 1...3)
    func unlistedRoomIsNotSpokenOf(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        bob.takeInbox()
        ann.create("secret", policy: .unlisted)
        #expect(bob.events.isEmpty)
        guard case .items(let items)? = bob.ask(.list(ListRooms())) else { return #expect(Bool(false), "no ITEMS") }
        #expect(items.records.count == 1)
        #expect(bob.join("secret")?.role == .member)
    }

    @Test(arguments: 1...3)
    func onlyTheOwnerSpeaksInAModeratedRoom(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r", policy: [.moderated, .logsMembership])
        #expect(bob.join("r")?.role == .reader)
        #expect(bob.failure(of: .publish(Publish(room: "r", publication: .text("x"))))?.code == .forbidden)
        #expect(ann.publish("y", to: "r") != nil)
        #expect(bob.bodies(in: "r") == ["y"])
        // A role ends with the membership.
        ann.leave("r")
        #expect(ann.join("r")?.role == .reader)
        #expect(broker.faultsAtRest() == [])
    }

    // MARK: Refusals

    static let refusals: [(command: Command, code: ResultCode)] = [
        (.create(CreateRoom(room: "r")), .exists), (.create(CreateRoom(room: "lobby")), .exists),
        (.join(Join(room: "nowhere")), .noSuchRoom), (.leave(Leave(room: "nowhere")), .noSuchRoom),
        (.leave(Leave(room: "nowhere", detachesOnly: true)), .noSuchRoom),
        (.members(ListMembers(room: "nowhere")), .noSuchRoom),
        (.publish(Publish(room: "nowhere", publication: .text("x"))), .noSuchRoom),
        // Not a member.
        (.leave(Leave(room: "r")), .notJoined), (.leave(Leave(room: "r", detachesOnly: true)), .notJoined),
        (.members(ListMembers(room: "r")), .notJoined), (.publish(Publish(room: "r", publication: .text("x"))), .notJoined),
        // A member who is not attached.
        (.leave(Leave(room: "mine", detachesOnly: true)), .notJoined),
        (.leave(Leave(room: "lobby")), .forbidden),
        // A conversation that has not begun, and one of others.
        (.join(Join(room: "@ann+bob")), .noSuchRoom), (.leave(Leave(room: "@ann+bob")), .noSuchRoom),
        (.leave(Leave(room: "@ann+bob", detachesOnly: true)), .noSuchRoom), (.members(ListMembers(room: "@ann+bob")), .noSuchRoom),
        (.publish(Publish(room: "@ann+bob", publication: .text("x"))), .noSuchRoom),
        (.join(Join(room: "@bob+cyd")), .noSuchRoom), (.leave(Leave(room: "@bob+cyd")), .noSuchRoom),
        (.leave(Leave(room: "@bob+cyd", detachesOnly: true)), .noSuchRoom), (.members(ListMembers(room: "@bob+cyd")), .noSuchRoom),
        (.publish(Publish(room: "@bob+cyd", publication: .text("x"))), .noSuchRoom),
        // A conversation of one's own.
        (.leave(Leave(room: "@ann+cyd")), .forbidden), (.leave(Leave(room: "@ann+cyd", detachesOnly: true)), .forbidden),
        (.directMessage(DirectMessage(to: "nobody", publication: .text("x"))), .noSuchUser),
        (.members(ListMembers(room: "mine", cursor: SharedBytes(utf8: "NO CURSOR"))), .badValue),
        (.list(ListRooms(cursor: SharedBytes(utf8: "NO CURSOR"))), .badValue),
        (.publish(Publish(room: "mine", publication: .text(String(repeating: "x", count: 101)))), .bodyTooLarge),
    ]

    /// With an id the request is answered; without, its type says which it was. Nothing has changed in either case.
    @Test(arguments: refusals.indices, [1, 2, 3])
    func refusesByTheTable(row: Int, shards: Int) {
        let (command, code) = Self.refusals[row]
        let broker = SimulatedBroker(shards: shards) { $0.bodyByteCountMax = 100 }
        let bob = broker.logIn("bob")
        let cyd = broker.logIn("cyd")
        bob.create("r")
        bob.tell("cyd", "secret")
        let ann = broker.logIn("ann")
        ann.create("mine")
        cyd.tell("ann", "hello")
        let before = broker.shards.flatMap { $0.rooms.values.map { "\($0.address) \($0.head) \($0.members.keys.sorted())" } }.sorted()
        ann.takeInbox()

        let failure = ann.failure(of: command)
        #expect(failure?.code == code)
        #expect(failure?.type == nil)
        ann.send(command, id: 0)
        broker.settle()
        guard ann.inbox.count == 2, case .error(let unasked)? = ann.inbox.last?.reply else { return #expect(Bool(false), "\(ann.story)") }
        #expect(unasked.code == code)
        #expect(unasked.type == command.typeNumber)
        #expect(ann.inbox.last?.requestID == 0)

        let after = broker.shards.flatMap { $0.rooms.values.map { "\($0.address) \($0.head) \($0.members.keys.sorted())" } }.sorted()
        #expect(after == before)
        #expect(ann.isOpen)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func conversationIsNotCreatedByName() {
        let broker = SimulatedBroker()
        let ann = broker.logIn("ann")
        ann.takeInbox()
        ann.send(octets: frame(type: 0x16, id: 99, payload: [0x81, 8] + Array("@ann+bob".utf8)))
        broker.settle()
        #expect(ann.story == ["error 99 400"])
    }

    // MARK: Leaving

    @Test(arguments: 1...3)
    func leavingEndsMembershipAndDelivery(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r")
        _ = ann.join("r")
        _ = bob.join("r")
        bob.takeInbox()
        #expect(ann.leave("r", reason: "tired") == nil)
        #expect(bob.notices(in: "r").map(\.kind) == [.left])
        #expect(bob.notices(in: "r").map(\.user) == ["ann"])
        #expect(bob.notices(in: "r").map(\.from) == ["ann"])
        #expect(bob.notices(in: "r").map(\.reason) == ["tired"])
        ann.takeInbox()
        bob.publish("she is gone", to: "r")
        #expect(ann.inbox.isEmpty)
        #expect(ann.refusal(of: .publish(Publish(room: "r", publication: .text("x")))) == .notJoined)
        #expect(ann.join("r")?.role == .member)
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: ["r", "lobby"] as [RoomAddress], 1...3)
    func detachingEndsDeliveryOnly(room: RoomAddress, shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r")
        _ = ann.join(room)
        _ = bob.join(room)
        let epoch = try #require(broker.room(room)?.epoch)
        let head = try #require(broker.room(room)?.head)
        #expect(ann.leave(room, detachesOnly: true) == nil)
        #expect(broker.room(room)?.head == head)
        ann.takeInbox()
        bob.publish("one", to: room)
        #expect(ann.events.isEmpty)
        #expect(ann.publish("two", to: room) != nil)
        #expect(ann.leave(room, detachesOnly: true) == .notJoined)
        #expect(ann.join(room, cursor: LogPosition(epoch: epoch, seq: head))?.next == head + 1)
        #expect(ann.bodies(in: room) == ["one", "two"])
        #expect(broker.faultsAtRest() == [])
    }

    /// No DELIVER of the room follows the OK, however busy the room.
    @Test(arguments: 1...3)
    func nothingFollowsTheOK(shards: Int) {
        for seed: UInt64 in 1...20 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann")
            let bob = broker.logIn("bob")
            bob.create("r")
            _ = ann.join("r")
            ann.takeInbox()
            for index in 0..<20 {
                bob.send(.publish(Publish(room: "r", publication: .text("\(index)"))))
                if index == 7 { ann.send(.leave(Leave(room: "r", detachesOnly: seed % 2 == 0)), id: 4_000) }
                broker.step()
            }
            broker.settle()
            #expect(ann.story.last == "ok 4000", "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    // MARK: Joining again

    /// To a room to which the connection is attached: nothing changes, though a cursor is judged.
    @Test(
        arguments: [
            (nil, nil), (LogPosition(epoch: 7, seq: 0), .epochChanged), (LogPosition(epoch: 0, seq: 1 << 40), .cursorAhead),
        ] as [(LogPosition?, ResultCode?)], 1...3)
    func joiningAgainChangesNothing(row: (cursor: LogPosition?, refusal: ResultCode?), shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        let bob = broker.logIn("bob")
        ann.create("r", title: "T")
        _ = ann.join("r")
        _ = bob.join("r")
        bob.publish("one", to: "r")
        ann.takeInbox()
        var cursor = row.cursor
        if cursor?.epoch == 0 { cursor!.epoch = try #require(broker.room("r")?.epoch) }
        #expect(ann.refusal(of: .join(Join(room: "r", cursor: cursor, tail: 100))) == row.refusal)
        let joined = try #require(ann.join("r", tail: 100))
        #expect(joined.head == 3)
        #expect(joined.next == 4)
        #expect(joined.members == 2)
        #expect(joined.role == .owner)
        #expect(joined.title == "T")
        #expect(ann.events.isEmpty)
        bob.publish("two", to: "r")
        #expect(ann.bodies(in: "r") == ["two"])
        #expect(broker.faultsAtRest() == [])
    }

    /// The first JOIN with a wish of a room that the broker attached starts delivery anew; those behind it change nothing.
    @Test(arguments: 1...3)
    func firstJoinWithAWishOfTheLobbyStartsAnew(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        for index in 1...5 { bob.publish("\(index)", to: "lobby") }
        let ann = broker.logIn("ann")
        bob.publish("6", to: "lobby")
        ann.takeInbox()
        // Without a wish nothing changes.
        #expect(ann.join("lobby")?.next == broker.room(.lobby)!.head + 1)
        #expect(ann.events.isEmpty)
        #expect(ann.join("lobby", tail: 3) != nil)
        #expect(ann.events(in: "lobby").count == 3)
        ann.takeInbox()
        #expect(ann.join("lobby", tail: 3)?.next == broker.room(.lobby)!.head + 1)
        #expect(ann.events.isEmpty)
        #expect(broker.faultsAtRest() == [])
    }

    // MARK: Removal

    @Test(arguments: 1...3)
    func roomWithoutMembersIsRemovedAfterAWhile(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards) { $0.emptyRoomSeconds = 60 }
        let ann = broker.logIn("ann")
        ann.create("r")
        let epoch = try #require(broker.room("r")?.epoch)
        ann.leave("r")
        broker.pass(59_000, tick: 10_000)
        // Whoever comes meanwhile keeps it.
        #expect(ann.join("r") != nil)
        broker.pass(120_000, tick: 10_000)
        ann.leave("r")
        broker.pass(59_900, tick: 10_000)
        #expect(ann.create("r") == .exists)
        broker.pass(200, tick: 200)
        #expect(ann.refusal(of: .join(Join(room: "r"))) == .noSuchRoom)
        #expect(ann.create("r") == nil)
        #expect(try #require(broker.room("r")?.epoch) > epoch)
        #expect(ann.refusal(of: .join(Join(room: "r", cursor: LogPosition(epoch: epoch, seq: 1)))) == .epochChanged)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func lobbyIsNeverRemoved() {
        let broker = SimulatedBroker { $0.emptyRoomSeconds = 0 }
        broker.logIn("ann").drop()
        broker.pass(10_000, tick: 1_000)
        #expect(broker.logIn("bob").joinedUnasked.map(\.room) == ["lobby"])
    }

    @Test(arguments: 1...3)
    func emptyRoomMayGoAtOnce(shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.emptyRoomSeconds = 0 }
        let ann = broker.logIn("ann")
        ann.create("r")
        ann.drop()
        broker.settle()
        broker.pass(100)
        #expect(broker.room("r") == nil)
    }
}
