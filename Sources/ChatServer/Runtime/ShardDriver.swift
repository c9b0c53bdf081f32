import Bytes
import ChatCore
import ChatProtocol
import Deflate
import Glibc
import LibUV
import Logging
import TLS
import Transport

/// Runs one shard on one loop: turns what libuv reports into what happens to the shard, and does what the shard wants done.
///
/// Everything of a turn leaves at its end: room batches first, then one write for each connection with something queued, then one
/// post for each other loop. Under load, batches and writes of several turns leave together (``FlushPacer``). Confined to its loop's
/// thread.
final class ShardDriver {
    /// How often deadlines are looked after.
    private static let tickMilliseconds: UInt64 = 100

    let loop: EventLoop
    let shard: Shard
    let tls: TLSContext?
    /// Whether clients may show certificates.
    var asksForCertificates: Bool { shared.asksForCertificates }
    let shared: SharedRuntime
    let index: Int
    private let scratch = TLSScratch()
    private(set) var connections: ContiguousArray<Connection?> = []
    private(set) var connectionCount = 0
    private var listeners: [TCPListener] = []
    private let ticker: Timer
    private let shutdownTimer: Timer
    private var pacer: FlushPacer
    private var flushTimer: HighResolutionTimer?
    private var isFlushPending = false
    /// When the present flush began, by the clock of ``EventLoop/clockNanoseconds``.
    private var flushStart: UInt64 = 0
    private var wallMilliseconds: UInt64?
    private(set) var isShuttingDown = false
    /// What HTTP serves.
    var web: WebSettings { shared.web }
    /// Shared by the connections of the loop, because no context is taken over from message to message.
    private(set) lazy var inflater = Inflater()
    private(set) lazy var deflater = Deflater(windowBits: WebSocketDoor.deflateWindowBits)

    /// - Throws: what the system refuses: descriptors, memory.
    init(index: Int, shared: SharedRuntime) throws(UVError) {
        self.index = index
        self.shared = shared
        loop = try EventLoop()
        tls = shared.tls
        var random = SystemRandomNumberGenerator()
        shard = Shard(
            index: index, map: shared.map, settings: shared.settings, history: shared.storage?.histories[index], seed: random.next(),
            at: Moment(monotonicMilliseconds: loop.nowMilliseconds, wallMilliseconds: Self.wallClock()))
        pacer = FlushPacer(windowNanoseconds: shared.flushWindowNanoseconds)
        ticker = Timer(loop: loop)
        shutdownTimer = Timer(loop: loop)
        loop.onTurnEnd = { [unowned self] in endTurn() }
        if shared.flushWindowNanoseconds > 0 {
            // That the loop wakes up is all: the end of that turn flushes.
            flushTimer = try HighResolutionTimer(loop: loop) { [unowned self] in isFlushPending = false }
        }
        try shared.boxes[index].mail.attach(to: loop) { [unowned self] in accept($0) }
        try shared.boxes[index].store.attach(to: loop) { [unowned self] in accept($0) }
        try shared.boxes[index].orders.attach(to: loop) { [unowned self] in $0.forEach(obey) }
        ticker.start(afterMilliseconds: Self.tickMilliseconds, repeatMilliseconds: Self.tickMilliseconds) { [unowned self] in
            shard.tick(at: moment)
        }
    }

    /// The time, read once a turn.
    var moment: Moment {
        let wall = wallMilliseconds ?? Self.wallClock()
        wallMilliseconds = wall
        return Moment(monotonicMilliseconds: loop.nowMilliseconds, wallMilliseconds: wall)
    }

    static func wallClock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    // MARK: Connections

