import Bytes
import ChatProtocol
import Testing

struct PrefaceTests {
    private func parse(_ octets: [UInt8]) throws -> Preface? { try Preface.parse(octets.span.bytes) }
    private func octets(_ preface: Preface) -> [UInt8] {
        var writer = ByteWriter()
        preface.append(to: &writer)
        return writer.finish().array
    }

    @Test func isTheEightOctetsOfTheDocument() throws {
        let expected: [UInt8] = [0xB3, 0x43, 0x42, 0x50, 1, 1, 0, 0]
        #expect(octets(.client) == expected)
        #expect(octets(.broker(answering: .client)) == expected)
        #expect(try parse(expected) == .client)
        #expect(try parse(expected + [1]) == .client)
        for count in 0..<8 { #expect(try parse(Array(expected.prefix(count))) == nil) }
    }

    @Test func reservedOctetsAreIgnored() throws {
        #expect(try parse([0xB3, 0x43, 0x42, 0x50, 1, 1, 0xFF, 0xFF]) == .client)
    }

    @Test func anotherFirstOctetIsKnownAtOnce() {
        let magic: [UInt8] = [0xB3, 0x43, 0x42, 0x50]
        for place in 0..<4 {
            for octet in UInt8.min...UInt8.max where octet != magic[place] {
                let error = #expect(throws: FrameError.self) { try parse(Array(magic.prefix(place)) + [octet]) }
                #expect(error?.code == .badPreface)
            }
        }
    }

    @Test func theHighestCommonVersionIsChosen() throws {
        for highest in UInt8(0)...4 {
            for lowest in UInt8(0)...4 {
                let client = try #require(try parse([0xB3, 0x43, 0x42, 0x50, highest, lowest, 0, 0]))
                let answer = Preface.broker(answering: client)
                let isCommon = lowest <= 1 && 1 <= highest
                #expect(client.offersVersion == isCommon)
                #expect(octets(answer) == [0xB3, 0x43, 0x42, 0x50, isCommon ? 1 : 0, 1, 0, 0])
                #expect(answer.choseVersion == isCommon)
            }
        }
    }
}
