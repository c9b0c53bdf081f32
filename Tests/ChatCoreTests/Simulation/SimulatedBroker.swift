import Bytes
import ChatDialects
import ChatProtocol

@testable import ChatCore

/// Shards wired together by mail in memory, under a clock and a scheduler that are inputs: the same seed gives the same run.
///
/// It honours what `ShardDriver` and `Connection` promise the core: everything of a turn leaves at its end, mail of one shard to
/// another arrives in the order posted, a held session is not read. Between shards nothing else is in order.
final class SimulatedBroker {
    /// How mail waits.
    enum MailOrder {
        /// One queue for each pair of shards: only what one shard posts to another is in order.
        case pairs
        /// One box for each shard, as the adapter has it: what is posted first is delivered first.
        case boxes
    }

    let shards: [Shard]
    let settings: CoreSettings
    let mailOrder: MailOrder
    var random: SeededRandom
    private(set) var milliseconds: UInt64
    private(set) var clients: [SimulatedClient] = []
    /// Whether the end of a turn may leave what is to be sent to a later one.
    var delaysFlushes = false
    /// Whether octets are cut at random on their way to the broker.
    var cutsOctets = false
    var truth = Truth()
    var judge = SimulatedJudge()
    /// What has been asked and not answered, in no order.
    private var questions: [(shard: Int, question: CredentialQuestion)] = []
    /// Where rooms are stored; nil if they are kept in memory only.
    let store: SimulatedStore?

    private var mail: [[ShardMail]]
    private var bySession: [SessionID: SimulatedClient] = [:]

    init(
        shards count: Int = 1, seed: UInt64 = 1, order: MailOrder = .pairs, store: SimulatedStore? = nil, former: SimulatedBroker? = nil,
        _ change: (inout CoreSettings) -> Void = { _ in }
    ) {
        var settings = CoreSettings()
        change(&settings)
        self.settings = settings
        mailOrder = order
        var random = SeededRandom(seed: seed)
        let map = ShardMap(shardCount: count, key: random.next())
        // A broker that follows another sees what that one showed to its clients.
        milliseconds = (former?.milliseconds ?? 4_999_000) + 1_000
        if let former { truth = former.truth.ofFormerLife }
        let start = Self.moment(milliseconds)
        let chosen = settings
        self.store = store
        let state = store?.open(shards: count)
        shards = (0..<count).map { index in
            Shard(
                index: index, map: map, settings: chosen, history: state.map { ShardHistory(of: index, map, in: $0) },
                seed: random.next(), at: start)
        }
        mail = Array(repeating: [], count: count * count)
        self.random = random
    }

    private static func moment(_ milliseconds: UInt64) -> Moment {
        Moment(monotonicMilliseconds: milliseconds, wallMilliseconds: 1_795_000_000_000 + milliseconds)
    }

    var moment: Moment { Self.moment(milliseconds) }

    // MARK: Clients

    /// A connection on a shard, by default one drawn by chance.
    func connect(on shard: Int? = nil) -> SimulatedClient {
        let shard = shard ?? Int(random.next() % UInt64(shards.count))
        let session = shards[shard].connect(at: moment)
        if settings.offersAccounts { session.channel = .loopback }
        let client = SimulatedClient(broker: self, shard: shard, session: session)
        clients.append(client)
        bySession[session.id] = client
        return client
    }

    /// A connection that has said preface and HELLO and has been welcomed.
    func greet(device: SharedBytes? = nil, capabilities: [String] = [], on shard: Int? = nil) -> SimulatedClient {
        let client = connect(on: shard)
        client.open()
        client.ask(.hello(Hello(agent: "test/1", capabilities: capabilities, device: device)))
        return client
    }

