import Bytes
import ChatProtocol
import Testing

@testable import ChatCore

/// docs/PROTOCOL.md, *Guests*: who gets which name.
struct GuestTests {
    enum Outcome: Equatable, Sendable {
        case name(String), generated, refused(ResultCode)
    }

    static let longest = String(repeating: "x", count: 32)

    static let wishes: [(mode: CoreSettings.GuestMode, wish: String?, outcome: Outcome)] = [
        (.off, "bob", .refused(.mechUnsupported)), (.off, nil, .refused(.mechUnsupported)),
        (.numbered, "bob", .generated), (.numbered, "", .generated), (.numbered, nil, .generated), (.numbered, "NO NAME", .generated),
        (.numbered, "ann", .generated), (.numbered, "guest-x", .generated),
        (.named, "bob", .name("bob")), (.named, "", .generated), (.named, nil, .generated), (.named, "ann", .refused(.exists)),
        (.named, "guest-x", .refused(.exists)), (.named, "guest-", .refused(.exists)), (.named, "guest", .name("guest")),
        (.named, "Bob", .refused(.badName)), (.named, "-bob", .refused(.badName)), (.named, "b/b", .refused(.badName)),
        (.named, longest, .name(longest)), (.named, longest + "x", .refused(.badName)), (.named, "b", .name("b")),
    ]

    @Test(arguments: wishes.indices, [1, 3])
    func grantsNamesByTheModeOfTheBroker(row: Int, shards: Int) {
        let (mode, wish, outcome) = Self.wishes[row]
        let broker = SimulatedBroker(shards: shards) { $0.guestMode = mode }
        if mode == .named { _ = broker.logIn("ann") }
        let client = broker.greet()
        switch client.authenticate(wish) {
        case .authenticated(let authenticated)?:
            let name = authenticated.user.description
            #expect(outcome == (name.hasPrefix("guest-") ? .generated : .name(name)))
            #expect(authenticated.role == .reader)
            #expect(authenticated.session.count == 16)
        case .error(let failure)?: #expect(outcome == .refused(failure.code))
        case let other: #expect(Bool(false), "\(String(describing: other))")
        }
        #expect(client.isOpen)
        #expect(broker.faultsAtRest() == [])
    }

    @Test func offersNoMechanismIfGuestsAreOff() {
        let broker = SimulatedBroker { $0.guestMode = .off }
        let client = broker.greet()
        guard case .welcome(let welcome)? = client.inbox.first?.reply else { return #expect(Bool(false), "no WELCOME") }
        #expect(welcome.mechanisms.isEmpty)
    }

    @Test(arguments: ["PLAIN", "anonymous", ""])
    func refusesMechanismsItDoesNotOffer(mechanism: String) {
        let broker = SimulatedBroker()
        let client = broker.greet()
        #expect(client.authenticate("ann", mechanism: mechanism)?.code == .mechUnsupported)
    }

    @Test func asksForAnotherNameOnTheSameConnection() {
        let broker = SimulatedBroker(shards: 2)
        _ = broker.logIn("ann")
        let client = broker.greet()
        #expect(client.authenticate("ann")?.code == .exists)
        #expect(client.authenticate("A")?.code == .badName)
        #expect(client.rename(to: "bob") == "bob")
    }

    @Test(arguments: 1...3)
    func givesEachGuestANameOfItsOwn(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let names = (0..<30).map { _ in broker.logIn("").name }
        #expect(Set(names).count == 30)
        #expect(!names.contains(nil))
        #expect(broker.faultsAtRest() == [])
    }

    @Test(arguments: 1...3)
    func nameIsFreeOnceItsGuestHasGone(shards: Int) {
        let broker = SimulatedBroker(shards: shards)
        let first = broker.logIn("ann")
        first.create("r")
        first.drop()
        broker.settle()
        let second = broker.logIn("ann")
        #expect(second.name == "ann")
        #expect(second.failure(of: .members(ListMembers(room: "r")))?.code == .notJoined)
        #expect(second.join("r")?.role == .member)
        #expect(broker.faultsAtRest() == [])
    }

    // MARK: The lobby

    @Test(arguments: 1...3)
    func isInTheLobbyUponLogIn(shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.lobbyTopic = "everyone" }
        let ann = broker.logIn("ann")
        let lobby = ann.joinedUnasked
        #expect(lobby.map(\.room) == ["lobby"])
        #expect(lobby.first?.members == 1)
        #expect(lobby.first?.role == .member)
        #expect(lobby.first?.policy == .logsMembership)
        #expect(lobby.first?.topic == "everyone")
        #expect(ann.story.firstIndex(of: "name ann")! < ann.story.firstIndex { $0.hasPrefix("joined lobby") }!)
        ann.takeInbox()
        _ = broker.logIn("bob")
        #expect(ann.notices(in: "lobby").map(\.kind) == [.joined])
        #expect(ann.notices(in: "lobby").map(\.user) == ["bob"])
        #expect(ann.notices(in: "lobby").map(\.from) == ["bob"])
        #expect(ann.members("lobby").map(\.user) == ["ann", "bob"])
    }

    @Test(arguments: 1...3)
    func doesNotJoinAFullLobby(shards: Int) {
        let broker = SimulatedBroker(shards: shards) { $0.membersPerRoomMax = 1 }
        _ = broker.logIn("ann")
        let bob = broker.logIn("bob")
        #expect(bob.name == "bob")
        #expect(bob.announcements.isEmpty)
        #expect(bob.refusal(of: .join(Join(room: "lobby"))) == .overloaded)
    }

    @Test func lobbyCanBeTurnedOff() {
        let broker = SimulatedBroker { $0.attachesToLobby = false }
        let ann = broker.logIn("ann")
        #expect(ann.joinedUnasked.isEmpty)
        #expect(ann.refusal(of: .publish(Publish(room: "lobby", publication: .text("x")))) == .notJoined)
        #expect(ann.join("lobby")?.members == 1)
        #expect(ann.leave("lobby") == nil)
    }
}
