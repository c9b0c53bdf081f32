import Bytes

/// What the wires of text have in common: lines that end in CR LF, words between spaces, decimal numbers.
extension RawSpan {
    /// Where the octet first stands at `start` or behind it, before `end`. Looks at eight octets at a time.
    @inline(__always)
    func firstIndex(of octet: UInt8, from start: Int, to end: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let pattern = UInt64(octet) &* ones
        var index = start
        while index + 8 <= end {
            let difference = UInt64(littleEndian: word(at: index)) ^ pattern
            let hits = (difference &- ones) & ~difference & (ones << 7)
            if hits != 0 { return index + hits.trailingZeroBitCount >> 3 }
            index += 8
        }
        while index < end {
            if byte(at: index) == octet { return index }
            index += 1
        }
        return nil
    }

    /// The line that begins at `start`, without its end; nil if its end has not come. Where the next one begins is two octets on.
    @inline(__always)
    func line(from start: Int) throws(WireFailure) -> Range<Int>? {
        guard let lineFeed = firstIndex(of: 0x0A, from: start, to: byteCount) else { return nil }
        guard lineFeed > start, byte(at: lineFeed - 1) == 0x0D else { throw WireFailure(text: "a line does not end in CR LF") }
        return start..<(lineFeed - 1)
    }

    /// The word that begins at the start of the range, up to a space or the range's end.
    @inline(__always)
    func word(in range: Range<Int>) -> Range<Int> {
        range.lowerBound..<(firstIndex(of: 0x20, from: range.lowerBound, to: range.upperBound) ?? range.upperBound)
    }

    /// The range as a decimal number without a sign.
    @inline(__always)
    func decimal(in range: Range<Int>) throws(WireFailure) -> Int {
        var value = 0
        for index in range {
            let digit = Int(byte(at: index)) - 0x30
            guard digit >= 0, digit <= 9, value < 100_000_000 else { throw WireFailure(text: "'\(shown(range))' is no number") }
            value = value * 10 + digit
        }
        guard !range.isEmpty else { throw WireFailure(text: "a number is missing") }
        return value
    }

    /// Whether the range begins with the text.
    @inline(__always)
    func begins(_ range: Range<Int>, with text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard range.count >= count else { return false }
        for index in 0..<count where byte(at: range.lowerBound + index) != text.utf8Start[index] { return false }
        return true
    }

    /// The range as text for people.
    func shown(_ range: Range<Int>) -> String {
        String(decoding: (range.lowerBound..<min(range.upperBound, range.lowerBound + 200)).map { byte(at: $0) }, as: UTF8.self)
    }
}