    /// A connection that is READY and has been sent all that follows.
    func logIn(
        _ name: String, device: SharedBytes? = nil, capabilities: [String] = [], on shard: Int? = nil
    ) -> SimulatedClient {
        let client = greet(device: device, capabilities: capabilities, on: shard)
        client.ask(.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: name))))
        return client
    }

    /// The socket of a connection is gone.
    func remove(_ client: SimulatedClient) {
        guard client.isOpen else { return }
        client.isOpen = false
        clients.removeAll { $0 === client }
        bySession[client.session.id] = nil
        shards[client.shardIndex].disconnect(client.session, at: moment)
        endTurn(of: client.shardIndex)
    }

    // MARK: Turns

    /// Does on a shard what a turn of its loop would do.
    func turn(of index: Int, _ body: (Shard) -> Void) {
        body(shards[index])
        endTurn(of: index)
    }

    private func endTurn(of index: Int) {
        let shard = shards[index]
        // As under load, when what several turns bring leaves together.
        let flushes = !delaysFlushes || Bool.random(using: &random)
        if flushes { shard.endTurn(at: moment) }
        while (flushes && !shard.effects.writable.isEmpty) || !shard.effects.ended.isEmpty || !shard.effects.resumed.isEmpty {
            if flushes {
                let writable = shard.effects.writable
                shard.effects.writable.removeAll()
                shard.noteWritten()
                for session in writable { bySession[session.id]?.flush() }
            }
            let ended = shard.effects.ended
            shard.effects.ended.removeAll()
            for (session, reason) in ended { bySession[session.id]?.end(reason) }
            let resumed = shard.effects.resumed
            shard.effects.resumed.removeAll()
            for session in resumed { bySession[session.id]?.resume() }
            if flushes { shard.endTurn(at: moment) }
        }
        truth.note(shard.rooms.values)
        questions += shard.effects.questions.map { (index, $0) }
        shard.effects.questions.removeAll()
        store?.take(shard)
        let aborted = shard.effects.aborted
        shard.effects.aborted.removeAll()
        for target in shards.indices where target != index {
            let posted = shard.effects.mail[target]
            shard.effects.mail[target].removeAll()
            mail[queue(from: index, to: target)] += posted
            shard.noteMailbox(of: target, count: waitingCount(for: target))
        }
        for session in aborted {
            guard let client = bySession[session.id] else { continue }
            client.wasAborted = true
            remove(client)
        }
    }

    private func queue(from: Int, to: Int) -> Int { mailOrder == .pairs ? from * shards.count + to : to }

    private func waitingCount(for target: Int) -> Int {
        mailOrder == .boxes ? mail[target].count : shards.indices.reduce(0) { $0 + mail[$1 * shards.count + target].count }
    }

    // MARK: Scheduling

    private enum Action {
        case mail(queue: Int)
        case octets(SimulatedClient)
        case write(SimulatedClient)
        case close(SimulatedClient)
        case flush(shard: Int)
        case answer(Int)
        case commit
        case read
        case search
        case told(shard: Int)
    }

    private func actions() -> [Action] {
        var actions: [Action] = []
        for queue in mail.indices where !mail[queue].isEmpty { actions.append(.mail(queue: queue)) }
        for index in questions.indices { actions.append(.answer(index)) }
        for shard in shards where shard.hasBatches || !shard.effects.writable.isEmpty { actions.append(.flush(shard: shard.index)) }
        if let store {
            if store.hasPosts { actions.append(.commit) }
            if store.hasReads { actions.append(.read) }
            if store.hasSearches { actions.append(.search) }
            for shard in shards.indices where store.hasAnswers(for: shard) { actions.append(.told(shard: shard)) }
        }
        for client in clients {
            if client.canBeRead { actions.append(.octets(client)) }
            if client.canBeWritten { actions.append(.write(client)) }
            if client.wantsToClose { actions.append(.close(client)) }
        }
        return actions
    }

    /// Does one thing that can be done, chosen by chance; false if there is none.
    @discardableResult
    func step() -> Bool {
        let actions = actions()
        guard let action = actions.randomElement(using: &random) else { return false }
        switch action {
        case .mail(let queue):
            let count = Int.random(in: 1...mail[queue].count, using: &random)
            let batch = Array(mail[queue].prefix(count))
            mail[queue].removeFirst(count)
            turn(of: queue % shards.count) { $0.accept(batch, at: moment) }
        case .octets(let client): turn(of: client.shardIndex) { _ in client.readOnBrokersSide() }
        case .write(let client): turn(of: client.shardIndex) { _ in client.flush() }
        case .close(let client): remove(client)
        case .flush(let shard): turn(of: shard) { _ in }
        case .answer(let index):
            let (shard, question) = questions.remove(at: index)
            let answer = judge.answer(question, random: &random)
            turn(of: shard) { $0.answer(question.number, with: answer, at: moment) }
        case .commit: store?.commit(Int.random(in: 1...4, using: &random))
        case .read: store?.read(&random)
        case .search: store?.search(&random)
        case .told(let shard):
            let answers = store?.takeAnswers(for: shard, &random) ?? []
            turn(of: shard) { $0.accept(answers, at: moment) }
        }
        if !truth.durables.isEmpty || !truth.batches.isEmpty { compareWithStore() }
        return true
    }

    /// What clients were told of the store, held against the store at once.
    private func compareWithStore() {
        for (room, seq, id) in truth.durables {
            // Of a log that has ended nothing is stored any more.
            // PUBLISHED does not name the epoch either.
            guard let log = store?.logs[room], self.room(room)?.epoch == log.record.epoch, truth.epochs[room]?.count == 1 else { continue }
            if store?.event(room, epoch: log.record.epoch, seq)?.messageID != id {
                truth.faults.append("\(room) \(seq) was acknowledged as durable, and is not stored")
            }
        }
        truth.durables = []
        for (batch, seqs) in truth.batches where batch.fromSeq <= batch.toSeq {
            guard let log = store?.logs[batch.room], log.record.epoch == batch.epoch else { continue }
            for seq in batch.fromSeq...batch.toSeq where log.events[seq] != nil && !seqs.contains(seq) {
                truth.faults.append("\(batch.room) \(seq) is stored, and a BATCH of \(batch.fromSeq)-\(batch.toSeq) has it not")
            }
        }
        truth.batches = []
    }

    /// Goes on until nothing is left to be done without the passage of time.
    func settle() {
        var steps = 0
        while step() {
            steps += 1
            precondition(steps < 1_000_000, "the broker never comes to rest")
        }
    }

    /// Lets time pass in one leap, and looks after deadlines once on every shard.
    func leap(_ milliseconds: UInt64) {
        self.milliseconds += milliseconds
        for index in shards.indices { turn(of: index) { $0.tick(at: moment) } }
    }

    /// Lets time pass in ticks, with everything that follows.
    func pass(_ milliseconds: UInt64, tick: UInt64 = 100) {
        var left = milliseconds
        while left > 0 {
            let step = min(left, tick)
            leap(step)
            settle()
            left -= step
        }
    }

    // MARK: What the broker holds

    func room(_ address: RoomAddress) -> Room? {
        shards[shards[0].map.home(of: address)].rooms[address]
    }

    var accounts: [AccountName: Account] {
        shards.reduce(into: [:]) { $0.merge($1.accounts) { _, _ in preconditionFailure("an account has one home") } }
    }
}

extension AccountName: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = try! AccountName(value) }
}

extension RoomAddress: ExpressibleByStringLiteral {
    init(stringLiteral value: String) { self = try! RoomAddress(value) }
}

extension SharedBytes {
    /// A device id of 16 equal octets.
    static func device(_ octet: UInt8) -> SharedBytes { SharedBytes([UInt8](repeating: octet, count: 16)) }
}
