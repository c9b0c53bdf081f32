import Bytes

/// The client's side of a wire that a peer speaks: what is said to log in, subscribe, publish and ping, and how what comes is split.
///
/// Static and without state, so that one connection costs as little as one of the broker's. Each wire's reading is compiled for it alone:
/// the one dynamic call is ``read(_:for:)``, once for all that a read has brought.
protocol PeerWire: SendableMetatype {
    /// The URL's scheme.
    static var scheme: String { get }
    static var portDefault: UInt16 { get }
    /// Log-ins under way at a time: few, unless the server lets each wait for its clock.
    static var underwayCountMax: Int { get }
    /// Asks for an answer, behind everything that was sent before it.
    static var ping: [UInt8] { get }

    /// The name of a room, as it stands in what is sent and received.
    static func room(_ index: Int, run: RunIdentity) -> [UInt8]
    /// What is sent first. It is answered when the connection is logged in.
    static func greeting(connection: Int, run: RunIdentity) -> [UInt8]
    /// Asks for everything that is published to the room, also by this connection. It is answered when that holds.
    static func subscription(to room: [UInt8]) -> [UInt8]
    /// What stands before and behind the body of a message.
    static func publication(to room: [UInt8], bodyByteCount: Int) -> (head: [UInt8], tail: [UInt8])
    /// What answers the server's own ping. `token` is what it sent with it.
    static func pong(_ token: RawSpan) -> [UInt8]

    /// The unit that begins at `offset`; nil as long as it is incomplete. Throws at a refusal, and at what the wire does not allow.
    static func unit(in bytes: RawSpan, at offset: Int) throws(WireFailure) -> WireUnit?

    /// Hands every whole unit to the connection; how many octets those were. It is a requirement so that each wire has its own,
    /// and no wire writes one.
    static func read(_ bytes: RawSpan, for connection: PeerConnection) throws(WireFailure) -> Int
}

extension PeerWire {
    static var underwayCountMax: Int { 64 }

    static func pong(_ token: RawSpan) -> [UInt8] { [] }

    static func read(_ bytes: RawSpan, for connection: PeerConnection) throws(WireFailure) -> Int {
        var offset = 0
        while connection.isReading, offset < bytes.byteCount, let unit = try unit(in: bytes, at: offset) {
            switch unit.meaning {
            case .delivery(let room, let body): connection.deliver(room: bytes.extracting(room), body: bytes.extracting(body))
            case .answer: connection.didAnswer()
            case .ping(let token): connection.send(SharedBytes(pong(bytes.extracting(token))))
            case .nothing: break
            }
            offset += unit.byteCount
        }
        return offset
    }
}

/// One message of a wire.
struct WireUnit: Equatable {
    /// What it means here. Ranges are offsets in the octets that it was read from.
    enum Meaning: Equatable {
        case delivery(room: Range<Int>, body: Range<Int>)
        /// What was asked last is done: the log-in, the subscription or the ping.
        case answer
        /// The server wants to know whether we are there.
        case ping(token: Range<Int>)
        /// Of no interest.
        case nothing
    }

    let byteCount: Int
    let meaning: Meaning
}

/// What the server refused, in its words, or what it said that makes no sense.
struct WireFailure: Error, Equatable {
    let text: String
}

/// The wires of all peers.
enum PeerWires {
    static let all: [any PeerWire.Type] = [NATSWire.self, RedisWire.self, MQTTWire.self, IRCWire.self, FloorWire.self]

    /// The wire of a URL's scheme.
    static func wire(of url: String) -> (any PeerWire.Type)? {
        all.first { url.hasPrefix($0.scheme + "://") }
    }
}
