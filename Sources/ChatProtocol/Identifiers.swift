public import Bytes

/// A text that is no name of the grammar it was read by (docs/PROTOCOL.md, *Names*). Result code 400.
public struct BadName: Error, Sendable {
    public init() {}
}

/// Up to 80 octets held inline: names are values without allocation or reference count, fit to be dictionary keys on the message path.
///
/// Octets are packed big-endian into words, so comparing words in order compares the octets in order.
struct InlineName: Sendable {
    static let octetCountMax = 80
    var words: InlineArray<10, UInt64> = .init(repeating: 0)
    var count: UInt8 = 0

    init(_ span: RawSpan) {
        precondition(span.byteCount <= Self.octetCountMax, "name longer than its limit")
        count = UInt8(span.byteCount)
        var offset = 0
        while offset < span.byteCount {
            let width = min(8, span.byteCount - offset)
            words[offset / 8] = span.bigEndian(at: offset, byteCount: width) << UInt64(8 * (8 - width))
            offset += 8
        }
    }

    var wordCount: Int { (Int(count) + 7) / 8 }

    func octet(at index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words[index / 8] >> UInt64(8 * (7 - index % 8)))
    }

    func append(to writer: inout ByteWriter) {
        var left = Int(count)
        var index = 0
        while left > 0 {
            let width = min(8, left)
            writer.appendBigEndian(words[index] >> UInt64(8 * (8 - width)), byteCount: width)
            left -= width
            index += 1
        }
    }

    var text: String {
        String(unsafeUninitializedCapacity: Int(count)) { buffer in
            for index in 0..<Int(count) { buffer[index] = octet(at: index) }
            return Int(count)
        }
    }

    static func == (left: InlineName, right: InlineName) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.wordCount where left.words[index] != right.words[index] { return false }
        return true
    }

    static func < (left: InlineName, right: InlineName) -> Bool {
        for index in 0..<max(left.wordCount, right.wordCount) where left.words[index] != right.words[index] {
            return left.words[index] < right.words[index]
        }
        return left.count < right.count
    }

    func hash(into hasher: inout Hasher) {
        for index in 0..<wordCount { hasher.combine(words[index]) }
    }

    /// A well-mixed number for the choice of a shard: equal in every process that has the same `key`.
    func digest(key: UInt64) -> UInt64 {
        var state = key ^ UInt64(count)
        for index in 0..<wordCount {
            let product = (state ^ words[index] ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            state = product.high ^ product.low
        }
        return state
    }
}

/// The name of an account: 1 to 32 octets of `a-z 0-9 . _ -`, the first one a letter or digit. It never changes its case or form.
public struct AccountName: Hashable, Comparable, Sendable, CustomStringConvertible {
    let inline: InlineName

    /// Reads a name.
    public init(_ span: RawSpan) throws(BadName) {
        guard (1...32).contains(span.byteCount), NameGrammar.isName(span, allowsSlash: false) else { throw BadName() }
        inline = InlineName(span)
    }

    /// Reads a name from text.
    public init(_ text: String) throws(BadName) {
        let octets = Array(text.utf8)
        try self.init(octets.span.bytes)
    }

    /// Whether the name is one that only the broker hands out (`guest-…`).
    public var isReserved: Bool { description.hasPrefix("guest-") }

    /// Number of octets.
    public var count: Int { Int(inline.count) }

    public var description: String { inline.text }

    public func append(to writer: inout ByteWriter) { inline.append(to: &writer) }

    /// A well-mixed number for the choice of the shard that owns the account.
    public func digest(key: UInt64) -> UInt64 { inline.digest(key: key) }

    public static func == (left: Self, right: Self) -> Bool { left.inline == right.inline }
    public static func < (left: Self, right: Self) -> Bool { left.inline < right.inline }
    public func hash(into hasher: inout Hasher) { inline.hash(into: &hasher) }
}

/// The address of a log: a room's name (1 to 64 octets of `a-z 0-9 . _ - /`, the first one a letter or digit) or the address `@a+b`
/// of the conversation of two accounts, their names in ascending octet order.
public struct RoomAddress: Hashable, Comparable, Sendable, CustomStringConvertible {
    let inline: InlineName

