import Bytes
import ChatProtocol

@testable import ChatCore

/// People who do anything at any moment, drawn from a seed.
struct Workload {
    let broker: SimulatedBroker
    private let names: [String] = ["ann", "bob", "cyd", "dan", "eve"]
    private let rooms: [RoomAddress] = ["r1", "r2", "r3", "lobby"]
    private var usedIDs: [MessageID] = []
    private let clientCountMax: Int

    init(
        seed: UInt64, order: SimulatedBroker.MailOrder = .pairs, shards: Int? = nil, keepsAccounts: Bool = false,
        store: SimulatedStore? = nil, former: SimulatedBroker? = nil
    ) {
        var random = SeededRandom(seed: seed)
        let count = shards ?? Int.random(in: 1...3, using: &random)
        clientCountMax = Int.random(in: 2...8, using: &random)
        broker = SimulatedBroker(shards: count, seed: random.next(), order: order, store: store, former: former) { settings in
            settings.recentEventsPerRoom = Int.random(in: 1...24, using: &random)
            settings.recentEventBytesPerRoomMax = Int.random(in: 500...4_000, using: &random)
            settings.noticeMembersMax = Bool.random(using: &random) ? 64 : 2
            settings.roomsPerAccountMax = Int.random(in: 1...4, using: &random)
            settings.deduplicationEntriesPerAccountMax = Int.random(in: 1...8, using: &random)
            settings.emptyRoomSeconds = 3
            settings.reactionsPerRoomMax = Int.random(in: 0...6, using: &random)
            settings.pinsPerRoomMax = 2
            settings.outboundHighWaterBytes = Int.random(in: 300...3_000, using: &random)
            settings.outboundLowWaterBytes = settings.outboundHighWaterBytes / 4
            settings.outboundTotalBytesMax = Int.random(in: 500...20_000, using: &random)
            settings.outboundControlBytes = 2_000
            settings.batchByteCountMax = Int.random(in: 100...2_000, using: &random)
            settings.offersAccounts = keepsAccounts
            settings.isRegistrationOpen = keepsAccounts
            settings.givesTokens = keepsAccounts
        }
        if keepsAccounts { broker.judge.registered = former?.judge.registered ?? ["ann", "bob"] }
        broker.cutsOctets = true
        broker.delaysFlushes = Bool.random(using: &random)
    }

    /// Does `count` things, and looks at what the broker holds whenever it has come to rest.
    mutating func run(_ count: Int, restingEvery period: Int = 150) -> [String] {
        for index in 1...count {
            act()
            for _ in 0..<Int.random(in: 0...4, using: &broker.random) { broker.step() }
            guard index % period == 0 || index == count else { continue }
            rest()
            let faults = broker.faultsAtRest()
            if !faults.isEmpty { return faults.map { "after \(index): \($0)" } }
            let unheard = probe()
            if !unheard.isEmpty { return unheard.map { "after \(index): \($0)" } }
        }
        for client in broker.clients { client.drop() }
        broker.settle()
        // Longer than anything is kept.
        broker.leap(70_000)
        broker.settle()
        broker.leap(100)
        broker.settle()
        return broker.remains().map { "left behind: \($0)" }
    }

    /// Does `count` things; the broker may end at any moment after.
    mutating func runWithoutEnd(_ count: Int) -> [String] {
        for index in 1...count {
            act()
            for _ in 0..<Int.random(in: 0...4, using: &broker.random) { broker.step() }
            guard index == count / 2 else { continue }
            rest()
            let faults = broker.faultsAtRest()
            if !faults.isEmpty { return faults.map { "after \(index): \($0)" } }
        }
        return broker.truth.faults + (broker.store?.faults ?? [])
    }

    private func rest() {
        broker.store?.setFailing(false)
        for client in broker.clients { client.reader = .everything }
        broker.settle()
        // A connection that is ending has no more time than this.
        broker.leap(100)
        broker.settle()
    }

