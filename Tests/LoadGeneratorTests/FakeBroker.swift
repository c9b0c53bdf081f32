import Bytes
import ChatProtocol
import LibUV
import Synchronization

/// A broker as small as it can be, on a thread of its own: logs guests in, makes rooms and conversations, gives events numbers and fans
/// them out. It can be told to do one thing wrong.
final class FakeBroker: Sendable {
    /// What it does wrong, at one delivery or request of a member that is not the publisher.
    enum Fault: Sendable, CaseIterable {
        case none, drop, duplicate, swap, otherRoom, otherSender, corruptBody, lag, lagTooShort, wrongAcknowledgement, error, disconnect
        case oneMessageTwice, unanswered, stall, forgetsToLeave, refusesNames, refusesCreation
    }

    let port: UInt16
    private let thread: LoopThread
    private let stop: Mailbox<Void>

    init(_ fault: Fault = .none) throws {
        let stop = Mailbox<Void>()
        let chosenPort = PortBox()
        self.stop = stop
        thread = try LoopThread(name: "fake-broker", stackByteCount: 1 << 20) {
            do {
                let loop = try EventLoop()
                defer { loop.close() }
                let listener = try TCPListener(loop: loop, address: .loopback(port: 0), backlog: 512, sharing: .alone)
                let state = FakeState(fault: fault, loop: loop)
                try stop.attach(to: loop) { _ in loop.stop() }
                listener.start { socket in
                    do { state.accept(try TCPStream(loop: loop, adopting: socket)) } catch { preconditionFailure("\(error)") }
                } onError: { error in
                    preconditionFailure("\(error)")
                }
                loop.onTurnEnd = { state.flush() }
                chosenPort.value.store(Int(listener.localAddress.port), ordering: .releasing)
                loop.run()
                stop.close()
            } catch {
                preconditionFailure("\(error)")
            }
        }
        while chosenPort.value.load(ordering: .acquiring) == 0 {}
        port = UInt16(chosenPort.value.load(ordering: .acquiring))
    }

    func close() {
        stop.post([()])
        thread.join()
    }

    private final class PortBox: Sendable {
        let value = Atomic<Int>(0)
    }
}

private final class FakeLog {
    var seq: UInt64 = 0
    var members: [FakeConnection] = []
    var announced: Set<ObjectIdentifier> = []
}

private final class FakeState {
    let fault: FakeBroker.Fault
    let loop: EventLoop
    private var accounts: [AccountName: FakeConnection] = [:]
    private var logs: [RoomAddress: FakeLog] = [:]
    private var dirty: [FakeConnection] = []
    private var publishCount = 0
    private var isStalling = false
    private var faultsLeft = 1
    private var held: SharedBytes?

    init(fault: FakeBroker.Fault, loop: EventLoop) {
        self.fault = fault
        self.loop = loop
    }

    func accept(_ stream: TCPStream) {
        let connection = FakeConnection(stream: stream, state: self)
        stream.delegate = connection
        do { try stream.startReading() } catch { stream.close() }
    }

    func markDirty(_ connection: FakeConnection) { dirty.append(connection) }

    func flush() {
        guard !isStalling else { return }
        let connections = dirty
        dirty = []
        for connection in connections { connection.flush() }
    }

