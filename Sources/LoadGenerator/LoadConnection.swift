import Bytes
import ChatProtocol
import LibUV
import Transport

/// Why a connection is no more.
enum ConnectionEnd: Equatable {
    /// We took leave.
    case left
    case connectFailed(String)
    /// The broker's own words.
    case goodbye(ResultCode, String?)
    case refused(String)
    case closedByPeer
    case failed(String)
    /// The broker sent what the protocol does not allow.
    case violation(String)

    var description: String {
        switch self {
        case .left: "left"
        case .connectFailed(let reason): reason
        case .goodbye(let code, let reason): "GOODBYE \(code.rawValue) \(code)\(reason.map { ": \($0)" } ?? "")"
        case .refused(let reason): reason
        case .closedByPeer: "closed by the broker without a word"
        case .failed(let reason): reason
        case .violation(let what): "protocol violation: \(what)"
        }
    }
}

/// One guest's connection: connects, logs in, leaves the lobby, splits what it receives into frames, answers PING. What its scenario
/// wants of it is in subclasses. Confined to the thread of its ``LoadLoop``.
class LoadConnection: LoopConnection, SecureStreamDelegate {
    enum Phase {
        case new, connecting, greeting, ready, leaving, closed
    }

    /// Request ids below are for what is sent once; publishes take theirs from here on.
    static let publishRequestIDFirst: UInt32 = 16
    static let helloRequestID: UInt32 = 1
    static let authenticateRequestID: UInt32 = 2
    static let leaveLobbyRequestID: UInt32 = 3
    static let createRequestID: UInt32 = 4
    static let joinRequestID: UInt32 = 5
    static let leaveRequestID: UInt32 = 6
    static let flushRequestID: UInt32 = 7
    static let membersRequestID: UInt32 = 8

    /// Number of the account in the run.
    let number: Int
    let loop: LoadLoop
    private(set) final var phase = Phase.new
    private(set) final var requestsInFlightMax = 1
    private(set) final var bodyByteCountMax = 0
    final var isDirty = false
    private final var stream: SecureStream?
    private final var pendingConnect: PendingRequest?
    private final var queue = OutboundQueue()
    private final var partial = ReadBuffer()
    private final var hasPreface = false
    private final var dialedNanoseconds: UInt64 = 0
    private final var connectedNanoseconds: UInt64 = 0

    init(number: Int, loop: LoadLoop) {
        self.number = number
        self.loop = loop
    }

    final var account: AccountName { loop.plan.identity.account(number) }
    final var isOpen: Bool { phase == .ready }

    // MARK: What the scenario decides

    /// The account is in force.
    func didLogIn() {}

    /// A frame for the scenario, in the state READY. The payload is lent for the length of the call.
    func receive(_ header: FrameHeader, _ payload: RawSpan) {}

    /// Called at the end of a turn in which the connection was marked dirty, before what is queued is written.
    func fill() {}

    /// The connection is no more. Called once.
    func didEnd(_ end: ConnectionEnd) {}

    // MARK: Connecting

    final func dial() {
        precondition(phase == .new, "a connection is dialled once")
        phase = .connecting
        dialedNanoseconds = MonotonicClock.nanoseconds
        let source = loop.plan.source(of: number)
        pendingConnect = TCPStream.connect(loop: loop.eventLoop, to: loop.plan.address, from: source) { [self] result in
            pendingConnect = nil
            switch result {
            case .success(let stream): didConnect(stream)
            case .failure(let error):
                let place = source.map { " from \($0.host)" } ?? ""
                end(.connectFailed("\(loop.plan.address)\(place): \(error)"))
            }
        }
    }

    private final func didConnect(_ socket: TCPStream) {
        guard phase == .connecting else { return socket.close() }
        connectedNanoseconds = MonotonicClock.nanoseconds
        let stream = SecureStream(stream: socket, scratch: loop.tlsScratch)
        self.stream = stream
        stream.delegate = self
        do throws(StreamError) {
            if let context = loop.plan.tlsContext {
                try stream.startClientTLS(context: context, serverName: loop.plan.configuration.target.host)
            }
            try stream.startReading()
        } catch {
            return end(.failed(error.description))
        }
        if loop.plan.tlsContext == nil { greet() }
    }

