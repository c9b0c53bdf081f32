import Bytes
import Testing

struct ByteWriterTests {
    @Test(arguments: [0, 1, 15, 16, 17, 31, 32, 33, 255, 256, 257, 5_000])
    func growsWithWhatIsWritten(count: Int) {
        var writer = ByteWriter(minimumCapacity: 0)
        for index in 0..<count { writer.append(UInt8(truncatingIfNeeded: index)) }
        #expect(writer.count == count)
        let octets = writer.finish().array
        #expect(octets == (0..<count).map { UInt8(truncatingIfNeeded: $0) })
    }

    @Test func everyKindOfAppendIsTheSameOctets() {
        var generator = SplitMix(state: 5)
        for _ in 0..<300 {
            var writer = ByteWriter(minimumCapacity: 1)
            var expected: [UInt8] = []
            for _ in 0..<40 {
                let octets = (0..<Int.random(in: 0...20, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
                switch Int.random(in: 0...5, using: &generator) {
                case 0:
                    writer.append(octets.first ?? 7)
                    expected.append(octets.first ?? 7)
                case 1:
                    writer.append(octets.span.bytes)
                    expected += octets
                case 2:
                    writer.append(SharedBytes(octets))
                    expected += octets
                case 3:
                    let text = String(octets.map { Character(Unicode.Scalar($0)) })
                    writer.append(utf8: text)
                    expected += Array(text.utf8)
                case 4:
                    let width = min(8, octets.count)
                    let value = octets.prefix(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    writer.appendBigEndian(value, byteCount: width)
                    expected += octets.prefix(width)
                default:
                    let width = min(8, octets.count)
                    let value = octets.prefix(width).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
                    writer.appendLeading(width == 0 ? .max : value << UInt64(8 * (8 - width)), byteCount: width)
                    expected += octets.prefix(width)
                }
                let isEqual = writer.withBytes { $0.equals(expected.span.bytes) }
                #expect(isEqual)
            }
            let octets = writer.finish().array
            #expect(octets == expected)
        }
    }

    @Test func highOctetsOfAWiderValueAreLeftOut() {
        var writer = ByteWriter()
        writer.appendBigEndian(0x1122_3344_5566_7788, byteCount: 3)
        writer.appendBigEndian(.max, byteCount: 0)
        let octets = writer.finish().array
        #expect(octets == [0x66, 0x77, 0x88])
    }

    @Test func lengthsKnownLaterAreWrittenOver() {
        var writer = ByteWriter()
        for octet in UInt8(0)..<6 { writer.append(octet) }
        writer.overwriteBigEndian(0xAABBCC, byteCount: 3, at: 1)
        writer.overwriteBigEndian(0xDD, byteCount: 1, at: 5)
        writer.overwriteBigEndian(.max, byteCount: 0, at: 6)
        let octets = writer.finish().array
        #expect(octets == [0, 0xAA, 0xBB, 0xCC, 4, 0xDD])
    }
}
