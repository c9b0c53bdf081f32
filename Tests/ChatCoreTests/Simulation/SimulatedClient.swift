import Bytes
import ChatDialects
import ChatProtocol

@testable import ChatCore

/// A frame as a client received it.
struct ReceivedFrame {
    let requestID: UInt32
    let hasMore: Bool
    let frame: ServerFrame

    var reply: Reply? {
        guard case .reply(let reply) = frame else { return nil }
        return reply
    }

    var event: Event? {
        guard case .event(let event) = frame else { return nil }
        return event
    }
}

/// One connection, both ends of it: the adapter's end as `Connection` plays it, and a client that checks every frame it is sent
/// against the delivery contract (docs/PROTOCOL.md, *The delivery contract*).
final class SimulatedClient {
    /// How much the client's end of the socket takes.
    enum Reader: Equatable {
        case everything
        /// So many octets, and then nothing more.
        case window(Int)
        /// So many octets each time it is the client's turn.
        case sips(Int)
    }

    unowned let broker: SimulatedBroker
    let shardIndex: Int
    let session: Session

    // The broker's end
    var isOpen = true
    var wasAborted = false
    private(set) var reason: CloseReason?
    private(set) var isShutDown = false
    private var dialect = NativeDialect()
    private var received: [UInt8] = []
    private var isInputEnded = false
    /// Largest number of octets that were ever queued.
    private(set) var queuedByteCountMax = 0

    // The wire
    private var wire: [UInt8] = []
    private var hasEndedStream = false

    // The client's end
    var reader = Reader.everything
    /// Whether the client answers PING.
    var answersPing = true
    /// Whether the client closes once the broker has shut down its side.
    var closesInTurn = true
    private(set) var view: ClientView
    /// Frames received since they were last taken.
    private(set) var inbox: [ReceivedFrame] = []
    private var octets: [UInt8] = []
    private var lastRequestID: UInt32 = 0

    init(broker: SimulatedBroker, shard: Int, session: Session) {
        self.broker = broker
        shardIndex = shard
        self.session = session
        view = ClientView(session: session.id)
    }

    var shard: Shard { broker.shards[shardIndex] }

    var name: AccountName? { view.name }

    // MARK: What the client does

    /// Puts octets on the wire.
    func send(octets: [UInt8]) { wire += octets }

    func open() { send(octets: [0xB3, 0x43, 0x42, 0x50, 1, 1, 0, 0]) }

    /// Puts a request with a new id on the wire; the id.
    @discardableResult
    func send(_ command: Command, isRetry: Bool = false) -> UInt32 {
        lastRequestID += 1
        send(command, id: lastRequestID, isRetry: isRetry)
        return lastRequestID
    }

    func send(_ command: Command, id: UInt32, isRetry: Bool = false) {
        if id != 0 { view.noteRequest(id, command) }
        var writer = ByteWriter()
        FrameEncoder.append(command, requestID: id, isRetry: isRetry, to: &writer)
        wire += writer.finish().array
    }

    /// Asks and waits until the broker is at rest; the final reply, or nil if there is none.
    @discardableResult
    func ask(_ command: Command, isRetry: Bool = false) -> Reply? {
        replies(to: command, isRetry: isRetry).last
    }

    /// Asks and waits; every frame of the reply.
    func replies(to command: Command, isRetry: Bool = false) -> [Reply] {
        let id = send(command, isRetry: isRetry)
        broker.settle()
        return inbox.filter { $0.requestID == id }.compactMap(\.reply)
    }

    /// The code of the ERROR that answers a request; nil if it is not refused.
    func refusal(of command: Command, isRetry: Bool = false) -> ResultCode? {
        guard case .error(let failure)? = ask(command, isRetry: isRetry) else { return nil }
        return failure.code
    }

    func join(_ room: RoomAddress, cursor: LogPosition? = nil, tail: UInt64? = nil) -> Joined? {
        guard case .joined(let joined)? = ask(.join(Join(room: room, cursor: cursor, tail: tail))) else { return nil }
        return joined
    }

    @discardableResult
    func publish(_ body: String, to room: RoomAddress, id: MessageID? = nil) -> Published? {
        guard case .published(let published)? = ask(.publish(Publish(room: room, publication: .text(body, id)))) else { return nil }
        return published
    }

    @discardableResult
    func tell(_ peer: AccountName, _ body: String) -> Published? {
        guard case .published(let published)? = ask(.directMessage(DirectMessage(to: peer, publication: .text(body)))) else { return nil }
        return published
    }

    /// The frames received since this was last called.
    @discardableResult
    func takeInbox() -> [ReceivedFrame] {
        let frames = inbox
        inbox = []
        return frames
    }

    var events: [Event] { inbox.compactMap(\.event) }

    func events(in room: RoomAddress) -> [Event] { events.filter { $0.room == room } }

    var goodbye: Goodbye? {
        for frame in inbox { if case .goodbye(let goodbye)? = frame.reply { return goodbye } }
        return nil
    }

