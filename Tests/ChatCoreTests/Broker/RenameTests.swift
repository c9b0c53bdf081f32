import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Guests*, rename.
struct RenameTests {
    @Test(arguments: 1...3)
    func allButConversationsFollows(shards: Int) throws {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        let ann = broker.logIn("ann")
        ann.create("r")
        _ = ann.join("r")
        _ = bob.join("r")
        let first = try #require(ann.publish("hello", to: "r", id: MessageID(5)))
        ann.tell("bob", "psst")
        let epoch = try #require(broker.room("@ann+bob")?.epoch)
        ann.takeInbox()
        bob.takeInbox()

        guard case .authenticated(let granted)? = ann.authenticate("bea") else { return #expect(Bool(false), "refused") }
        #expect(granted.user == "bea")
        #expect(ann.joinedUnasked.isEmpty)
        for room: RoomAddress in ["lobby", "r"] {
            #expect(bob.notices(in: room).map(\.kind) == [.renamed])
            #expect(bob.notices(in: room).map(\.user) == ["ann"])
            #expect(bob.notices(in: room).map(\.from) == ["bea"])
            #expect(ann.notices(in: room).map(\.kind) == [.renamed])
        }
        #expect(bob.members("r") == [.init(user: "bea", role: .owner, state: .online), .init(user: "bob", role: .member, state: .online)])
        #expect(bob.members("lobby").map(\.user) == ["bea", "bob"])
        let repeated = try #require(ann.publish("hello", to: "r", id: MessageID(5)))
        #expect(repeated.isDuplicate)
        #expect(repeated.seq == first.seq)

        #expect(bob.refusal(of: .join(Join(room: "@ann+bob"))) == .noSuchRoom)
        #expect(ann.refusal(of: .publish(Publish(room: "@ann+bob", publication: .text("x")))) == .noSuchRoom)
        #expect(bob.refusal(of: .directMessage(DirectMessage(to: "ann", publication: .text("x")))) == .noSuchUser)
        #expect(bob.tell("bea", "again")?.room == "@bea+bob")

        // The old name is anybody's, and begins a conversation of its own.
        let other = broker.logIn("ann")
        #expect(other.tell("bob", "somebody else")?.seq == 1)
        #expect(try #require(broker.room("@ann+bob")?.epoch) > epoch)
        #expect(broker.faultsAtRest() == [])
    }

    static let wishes: [(wish: String, code: ResultCode?)] = [
        ("bob", .exists), ("guest-x", .exists), ("BEA", .badName), ("bea.", nil), ("ann", nil), ("", nil),
    ]

    @Test(arguments: wishes.indices, [1, 3])
    func grantsWhatALogInWouldAndTheOwnName(row: Int, shards: Int) {
        let (wish, code) = Self.wishes[row]
        let broker = SimulatedBroker(shards: shards)
        _ = broker.logIn("bob")
        let ann = broker.logIn("ann")
        let head = broker.room(.lobby)?.head
        let reply = ann.authenticate(wish)
        #expect(reply?.code == code)
        #expect(ann.name?.description == (wish == "bea." ? wish : "ann"))
        // Nothing happens but where the name has changed.
        #expect(broker.room(.lobby)?.head == (wish == "bea." ? head.map { $0 + 1 } : head))
        #expect(ann.publish("x", to: "lobby") != nil)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func numberedGuestsKeepTheirNames() {
        let broker = SimulatedBroker(shards: 2) { $0.guestMode = .numbered }
        let guest = broker.logIn("x")
        let name = guest.name
        #expect(guest.rename(to: "ann") == name)
        #expect(guest.rename(to: "NO NAME") == name)
    }

    @Test func givenNameCanBeChangedAndKept() throws {
        let broker = SimulatedBroker(shards: 2)
        let guest = broker.logIn("")
        let given = try #require(guest.name).description
        #expect(guest.rename(to: given)?.description == given)
        #expect(guest.rename(to: "ann") == "ann")
        #expect(guest.authenticate(given)?.code == .exists)
    }

    /// The event of kind 38 comes before anything published under the new name, and what was sent before AUTH has the old one.
    @Test(arguments: 1...3)
    func renameStandsBetweenWhatIsSaidBeforeAndAfter(shards: Int) {
        for seed: UInt64 in 1...30 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let bob = broker.logIn("bob")
            let ann = broker.logIn("ann")
            bob.takeInbox()
            ann.send(.publish(Publish(room: "lobby", publication: .text("before"))))
            ann.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "bea"))))
            broker.settle()
            ann.publish("after", to: "lobby")
            #expect(bob.events.map(\.from) == ["ann", "bea", "bea"], "seed \(seed)")
            #expect(bob.events.map(\.body) == ["before", nil, "after"], "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    @Test(arguments: 1...3)
    func attachmentsGoOnWithoutAGap(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let bob = broker.logIn("bob")
        let ann = broker.logIn("ann")
        ann.takeInbox()
        for index in 0..<20 {
            bob.send(.publish(Publish(room: "lobby", publication: .text("\(index)"))))
            if index % 5 == 0 { ann.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "n\(index)")))) }
            for _ in 0..<3 { broker.step() }
        }
        broker.settle()
        #expect(ann.bodies(in: "lobby") == (0..<20).map { "\($0)" })
        #expect(ann.joinedUnasked.isEmpty)
        #expect(ann.name == "n15")
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: [(2, RoomPolicy.logsMembership, 1), (1, .logsMembership, 0), (64, [], 0)] as [(Int, RoomPolicy, Int)])
    func tellsRoomsThatWantToKnow(noticeMembersMax: Int, policy: RoomPolicy, count: Int) {
        let broker = SimulatedBroker { $0.noticeMembersMax = noticeMembersMax }
        let bob = broker.logIn("bob")
        bob.create("r", policy: policy)
        let ann = broker.logIn("ann")
        _ = ann.join("r")
        _ = bob.join("r")
        bob.takeInbox()
        ann.rename(to: "bea")
        #expect(bob.notices(in: "r").count == count)
    }

    @Test(arguments: 1...3)
    func sessionIDStays(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let ann = broker.logIn("ann")
        ann.rename(to: "bea")
        let ids = ann.inbox.compactMap { if case .authenticated(let authenticated)? = $0.reply { authenticated.session } else { nil } }
        #expect(ids.count == 2)
        #expect(Set(ids).count == 1)
    }

    /// Two who want the same name at the same moment: one gets it.
    @Test(arguments: 1...3)
    func oneOfTwoGetsAName(shards: Int) {
        for seed: UInt64 in 1...30 {
            let broker = SimulatedBroker(shards: shards, seed: seed)
            let ann = broker.logIn("ann")
            let bob = broker.logIn("bob")
            for client in [ann, bob] {
                client.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "cyd"))))
            }
            broker.settle()
            #expect([ann, bob].filter { $0.name == "cyd" }.count == 1, "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    /// Somebody else comes into a room with a name before the room hears of its former bearer: that it is there, or that it has the name
    /// after the next.
    @Test(arguments: [true, false])
    func nameIsPassedOnFasterThanWordOfIt(isNewcomer: Bool) {
        for seed: UInt64 in 1...600 {
            let broker = SimulatedBroker(shards: 3, seed: seed)
            let map = broker.shards[0].map
            // What ann's shard and the home of the name say to the lobby's home is in no order.
            let lobby = map.home(of: .lobby)
            let (accepting, naming) = ((lobby + 1) % 3, (lobby + 2) % 3)
            let names = (0..<50).map { "n\($0)" }
            let passed = names.filter { map.home(of: try! AccountName($0)) == naming }
            let next = names.first { map.home(of: try! AccountName($0)) == accepting }!
            let heir = broker.logIn(passed[0], on: naming)
            let ann = isNewcomer ? broker.greet(on: accepting) : broker.logIn(passed[1], on: accepting)
            for name in [passed[2], next] { ann.wish(for: name) }
            for _ in 0..<40 {
                heir.wish(for: passed[2])
                broker.step()
            }
            broker.settle()
            #expect(ann.publish("x", to: "lobby") != nil, "seed \(seed)")
            #expect(Set(ann.members("lobby").map(\.user)) == Set([ann, heir].compactMap(\.name)), "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }

    /// What was asked for under the old name may have to wait until the room's events can be numbered.
    @Test(arguments: 1...3)
    func whatWaitsIsAskedForUnderTheNewName(shards: Int) {
        for seed: UInt64 in 1...60 {
            let broker = SimulatedBroker(shards: shards, seed: seed, store: SimulatedStore())
            let ann = broker.connect()
            ann.open()
            ann.send(.hello(Hello(agent: "test/1")))
            for name in ["ann", "bea"] { ann.wish(for: name) }
            let id = ann.send(.publish(Publish(room: "lobby", publication: .text("x"))))
            broker.settle()
            #expect(ann.inbox.first { $0.requestID == id }?.reply?.published != nil, "seed \(seed)")
            #expect(broker.faultsAtRest() == [], "seed \(seed)")
        }
    }
}

extension SimulatedClient {
    fileprivate func wish(for name: String) { send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: name)))) }
}
