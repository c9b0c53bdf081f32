import Bytes
import ChatProtocol
import Testing

@testable import LoadGenerator

@Suite struct BodyStampTests {
    private static let stamps = [
        BodyStamp(run: 0, room: 0, publisher: 0, counter: 0, intendedNanoseconds: 0),
        BodyStamp(run: .max, room: .max, publisher: .max, counter: .max, intendedNanoseconds: .max),
        BodyStamp(run: 0x0123_4567, room: 0x89AB_CDEF, publisher: 9, counter: 10, intendedNanoseconds: 0xFEDC_BA98_7654_3210),
    ]

    /// A body as a publisher makes it.
    private func body(_ stamp: BodyStamp, byteCount: Int) -> [UInt8] {
        var writer = ByteWriter()
        for _ in 0..<byteCount { writer.append(0) }
        stamp.write(to: &writer, at: 0, bodyByteCount: byteCount)
        var octets = Array(writer.finish().array.prefix(BodyStamp.byteCount))
        octets += BodyFiller(bodyByteCountMax: byteCount).octets(counter: stamp.counter, bodyByteCount: byteCount)
        return octets
    }

    private func read(_ octets: [UInt8]) -> BodyStamp? { BodyStamp(octets.span.bytes) }

    private func isWhole(_ octets: [UInt8]) -> Bool {
        let span = octets.span.bytes
        guard let stamp = BodyStamp(span) else { return false }
        return BodyFiller(bodyByteCountMax: 16_384).matches(span, counter: stamp.counter)
    }

    @Test(arguments: stamps, [56, 57, 63, 64, 65, 128, 16_384]) func comesBackAsItWasWritten(stamp: BodyStamp, byteCount: Int) {
        let octets = body(stamp, byteCount: byteCount)
        #expect(octets.count == byteCount)
        #expect(read(octets) == stamp)
        #expect(isWhole(octets))
    }

    @Test(arguments: stamps) func isTextThatTheProtocolAccepts(stamp: BodyStamp) {
        let octets = body(stamp, byteCount: 16_384)
        #expect(octets.allSatisfy { (0x20...0x7E).contains($0) })
        let isAcceptable = TextRules.isAcceptable(octets.span.bytes)
        #expect(isAcceptable)
    }

    @Test func noticesEveryOctetThatWasChanged() {
        for stamp in Self.stamps {
            let octets = body(stamp, byteCount: 131)
            for index in octets.indices {
                for bit in 0..<8 {
                    var changed = octets
                    changed[index] ^= 1 << bit
                    #expect(!isWhole(changed), "octet \(index), bit \(bit)")
                }
            }
        }
    }

    @Test func noticesABodyCutShortOrProlonged() {
        let octets = body(Self.stamps[2], byteCount: 128)
        for count in 0..<128 { #expect(!isWhole(Array(octets.prefix(count)))) }
        #expect(!isWhole(octets + [0x20]))
    }

    @Test func noticesTheFillerOfANeighbour() {
        var stamp = Self.stamps[2]
        let octets = body(stamp, byteCount: 128)
        stamp.counter += 1
        let next = body(stamp, byteCount: 128)
        #expect(!isWhole(Array(octets[..<56] + next[56...])))
    }

    @Test func messageNumbersDiffer() {
        var numbers: Set<UInt64> = []
        for room in 0..<20 {
            for publisher in 0..<20 {
                for counter in 0..<50 {
                    let stamp = BodyStamp(
                        run: 7, room: UInt32(room), publisher: UInt32(publisher), counter: UInt32(counter), intendedNanoseconds: 0)
                    numbers.insert(stamp.messageNumber)
                }
            }
        }
        #expect(numbers.count == 20 * 20 * 50)
    }

    @Test(arguments: [0, 1, 9, 10, 15, 16, 0x1234_5678, 0x9ABC_DEF0, .max] as [UInt32]) func writesHexadecimalDigits(value: UInt32) {
        let word = BodyStamp.digits(value)
        let text = String(decoding: (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * $0)) }, as: UTF8.self)
        #expect(text == String(repeating: "0", count: 8 - String(value, radix: 16).count) + String(value, radix: 16))
        #expect(BodyStamp.number(word) == value)
    }

    @Test(arguments: [56, 57, 128, 1_000]) func templatesAreFramesThatTheCodecReads(byteCount: Int) throws {
        let room = try RoomAddress("load/1/2")
        let template = PublishTemplate(bodyByteCount: byteCount) { .publish(Publish(room: room, publication: Publication(content: $0))) }
        let stamp = Self.stamps[2]
        var writer = ByteWriter()
        let filler = BodyFiller(bodyByteCountMax: byteCount)
        template.append(stamp, requestID: 0x12_3456, filler: filler, to: &writer)
        template.append(stamp, requestID: 1, filler: filler, to: &writer)
        let frames = writer.finish()
        #expect(frames.count == 2 * template.byteCount)
        try frames[0..<template.byteCount].withBytes { span in
            guard let header = FrameHeader(span) else { return #expect(Bool(false), "no header") }
            #expect(header.requestID == 0x12_3456)
            let payload = span.extracting(8..<span.byteCount)
            let command = try FrameDecoder.command(header, payload: payload, bodyByteCountMax: 16_384)
            let text = String(decoding: body(stamp, byteCount: byteCount), as: UTF8.self)
            let content = EventContent(messageID: MessageID(stamp.messageNumber), body: text)
            #expect(command == .publish(Publish(room: room, publication: Publication(content: content))))
        }
    }
}
