import Bytes
import ChatProtocol
import JSON

/// The two sets of messages of the simple dialects (docs/PROTOCOL.md, *Simple JSON*).
enum SimpleVocabulary: Sendable {
    /// `SetUsername`, `JoinRoom`, `SendMessage`, `PrivateMessage`.
    case usernames
    /// `Join`, `SendMsg`, `Leave`.
    case nicks

    /// What its clients say, for those who mix them up.
    var messages: String {
        switch self {
        case .usernames: "SetUsername, JoinRoom, SendMessage, PrivateMessage, ListRooms"
        case .nicks: "Join, SendMsg, Leave, ListRooms"
        }
    }
}

/// What a client of the simple dialects asks for. Names and texts are as they came.
enum SimpleRequest: Sendable, Equatable {
    case setUsername(String, password: String?)
    case joinRoom(String)
    case sendMessage(String)
    case privateMessage(to: String, content: String)
    case join(room: String, nick: String, password: String?)
    case sendText(String)
    case leave
    case listRooms
    case ping

    /// The vocabulary that has it; nil if both have.
    var vocabulary: SimpleVocabulary? {
        switch self {
        case .setUsername, .joinRoom, .sendMessage, .privateMessage: .usernames
        case .join, .sendText, .leave: .nicks
        case .listRooms, .ping: nil
        }
    }
}

/// A text message of a client, and how it is written.
struct SimpleText {
    let request: SimpleRequest
    /// `{"Join":{…}}` or `"Leave"`, in place of `{"type":"Join",…}`.
    let isNested: Bool

    init(_ octets: RawSpan) throws(JSONError) {
        guard octets.isWellFormedUTF8 else { throw JSONError(reason: "not UTF-8") }
        var scanner = JSONScanner()
        let name: JSONToken
        var members = Members()
        switch scanner.peek(octets) {
        case UInt8(ascii: "\""):
            name = try scanner.string(octets)
            isNested = true
        case UInt8(ascii: "{"):
            let outer = try Members(octets, &scanner)
            if let type = outer.values["type"] {
                name = type
                members = outer
                isNested = false
            } else {
                guard let key = outer.onlyKey, let value = outer.values.first?.value else {
                    throw JSONError(reason: "an object has a type, or one member that is named after it")
                }
                name = key
                isNested = true
                if value.kind == .object {
                    var inner = JSONScanner(at: value.range.lowerBound)
                    members = try Members(octets, &inner)
                } else if value.kind != .null {
                    throw JSONError(reason: "the member of a type is an object")
                }
            }
        default: throw JSONError(reason: "not a JSON object")
        }
        guard scanner.peek(octets) == nil else { throw JSONError(reason: "more than one object") }
        request = try Self.request(try Self.text(name, octets), members, octets)
    }

    private static func request(_ name: String, _ members: Members, _ octets: RawSpan) throws(JSONError) -> SimpleRequest {
        func value(_ member: String) throws(JSONError) -> String {
            guard let value = try optional(member) else { throw JSONError(reason: "\(name) needs \(member)") }
            return value
        }
        func optional(_ member: String) throws(JSONError) -> String? {
            guard let value = members.values[member], value.kind != .null else { return nil }
            guard value.kind == .string else { throw JSONError(reason: "\(member) is a string") }
            return try text(value, octets)
        }
        switch name {
        case "SetUsername": return .setUsername(try value("username"), password: try optional("password"))
        case "JoinRoom": return .joinRoom(try value("room"))
        case "SendMessage": return .sendMessage(try value("content"))
        case "PrivateMessage": return .privateMessage(to: try value("to"), content: try value("content"))
        case "Join": return .join(room: try value("room"), nick: try value("nick"), password: try optional("password"))
        case "SendMsg": return .sendText(try value("text"))
        case "Leave": return .leave
        case "ListRooms": return .listRooms
        case "Ping": return .ping
        default: throw JSONError(reason: "a type that is not known")
        }
    }

    private static func text(_ value: JSONToken, _ octets: RawSpan) throws(JSONError) -> String {
        guard value.kind == .string else { throw JSONError(reason: "a type is a string") }
        return try JSONText.string(value, of: octets)
    }

    /// The members of an object. Values are judged when they are asked for.
    private struct Members {
        var values: [String: JSONToken] = [:]
        /// The name of the only member, as it stands in the text.
        var onlyKey: JSONToken?

        init() {}

        init(_ octets: RawSpan, _ scanner: inout JSONScanner) throws(JSONError) {
            try scanner.members(octets) { (key, scanner) throws(JSONError) in
                onlyKey = values.isEmpty ? key : nil
                guard values.updateValue(try scanner.value(octets), forKey: try JSONText.string(key, of: octets)) == nil else {
                    throw JSONError(reason: "a member that stands twice")
                }
            }
        }
    }
}
