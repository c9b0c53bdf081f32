import Bytes
import ChatProtocol
import Glibc
import LibUV

/// A peer on a real socket of the loopback that answers as a test says, on a thread of its own; one connection after the other.
final class ScriptedPeer: Sendable {
    /// What the peer does with a command. It may call ``PeerConnection/standard(_:_:)`` for all that it leaves as it is.
    typealias Script = @Sendable (PeerConnection, Command, UInt32) -> Void

    let port: UInt16
    private let listener: Int32
    private let thread: LoopThread

    init(_ script: @escaping Script = { $0.standard($1, $2) }) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                precondition(bind(listener, pointer, length) == 0 && listen(listener, 16) == 0, "a port of the loopback")
                getsockname(listener, pointer, &length)
            }
        }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        thread = try LoopThread(name: "peer", stackByteCount: 512 * 1024) {
            var number = 0
            while true {
                let descriptor = accept(listener, nil, nil)
                guard descriptor >= 0 else { break }
                number += 1
                PeerConnection(descriptor, number: number).run(script)
            }
            close(listener)
        }
    }

    var url: String { "broker://127.0.0.1:\(port)" }

    /// Accepts nobody any more. The connection there is goes on until its client ends it.
    deinit { shutdown(listener, Int32(SHUT_RDWR)) }
}

/// One connection of a scripted peer; confined to the peer's thread.
final class PeerConnection {
    /// 1 for the first connection.
    let number: Int
    private let descriptor: Int32
    private var buffer = ReadBuffer()
    private(set) var name = ""
    /// The last event of every room.
    private(set) var head: UInt64 = 0
    private var isOpen = true

    init(_ descriptor: Int32, number: Int) {
        self.descriptor = descriptor
        self.number = number
    }

    deinit { close(descriptor) }

    static func room(_ text: String) -> RoomAddress { try! RoomAddress(text) }
    static func user(_ text: String) -> AccountName { try! AccountName(text) }

    // MARK: What a script says

    func send(_ reply: Reply, to id: UInt32) {
        write { FrameEncoder.append(reply, requestID: id, to: &$0) }
    }

    func refuse(_ code: ResultCode, _ reason: String? = nil, to id: UInt32) {
        send(.error(Failure(code, reason: reason)), to: id)
    }

    /// An event of a room, numbered by the peer.
    func deliver(_ room: RoomAddress, from: String, _ body: String, kind: EventKind = .message, id: MessageID? = nil, seq: UInt64? = nil) {
        head = seq ?? head + 1
        var event = Event(room: room, seq: head, timestamp: 1_700_000_000_000, from: Self.user(from))
        event.kind = kind
        event.messageID = id
        if kind == .message { event.body = body } else { event.user = Self.user(from) }
        write { FrameEncoder.append(event, to: &$0) }
    }

    func joined(_ room: RoomAddress, next: UInt64, head: UInt64, epoch: UInt64 = 9, to id: UInt32) {
        self.head = next - 1
        send(.joined(Joined(room: room, epoch: epoch, head: head, floor: 1, next: next, members: 2)), to: id)
    }

    /// Octets that are no frame.
    func write(octets: [UInt8]) {
        write { $0.append(octets.span.bytes) }
    }

    /// Ends the connection without a word.
    func drop() {
        isOpen = false
        shutdown(descriptor, Int32(SHUT_RDWR))
    }