    final func secureStreamDidHandshake(_ stream: SecureStream) { greet() }

    private final func greet() {
        guard phase == .connecting else { return }
        phase = .greeting
        var writer = ByteWriter(minimumCapacity: 160)
        Preface.client.append(to: &writer)
        FrameEncoder.append(.hello(Hello(agent: "broker-load")), requestID: Self.helloRequestID, to: &writer)
        var name = ByteWriter(minimumCapacity: 32)
        account.append(to: &name)
        let wish = Authenticate(mechanism: "ANONYMOUS", message: name.finish())
        FrameEncoder.append(.authenticate(wish), requestID: Self.authenticateRequestID, to: &writer)
        send(writer.finish())
    }

    // MARK: Sending

    /// Queues octets; they are written at the end of the turn.
    final func send(_ bytes: SharedBytes) {
        queue.append(bytes)
        loop.markDirty(self)
    }

    final func send(_ command: Command, requestID: UInt32) {
        var writer = ByteWriter(minimumCapacity: 96)
        FrameEncoder.append(command, requestID: requestID, to: &writer)
        send(writer.finish())
    }

    /// Writes what is queued as far as the kernel takes it. One call a turn.
    final func flush() {
        guard let stream, !queue.isEmpty else { return }
        if case .failed(let error) = stream.flush(&queue) { fail(error) }
    }

    final func secureStreamCanWrite(_ stream: SecureStream) {
        loop.markDirty(self)
    }

    final func stopReading() { stream?.stopReading() }

    final func startReading() {
        do throws(StreamError) {
            try stream?.startReading()
        } catch {
            fail(error)
        }
    }

    // MARK: Receiving

    final func secureStream(_ stream: SecureStream, didRead bytes: RawSpan) {
        loop.beginReceiving()
        var offset = 0
        if !partial.isEmpty {
            guard let taken = completePartial(bytes) else { return }
            offset = taken
        }
        while phase != .closed, let byteCount = unitByteCount(bytes, at: offset), bytes.byteCount - offset >= byteCount {
            handleUnit(bytes.extracting(offset..<(offset + byteCount)))
            offset += byteCount
        }
        if phase != .closed, offset < bytes.byteCount {
            partial.append(bytes.extracting(offset..<bytes.byteCount))
        }
    }

    /// Takes from `bytes` what the unit begun in an earlier read still needs and handles it. Gives back how many octets that were;
    /// nil if the unit is still incomplete or the connection has ended.
    private final func completePartial(_ bytes: RawSpan) -> Int? {
        var taken = 0
        while true {
            let needed = partial.withBytes { unitByteCount($0, at: 0) ?? FrameHeader.byteCount }
            let missing = needed - partial.count
            if missing <= 0, needed > FrameHeader.byteCount || !hasPreface || partial.withBytes({ unitByteCount($0, at: 0) }) != nil {
                // The buffer is emptied first: what is handled may end the connection.
                let unit = partial
                partial.clear()
                unit.withBytes { handleUnit($0) }
                return phase == .closed ? nil : taken
            }
            let count = min(missing, bytes.byteCount - taken)
            guard count > 0 else { return nil }
            partial.append(bytes.extracting(taken..<(taken + count)))
            taken += count
        }
    }

    /// Octets of the preface or frame that begins at `offset`; nil as long as too little of it is there to say. Ends the connection at a
    /// frame that no broker may send.
    private final func unitByteCount(_ bytes: RawSpan, at offset: Int) -> Int? {
        guard hasPreface else { return Preface.byteCount }
        guard let header = FrameHeader(bytes, at: offset) else { return nil }
        guard header.payloadByteCount <= ProtocolLimits.payloadByteCountMax, header.flags.rawValue & 0xB0 == 0 else {
            end(.violation("frame header \(header)"))
            return nil
        }
        return header.frameByteCount
    }

    private final func handleUnit(_ unit: RawSpan) {
        guard hasPreface else { return handlePreface(unit) }
        guard let header = FrameHeader(unit) else { preconditionFailure("a unit is a whole frame") }
        let payload = unit.extracting(FrameHeader.byteCount..<unit.byteCount)
        if phase == .ready, header.type != FrameType.ping.rawValue, header.type != FrameType.goodbye.rawValue {
            receive(header, payload)
        } else {
            receiveControl(header, payload)
        }
    }