    /// Listens and accepts at the addresses; the ports chosen where 0 was asked for.
    func listen(at addresses: [ListenerAddress]) throws(ServerError) -> [ListenerAddress] {
        for address in addresses.map(\.address) {
            do throws(UVError) {
                let sharing: PortSharing = shared.boxes.count == 1 ? .alone : index == 0 ? .founds : .joins
                listeners.append(
                    try TCPListener(
                        loop: loop, address: address, backlog: shared.backlog, acceptCountMaxPerTurn: shared.acceptCountMaxPerTurn,
                        sharing: sharing))
            } catch {
                throw ServerError("cannot listen on \(address): \(error)")
            }
        }
        for (listener, asked) in zip(listeners, addresses) {
            listener.start(
                onAccept: { [unowned self] in place($0, asked.kind) },
                onError: { [unowned self] in
                    shared.log.warning("cannot accept connections: \($0)", metadata: ["loop": "\(index)"])
                })
        }
        return zip(listeners, addresses).map { ListenerAddress(address: $0.localAddress, kind: $1.kind) }
    }

    /// Gives a connection to the loop that has the fewest, if this one has many more.
    private func place(_ socket: AcceptedSocket, _ kind: ListenerKind) {
        let target = shared.census.loop(forConnectionAcceptedOn: index)
        if target == index { adopt(socket, kind) } else { shared.boxes[target].orders.post([.adopt(socket, kind)]) }
    }

    private func adopt(_ socket: AcceptedSocket, _ kind: ListenerKind) {
        guard !isShuttingDown else { return }
        let verdict = shared.census.enter(from: socket.peer, loop: index)
        if case .shed = verdict { return }
        let stream: TCPStream
        do throws(UVError) {
            stream = try TCPStream(loop: loop, adopting: socket)
        } catch {
            shared.census.leave(from: socket.peer, loop: index, isAuthenticated: false)
            return shared.log.debug("a connection was gone before it was served: \(error)")
        }
        let session = shard.connect(at: moment)
        let connection = Connection(
            stream: SecureStream(stream: stream, scratch: scratch), session: session, driver: self, kind: kind,
            isClearTextAccepted: shared.acceptsClearTextAnywhere || socket.peer.isLoopback)
        if case .refused = verdict { shard.refuse(session, with: Goodbye(.tooManyConnections, reason: "too many connections")) }
        let slot = Int(session.id.slot)
        while connections.count <= slot { connections.append(nil) }
        connections[slot] = connection
        connectionCount += 1
        connection.start()
    }

    /// A connection's socket is gone.
    func remove(_ connection: Connection) {
        let session = connection.session
        shard.disconnect(session, at: moment)
        connections[Int(session.id.slot)] = nil
        connectionCount -= 1
        shared.census.leave(from: connection.peer, loop: index, isAuthenticated: !connection.isCountedUnauthenticated)
        log(connection)
        if isShuttingDown && connectionCount == 0 { loop.stop() }
    }

    private func log(_ connection: Connection) {
        let reason = connection.reason ?? CloseReason(.ok, "the client went away")
        let level: Logger.Level = reason.code.rawValue < 100 ? .debug : .info
        shared.log.log(
            level: level, "connection closed: \(reason.text)",
            metadata: [
                "code": "\(reason.code.rawValue) \(reason.code)", "peer": "\(connection.peer)",
                "user": "\(connection.session.accountName?.description ?? "-")",
            ])
    }

    // MARK: The end of a turn

    private func endTurn() {
        let flushes = isFlushDue()
        if flushes { shard.endTurn(at: moment) }
        // Writing may make room for what was held back, and that is written in the same turn.
        while (flushes && !shard.effects.writable.isEmpty) || !shard.effects.ended.isEmpty || !shard.effects.resumed.isEmpty {
            if flushes { flushWritable() }
            endConnections()
            resumeReading()
            if flushes { shard.endTurn(at: moment) }
        }
        askQuestions()
        for session in shard.effects.aborted { connections[Int(session.id.slot)]?.abort() }
        shard.effects.aborted.removeAll(keepingCapacity: true)
        postToStore()
        postMail()
        wallMilliseconds = nil
    }

