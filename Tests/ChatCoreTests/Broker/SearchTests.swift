import Bytes
import ChatDialects
import ChatProtocol
import Testing

@testable import ChatCore

/// SEARCH: who is found what, and how much of it at a time.
@Suite struct SearchTests {
    private let room: RoomAddress = "dev"

    /// What a search finds, as `room body`; nil if it is refused.
    private func found(
        _ client: SimulatedClient, _ query: String, in room: RoomAddress? = nil, from: AccountName? = nil, since: Timestamp? = nil,
        until: Timestamp? = nil
    ) -> [String]? {
        let search = Search(query: query, room: room, from: from, since: since, until: until)
        guard case .found(let found)? = client.ask(.search(search)) else { return nil }
        return (try? found.events())?.map { "\($0.room) \($0.body ?? "")" }
    }

    @Test(arguments: [1, 2, 3])
    func membersFindWhatTheyMayRead(shards: Int) {
        let broker = SimulatedBroker(shards: shards, seed: UInt64(shards), store: SimulatedStore())
        let (ada, bob, eve) = (broker.logIn("ada"), broker.logIn("bob"), broker.logIn("eve"))
        ada.create(room)
        ada.publish("a word in dev", to: room)
        ada.publish("a word for all", to: .lobby)
        ada.tell("bob", "a word for bob")
        broker.settle()
        #expect(found(ada, "word") == ["@ada+bob a word for bob", "lobby a word for all", "dev a word in dev"])
        #expect(found(bob, "word") == ["@ada+bob a word for bob", "lobby a word for all"])
        #expect(found(eve, "word") == ["lobby a word for all"])
        #expect(found(eve, "word for") == ["lobby a word for all"])
        #expect(found(eve, "absent") == [])
        #expect(found(bob, "word", from: "bob") == [])
        // Who joins reads what was said before, as by HISTORY; who leaves reads nothing more.
        _ = bob.join(room)
        #expect(found(bob, "word") == ["@ada+bob a word for bob", "lobby a word for all", "dev a word in dev"])
        #expect(found(bob, "word", in: room) == ["dev a word in dev"])
        #expect(found(bob, "word", in: "@ada+bob", from: "ada") == ["@ada+bob a word for bob"])
        bob.leave(room)
        #expect(found(bob, "word") == ["@ada+bob a word for bob", "lobby a word for all"])
    }

    @Test(arguments: [1, 2, 3])
    func aRoomIsRefusedAsByHistory(shards: Int) {
        let broker = SimulatedBroker(shards: shards, seed: UInt64(shards), store: SimulatedStore())
        let (ada, eve) = (broker.logIn("ada"), broker.logIn("eve"))
        ada.create(room)
        ada.tell("ada", "a note")
        for (address, code) in [(room, ResultCode.notJoined), ("nowhere", .noSuchRoom), ("@ada+ada", .noSuchRoom)] {
            let failure = eve.failure(of: .search(Search(query: "note", room: address)))
            #expect(failure?.code == code && failure?.room == address)
            #expect(eve.refusal(of: .history(ReadHistory(room: address, fromSeq: 1, toSeq: 9))) == code)
        }
        #expect(found(ada, "note", in: "@ada+ada") == ["@ada+ada a note"])
        #expect(broker.shards.allSatisfy { $0.searches.isEmpty })
    }

