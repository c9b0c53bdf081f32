/// How far a publish has come when it is acknowledged (docs/PROTOCOL.md, table A).
public struct AcknowledgementLevel: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// No reply at all.
    public static let none = AcknowledgementLevel(rawValue: 0)
    /// Sequenced and handed to fan-out.
    public static let accepted = AcknowledgementLevel(rawValue: 1)
    /// Committed to stable storage.
    public static let durable = AcknowledgementLevel(rawValue: 2)
    /// Durable on a quorum of nodes.
    public static let replicated = AcknowledgementLevel(rawValue: 3)

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// What an account may do in a room (docs/PROTOCOL.md, table R).
public struct Role: RawRepresentable, Hashable, Comparable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let none = Role(rawValue: 0)
    public static let reader = Role(rawValue: 1)
    public static let member = Role(rawValue: 2)
    public static let moderator = Role(rawValue: 3)
    public static let owner = Role(rawValue: 4)
    public static let administrator = Role(rawValue: 9)

    public static func < (left: Self, right: Self) -> Bool { left.rawValue < right.rawValue }
}

/// The policy bits of a room (docs/PROTOCOL.md, table P).
public struct RoomPolicy: OptionSet, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    public static let unlisted = RoomPolicy(rawValue: 1)
    public static let invitationOnly = RoomPolicy(rawValue: 2)
    /// Readers may not publish.
    public static let moderated = RoomPolicy(rawValue: 4)
    public static let keepsHistory = RoomPolicy(rawValue: 8)
    /// Joins and leaves are events of the log.
    public static let logsMembership = RoomPolicy(rawValue: 16)
    public static let encryptedOnly = RoomPolicy(rawValue: 32)
    public static let twoParty = RoomPolicy(rawValue: 64)

    /// The bits that CREATE may have; whether the broker offers them is another matter.
    public static let settable: RoomPolicy = [.unlisted, .invitationOnly, .moderated, .keepsHistory, .logsMembership, .encryptedOnly]
}

/// Presence (docs/PROTOCOL.md, table S).
public struct PresenceState: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt8

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    public static let offline = PresenceState(rawValue: 0)
    public static let online = PresenceState(rawValue: 1)
    public static let away = PresenceState(rawValue: 2)
    public static let doNotDisturb = PresenceState(rawValue: 3)
}