    /// Everybody who is a member is heard by everybody who is attached, and everybody can be told something.
    private func probe() -> [String] {
        var faults: [String] = []
        let ready = broker.clients.filter { $0.session.isReady }
        for client in ready where client.session.isReady {
            for room in client.view.memberships.sorted() {
                let reply = client.ask(.publish(Publish(room: room, publication: .text("probe"))))
                if case .published = reply { continue }
                if client.view.isRegistered, let code = reply?.code, code == .notJoined || code == .noSuchRoom { continue }
                guard case .error(let failure)? = reply, failure.code == .forbidden else {
                    faults.append("\(client.name!) cannot be heard in \(room): \(String(describing: reply))")
                    continue
                }
            }
            guard let peer = ready.randomElement(using: &broker.random)?.session.accountName else { continue }
            let text = "probe \(broker.random.next())"
            guard let published = client.tell(peer, text) else {
                faults.append("\(client.name!) cannot tell \(peer) anything")
                continue
            }
            for party in ready where party.session.accountName == peer || party === client {
                if !party.events(in: published.room).contains(where: { $0.body == text }) {
                    faults.append("\(party.name!) did not hear '\(text)' in \(published.room)")
                }
            }
        }
        for client in broker.clients { client.takeInbox() }
        return faults + broker.faultsAtRest()
    }

