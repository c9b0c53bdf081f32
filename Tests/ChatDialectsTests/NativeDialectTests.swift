import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// What the native dialect makes of octets, however they are cut.
struct NativeDialectTests {
    private static let preface: [UInt8] = [0xB3, 0x43, 0x42, 0x50, 1, 1, 0, 0]
    private static let limits = DialectLimits(payloadByteCountMax: 65_536, bodyByteCountMax: 16_384)

    private static func frame(_ command: Command, id: UInt32, isRetry: Bool = false) -> [UInt8] {
        var writer = ByteWriter()
        FrameEncoder.append(command, requestID: id, isRetry: isRetry, to: &writer)
        return writer.finish().array
    }

    private static func header(byteCount: Int, type: UInt8, flags: UInt8 = 0, id: UInt32 = 1) -> [UInt8] {
        [
            UInt8(byteCount >> 16), UInt8(byteCount >> 8 & 255), UInt8(byteCount & 255), type, flags, UInt8(id >> 16), UInt8(id >> 8 & 255),
            UInt8(id & 255),
        ]
    }

    private static let lobby = try! RoomAddress("lobby")

    private static var conversation: [(input: DialectInput, octets: [UInt8])] {
        let device = SharedBytes([UInt8](0..<16))
        let publication = Publication(content: EventContent(messageID: MessageID(7), reply: 3, body: "hällo"), ageMilliseconds: 12)
        let commands: [(Command, UInt32, Bool)] = [
            (.hello(Hello(agent: "demo/1", capabilities: ["x-a"], device: device)), 1, false),
            (.authenticate(Authenticate(mechanism: "ANONYMOUS", message: SharedBytes(utf8: "alice"))), 2, false),
            (.ping(timestamp: nil), 3, false),
            (.join(Join(room: lobby, cursor: LogPosition(epoch: 5, seq: 0), tail: 9)), 4, false),
            (.publish(Publish(room: lobby, publication: publication)), 0xFF_FFFF, true),
            (.goodbye(Goodbye(.ok)), 0, false),
        ]
        let opened = DialectInput.opened(Preface.client)
        return [(opened, preface)]
            + commands.map { (.command($0.0, requestID: $0.1, isRetry: $0.2), frame($0.0, id: $0.1, isRetry: $0.2)) }
    }

    /// Offers octets to a dialect as the adapter does: what is not used is offered again with more behind it.
    private struct Feed {
        var dialect = NativeDialect()
        var held: [UInt8] = []
        var inputs: [DialectInput] = []

        mutating func offer(_ octets: [UInt8], limits: DialectLimits = NativeDialectTests.limits) {
            held += octets
            var used = 0
            held.withUnsafeBytes { buffer in
                while let next = dialect.next(in: buffer.bytes.extracting(used..<buffer.count), limits: limits) {
                    used += next.byteCount
                    inputs.append(next.input)
                    if case .fatal = next.input { break }
                    if case .foreign = next.input { break }
                }
            }
            held.removeFirst(used)
        }
    }

    private static func inputs(of octets: [UInt8], limits: DialectLimits = limits) -> [DialectInput] {
        var feed = Feed()
        feed.offer(preface)
        feed.offer(octets, limits: limits)
        return Array(feed.inputs.dropFirst())
    }

    @Test func readsAWholeConversationFromOneSegment() {
        var feed = Feed()
        feed.offer(Self.conversation.flatMap(\.octets))
        #expect(feed.inputs == Self.conversation.map(\.input))
        #expect(feed.held.isEmpty)
    }

    @Test func readsTheSameWhereverTheOctetsAreCut() {
        let octets = Self.conversation.flatMap(\.octets)
        for cut in 1..<octets.count {
            var feed = Feed()
            feed.offer(Array(octets[..<cut]))
            feed.offer(Array(octets[cut...]))
            #expect(feed.inputs == Self.conversation.map(\.input), "cut at \(cut)")
        }
    }

    @Test func readsTheSameOctetByOctet() {
        var feed = Feed()
        var count = 0
        var end = 0
        let octets = Self.conversation.flatMap(\.octets)
        for (index, octet) in octets.enumerated() {
            feed.offer([octet])
            if index + 1 == end + Self.conversation[count].octets.count {
                end = index + 1
                count += 1
            }
            #expect(feed.inputs.count == count, "octet \(index)")
        }
        #expect(feed.inputs == Self.conversation.map(\.input))
    }

    @Test func takesNoMoreThanOneInputAtATime() {
        var dialect = NativeDialect()
        let octets = Self.conversation[0].octets + Self.conversation[1].octets
        let first = octets.withUnsafeBytes { dialect.next(in: $0.bytes, limits: Self.limits) }
        #expect(first?.byteCount == 8)
        #expect(first?.input == Self.conversation[0].input)
    }

    @Test(arguments: 0..<8)
    func asksForMoreOfAnIncompletePreface(count: Int) {
        var dialect = NativeDialect()
        let isNil = Array(Self.preface[..<count]).withUnsafeBytes { dialect.next(in: $0.bytes, limits: Self.limits) == nil }
        #expect(isNil)
    }

    @Test(arguments: 0..<4)
    func knowsForeignOctetsByTheFirstWrongOne(position: Int) {
        for wrong in UInt8.min...UInt8.max where wrong != Self.preface[position] {
            var feed = Feed()
            feed.offer(Array(Self.preface[..<position]) + [wrong])
            #expect(feed.inputs == [.foreign])
        }
    }

