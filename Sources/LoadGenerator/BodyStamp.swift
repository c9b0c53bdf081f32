import Bytes

/// What the body of every message of a run says about itself, so that whoever receives it can tell that it is whole and whose it is.
///
/// The stamp is 56 octets of lower-case hexadecimal digits, seven words of eight: run, room, publisher, counter, intended send time
/// (high, low), and a check over those and the body's length. What a body has beyond its stamp is ``BodyFiller``. Everything is
/// printable ASCII, so that the protocol's rules for text hold. A word of text is read and written as one number.
struct BodyStamp: Equatable {
    static let byteCount = 56

    var run: UInt32
    /// Index of the room, or of the pair, in the run.
    var room: UInt32
    /// Index of the publisher in its room.
    var publisher: UInt32
    /// Counts the messages of this publisher from 0.
    var counter: UInt32
    /// When the message should have been sent: monotonic clock, nanoseconds.
    var intendedNanoseconds: UInt64

    init(run: UInt32, room: UInt32, publisher: UInt32, counter: UInt32, intendedNanoseconds: UInt64) {
        self.run = run
        self.room = room
        self.publisher = publisher
        self.counter = counter
        self.intendedNanoseconds = intendedNanoseconds
    }

    /// Reads the stamp of a body; nil if its check does not hold.
    @inline(__always)
    init?(_ body: RawSpan) {
        guard body.byteCount >= Self.byteCount else { return nil }
        var check = Self.checkStart(bodyByteCount: body.byteCount)
        for offset in stride(from: 0, to: 48, by: 8) {
            check = Self.checkStep(check, body.bigEndian(at: offset, byteCount: 8))
        }
        guard body.bigEndian(at: 48, byteCount: 8) == Self.digits(Self.folded(check)) else { return nil }
        run = Self.number(body.bigEndian(at: 0, byteCount: 8))
        room = Self.number(body.bigEndian(at: 8, byteCount: 8))
        publisher = Self.number(body.bigEndian(at: 16, byteCount: 8))
        counter = Self.number(body.bigEndian(at: 24, byteCount: 8))
        let high = Self.number(body.bigEndian(at: 32, byteCount: 8))
        let low = Self.number(body.bigEndian(at: 40, byteCount: 8))
        intendedNanoseconds = UInt64(high) << 32 | UInt64(low)
    }

    /// Writes the stamp over the octets at `offset`, where a body of `bodyByteCount` octets begins.
    func write(to writer: inout ByteWriter, at offset: Int, bodyByteCount: Int) {
        var check = Self.checkStart(bodyByteCount: bodyByteCount)
        var position = offset
        func put(_ word: UInt64, _ writer: inout ByteWriter) {
            writer.overwriteBigEndian(word, byteCount: 8, at: position)
            position += 8
        }
        for value in [
            run, room, publisher, counter, UInt32(truncatingIfNeeded: intendedNanoseconds >> 32),
            UInt32(truncatingIfNeeded: intendedNanoseconds),
        ] {
            let word = Self.digits(value)
            check = Self.checkStep(check, word)
            put(word, &writer)
        }
        put(Self.digits(Self.folded(check)), &writer)
    }

    /// The client message id of the message: distinct for each message of a run, and known to whoever can read the stamp.
    var messageNumber: UInt64 {
        let mixed = (UInt64(room) << 32 | UInt64(publisher)) &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(run) << 32
        return mixed ^ UInt64(counter) &* 0xD6E8_FEB8_6659_FD93
    }

    @inline(__always)
    private static func checkStart(bodyByteCount: Int) -> UInt64 { 0x2545_F491_4F6C_DD1D ^ UInt64(bodyByteCount) }

    @inline(__always)
    private static func checkStep(_ check: UInt64, _ word: UInt64) -> UInt64 {
        let product = (check ^ word) &* 0x9E37_79B9_7F4A_7C15
        return product ^ product >> 29
    }

    /// Both halves count: the last word's first octet has reached the upper one only.
    @inline(__always)
    private static func folded(_ check: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: check ^ check >> 32) }

    /// The eight hexadecimal digits of a number as one big-endian word of text.
    @inline(__always)
    static func digits(_ value: UInt32) -> UInt64 {
        var word = UInt64(value)
        word = (word | word << 16) & 0x0000_FFFF_0000_FFFF
        word = (word | word << 8) & 0x00FF_00FF_00FF_00FF
        word = (word | word << 4) & 0x0F0F_0F0F_0F0F_0F0F
        let letters = ((word &+ 0x0606_0606_0606_0606) >> 4) & 0x0101_0101_0101_0101
        return word &+ 0x3030_3030_3030_3030 &+ letters &* 39
    }

    /// The number behind eight hexadecimal digits. What is no digit gives some number: the check has been judged before.
    @inline(__always)
    static func number(_ text: UInt64) -> UInt32 {
        let letters = (text >> 6) & 0x0101_0101_0101_0101
        var word = (text & 0x0F0F_0F0F_0F0F_0F0F) &+ letters &* 9
        word = (word | word >> 4) & 0x00FF_00FF_00FF_00FF
        word = (word | word >> 8) & 0x0000_FFFF_0000_FFFF
        word = word | word >> 16
        return UInt32(truncatingIfNeeded: word)
    }
}

/// The octets that fill a body behind its stamp: a run of a fixed text that begins elsewhere for each counter, so that a body that
/// was mixed up with its neighbour is found out.
struct BodyFiller: Sendable {
    private let text: [UInt8]

    /// - Parameter bodyByteCountMax: the longest body that will be filled or judged.
    init(bodyByteCountMax: Int) {
        // No quotation mark and no backslash, which JSON escapes.
        let letters = (UInt8(0x20)..<0x7F).filter { $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        text = (0..<(64 + max(bodyByteCountMax, 8))).map { letters[($0 * 37 + $0 / 93) % 93] }
    }

    /// The filler of a body of `bodyByteCount` octets.
    func octets(counter: UInt32, bodyByteCount: Int) -> ArraySlice<UInt8> {
        let start = Int(counter & 63)
        return text[start..<(start + bodyByteCount - BodyStamp.byteCount)]
    }

    /// Whether a body has the filler that belongs to the counter. Compares eight octets at a time.
    @inline(__always)
    func matches(_ body: RawSpan, counter: UInt32) -> Bool {
        let expected = text.span.bytes
        let start = Int(counter & 63)
        guard start + body.byteCount - BodyStamp.byteCount <= expected.byteCount else { return false }
        var difference: UInt64 = 0
        var offset = BodyStamp.byteCount
        var position = start
        while offset + 8 <= body.byteCount {
            difference |= body.bigEndian(at: offset, byteCount: 8) ^ expected.bigEndian(at: position, byteCount: 8)
            offset += 8
            position += 8
        }
        let left = body.byteCount - offset
        difference |= body.bigEndian(at: offset, byteCount: left) ^ expected.bigEndian(at: position, byteCount: left)
        return difference == 0
    }
}
