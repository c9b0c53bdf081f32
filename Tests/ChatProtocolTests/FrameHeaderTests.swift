import Bytes
import ChatProtocol
import Testing

struct FrameHeaderTests {
    @Test func readsItsFourParts() throws {
        let octets: [UInt8] = [0xFF, 0x01, 0x02, 0x03, 0x20, 0x43, 0xAB, 0xCD, 0xEF, 0x00]
        let header = try #require(octets.withHeader(at: 1))
        #expect(header == FrameHeader(payloadByteCount: 0x010203, type: 0x20, flags: [.critical, .retry, .more], requestID: 0xABCDEF))
        #expect(header.frameByteCount == 0x010203 + 8)
        for count in 0..<8 { #expect(Array(octets.prefix(count)).withHeader(at: 0) == nil) }
        #expect(octets.withHeader(at: 3) == nil)
        #expect(octets.withHeader(at: 2) != nil)
    }

    @Test func lengthsAreFatalAboveTheLimit() throws {
        for limit in [0, 16_384, 65_536, 1_048_576] {
            try FrameHeader(payloadByteCount: limit, type: 0).validate(payloadByteCountMax: limit)
            let error = #expect(throws: FrameError.self) {
                try FrameHeader(payloadByteCount: limit + 1, type: 0).validate(payloadByteCountMax: limit)
            }
            #expect(error?.code == .frameTooLarge)
            #expect(error?.code.isFatal == true)
        }
    }

    @Test func flagsAreFatalIfTheyMustNotBeIgnored() throws {
        for bits in UInt8.min...UInt8.max {
            let header = FrameHeader(payloadByteCount: 0, type: 6, flags: FrameFlags(rawValue: bits), requestID: 1)
            if bits & 0xB0 == 0 {
                try header.validate(payloadByteCountMax: 0)
            } else {
                let error = #expect(throws: FrameError.self) { try header.validate(payloadByteCountMax: 0) }
                #expect(error?.code == .badFlags)
            }
        }
    }
}

extension [UInt8] {
    fileprivate func withHeader(at offset: Int) -> FrameHeader? { FrameHeader(span.bytes, at: offset) }
}