    @Test func ignoresTheLastTwoOctetsOfThePreface() {
        for octet in [UInt8(1), 0x7F, 0xFF] {
            var feed = Feed()
            feed.offer([0xB3, 0x43, 0x42, 0x50, 1, 1, octet, octet])
            #expect(feed.inputs == [.opened(Preface.client)])
        }
    }

    @Test(arguments: [(UInt8(1), UInt8(1), true), (9, 1, true), (9, 2, false), (0, 0, false), (0, 1, false), (1, 0, true)])
    func handsOnTheVersionsOffered(highest: UInt8, lowest: UInt8, isCommon: Bool) {
        var feed = Feed()
        feed.offer([0xB3, 0x43, 0x42, 0x50, highest, lowest, 0, 0])
        guard case .opened(let preface)? = feed.inputs.first else {
            Issue.record("not opened")
            return
        }
        #expect(preface.offersVersion == isCommon)
    }

    @Test func judgesTheLengthByTheHeaderAlone() {
        let limits = DialectLimits(payloadByteCountMax: 16_384, bodyByteCountMax: 16_384)
        #expect(Self.inputs(of: Self.header(byteCount: 16_384, type: 0x06), limits: limits).isEmpty, "the payload may come")
        guard case .fatal(.frameTooLarge, _)? = Self.inputs(of: Self.header(byteCount: 16_385, type: 0x06), limits: limits).first else {
            Issue.record("a header that announces too much ends the connection")
            return
        }
        #expect(Self.inputs(of: Self.header(byteCount: 16_385, type: 0x06)).isEmpty, "it is not too much later on")
    }

    @Test func judgesLengthThenFlagsThenType() {
        func code(_ octets: [UInt8]) -> ResultCode? {
            guard case .fatal(let code, _)? = Self.inputs(of: octets).first else { return nil }
            return code
        }
        #expect(code(Self.header(byteCount: 65_537, type: 0x3E, flags: 0x10)) == .frameTooLarge)
        #expect(code(Self.header(byteCount: 65_537, type: 0x3E, flags: 0x80)) == .frameTooLarge)
        for flag in [UInt8(0x10), 0x20, 0x80] {
            #expect(code(Self.header(byteCount: 0, type: 0x3E, flags: flag)) == .badFlags)
            #expect(code(Self.header(byteCount: 0, type: 0x06, flags: flag)) == .badFlags)
        }
        for flag in [UInt8(0x01), 0x02, 0x04, 0x08, 0x40] {
            #expect(
                Self.inputs(of: Self.header(byteCount: 0, type: 0x06, flags: flag))
                    == [.command(.ping(timestamp: nil), requestID: 1, isRetry: flag == 0x02)])
        }
    }

    @Test func tellsUnknownTypesApartByIdAndFlag() {
        func first(_ octets: [UInt8]) -> DialectInput? { Self.inputs(of: octets).first }
        guard case .fault(let error, 0x3E, 5)? = first(Self.header(byteCount: 0, type: 0x3E, id: 5)) else {
            Issue.record("an unknown request is answered")
            return
        }
        #expect(error.code == .unknownType)
        #expect(first(Self.header(byteCount: 0, type: 0x3E, id: 0)) == .skipped)
        guard case .fatal(.unknownType, _)? = first(Self.header(byteCount: 0, type: 0x3E, flags: 0x40, id: 0)) else {
            Issue.record("an unknown critical frame ends the connection")
            return
        }
    }

    @Test func goesOnBehindAFaultyPayload() {
        let faulty = Self.header(byteCount: 6, type: 0x10) + [0x81, 5, 0x6C, 0x6F, 0x62, 0x62]
        let inputs = Self.inputs(of: faulty + Self.frame(.ping(timestamp: 9), id: 2))
        #expect(inputs.count == 2)
        guard case .fault(let error, 0x10, 1)? = inputs.first else {
            Issue.record("a faulty payload is a fault of its request")
            return
        }
        #expect(error.code == .malformed)
        #expect(inputs.last == .command(.ping(timestamp: 9), requestID: 2, isRetry: false))
    }

    @Test func goesOnBehindASkippedFrame() {
        let inputs = Self.inputs(
            of: Self.header(byteCount: 3, type: 0x1F, id: 0) + [0xFF, 0, 1] + Self.frame(.ping(timestamp: nil), id: 2))
        #expect(inputs == [.skipped, .command(.ping(timestamp: nil), requestID: 2, isRetry: false)])
    }

    @Test func refusesWhatOnlyBrokersSend() {
        for type: UInt8 in [0x02, 0x05, 0x08, 0x11, 0x14, 0x21, 0x22, 0x26] {
            guard case .fault(let error, type, 1)? = Self.inputs(of: Self.header(byteCount: 0, type: type)).first else {
                Issue.record("type \(type)")
                continue
            }
            #expect(error.code == .badState)
        }
    }

    @Test func refusesABodyAboveTheLimit() {
        let publish = Command.publish(
            Publish(room: Self.lobby, publication: Publication(content: EventContent(body: String(repeating: "a", count: 11)))))
        func inputs(_ most: Int) -> [DialectInput] {
            Self.inputs(of: Self.frame(publish, id: 1), limits: DialectLimits(payloadByteCountMax: 65_536, bodyByteCountMax: most))
        }
        #expect(inputs(11) == [.command(publish, requestID: 1, isRetry: false)])
        guard case .fault(let error, 0x20, 1)? = inputs(10).first else {
            Issue.record("a long body is a fault of its request")
            return
        }
        #expect(error.code == .bodyTooLarge)
    }
}