    /// Frames with request id 0 that are neither events nor GOODBYE.
    var announcements: [Reply] {
        inbox.filter { $0.requestID == 0 }.compactMap(\.reply).filter { if case .goodbye = $0 { false } else { true } }
    }

    /// The client's side of the stream ends behind what it has sent.
    func endStream() { hasEndedStream = true }

    /// The connection breaks: what is on the wire is lost.
    func drop() { broker.remove(self) }

    // MARK: What the scheduler asks

    var canBeRead: Bool {
        guard isOpen, !session.isInputHeld || session.isEnding else { return false }
        return !wire.isEmpty || (hasEndedStream && !isInputEnded)
    }

    var canBeWritten: Bool {
        guard isOpen, !session.queue.isEmpty else { return false }
        switch reader {
        case .everything: return true
        case .window(let left), .sips(let left): return left > 0
        }
    }

    var wantsToClose: Bool { isOpen && isShutDown && closesInTurn }

    // MARK: The adapter's end

    func readOnBrokersSide() {
        guard canBeRead else { return }
        guard !wire.isEmpty else {
            isInputEnded = true
            if session.isEnding { return closeIfShutDown() }
            if !session.isInputHeld { shard.inputEnded(session, at: broker.moment) }
            return
        }
        let count = broker.cutsOctets ? Int.random(in: 1...wire.count, using: &broker.random) : wire.count
        shard.touch(session, at: broker.moment)
        if !session.isEnding { received += wire.prefix(count) }
        wire.removeFirst(count)
        takeReceived()
    }

    func resume() {
        guard isOpen, !session.isEnding else { return }
        takeReceived()
        if isInputEnded && !session.isInputHeld { shard.inputEnded(session, at: broker.moment) }
    }

    private func takeReceived() {
        var used = 0
        received.withUnsafeBytes { octets in
            while !session.isInputHeld && !session.isEnding {
                guard let next = dialect.next(in: octets.bytes.extracting(used..<octets.count), limits: shard.limits(of: session))
                else { break }
                used += next.byteCount
                shard.receive(next.input, from: session, at: broker.moment)
            }
        }
        if session.isEnding { received = [] } else { received.removeFirst(used) }
    }

    func flush() {
        guard isOpen else { return }
        shard.beganWriting(session)
        queuedByteCountMax = max(queuedByteCountMax, session.queue.byteCount)
        let count: Int
        switch reader {
        case .everything: count = session.queue.byteCount
        case .window(let left):
            count = min(left, session.queue.byteCount)
            reader = .window(left - count)
        case .sips(let most): count = min(most, session.queue.byteCount)
        }
        var left = count
        for slice in session.queue.slices where left > 0 {
            let taken = min(left, slice.count)
            octets += slice[0..<taken].array
            left -= taken
        }
        session.queue.consume(count)
        shard.drained(session, at: broker.moment)
        shutDownIfEnding()
        decode()
    }

    func end(_ reason: CloseReason) {
        if self.reason == nil { self.reason = reason }
        flush()
    }

    private func shutDownIfEnding() {
        guard reason != nil, session.queue.isEmpty, !isShutDown else { return }
        isShutDown = true
        closeIfShutDown()
    }

    private func closeIfShutDown() {
        // Closing is left to the scheduler, since a turn is under way.
        if isShutDown && isInputEnded { closesInTurn = true }
    }

    // MARK: The client's end

    private func decode() {
        if !view.hasPreface, octets.count >= Preface.byteCount {
            view.hasPreface = true
            octets.removeFirst(Preface.byteCount)
        }
        guard view.hasPreface else { return }
        var offset = 0
        octets.withUnsafeBytes { buffer in
            let span = buffer.bytes
            while let header = FrameHeader(span, at: offset), span.byteCount - offset >= header.frameByteCount {
                let payload = span.extracting((offset + FrameHeader.byteCount)..<(offset + header.frameByteCount))
                offset += header.frameByteCount
                do throws(PayloadError) {
                    let frame = try FrameDecoder.serverFrame(header, payload: payload)
                    let received = ReceivedFrame(requestID: header.requestID, hasMore: header.flags.contains(.more), frame: frame)
                    view.receive(received, &broker.truth)
                    inbox.append(received)
                    if let suspicion = view.takeSuspicion(), broker.accounts.values.contains(where: { $0.sessions.contains(session.id) }) {
                        broker.truth.faults.append(suspicion)
                    }
                    if case .reply(.ping(let timestamp)) = frame, answersPing { send(.pong(timestamp: timestamp), id: header.requestID) }
                } catch {
                    broker.truth.faults.append("\(name?.description ?? "?") was sent what it cannot read: \(error)")
                }
            }
        }
        octets.removeFirst(offset)
    }
}

extension Publication {
    static func text(_ body: String, _ id: MessageID? = nil, age: UInt64? = nil) -> Publication {
        Publication(content: EventContent(messageID: id, body: body), ageMilliseconds: age)
    }
}
