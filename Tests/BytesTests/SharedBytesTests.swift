import Bytes
import Testing

struct SharedBytesTests {
    @Test func holdsACopyOfWhatItWasMadeOf() {
        var octets: [UInt8] = [1, 2, 3]
        let shared = SharedBytes(octets)
        octets[0] = 9
        #expect(shared.array == [1, 2, 3])
        #expect(shared.count == 3)
        #expect(!shared.isEmpty)
        #expect(SharedBytes(utf8: "aé").array == [0x61, 0xC3, 0xA9])
        #expect(SharedBytes.empty.isEmpty)
        #expect(SharedBytes([]).array.isEmpty)
    }

    @Test func slicesCountFromTheStartOfTheSlice() {
        let shared = SharedBytes(Array(0..<10))
        let slice = shared[2..<8]
        #expect(slice.array == [2, 3, 4, 5, 6, 7])
        #expect(slice[1..<3].array == [3, 4])
        #expect(slice[6..<6].isEmpty)
        slice.withBytes { span in
            #expect(span.byteCount == 6)
            #expect(span.byte(at: 5) == 7)
        }
        slice.withUnsafeBytes { #expect($0.count == 6) }
    }

    @Test func equalityAndHashAreThoseOfTheOctets() {
        let one = SharedBytes([0, 1, 2, 3])[1..<3]
        let other = SharedBytes([1, 2])
        #expect(one == other)
        #expect(one.hashValue == other.hashValue)
        #expect(one != SharedBytes([1, 3]))
        #expect(one != SharedBytes([1, 2, 3]))
        #expect(SharedBytes.empty == SharedBytes([]))
    }

    @Test func spansAreReadAtEveryOffsetAndWidth() {
        let octets = (0..<24).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
        let span = octets.span.bytes
        for offset in 0...octets.count {
            for width in 0...min(8, octets.count - offset) {
                let expected = octets[offset..<(offset + width)].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                let value = span.bigEndian(at: offset, byteCount: width)
                #expect(value == expected)
            }
        }
        let isEqual = span.equals(Array(octets).span.bytes)
        #expect(isEqual)
        let isPrefixEqual = span.equals(Array(octets.dropLast()).span.bytes)
        #expect(!isPrefixEqual)
    }

    @Test func textIsOnlyWellFormedUTF8() {
        let octets: [UInt8] = [0x61, 0xC3, 0xA9, 0x80]
        let text = octets.span.bytes.text(in: 0..<3)
        #expect(text == "aé")
        let bad = octets.span.bytes.text(in: 0..<4)
        #expect(bad == nil)
        let isWellFormed = octets.span.bytes.extracting(0..<3).isWellFormedUTF8
        #expect(isWellFormed)
        let isIllFormed = octets.span.bytes.isWellFormedUTF8
        #expect(!isIllFormed)
        let none: [UInt8] = []
        let isEmptyWellFormed = none.span.bytes.isWellFormedUTF8
        #expect(isEmptyWellFormed)
    }
}