    /// A small broker: the lobby is empty, `dev` exists, `taken` is a name in use, everything said is accepted.
    func standard(_ command: Command, _ id: UInt32) {
        switch command {
        case .hello:
            send(
                .welcome(
                    Welcome(
                        server: "peer", mechanisms: ["ANONYMOUS"], heartbeatMilliseconds: 30_000, frameByteCountMax: 65_536,
                        bodyByteCountMax: 4096, requestsInFlightMax: 64, deduplicationSeconds: 60)), to: id)
        case .authenticate(let login):
            let wish = login.message.map { String(decoding: $0.array, as: UTF8.self) } ?? ""
            if wish == "taken" { return refuse(.exists, "in use", to: id) }
            name = wish.isEmpty ? "guest-1" : wish
            send(.authenticated(Authenticated(user: Self.user(name), session: SharedBytes([UInt8](repeating: 1, count: 16)))), to: id)
        case .ping(let timestamp): send(.pong(timestamp: timestamp), to: id)
        case .join(let join):
            let isKnown = ["lobby", "dev"].contains(join.room.description)
            if isKnown { joined(join.room, next: head + 1, head: head, to: id) } else { refuse(.noSuchRoom, "no such room", to: id) }
        case .create(let create):
            if create.room == Self.room("dev") { refuse(.exists, to: id) } else { send(.ok(Success()), to: id) }
        case .leave: send(.ok(Success()), to: id)
        case .list:
            let rooms = ["dev", "lobby"].map { Record.room(RoomRecord(room: Self.room($0), members: 2, policy: [], head: 0)) }
            send(.items(Items(records: rooms)), to: id)
        case .members:
            let users = ["bob", name].map { Record.member(MemberRecord(user: Self.user($0), role: .member, state: .online)) }
            send(.items(Items(records: users)), to: id)
        case .publish(let publish): accept(publish.room, publish.publication, id)
        case .directMessage(let message):
            let room = RoomAddress(conversationOf: Self.user(name), and: message.to)
            if message.to == Self.user("nobody") { return refuse(.noSuchUser, to: id) }
            joined(room, next: head + 1, head: head, to: 0)
            accept(room, message.publication, id)
        case .mark, .typing, .presence: send(.ok(Success()), to: id)
        case .inbox: send(.items(Items(records: [], updateNumber: 1)), to: id)
        case .goodbye: drop()
        case .resume, .history, .search: refuse(.notImplemented, to: id)
        case .authenticateStep, .pong, .error, .register, .changePassword, .listDevices, .revokeDevice: break
        }
    }

    private func accept(_ room: RoomAddress, _ publication: Publication, _ id: UInt32) {
        head += 1
        write {
            FrameEncoder.appendDeliver(
                room: room, seq: head, timestamp: 1_700_000_000_000, from: Self.user(name), content: publication.content, to: &$0)
        }
        send(.published(Published(room: room, seq: head, timestamp: 1, acknowledgement: .accepted)), to: id)
    }

    static func body(of content: EventContent) -> String { content.body ?? "" }

    // MARK: The socket

    private func write(_ body: (inout ByteWriter) -> Void) {
        var writer = ByteWriter()
        body(&writer)
        let octets = writer.finish().array
        var offset = 0
        while offset < octets.count {
            let written = Glibc.send(descriptor, Array(octets[offset...]), octets.count - offset, Int32(MSG_NOSIGNAL))
            guard written > 0 else { return }
            offset += written
        }
    }

    fileprivate func run(_ script: ScriptedPeer.Script) {
        var isPrefaced = false
        var piece = [UInt8](repeating: 0, count: 4096)
        while isOpen {
            let count = read(descriptor, &piece, piece.count)
            guard count > 0 else { return }
            let received = Array(piece[..<count])
            buffer.append(received.span.bytes)
            if !isPrefaced, buffer.count >= Preface.byteCount {
                isPrefaced = true
                buffer.consume(Preface.byteCount)
                write { Preface.broker(answering: .client).append(to: &$0) }
            }
            guard isPrefaced else { continue }
            while isOpen, let (header, command) = next() {
                if let command { script(self, command, header.requestID) }
            }
        }
    }

    private func next() -> (FrameHeader, Command?)? {
        let frame: (FrameHeader, Command?)? = buffer.withBytes { octets in
            guard let header = FrameHeader(octets), octets.byteCount >= header.frameByteCount else { return nil }
            let payload = octets.extracting(8..<header.frameByteCount)
            return (header, try? FrameDecoder.command(header, payload: payload, bodyByteCountMax: 16_384))
        }
        if let (header, _) = frame { buffer.consume(header.frameByteCount) }
        return frame
    }
}