    /// Whether what is to be sent goes out at the end of this turn; if not, the loop wakes up for it in time.
    private func isFlushDue() -> Bool {
        guard pacer.windowNanoseconds > 0, !shard.effects.writable.isEmpty || shard.hasBatches else { return true }
        let now = EventLoop.clockNanoseconds
        let delay = pacer.delayNanoseconds(at: now)
        guard delay > 0, !isShuttingDown else {
            pacer.noteFlush(at: now)
            flushStart = now
            return true
        }
        if !isFlushPending {
            isFlushPending = true
            flushTimer?.start(afterNanoseconds: delay)
        }
        return false
    }

    private func accept(_ mail: [ShardMail]) {
        for message in mail {
            shard.accept(CollectionOfOne(message), at: moment)
            relievePressure()
        }
    }

    /// Writes in the midst of a turn that brings more than may wait for a connection.
    func relievePressure() {
        guard shard.isPressed else { return }
        flushStart = EventLoop.clockNanoseconds
        pacer.noteFlush(at: flushStart)
        flushWritable()
    }

    private func accept(_ answers: [StoreAnswer]) {
        shard.accept(answers, at: moment)
        relievePressure()
    }

    private func flushWritable() {
        shard.noteWritten()
        var writable: ContiguousArray<Session> = []
        swap(&writable, &shard.effects.writable)
        for session in writable {
            guard let connection = connections[Int(session.id.slot)], connection.session === session else { continue }
            pacer.noteWrite(at: flushStart, previous: connection.lastFlush)
            connection.lastFlush = flushStart
            connection.flush()
            if connection.isCountedUnauthenticated && session.isReady {
                connection.isCountedUnauthenticated = false
                shared.census.noteAuthenticated(from: connection.peer)
            }
        }
        // The list that has just been read gives its storage to the next turn.
        if shard.effects.writable.isEmpty {
            writable.removeAll(keepingCapacity: true)
            swap(&writable, &shard.effects.writable)
        }
    }

    private func endConnections() {
        guard !shard.effects.ended.isEmpty else { return }
        let ended = shard.effects.ended
        shard.effects.ended.removeAll(keepingCapacity: true)
        for (session, reason) in ended { connections[Int(session.id.slot)]?.end(reason) }
    }

    private func resumeReading() {
        guard !shard.effects.resumed.isEmpty else { return }
        let resumed = shard.effects.resumed
        shard.effects.resumed.removeAll(keepingCapacity: true)
        for session in resumed {
            guard let connection = connections[Int(session.id.slot)], connection.session === session else { continue }
            connection.resume()
        }
    }

    // MARK: Orders

    private func obey(_ order: DriverOrder) {
        switch order {
        case .adopt(let socket, let kind): adopt(socket, kind)
        case .answer(let number, let answer): shard.answer(number, with: answer, at: moment)
        case .suspend(let names): shard.suspend(names, at: moment)
        case .report: report()
        case .shutDown: shutDown()
        case .stop: loop.stop()
        }
    }

    private func shutDown() {
        guard !isShuttingDown else { return }
        isShuttingDown = true
        for listener in listeners { listener.close() }
        listeners = []
        shard.shutDown(at: moment)
        // Browsers open sockets in advance, and keep them. Nothing is on its way to or from those, so nobody waits for them.
        for connection in connections where connection?.isIdle == true { connection?.leave() }
        guard connectionCount > 0 else { return loop.stop() }
        shutdownTimer.start(afterMilliseconds: shared.shutdownTimeoutMilliseconds) { [unowned self] in loop.stop() }
    }

    /// Serves until ordered to end, then closes everything.
    func run() {
        loop.run()
        close()
    }

    /// Gives everything back.
    func close() {
        // Every event that was delivered is stored before the store is closed, or its seq could be given to another.
        shard.endTurn(at: moment)
        postToStore(isLast: true)
        shared.boxes[index].mail.close()
        shared.boxes[index].store.close()
        shared.boxes[index].orders.close()
        flushTimer?.close()
        loop.close()
    }
}
