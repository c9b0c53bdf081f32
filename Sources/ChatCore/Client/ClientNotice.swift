public import Bytes
public import ChatProtocol

/// What a session wants done, as data. Effects are carried out in order.
public enum ClientEffect: Sendable, Equatable {
    /// Octets for the transport.
    case send(SharedBytes)
    /// Close the transport once everything sent has been written.
    case close
    /// Drop the transport: its peer is dead or speaks nonsense.
    case abort
    /// Open a new transport after this time.
    case connect(afterMilliseconds: UInt64)
    /// Ask the owner of the credentials; nothing goes on before the answer.
    case logIn(LogInStep)
    /// Tell the user.
    case notify(ClientNotice)
}

/// What a session tells its user.
public enum ClientNotice: Sendable, Equatable {
    /// Authenticated; requests go out now. `isReturn`: after a lost connection; then ``recovered(_:)`` follows.
    case ready(account: AccountName, welcome: Welcome, isReturn: Bool)
    /// The broker did not grant the name; the connection waits for ``ClientSession/chooseName(_:at:)``.
    case nameRefused(wish: String, Failure)
    /// An event of a room: each exactly once, in order.
    case event(Event)
    /// The broker attached this connection to a room without being asked.
    case attached(Joined)
    /// Events the broker says it did not send, because this reader was too slow (LAG).
    case skipped(RoomAddress, ClosedRange<UInt64>)
    /// Events that never came and that nothing names: a fault of the broker, or a frame that this client could not read.
    case hole(RoomAddress, ClosedRange<UInt64>, isUnreadable: Bool)
    /// The log of a room began anew; the cursor was dropped and the room joined from its start.
    case logReset(RoomAddress, Failure?)
    /// A room could not be joined again after a reconnect.
    case roomLost(RoomAddress, Failure)
    /// All rooms are caught up after a reconnect.
    case recovered(Recovery)
    /// A publish that was certainly not accepted before the connection was lost is being sent again.
    case resent(RequestToken)
    case completed(RequestToken, ClientOutcome)
    /// A transport could not be opened or was lost; the next attempt is made after the given time.
    case connectionLost(ConnectionLoss, retryAfterMilliseconds: UInt64)
    /// The session is over; nothing follows.
    case ended(ConnectionLoss)
    /// Somebody is writing, which is forgotten after six seconds, or has stopped.
    case typing(Typing)
    /// An account whose presence was asked for is there, or is not.
    case presence(Presence)
    /// Another connection of the account, or the other party of a conversation, has read up to an event.
    case marked(ReadMarker)
    /// The broker tells something unasked, such as that the credential ends soon.
    case told(Notice)
    /// The broker reports a fault that answers no request.
    case fault(Failure)
}

/// What was caught up and what was not after a reconnect.
public struct Recovery: Sendable, Equatable {
    public struct Room: Sendable, Equatable {
        public var room: RoomAddress
        /// Messages replayed.
        public var messageCount: Int
        /// Events that the broker no longer had or skipped, ascending.
        public var missed: [ClosedRange<UInt64>]
        /// The log began anew: what was said between the last event had and its end cannot be told.
        public var isReset: Bool

        public init(room: RoomAddress, messageCount: Int = 0, missed: [ClosedRange<UInt64>] = [], isReset: Bool = false) {
            self.room = room
            self.messageCount = messageCount
            self.missed = missed
            self.isReset = isReset
        }
    }

    /// The rooms resumed, in the order of their addresses.
    public var rooms: [Room] = []
    /// Whether some room had not caught up when the time for it was over.
    public var isTimedOut = false

    public init(rooms: [Room] = [], isTimedOut: Bool = false) {
        self.rooms = rooms
        self.isTimedOut = isTimedOut
    }

    /// Whether there is no event that was not had.
    public var isComplete: Bool { !isTimedOut && rooms.allSatisfy { $0.missed.isEmpty && !$0.isReset } }
    /// Messages replayed in all rooms.
    public var messageCount: Int { rooms.reduce(0) { $0 + $1.messageCount } }
}

/// Why there is no connection (any more).
public enum ConnectionLoss: Error, Sendable, Equatable {
    /// The name of the host was not resolved, or no address of it accepted a connection.
    case unreachable(String)
    /// The TLS handshake or a record failed.
    case tls(String)
    /// The transport failed.
    case transport(String)
    /// The peer closed without GOODBYE.
    case endOfStream
    /// Nothing was received for twice the heartbeat, or the handshake took too long.
    case timeout
    /// The broker said GOODBYE.
    case goodbye(Goodbye)
    /// The broker refused to log this client in for a reason that another name does not cure.
    case loginRefused(Failure)
    /// The peer broke the protocol, or is no broker.
    case brokenProtocol(ResultCode, String)
    /// The user left.
    case left
}

extension ConnectionLoss {
    /// Whether another attempt may help.
    var isCurable: Bool {
        switch self {
        case .unreachable, .tls, .transport, .endOfStream, .timeout: true
        case .brokenProtocol(let code, _): code != .badPreface && code != .version
        case .loginRefused, .left: false
        case .goodbye(let goodbye):
            !goodbye.endsSession && goodbye.code != .version && goodbye.code != .badPreface && goodbye.code != .authFailed
                && goodbye.code != .tlsRequired && goodbye.code != .suspended && goodbye.code != .replaced
                && goodbye.code.rawValue / 100 != 3
        }
    }

    /// The least time that the broker asked to be left alone, in milliseconds (GOODBYE's `retry_ms`).
    public var retryMilliseconds: UInt64? {
        if case .goodbye(let goodbye) = self { goodbye.retryMilliseconds } else { nil }
    }
}
