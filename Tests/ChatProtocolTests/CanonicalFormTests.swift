import Bytes
import ChatProtocol
import Testing

struct CanonicalFormTests {
    @Test(arguments: FrameType.allCases)
    func whatIsEncodedDecodesToTheSameAndEncodesToTheSame(_ type: FrameType) throws {
        var frames = RandomFrames(seed: UInt64(type.rawValue))
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            for _ in 0..<1_500 {
                let value = frames.value(of: type, from: sender)
                let requestID = type == .deliver ? 0 : 1 + UInt32(frames.number(UInt64(ProtocolLimits.requestIDMax - 1)))
                let encoded = Frame(value, requestID: requestID)
                let header = encoded.header
                #expect(header.type == type.rawValue)
                #expect(header.requestID == requestID)
                #expect(header.frameByteCount == encoded.octets.count)
                let decoded = try encoded.value(from: sender)
                #expect(decoded == value)
                #expect(Frame(decoded, requestID: requestID).octets == encoded.octets)
            }
        }
    }

    @Test func flagsAreOnlyThoseAskedFor() {
        #expect(Frame(.command(.ping(timestamp: nil)), requestID: 1).header.flags == [])
        #expect(Frame(.command(.ping(timestamp: nil)), requestID: 1, isRetry: true).header.flags == .retry)
        #expect(Frame(.server(.reply(.pong(timestamp: nil))), requestID: 1, more: true).header.flags == .more)
    }

    /// The frame arrives in two parts, cut at every place, behind another frame and before a third.
    @Test(arguments: FrameType.allCases)
    func everySplitGivesTheSameFrames(_ type: FrameType) throws {
        var frames = RandomFrames(seed: 99 + UInt64(type.rawValue))
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            var value = frames.value(of: type, from: sender)
            while Frame(value, requestID: 5).octets.count > 400 { value = frames.value(of: type, from: sender) }
            let octets = Frame(value, requestID: type == .deliver ? 0 : 5).octets
            let stream = octets + octets + octets
            for split in 0...stream.count {
                var buffer = ReadBuffer()
                var received: [Frame.Value] = []
                for part in [stream[..<split], stream[split...]] {
                    let part = Array(part)
                    buffer.append(part.span.bytes)
                    while let next = nextFrame(&buffer) { received.append(try next.value(from: sender)) }
                }
                #expect(received == [value, value, value])
                #expect(buffer.isEmpty)
            }
        }
    }

    private func nextFrame(_ buffer: inout ReadBuffer) -> Frame? {
        let frame: Frame? = buffer.withBytes { span in
            guard let header = FrameHeader(span), span.byteCount >= header.frameByteCount else { return nil }
            return Frame((0..<header.frameByteCount).map { span.byte(at: $0) })
        }
        if let frame { buffer.consume(frame.octets.count) }
        return frame
    }

    @Test func pagesThatDoNotFitOneFrameAreSeveral() throws {
        var frames = RandomFrames(seed: 7)
        let records = (0..<1_000).map { number in
            Record.room(
                RoomRecord(
                    room: frames.address(), title: String(repeating: "t", count: 128), topic: String(repeating: "ü", count: 256),
                    members: UInt64(number), policy: [], head: ProtocolLimits.integerMax))
        }
        let cursor = SharedBytes([UInt8](repeating: 7, count: 64))
        var writer = ByteWriter()
        FrameEncoder.append(.items(Items(records: records, cursor: cursor, room: frames.address())), requestID: 3, to: &writer)
        var octets = writer.finish().array[...]
        var received: [Record] = []
        var frameCount = 0
        while !octets.isEmpty {
            let header = Frame(Array(octets)).header
            #expect(header.payloadByteCount <= ProtocolLimits.payloadByteCountMax)
            #expect(header.requestID == 3)
            let frame = Frame(Array(octets.prefix(header.frameByteCount)))
            octets = octets.dropFirst(header.frameByteCount)
            guard case .reply(.items(let items)) = try frame.serverFrame() else { return #expect(Bool(false)) }
            received += items.records
            frameCount += 1
            #expect(header.flags == (octets.isEmpty ? [] : .more))
            #expect(items.cursor == (octets.isEmpty ? cursor : nil))
        }
        #expect(received == records)
        #expect(frameCount > 10)
    }
}
