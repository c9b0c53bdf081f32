public import Bytes

/// A text that is no name of the grammar it was read by (docs/PROTOCOL.md, *Names*). Result code 400.
public struct BadName: Error, Sendable {
    public init() {}
}

/// Octets held inline, as many as `wordCountMax` words hold: names are values without allocation or reference count, fit to be
/// dictionary keys on the message path.
///
/// Octets are packed big-endian into words, so comparing words in order compares the octets in order.
struct InlineName<let wordCountMax: Int>: Sendable {
    private(set) var words: InlineArray<wordCountMax, UInt64> = .init(repeating: 0)
    private(set) var count: UInt8 = 0

    /// The octets of a span at `range`.
    @inline(__always)
    init(_ span: RawSpan, at range: Range<Int>) {
        precondition(range.count <= 8 * wordCountMax, "name longer than its limit")
        count = UInt8(range.count)
        var index = 0
        var offset = range.lowerBound
        while offset < range.upperBound {
            let width = min(8, range.upperBound - offset)
            words[index] = span.bigEndian(at: offset, byteCount: width) << UInt64(8 * (8 - width))
            index += 1
            offset += 8
        }
    }

    var wordCount: Int { (Int(count) + 7) / 8 }

    func octet(at index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words[index / 8] >> UInt64(8 * (7 - index % 8)))
    }

    @inline(__always)
    func append(to writer: inout ByteWriter) {
        var left = Int(count)
        var index = 0
        while left > 0 {
            writer.appendLeading(words[index], byteCount: min(8, left))
            left -= 8
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
        for index in 0..<wordCount { state = Self.mixed(state ^ words[index]) }
        // Once more, or the last octets, in which neighbouring names differ, would hardly reach the lowest bits.
        return Self.mixed(state)
    }

    private static func mixed(_ word: UInt64) -> UInt64 {
        let product = (word ^ 0x9E37_79B9_7F4A_7C15).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
        return product.high ^ product.low
    }
}

/// The name of an account: 1 to 32 octets of `a-z 0-9 . _ -`, the first one a letter or digit. It never changes its case or form.
public struct AccountName: Hashable, Comparable, Sendable, CustomStringConvertible {
    let inline: InlineName<4>

    /// The name in the octets of a span at `range`; nil if they are none.
    init?(_ span: RawSpan, at range: Range<Int>) {
        guard range.count <= 32, NameGrammar.isName(span, at: range, among: .name) else { return nil }
        inline = InlineName(span, at: range)
    }

    /// Reads a name.
    public init(_ span: RawSpan) throws(BadName) {
        guard let name = AccountName(span, at: 0..<span.byteCount) else { throw BadName() }
        self = name
    }

    /// Reads a name from text.
    public init(_ text: String) throws(BadName) {
        let octets = Array(text.utf8)
        try self.init(octets.span.bytes)
    }

    /// The author of the events that nobody caused.
    public static let broker: AccountName = {
        guard let name = try? AccountName("broker") else { preconditionFailure("broker is a name") }
        return name
    }()

    /// Whether the name is one that only the broker hands out (`guest-…`), or bears itself.
    public var isReserved: Bool { inline.count >= 6 && inline.words[0] >> 16 == 0x6775_6573_742D || self == .broker }

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
    let inline: InlineName<10>

    /// The address in the octets of a span at `range`; nil if they are none.
    @inline(__always)
    init?(_ span: RawSpan, at range: Range<Int>) {
        guard Self.isRoom(span, range) || Self.isConversation(span, range) else { return nil }
        inline = InlineName(span, at: range)
    }

    @inline(__always)
    private static func isRoom(_ span: RawSpan, _ range: Range<Int>) -> Bool {
        range.count <= 64 && NameGrammar.isName(span, at: range, among: .room)
    }

    private static func isConversation(_ span: RawSpan, _ range: Range<Int>) -> Bool {
        guard range.count <= 80, !range.isEmpty, span.byte(at: range.lowerBound) == UInt8(ascii: "@") else { return false }
        let names = range.dropFirst()
        guard let plus = names.first(where: { span.byte(at: $0) == UInt8(ascii: "+") }),
            let first = AccountName(span, at: names.lowerBound..<plus), let second = AccountName(span, at: (plus + 1)..<names.upperBound)
        else { return false }
        return first <= second
    }

    /// Reads an address.
    public init(_ span: RawSpan) throws(BadName) {
        guard let address = RoomAddress(span, at: 0..<span.byteCount) else { throw BadName() }
        self = address
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
        inline = writer.withBytes { InlineName($0, at: 0..<$0.byteCount) }
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

/// A set of ASCII characters, one bit each: characters 00 to 3F in the first word, 40 to 7F in the second.
struct OctetSet {
    private let low: UInt64
    private let high: UInt64

    @inline(__always)
    func contains(_ octet: UInt8) -> Bool {
        octet < 128 && (octet < 64 ? low : high) &>> UInt64(octet) & 1 != 0
    }

    // Written as numbers, so that they are constants.
    static let lettersAndDigits = OctetSet(low: 0x03FF_0000_0000_0000, high: 0x07FF_FFFE_0000_0000)
    /// Letters, digits, `.`, `_` and `-`.
    static let name = OctetSet(low: 0x03FF_6000_0000_0000, high: 0x07FF_FFFE_8000_0000)
    /// Those and `/`.
    static let room = OctetSet(low: 0x03FF_E000_0000_0000, high: 0x07FF_FFFE_8000_0000)
}

enum NameGrammar {
    /// Whether a letter or digit begins the octets at `range` and all of them are among `octets`.
    @inline(__always)
    static func isName(_ span: RawSpan, at range: Range<Int>, among octets: OctetSet) -> Bool {
        guard !range.isEmpty, OctetSet.lettersAndDigits.contains(span.byte(at: range.lowerBound)) else { return false }
        for offset in range where !octets.contains(span.byte(at: offset)) { return false }
        return true
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