    /// Reads an address.
    public init(_ span: RawSpan) throws(BadName) {
        guard (1...InlineName.octetCountMax).contains(span.byteCount) else { throw BadName() }
        if span.byte(at: 0) == UInt8(ascii: "@") {
            guard let plus = (1..<span.byteCount).first(where: { span.byte(at: $0) == UInt8(ascii: "+") }) else { throw BadName() }
            let first = try AccountName(span.extracting(1..<plus))
            let second = try AccountName(span.extracting((plus + 1)..<span.byteCount))
            guard first <= second else { throw BadName() }
        } else {
            guard span.byteCount <= 64, NameGrammar.isName(span, allowsSlash: true) else { throw BadName() }
        }
        inline = InlineName(span)
    }

    /// Reads an address from text.
    public init(_ text: String) throws(BadName) {
        let octets = Array(text.utf8)
        try self.init(octets.span.bytes)
    }

    /// The address of the conversation of two accounts, which may be one.
    public init(conversationOf one: AccountName, and other: AccountName) {
        var writer = ByteWriter(minimumCapacity: 80)
        writer.append(UInt8(ascii: "@"))
        min(one, other).append(to: &writer)
        writer.append(UInt8(ascii: "+"))
        max(one, other).append(to: &writer)
        inline = writer.withBytes { InlineName($0) }
    }

    /// The room that always exists, and is the global chat.
    public static let lobby: RoomAddress = {
        guard let lobby = try? RoomAddress("lobby") else { preconditionFailure("the lobby's name is a name") }
        return lobby
    }()

    /// Whether this is the address of a two-party conversation.
    public var isConversation: Bool { inline.octet(at: 0) == UInt8(ascii: "@") }

    /// The two accounts of a conversation in ascending order; nil for a room.
    public var parties: (AccountName, AccountName)? {
        guard isConversation else { return nil }
        let text = description.dropFirst()
        guard let plus = text.firstIndex(of: "+"), let first = try? AccountName(String(text[..<plus])),
            let second = try? AccountName(String(text[text.index(after: plus)...]))
        else { preconditionFailure("a conversation's address holds two names") }
        return (first, second)
    }

    /// Number of octets.
    public var count: Int { Int(inline.count) }

    public var description: String { inline.text }

    public func append(to writer: inout ByteWriter) { inline.append(to: &writer) }

    /// A well-mixed number for the choice of the shard that owns the room.
    public func digest(key: UInt64) -> UInt64 { inline.digest(key: key) }

    public static func == (left: Self, right: Self) -> Bool { left.inline == right.inline }
    public static func < (left: Self, right: Self) -> Bool { left.inline < right.inline }
    public func hash(into hasher: inout Hasher) { inline.hash(into: &hasher) }
}

enum NameGrammar {
    static func isName(_ span: RawSpan, allowsSlash: Bool) -> Bool {
        guard isLetterOrDigit(span.byte(at: 0)) else { return false }
        for index in 1..<max(1, span.byteCount) {
            let octet = span.byte(at: index)
            switch octet {
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): continue
            case UInt8(ascii: "/") where allowsSlash: continue
            default: guard isLetterOrDigit(octet) else { return false }
            }
        }
        return true
    }

    private static func isLetterOrDigit(_ octet: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
    }
}

/// A client message id (`cmid`): 8 octets chosen at random by the publisher, kept for the retries of one message.
public struct MessageID: Hashable, Sendable {
    /// The octets, the first one most significant.
    public let value: UInt64

    public init(_ value: UInt64) { self.value = value }
}

/// A position in a room's log: `seq` counts events from 1 within the incarnation `epoch`. Replaced as a whole, never by halves.
public struct LogPosition: Hashable, Sendable {
    /// Incarnation of the log; never 0.
    public var epoch: UInt64
    /// Sequence number of an event; 0 is the position before the first one.
    public var seq: UInt64

    public init(epoch: UInt64, seq: UInt64) {
        self.epoch = epoch
        self.seq = seq
    }
}

/// A moment by the broker's clock, in milliseconds since 1970-01-01T00:00:00Z.
public typealias Timestamp = UInt64