    private final func handlePreface(_ unit: RawSpan) {
        hasPreface = true
        guard let preface = try? Preface.parse(unit), preface.choseVersion else {
            return end(.violation("the broker's preface is not that of version 1"))
        }
    }

    /// Reads a frame that is not on the hot path; nil, and the end of the connection, if it is malformed.
    final func decode(_ header: FrameHeader, _ payload: RawSpan) -> ServerFrame? {
        do throws(PayloadError) {
            return try FrameDecoder.serverFrame(header, payload: payload)
        } catch {
            end(.violation("frame type \(header.type): \(error.code) \(error.reason)"))
            return nil
        }
    }

    private final func receiveControl(_ header: FrameHeader, _ payload: RawSpan) {
        // Frames of a type that this version does not know are skipped (18.3 Grease).
        guard FrameType(rawValue: header.type) != nil, let frame = decode(header, payload) else { return }
        switch frame {
        case .reply(.ping(let timestamp)):
            send(.pong(timestamp: timestamp), requestID: header.requestID)
        case .reply(.goodbye(let goodbye)):
            end(phase == .leaving ? .left : .goodbye(goodbye.code, goodbye.reason))
        case .reply(.welcome(let welcome)) where phase == .greeting:
            requestsInFlightMax = max(1, Int(clamping: welcome.requestsInFlightMax))
            bodyByteCountMax = Int(clamping: welcome.bodyByteCountMax)
        case .reply(.authenticated(let authenticated)) where phase == .greeting:
            guard authenticated.user == account else {
                return end(.refused("wished for the name \(account) and got \(authenticated.user): the broker must allow named guests"))
            }
            phase = .ready
            loop.didLogIn(self, dialed: dialedNanoseconds, connected: connectedNanoseconds)
            didLogIn()
        case .reply(.error(let failure)) where phase == .greeting:
            end(.refused("log-in: \(failure.text)"))
        default:
            // While taking leave, what was under way still arrives.
            if phase == .greeting { end(.violation("frame type \(header.type) before AUTH_OK")) }
        }
    }

    /// Handles what every scenario treats alike: the lobby, into which the broker puts every connection. True if it did.
    final func handleLobby(_ frame: ServerFrame, requestID: UInt32) -> Bool {
        switch frame {
        case .reply(.joined(let joined)) where joined.room == .lobby && requestID == 0:
            send(.leave(Leave(room: .lobby, detachesOnly: true)), requestID: Self.leaveLobbyRequestID)
            return true
        case .event(let event) where event.room == .lobby:
            loop.result.lobbyEvents += 1
            return true
        case .reply(.lag(let lag)) where lag.room == .lobby:
            return true
        case .reply(.ok) where requestID == Self.leaveLobbyRequestID:
            return true
        default:
            return false
        }
    }

    // MARK: Ending

    /// Takes leave: GOODBYE, and then the broker closes.
    final func leave() {
        guard phase == .ready else {
            if phase != .leaving { end(.left) }
            return
        }
        phase = .leaving
        send(.goodbye(Goodbye(.ok)), requestID: 0)
    }

    final func end(_ reason: ConnectionEnd) {
        guard phase != .closed else { return }
        let (wasDialed, wasReady) = (phase != .new, phase == .ready || phase == .leaving)
        phase = .closed
        pendingConnect?.cancel()
        pendingConnect = nil
        stream?.close()
        queue.removeAll()
        didEnd(reason)
        loop.didEnd(self, wasReady: wasReady, wasDialed: wasDialed)
    }

    final func secureStreamDidReachEnd(_ stream: SecureStream) {
        end(phase == .leaving ? .left : .closedByPeer)
    }

    final func secureStream(_ stream: SecureStream, didFail error: StreamError) {
        fail(error)
    }

    private final func fail(_ error: StreamError) {
        end(
            phase == .leaving ? .left : phase == .connecting ? .connectFailed("\(loop.plan.address): \(error)") : .failed(error.description)
        )
    }

    final func secureStreamDidClose(_ stream: SecureStream) {
        self.stream = nil
        end(.closedByPeer)
    }
}

extension Failure {
    /// Code, name and reason in one line.
    var text: String { "\(code.rawValue) \(code)\(reason.map { ": \($0)" } ?? "")" }
}
