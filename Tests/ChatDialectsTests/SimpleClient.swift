import Bytes
import ChatProtocol
import Testing

@testable import ChatDialects

/// A client and a core around the dialect.
struct SimpleClient {
    var dialect = SimpleDialect(mark: 100)
    /// Text messages written so far.
    var messages: [String] = []
    /// First octets of frames that are no text.
    var controls: [UInt8] = []
    var commands: [(command: Command, requestID: UInt32)] = []

    init() { perform(dialect.begin()) }

    /// A client that has its name, and nothing read yet.
    static func named(_ name: String) throws -> SimpleClient {
        var client = SimpleClient()
        client.say(#"{"type":"SetUsername","username":"\#(name)"}"#)
        try client.acceptName(name)
        _ = client.read()
        return client
    }

    mutating func say(_ text: String, bodyByteCountMax: Int = 16_384) {
        let octets = Array(text.utf8)
        perform(dialect.take(octets.span.bytes, bodyByteCountMax: bodyByteCountMax))
    }

    mutating func reply(_ reply: Reply, to requestID: UInt32? = nil, hasMore: Bool = false) {
        var writer = ByteWriter()
        dialect.encoding.append(reply, requestID: requestID ?? lastID, hasMore: hasMore, to: &writer)
        take(writer.finish())
    }

    mutating func deliver(_ events: Event...) {
        var writer = ByteWriter()
        for event in events { FrameEncoder.append(event, to: &writer) }
        take(dialect.encoding.translation(of: writer.finish()))
    }

    mutating func acceptName(_ name: String) throws {
        reply(.authenticated(Authenticated(user: try AccountName(name), session: SharedBytes([UInt8](0..<16)))))
    }

    /// Lets the client into a room whose log holds these events, and then its arrival.
    mutating func admit(to room: String, after events: [Event] = [], members: [String] = []) throws {
        let address = try RoomAddress(room)
        let last = UInt64(events.count)
        reply(.joined(Joined(room: address, epoch: 7, head: last + 1, floor: 1, next: last + 1)))
        for (command, id) in commands.suffix(2) {
            switch command {
            case .history(let query):
                let frames = events.filter { query.fromSeq...query.toSeq ~= $0.seq }.suffix(Int(query.limit ?? 100))
                let first = frames.first?.seq ?? last + 1
                reply(.batch(Self.batch(address, first...last, Array(frames))), to: id)
            case .members:
                let records = try members.map { Record.member(MemberRecord(user: try AccountName($0), role: .member, state: .online)) }
                reply(.items(Items(records: records)), to: id)
            default: break
            }
        }
    }

    static func batch(_ room: RoomAddress, _ range: ClosedRange<UInt64>, _ events: [Event]) -> Batch {
        var writer = ByteWriter()
        for event in events { FrameEncoder.append(event, to: &writer) }
        return Batch(room: room, epoch: 7, floor: 1, fromSeq: range.lowerBound, toSeq: range.upperBound, frames: writer.finish())
    }

    private mutating func take(_ slice: SharedBytes) {
        let (passed, steps) = dialect.take(queued: slice)
        perform(steps)
        read(passed)
    }

    private mutating func perform(_ steps: [DialectStep]) {
        for step in steps {
            switch step {
            case .write(let octets): read(octets)
            case .input(.command(let command, let requestID, _)): commands.append((command, requestID))
            default: Issue.record("\(step)")
            }
        }
    }

    private mutating func read(_ frames: SharedBytes) {
        var rest = frames.array[...]
        while !rest.isEmpty {
            let first = rest.removeFirst()
            var count = Int(rest.removeFirst())
            if count == 126 {
                count = Int(rest.removeFirst()) << 8 | Int(rest.removeFirst())
            }
            if first == 0x81 { messages.append(String(decoding: rest.prefix(count), as: UTF8.self)) } else { controls.append(first) }
            rest = rest.dropFirst(count)
        }
    }

    var lastCommand: Command? { commands.last?.command }
    var lastID: UInt32 { commands.last?.requestID ?? 0 }

    /// What has been written since the last call.
    mutating func read() -> [String] {
        defer { messages = [] }
        return messages
    }
}

/// An event of a log; the moment is 2024-01-01T12:00:00.250Z.
func said(_ from: String, _ body: String?, seq: UInt64 = 1, in room: String = "general", _ kind: EventKind = .message) throws -> Event {
    var event = Event(room: try RoomAddress(room), seq: seq, timestamp: 1_704_110_400_250, from: try AccountName(from))
    event.kind = kind
    event.body = body
    switch kind {
    case .joined, .left: event.user = event.from
    case .edit, .delete, .react, .pin: event.reference = 1
    default: break
    }
    return event
}