    @Test func whereNothingIsStoredOrIndexedItIsNotOffered() {
        for broker in [SimulatedBroker(), SimulatedBroker(store: SimulatedStore()) { $0.offersSearch = false }] {
            let client = broker.greet(capabilities: ["history", "search"])
            guard case .welcome(let welcome)? = client.inbox.first?.reply else { return #expect(Bool(false)) }
            #expect(welcome.capabilities == ["history"])
            _ = client.authenticate("ada")
            #expect(client.refusal(of: .search(Search(query: "x"))) == .notImplemented)
            #expect(client.refusal(of: .search(Search(query: "x", room: .lobby))) == .notImplemented)
        }
        let broker = SimulatedBroker(store: SimulatedStore())
        guard case .welcome(let welcome)? = broker.greet(capabilities: ["search"]).inbox.first?.reply else { return #expect(Bool(false)) }
        #expect(welcome.capabilities == ["search"])
    }

    @Test(arguments: [1, 2])
    func pagesGoOnAtTheCursor(shards: Int) {
        let broker = SimulatedBroker(shards: shards, store: SimulatedStore())
        let ada = broker.logIn("ada")
        for number in 1...10 { ada.publish("word \(number)", to: .lobby) }
        var bodies: [String] = []
        var cursor: SharedBytes?
        repeat {
            guard case .found(let page)? = ada.ask(.search(Search(query: "word", limit: 3, cursor: cursor))),
                let events = try? page.events()
            else { return #expect(Bool(false)) }
            #expect(events.count <= 3)
            bodies += events.compactMap(\.body)
            cursor = page.cursor
        } while cursor != nil
        #expect(bodies == (1...10).reversed().map { "word \($0)" })
        for octets in [[], [1], [UInt8](repeating: 0, count: 8), [UInt8](repeating: 0xFF, count: 8), [UInt8](repeating: 1, count: 9)] {
            let failure = ada.failure(of: .search(Search(query: "word", cursor: SharedBytes(octets))))
            #expect(failure?.code == .badValue && failure?.field == 0x2E)
        }
    }

    @Test func muchIsSentInSeveralFrames() {
        let broker = SimulatedBroker(shards: 2, store: SimulatedStore()) { $0.recentEventsPerRoom = 4 }
        let ada = broker.logIn("ada")
        let body = String(repeating: "word ", count: 3_000)
        for _ in 0..<12 { ada.publish(body, to: .lobby) }
        let replies = ada.replies(to: .search(Search(query: "word", limit: 12)))
        let pages = replies.compactMap { if case .found(let found) = $0 { found } else { nil } }
        #expect(pages.count == replies.count && pages.count > 1)
        #expect(pages.dropLast().allSatisfy { $0.cursor == nil && !$0.isIncomplete && $0.frames.count <= 60_000 })
        let seqs = pages.flatMap { (try? $0.events())?.map(\.seq) ?? [] }
        #expect(seqs.count == 12 && seqs == seqs.sorted(by: >))
        #expect(pages.last?.cursor != nil)
    }

    // MARK: Bounds

    @Test func aConnectionHasFewSearchesAtATime() {
        let broker = SimulatedBroker(shards: 2, store: SimulatedStore())
        let (ada, bob) = (broker.logIn("ada"), broker.logIn("bob"))
        ada.publish("word", to: .lobby)
        for _ in 0..<2 {
            ada.takeInbox()
            let ids = (0..<10).map { ada.send(.search(Search(query: "word", room: $0 % 2 == 0 ? .lobby : nil))) }
            broker.settle()
            let answers = ids.map { id in ada.inbox.filter { $0.requestID == id }.compactMap(\.reply) }
            #expect(answers.allSatisfy { $0.count == 1 })
            let refused = answers.count { if case .error(let failure)? = $0.first { failure.code == .overloaded } else { false } }
            #expect(refused <= 6)
        }
        #expect(found(bob, "word") == ["lobby word"])
        #expect(broker.shards.allSatisfy { $0.searches.isEmpty })
    }

    @Test func allConnectionsTogetherHaveABound() {
        let broker = SimulatedBroker(store: SimulatedStore())
        let shard = broker.shards[0]
        let clients = (0..<20).map { broker.logIn("user\($0)") }
        // The store takes its time: requests are read, and nothing else happens.
        var answered = 0
        for client in clients {
            for _ in 0..<5 { client.send(.search(Search(query: "x"))) }
            shard.receive(.command(.search(Search(query: "x")), requestID: 900, isRetry: false), from: client.session, at: broker.moment)
            #expect(shard.searches.count <= Shard.searchesMax)
        }
        broker.settle()
        for client in clients {
            answered += client.inbox.compactMap(\.reply).count { if case .found = $0 { true } else { false } }
        }
        #expect(answered >= 20)
        #expect(shard.searches.isEmpty)
    }

    @Test func whatCannotBeSearchedIsToldAndForgotten() {
        let store = SimulatedStore()
        let broker = SimulatedBroker(shards: 2, store: store)
        let (ada, bob) = (broker.logIn("ada"), broker.logIn("bob"))
        // Without an answer in time the connection is gone, and with it the search.
        bob.send(.search(Search(query: "x")))
        bob.drop()
        broker.settle()
        #expect(broker.shards.allSatisfy { $0.searches.isEmpty })
        store.failsReads = true
        let codes = (0..<100).map { _ in ada.refusal(of: .search(Search(query: "x"))) }
        #expect(codes.contains(.overloaded) && codes.contains(nil))
        #expect(codes.allSatisfy { $0 == nil || $0 == .overloaded })
        #expect(broker.shards.allSatisfy { $0.searches.isEmpty })
    }

    @Test func itNeedsARequestID() {
        let broker = SimulatedBroker(store: SimulatedStore())
        let ada = broker.logIn("ada")
        ada.takeInbox()
        ada.send(.search(Search(query: "x")), id: 0)
        broker.settle()
        guard case .error(let failure)? = ada.inbox.first?.reply else { return #expect(Bool(false)) }
        #expect(failure.code == .badValue && failure.type == 0x2B)
    }

    @Test func whatWasDeletedIsNotFound() {
        let broker = SimulatedBroker(store: SimulatedStore())
        let ada = broker.logIn("ada")
        guard let published = ada.publish("a secret word", to: .lobby) else { return #expect(Bool(false)) }
        #expect(found(ada, "secret") == ["lobby a secret word"])
        _ = ada.ask(change(.delete, published.seq))
        #expect(found(ada, "secret") == [])
    }

    private func change(_ kind: EventKind, _ seq: UInt64, body: String? = nil) -> Command {
        let content = EventContent(kind: kind, messageID: nil, reference: seq, body: body)
        return .publish(Publish(room: .lobby, publication: Publication(content: content)))
    }

    /// The page is read, then the deletion is sent and perhaps committed, then the page comes.
    @Test(arguments: [1, 2, 3], [false, true])
    func whatIsDeletedAfterThePageWasReadIsNotInIt(shards: Int, isCommitted: Bool) {
        for seed in UInt64(1)...8 {
            let store = SimulatedStore()
            let broker = SimulatedBroker(shards: shards, seed: seed, store: store)
            let (ada, eve) = (broker.logIn("ada"), broker.logIn("eve"))
            guard let first = ada.publish("a secret word", to: .lobby), let second = ada.publish("a word", to: .lobby) else {
                return #expect(Bool(false))
            }
            _ = ada.ask(change(.edit, first.seq, body: "a word more secret"))
            _ = ada.ask(change(.edit, second.seq, body: "a word to stay"))
            broker.settle()
            store.holdsFound = true
            eve.takeInbox()
            let id = eve.send(.search(Search(query: "word")))
            broker.settle()
            if !isCommitted { store.setFailing(true) }
            _ = ada.ask(change(.delete, first.seq))
            broker.settle()
            #expect(eve.inbox.contains { if case .event(let event) = $0.frame { event.kind == .delete } else { false } })
            #expect(!eve.inbox.contains { $0.requestID == id })
            store.holdsFound = false
            broker.settle()
            guard case .found(let page)? = eve.inbox.first(where: { $0.requestID == id })?.reply else { return #expect(Bool(false)) }
            #expect((try? page.events())?.map(\.body) == ["a word to stay"])
            store.setFailing(false)
            broker.settle()
            #expect(found(eve, "secret") == [])
            // What was remembered for the sake of the page is forgotten.
            ada.publish("later", to: .lobby)
            broker.settle()
            #expect(broker.room(.lobby)?.storage?.erasures.isEmpty == true)
            #expect(broker.shards.allSatisfy { $0.searches.isEmpty && $0.searchesTold.isEmpty })
        }
    }

    @Test func aMessageIsFoundAsItIsNow() {
        let broker = SimulatedBroker(shards: 2, store: SimulatedStore())
        let ada = broker.logIn("ada")
        guard let published = ada.publish("a pear", to: .lobby) else { return #expect(Bool(false)) }
        _ = ada.ask(change(.edit, published.seq, body: "an apple"))
        broker.settle()
        #expect(found(ada, "pear") == [])
        #expect(found(ada, "apple") == ["lobby an apple"])
    }

    @Test func aTimeIsSearchedFromItsBeginningToBeforeItsEnd() {
        let broker = SimulatedBroker(shards: 2, store: SimulatedStore())
        let ada = broker.logIn("ada")
        var times: [Timestamp] = []
        for number in 1...3 {
            broker.leap(1_000)
            times.append(ada.publish("word \(number)", to: .lobby)?.timestamp ?? 0)
        }
        broker.settle()
        #expect(found(ada, "word", since: times[1]) == ["lobby word 3", "lobby word 2"])
        #expect(found(ada, "word", since: times[1] + 1) == ["lobby word 3"])
        #expect(found(ada, "word", until: times[1]) == ["lobby word 1"])
        #expect(found(ada, "word", until: times[1] + 1) == ["lobby word 2", "lobby word 1"])
        #expect(found(ada, "word", since: times[1], until: times[2]) == ["lobby word 2"])
        #expect(found(ada, "word", since: times[1], until: times[1]) == [])
        #expect(found(ada, "word", since: 0, until: ProtocolLimits.integerMax)?.count == 3)
        #expect(found(ada, "word", until: 0) == [])
        let failure = ada.failure(of: .search(Search(query: "word", since: times[1], until: times[1] - 1)))
        #expect(failure?.code == .badValue && failure?.field == 0x28)
    }
}