    func handle(_ command: Command, requestID: UInt32, from connection: FakeConnection) {
        switch command {
        case .hello:
            let welcome = Welcome(
                server: "fake", mechanisms: ["ANONYMOUS"], heartbeatMilliseconds: 30_000, frameByteCountMax: 65_536,
                bodyByteCountMax: 4_096, requestsInFlightMax: 64, deduplicationSeconds: 60)
            connection.reply(.welcome(welcome), requestID)
        case .authenticate(let authenticate):
            guard fault != .refusesNames, let wish = authenticate.message, let name = try? wish.withBytes({ try AccountName($0) }) else {
                return connection.reply(.error(Failure(.exists)), requestID)
            }
            accounts[name] = connection
            connection.account = name
            connection.reply(.authenticated(Authenticated(user: name, session: SharedBytes([UInt8](repeating: 1, count: 16)))), requestID)
            // As a broker does that puts everyone into the lobby, where things happen.
            connection.reply(.joined(Joined(room: .lobby, epoch: 1, head: 0, floor: 1, next: 1)), 0)
            connection.send { FrameEncoder.append(Event(room: .lobby, seq: 1, timestamp: 1, from: name), to: &$0) }
        case .create(let create):
            guard fault != .refusesCreation else { return connection.reply(.error(Failure(.forbidden)), requestID) }
            let log = FakeLog()
            log.seq = 1
            logs[create.room] = log
            connection.reply(.ok(Success()), requestID)
        case .join(let join):
            guard let log = logs[join.room] else { return connection.reply(.error(Failure(.noSuchRoom)), requestID) }
            log.members.append(connection)
            var joined = Joined(room: join.room, epoch: 1, head: log.seq, floor: 1, next: log.seq + 1)
            joined.members = UInt64(log.members.count)
            connection.reply(.joined(joined), requestID)
        case .leave(let leave):
            if fault != .forgetsToLeave { logs[leave.room]?.members.removeAll { $0 === connection } }
            connection.reply(.ok(Success()), requestID)
        case .members(let request):
            let records = (logs[request.room]?.members ?? []).compactMap { member in
                member.account.map { Record.member(MemberRecord(user: $0, role: .member, state: .online)) }
            }
            connection.reply(.items(Items(records: records)), requestID)
        case .publish(let publish):
            guard let log = logs[publish.room] else { return connection.reply(.error(Failure(.noSuchRoom)), requestID) }
            self.publish(publish.publication, in: publish.room, log, requestID, from: connection)
        case .directMessage(let message):
            guard let from = connection.account, let peer = accounts[message.to] else {
                return connection.reply(.error(Failure(.noSuchUser)), requestID)
            }
            let address = RoomAddress(conversationOf: from, and: message.to)
            let log = logs[address] ?? FakeLog()
            logs[address] = log
            for member in [connection, peer] where log.announced.insert(ObjectIdentifier(member)).inserted {
                log.members.append(member)
                member.reply(.joined(Joined(room: address, epoch: 1, head: log.seq, floor: 1, next: log.seq + 1)), 0)
            }
            self.publish(message.publication, in: address, log, requestID, from: connection)
        case .ping(let timestamp):
            connection.reply(.pong(timestamp: timestamp), requestID)
        case .goodbye:
            connection.end()
        default:
            break
        }
    }

    private func publish(
        _ publication: Publication, in room: RoomAddress, _ log: FakeLog, _ requestID: UInt32, from connection: FakeConnection
    ) {
        guard let account = connection.account else { return }
        publishCount += 1
        if fault == .error, takeFault(after: 20) { return connection.reply(.error(Failure(.rateLimited)), requestID) }
        if fault == .disconnect, takeFault(after: 20) { return log.members.last?.end() ?? () }
        if fault == .stall, takeFault(after: 200) { stall() }
        log.seq += 1
        let copies = fault == .oneMessageTwice && takeFault(after: 20) ? 2 : 1
        let acknowledgedSeq = fault == .wrongAcknowledgement && takeFault(after: 20) ? log.seq + 1 : log.seq
        for copy in 0..<copies {
            if copy > 0 { log.seq += 1 }
            var writer = ByteWriter()
            FrameEncoder.appendDeliver(
                room: room, seq: log.seq, timestamp: 1, from: account, content: publication.content, to: &writer)
            let frame = writer.finish()
            let victim = log.members.last { $0 !== connection }
            for member in log.members {
                if member === victim {
                    deliverBadly(frame, room, log.seq, account, publication.content, to: member)
                } else {
                    member.send(frame)
                }
            }
        }
        if fault == .unanswered, takeFault(after: 20) { return }
        let published = Published(room: room, seq: acknowledgedSeq, timestamp: 1, acknowledgement: .accepted)
        connection.reply(.published(published), requestID)
    }