    private func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &broker.random) < percent }

    private func any<Element>(_ elements: [Element]) -> Element { elements.randomElement(using: &broker.random)! }

    private mutating func act() {
        let ready = broker.clients.filter { $0.session.isReady }
        let dice = Int.random(in: 0..<100, using: &broker.random)
        guard dice >= 8, let client = ready.randomElement(using: &broker.random) else {
            if broker.clients.count < clientCountMax { connect() }
            return
        }
        switch dice {
        case 8..<10: client.drop()
        case 10..<11: client.send(.goodbye(Goodbye(.ok)), id: 0)
        case 11..<12: client.endStream()
        case 12..<24: client.send(.join(join(client)))
        case 24..<30: client.send(.leave(Leave(room: address(client), detachesOnly: chance(40))))
        case 30..<35:
            client.send(.create(CreateRoom(room: any(rooms), title: chance(50) ? "a title" : nil, policy: any([nil, [], .unlisted]))))
        case 35..<60: publish(client)
        case 60..<70: client.send(.directMessage(DirectMessage(to: try! AccountName(any(names)), publication: publication())))
        case 70..<73: rename(client)
        case 73..<74 where broker.settings.offersAccounts: useAccount(client)
        case 73..<74 where broker.store != nil:
            broker.store?.setFailing(chance(40))
            client.send(.resume(resume(client)))
        case 74..<75 where broker.store != nil: client.send(.history(history(client)))
        case 77..<78 where broker.store != nil: client.send(.history(history(client)))
        case 75..<76 where broker.store != nil:
            let now = broker.moment.wallMilliseconds
            client.send(
                .search(
                    Search(
                        query: any(["", "x", "yy"]), room: chance(50) ? address(client) : nil, since: any([nil, 0, now - 500]),
                        until: any([nil, now - 500, now]), limit: any([nil, 1, 5]))))
        case 73..<75: client.send(.list(ListRooms(limit: any([nil, 0, 1, 2]))))
        case 75..<77: client.send(.members(ListMembers(room: address(client), limit: any([nil, 1, 1000]))))
        case 77..<79: client.send(.ping(timestamp: broker.random.next() >> 20))
        case 79..<86: client.reader = any([.everything, .everything, .window(0), .window(700), .sips(90), .sips(900)])
        case 86..<90: beThere(client)
        case 90..<95: broker.leap(any([0, 1, 50, 400]))
        case 95..<96: broker.leap(2_500)
        default: for _ in 0..<10 { broker.step() }
        }
    }

    private func connect() {
        let client = broker.connect()
        let device: SharedBytes? = chance(60) ? .device(UInt8.random(in: 1...3, using: &broker.random)) : nil
        client.open()
        let tokens = ["typing", "presence", "marks", "inbox", "grease-x"].filter { _ in chance(60) }
        client.send(.hello(Hello(agent: "workload/1", capabilities: tokens, device: device)))
        if broker.settings.offersAccounts, chance(50) {
            client.send(.authenticate(Authenticate(mechanism: "HT-SHA-256-NONE", message: SharedBytes(utf8: any(names)))))
        }
        client.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: chance(90) ? SharedBytes(utf8: any(names)) : nil)))
        if chance(20) { rename(client) }
        if chance(5) { client.drop() }
    }

    private func useAccount(_ client: SimulatedClient) {
        switch Int.random(in: 0..<4, using: &broker.random) {
        case 0: client.send(.register(Register(user: try! AccountName(any(names)), verifier: SharedBytes(utf8: "v"))))
        case 1: client.send(.listDevices)
        case 2: client.send(.revokeDevice(.device(UInt8.random(in: 1...3, using: &broker.random))))
        default: client.send(.authenticate(Authenticate(mechanism: "HT-SHA-256-NONE", message: SharedBytes(utf8: any(names)))))
        }
    }

    private func rename(_ client: SimulatedClient) {
        client.send(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: any(names)))))
    }

    /// Says what may be lost: presence, typing, read markers.
    private func beThere(_ client: SimulatedClient) {
        let room = address(client)
        switch Int.random(in: 0..<6, using: &broker.random) {
        case 0, 1: client.send(.typing(Typing(room: room, state: any([0, 1, 1, 1, 2]))))
        case 2: client.send(.presence(Presence(state: PresenceState(rawValue: any([0, 1, 2, 3])))))
        case 3: client.send(.presence(Presence(users: names.filter { _ in chance(40) }.map { try! AccountName($0) })))
        case 4:
            let next = client.view.positions[room]?.next ?? 1
            let mark = UInt64(max(0, Int(next) + any([-3, -1, 0])))
            client.send(.mark(ReadMarker(room: room, mark: mark, epoch: chance(10) ? 7 : nil)))
        default: client.send(.inbox(ReadInbox(since: any([0, 0, 1, 1_795_005_000_000]), limit: any([nil, 0, 1]))))
        }
    }

    private func address(_ client: SimulatedClient) -> RoomAddress {
        if chance(20), let name = client.session.accountName {
            return RoomAddress(conversationOf: name, and: try! AccountName(any(names)))
        }
        return any(rooms)
    }

    private func join(_ client: SimulatedClient) -> Join {
        let room = address(client)
        var join = Join(room: room)
        if chance(50) { join.tail = any([0, 1, 5, 1000]) }
        if chance(30), let position = client.view.positions[room] {
            join.cursor = LogPosition(
                epoch: chance(90) ? position.epoch : 7, seq: UInt64(max(0, Int(position.next) + any([-20, -3, -1, 0, 2]))))
        }
        return join
    }

    private func resume(_ client: SimulatedClient) -> Resume {
        let positions = client.view.positions.sorted { $0.key < $1.key }
        return Resume(
            items: positions.map { Resume.Item(room: $0.key, cursor: LogPosition(epoch: $0.value.epoch, seq: $0.value.next - 1)) },
            tail: any([nil, 0, 5, 1000]))
    }

    private func history(_ client: SimulatedClient) -> ReadHistory {
        let from = any([0, 1, 1, 3, 10, 40])
        return ReadHistory(
            room: address(client), fromSeq: UInt64(from), toSeq: UInt64(from + any([0, 2, 10, 1000])), limit: any([nil, 1, 3, 30]),
            direction: any([nil, .newest, .oldest]))
    }

    private mutating func publication() -> Publication {
        var publication = anyPublication()
        if broker.store != nil, chance(50) { publication.acknowledgement = .durable }
        return publication
    }

    private mutating func anyPublication() -> Publication {
        guard chance(70) else { return .text(String(repeating: "x", count: any([0, 1, 40, 400]))) }
        let id = chance(20) && !usedIDs.isEmpty ? any(usedIDs) : MessageID(broker.random.next())
        usedIDs.append(id)
        if usedIDs.count > 20 { usedIDs.removeFirst() }
        return .text(String(repeating: "y", count: any([0, 1, 40, 400])), id)
    }

    /// Changes an event, mostly one that there may be.
    private mutating func change(_ client: SimulatedClient) {
        let room = address(client)
        let next = Int(client.view.positions[room]?.next ?? 1)
        for _ in 0..<any([1, 1, 2, 5]) {
            let kind = EventKind(rawValue: UInt8.random(in: 1...6, using: &broker.random))
            let body: String? =
                switch kind {
                case .edit: "edited"
                case .react, .unreact: any(["+1", "-1"])
                default: nil
                }
            let id = chance(50) ? nil : MessageID(broker.random.next())
            let content = EventContent(
                kind: kind, messageID: id, reference: UInt64(max(0, next + any([-60, -25, -12, -6, -3, -2, -1, -1, 0]))), body: body)
            client.send(.publish(Publish(room: room, publication: Publication(content: content))))
        }
    }

    private mutating func publish(_ client: SimulatedClient) {
        if chance(30) { return change(client) }
        let room = address(client)
        for _ in 0..<any([1, 1, 1, 4, 12]) {
            let publish = Command.publish(Publish(room: room, publication: publication()))
            if chance(20) { client.send(publish, id: 0) } else { client.send(publish) }
        }
    }
}