    private func deliverBadly(
        _ frame: SharedBytes, _ room: RoomAddress, _ seq: UInt64, _ from: AccountName, _ content: EventContent, to member: FakeConnection
    ) {
        func other(room: RoomAddress, from: AccountName) {
            member.send { FrameEncoder.appendDeliver(room: room, seq: seq, timestamp: 1, from: from, content: content, to: &$0) }
        }
        func lag(to last: UInt64) {
            member.reply(.lag(Lag(room: room, epoch: 1, fromSeq: seq, toSeq: last, next: last + 1)), 0)
        }
        if let held {
            member.send(frame)
            member.send(held)
            self.held = nil
            return
        }
        guard [.drop, .duplicate, .swap, .otherRoom, .otherSender, .corruptBody, .lag, .lagTooShort].contains(fault),
            takeFault(after: 20)
        else { return member.send(frame) }
        switch fault {
        case .drop: break
        case .duplicate:
            member.send(frame)
            member.send(frame)
        case .swap: held = frame
        case .otherRoom: other(room: (try? RoomAddress("elsewhere")) ?? .lobby, from: from)
        case .otherSender: other(room: room, from: (try? AccountName("mallory")) ?? from)
        case .corruptBody:
            var octets = frame.array
            octets[octets.count - 1] ^= 1
            member.send(SharedBytes(octets))
        case .lag: lag(to: seq)
        case .lagTooShort:
            // One event is dropped, and the LAG that follows names the next one only.
            faultsLeft = -1
        default: break
        }
        if fault == .lagTooShort { member.reply(.lag(Lag(room: room, epoch: 1, fromSeq: seq + 1, toSeq: seq + 1, next: seq + 2)), 0) }
    }

    private func takeFault(after count: Int) -> Bool {
        guard faultsLeft > 0, publishCount > count else { return false }
        faultsLeft -= 1
        return true
    }

    /// Writes nothing for a while, like a broker that collects its garbage.
    private func stall() {
        isStalling = true
        let timer = Timer(loop: loop)
        timer.start(afterMilliseconds: 400) { [self] in
            isStalling = false
            timer.close()
            flush()
        }
    }

    func didEnd(_ connection: FakeConnection) {
        if let account = connection.account { accounts[account] = nil }
        if fault != .forgetsToLeave { for log in logs.values { log.members.removeAll { $0 === connection } } }
    }
}

private final class FakeConnection: TCPStreamDelegate {
    private let stream: TCPStream
    private let state: FakeState
    private var input = ReadBuffer()
    private var queue = OutboundQueue()
    private var hasPreface = false
    private var isEnding = false
    var account: AccountName?

    init(stream: TCPStream, state: FakeState) {
        self.stream = stream
        self.state = state
    }

    func stream(_ stream: TCPStream, didRead bytes: RawSpan) {
        input.append(bytes)
        while let frame = takeFrame() {
            frame.withBytes { span in
                guard let header = FrameHeader(span) else { return }
                do {
                    let payload = span.extracting(8..<span.byteCount)
                    let command = try FrameDecoder.command(header, payload: payload, bodyByteCountMax: 16_384)
                    state.handle(command, requestID: header.requestID, from: self)
                } catch {
                    preconditionFailure("the generator sent a bad frame: \(error)")
                }
            }
        }
    }

    private func takeFrame() -> SharedBytes? {
        if !hasPreface {
            guard input.count >= Preface.byteCount else { return nil }
            input.consume(Preface.byteCount)
            hasPreface = true
            send { Preface.client.append(to: &$0) }
        }
        guard let header = input.withBytes({ FrameHeader($0) }), input.count >= header.frameByteCount else { return nil }
        let frame = input.withBytes { SharedBytes(copying: $0.extracting(0..<header.frameByteCount)) }
        input.consume(header.frameByteCount)
        return frame
    }

    func reply(_ reply: Reply, _ requestID: UInt32) {
        send { FrameEncoder.append(reply, requestID: requestID, to: &$0) }
    }

    func send(_ write: (inout ByteWriter) -> Void) {
        var writer = ByteWriter()
        write(&writer)
        send(writer.finish())
    }

    func send(_ bytes: SharedBytes) {
        if queue.isEmpty { state.markDirty(self) }
        queue.append(bytes)
    }

    func flush() {
        guard !stream.isWriting, !queue.isEmpty else { return }
        do {
            while !queue.isEmpty {
                let count = try stream.tryWrite(queue.slices)
                if count == 0 {
                    try stream.write(Array(queue.slices))
                    queue.removeAll()
                    return
                }
                queue.consume(count)
            }
        } catch {
            stream.close()
        }
    }

    func end() {
        flush()
        stream.close()
    }

    func streamDidReachEnd(_ stream: TCPStream) { stream.close() }
    func stream(_ stream: TCPStream, didFail error: UVError) { stream.close() }
    func streamDidWrite(_ stream: TCPStream) { flush() }
    func streamDidClose(_ stream: TCPStream) { state.didEnd(self) }
}
