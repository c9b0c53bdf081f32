import Bytes
import Testing
import WebSocket

/// Frames as a client sends them, good and bad.
struct ClientFrame {
    var first: UInt8
    var payload: [UInt8]
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    /// Octets of the extended length; nil for the shortest form.
    var lengthByteCount: Int?

    init(_ opcode: UInt8, _ payload: [UInt8] = [], final: Bool = true, bits: UInt8 = 0) {
        first = (final ? 0x80 : 0) | bits | opcode
        self.payload = payload
    }

    init(_ opcode: UInt8, _ text: String, final: Bool = true) { self.init(opcode, Array(text.utf8), final: final) }

    func unmasked() -> ClientFrame {
        var frame = self
        frame.key = nil
        return frame
    }

    func length(_ byteCount: Int) -> ClientFrame {
        var frame = self
        frame.lengthByteCount = byteCount
        return frame
    }

    var octets: [UInt8] {
        var octets = [first]
        let width = lengthByteCount ?? (payload.count <= 125 ? 0 : payload.count <= 0xFFFF ? 2 : 8)
        let mask: UInt8 = key == nil ? 0 : 0x80
        octets.append(mask | (width == 0 ? UInt8(payload.count) : width == 2 ? 126 : 127))
        for index in 0..<width { octets.append(UInt8(truncatingIfNeeded: payload.count >> (8 * (width - 1 - index)))) }
        guard let key else { return octets + payload }
        return octets + key + payload.enumerated().map { $1 ^ key[$0 & 3] }
    }
}

/// What a decoder makes of a stream.
struct DecoderOutcome: Equatable {
    var inputs: [WebSocketInput] = []
    var error: UInt16?
}

func decode(_ pieces: [[UInt8]], allowsCompression: Bool = false, messageByteCountMax: Int = 65_536) -> DecoderOutcome {
    var decoder = WebSocketDecoder(allowsCompression: allowsCompression)
    var outcome = DecoderOutcome()
    for piece in pieces {
        var used = 0
        do throws(WebSocketError) {
            while let input = try decoder.next(in: piece.span.bytes, used: &used, messageByteCountMax: messageByteCountMax) {
                outcome.inputs.append(input)
            }
        } catch {
            outcome.error = error.code.rawValue
            return outcome
        }
        if used != piece.count { Issue.record("octets were left") }
    }
    return outcome
}

func text(_ text: String) -> WebSocketInput { .message(isText: true, isCompressed: false, SharedBytes(utf8: text)) }
func binary(_ octets: [UInt8]) -> WebSocketInput { .message(isText: false, isCompressed: false, SharedBytes(octets)) }

struct DecoderCase: CustomTestStringConvertible, Sendable {
    let name: String
    let octets: [UInt8]
    var inputs: [WebSocketInput] = []
    var error: UInt16?
    var allowsCompression = false

    init(_ name: String, _ frames: [ClientFrame], _ inputs: [WebSocketInput] = [], error: UInt16? = nil, compressed: Bool = false) {
        self.name = name
        octets = frames.flatMap(\.octets)
        self.inputs = inputs
        self.error = error
        allowsCompression = compressed
    }

    var testDescription: String { name }

    static let hello = Array("Hello".utf8)

    // Made anew for each use: the address sanitizer does not see what the cases of a stored list refer to.
    static var good: [DecoderCase] {
        [
            DecoderCase("a text (RFC 6455 section 5.7)", [ClientFrame(1, hello)], [text("Hello")]),
            DecoderCase("an empty text", [ClientFrame(1)], [text("")]),
            DecoderCase("an empty binary message", [ClientFrame(2)], [binary([])]),
            DecoderCase("125 octets", [ClientFrame(2, [UInt8](repeating: 1, count: 125))], [binary([UInt8](repeating: 1, count: 125))]),
            DecoderCase("126 octets", [ClientFrame(2, [UInt8](repeating: 2, count: 126))], [binary([UInt8](repeating: 2, count: 126))]),
            DecoderCase("127 octets", [ClientFrame(2, [UInt8](repeating: 3, count: 127))], [binary([UInt8](repeating: 3, count: 127))]),
            DecoderCase(
                "65,535 octets", [ClientFrame(2, [UInt8](repeating: 4, count: 65_535))], [binary([UInt8](repeating: 4, count: 65_535))]),
            DecoderCase(
                "65,536 octets", [ClientFrame(2, [UInt8](repeating: 5, count: 65_536))], [binary([UInt8](repeating: 5, count: 65_536))]),
            DecoderCase(
                "two fragments (RFC 6455 section 5.7)", [ClientFrame(1, "Hel", final: false), ClientFrame(0, "lo")], [text("Hello")]),
            DecoderCase(
                "empty fragments",
                [ClientFrame(1, final: false), ClientFrame(0, final: false), ClientFrame(0, "x", final: false), ClientFrame(0)],
                [text("x")]),
            DecoderCase(
                "a ping between fragments", [ClientFrame(2, [1], final: false), ClientFrame(9, "p"), ClientFrame(0, [2])],
                [.ping(SharedBytes(utf8: "p")), binary([1, 2])]),
            DecoderCase("a ping", [ClientFrame(9, hello)], [.ping(SharedBytes(hello))]),
            DecoderCase("an empty ping", [ClientFrame(9)], [.ping(.empty)]),
            DecoderCase(
                "a ping of 125 octets", [ClientFrame(9, [UInt8](repeating: 7, count: 125))],
                [.ping(SharedBytes([UInt8](repeating: 7, count: 125)))]),
            DecoderCase("a pong nobody asked for", [ClientFrame(10, "x")], [.pong(SharedBytes(utf8: "x"))]),
            DecoderCase(
                "a character cut by fragments", [ClientFrame(1, [0xF0, 0x9F], final: false), ClientFrame(0, [0x91, 0x8D])], [text("👍")]),
            DecoderCase(
                "characters at their limits", [ClientFrame(1, "\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}")],
                [text("\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}")]),
            DecoderCase("bad text is good binary", [ClientFrame(2, [0xFF, 0xC0])], [binary([0xFF, 0xC0])]),
            DecoderCase("an empty close", [ClientFrame(8)], [.close(nil, reason: "")]),
            DecoderCase("a close", [ClientFrame(8, [0x03, 0xE8])], [.close(.normal, reason: "")]),
            DecoderCase("a close with a reason", [ClientFrame(8, [0x03, 0xE9, 0x62, 0x79, 0x65])], [.close(.goingAway, reason: "bye")]),
            DecoderCase(
                "a close of an application", [ClientFrame(8, [0x0F, 0xA0])], [.close(WebSocketCloseCode(rawValue: 4000), reason: "")]),
            DecoderCase(
                "what follows a close is discarded", [ClientFrame(8, [0x03, 0xE8]), ClientFrame(1, "x"), ClientFrame(15)],
                [.close(.normal, reason: "")]),
            DecoderCase(
                "messages in a row", [ClientFrame(1, "a"), ClientFrame(2, [0]), ClientFrame(1, "b")], [text("a"), binary([0]), text("b")]),
            DecoderCase(
                "a compressed message", [ClientFrame(1, [0xFF], final: false, bits: 0x40), ClientFrame(0, [0xFE])],
                [.message(isText: true, isCompressed: true, SharedBytes([0xFF, 0xFE]))], compressed: true),
            DecoderCase("a message that is not compressed, where it could be", [ClientFrame(1, "x")], [text("x")], compressed: true),
        ]
    }

    static let bad: [DecoderCase] = [
        DecoderCase("not masked", [ClientFrame(1, hello).unmasked()], error: 1002),
        DecoderCase("a ping not masked", [ClientFrame(9).unmasked()], error: 1002),
        DecoderCase("RSV1", [ClientFrame(1, hello, bits: 0x40)], error: 1002),
        DecoderCase("RSV2", [ClientFrame(1, hello, bits: 0x20)], error: 1002),
        DecoderCase("RSV3", [ClientFrame(1, hello, bits: 0x10)], error: 1002),
        DecoderCase("RSV1 of a control frame", [ClientFrame(9, bits: 0x40)], error: 1002, compressed: true),
        DecoderCase(
            "RSV1 of a continuation", [ClientFrame(1, "a", final: false), ClientFrame(0, [], bits: 0x40)], error: 1002, compressed: true),
        DecoderCase("a text after a good one, with RSV2", [ClientFrame(1, "a"), ClientFrame(1, [], bits: 0x20)], [text("a")], error: 1002),
        DecoderCase("opcode 3", [ClientFrame(3)], error: 1002),
        DecoderCase("opcode 7", [ClientFrame(7)], error: 1002),
        DecoderCase("opcode 11", [ClientFrame(11)], error: 1002),
        DecoderCase("opcode 15", [ClientFrame(15)], error: 1002),
        DecoderCase("a continuation of nothing", [ClientFrame(0, "x")], error: 1002),
        DecoderCase("a continuation after a whole message", [ClientFrame(1, "a"), ClientFrame(0, "b")], [text("a")], error: 1002),
        DecoderCase("a message within a message", [ClientFrame(1, "a", final: false), ClientFrame(1, "b")], error: 1002),
        DecoderCase("a fragmented ping", [ClientFrame(9, "a", final: false)], error: 1002),
        DecoderCase("a fragmented close", [ClientFrame(8, final: false)], error: 1002),
        DecoderCase("a ping of 126 octets", [ClientFrame(9, [UInt8](repeating: 0, count: 126))], error: 1002),
        DecoderCase("a short length in 2 octets", [ClientFrame(2, hello).length(2)], error: 1002),
        DecoderCase("a short length in 8 octets", [ClientFrame(2, hello).length(8)], error: 1002),
        DecoderCase("a middle length in 8 octets", [ClientFrame(2, [UInt8](repeating: 0, count: 300)).length(8)], error: 1002),
        DecoderCase("65,537 octets", [ClientFrame(2, [UInt8](repeating: 0, count: 65_537))], error: 1009),
        DecoderCase(
            "65,537 octets in fragments", [ClientFrame(2, [UInt8](repeating: 0, count: 65_536), final: false), ClientFrame(0, [0])],
            error: 1009),
        DecoderCase("an overlong form", [ClientFrame(1, [0xC0, 0x80])], error: 1007),
        DecoderCase("an overlong form of 3 octets", [ClientFrame(1, [0xE0, 0x80, 0x80])], error: 1007),
        DecoderCase("a surrogate", [ClientFrame(1, [0xED, 0xA0, 0x80])], error: 1007),
        DecoderCase("above U+10FFFF", [ClientFrame(1, [0xF4, 0x90, 0x80, 0x80])], error: 1007),
        DecoderCase("a continuation octet alone", [ClientFrame(1, [0x80])], error: 1007),
        DecoderCase("FF", [ClientFrame(1, [0x61, 0xFF])], error: 1007),
        DecoderCase("a text that ends within a character", [ClientFrame(1, [0x61, 0xC3])], error: 1007),
        DecoderCase("a bad character in a later fragment", [ClientFrame(1, [0xC3], final: false), ClientFrame(0, [0x28])], error: 1007),
        DecoderCase("bad text in an unfinished message", [ClientFrame(1, [0xFF], final: false)], error: 1007),
        DecoderCase("half a close code", [ClientFrame(8, [3])], error: 1002),
        DecoderCase("close code 0", [ClientFrame(8, [0, 0])], error: 1002),
        DecoderCase("close code 999", [ClientFrame(8, [0x03, 0xE7])], error: 1002),
        DecoderCase("close code 1004", [ClientFrame(8, [0x03, 0xEC])], error: 1002),
        DecoderCase("close code 1005", [ClientFrame(8, [0x03, 0xED])], error: 1002),
        DecoderCase("close code 1006", [ClientFrame(8, [0x03, 0xEE])], error: 1002),
        DecoderCase("close code 1015", [ClientFrame(8, [0x03, 0xF7])], error: 1002),
        DecoderCase("close code 2999", [ClientFrame(8, [0x0B, 0xB7])], error: 1002),
        DecoderCase("close code 5000", [ClientFrame(8, [0x13, 0x88])], error: 1002),
        DecoderCase("a reason that is not UTF-8", [ClientFrame(8, [0x03, 0xE8, 0xFF])], error: 1007),
    ]
}

struct DecoderTests {
    @Test(arguments: DecoderCase.good + DecoderCase.bad)
    func everyStreamHasOneOutcomeWhateverWayItIsCut(_ example: DecoderCase) {
        var random = SeededRandom(seed: 5)
        for pieces in cuts(of: example.octets, random: &random) {
            let outcome = decode(pieces, allowsCompression: example.allowsCompression)
            #expect(outcome == DecoderOutcome(inputs: example.inputs, error: example.error))
        }
    }

    @Test func everyCloseCodeIsJudged() {
        for code in 0...UInt16.max {
            let outcome = decode([ClientFrame(8, [UInt8(code >> 8), UInt8(code & 0xFF)]).octets])
            let isGood = (1000...1003).contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
            #expect((outcome.error == nil) == isGood)
        }
    }

    @Test func aLengthAnnouncedTakesNoMemory() throws {
        var decoder = WebSocketDecoder()
        let octets: [UInt8] = [0x82, 0xFF, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4, 5]
        var used = 0
        _ = try decoder.next(in: octets.span.bytes, used: &used, messageByteCountMax: 1 << 40)
        #expect(decoder.heldByteCount == 1)
    }

    @Test func aLengthOf64BitsIsRefused() {
        #expect(decode([[0x82, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 0]]).error == 1002)
        #expect(decode([[0x82, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF]]).error == 1009)
    }

    @Test func masksInAnyPhase() {
        var random = SeededRandom(seed: 6)
        for count in 0..<40 {
            let payload = (0..<count).map { _ in UInt8(random.upTo(255)) }
            var frame = ClientFrame(2, payload)
            frame.key = (0..<4).map { _ in UInt8(random.upTo(255)) }
            for pieces in cuts(of: frame.octets, random: &random) { #expect(decode(pieces).inputs == [binary(payload)]) }
        }
    }

    @Test func longMessagesArePassedOverWhereThatIsWanted() throws {
        var random = SeededRandom(seed: 9)
        let long = [UInt8](repeating: 0xFF, count: 11)
        let frames = [
            ClientFrame(1, "0123456789"), ClientFrame(1, long), ClientFrame(1, "a"), ClientFrame(2, long, final: false),
            ClientFrame(9, "p"),
            ClientFrame(0, long, final: false), ClientFrame(0, [1]), ClientFrame(1, "01234", final: false), ClientFrame(0, "567890"),
            ClientFrame(2, [7]),
        ]
        for pieces in cuts(of: frames.flatMap(\.octets), random: &random) {
            var decoder = WebSocketDecoder(discardsLongMessages: true)
            var inputs: [WebSocketInput] = []
            for piece in pieces {
                var used = 0
                while let input = try decoder.next(in: piece.span.bytes, used: &used, messageByteCountMax: 10) {
                    inputs.append(input)
                    // Nothing of them is kept.
                    #expect(decoder.heldByteCount <= 10)
                }
            }
            #expect(
                inputs == [text("0123456789"), .tooLong, text("a"), .ping(SharedBytes(utf8: "p")), .tooLong, .tooLong, binary([7])])
        }
        // What breaks the protocol is the end all the same.
        var decoder = WebSocketDecoder(discardsLongMessages: true)
        let octets = ClientFrame(1, long, final: false).octets + ClientFrame(1, "a").octets
        var used = 0
        #expect(throws: WebSocketError.self) {
            while try decoder.next(in: octets.span.bytes, used: &used, messageByteCountMax: 10) != nil {}
        }
    }

    @Test func noiseHasOneOutcomeWhateverWayItIsCut() {
        var random = SeededRandom(seed: 7)
        for _ in 0..<2_000 {
            var octets: [UInt8] = []
            for _ in 0..<(1 + random.upTo(4)) {
                let opcode: UInt8 = [0, 1, 2, 8, 9, 10][random.upTo(5)]
                octets += ClientFrame(opcode, (0..<random.upTo(20)).map { _ in UInt8(random.upTo(255)) }, final: random.upTo(2) > 0).octets
            }
            if random.upTo(1) == 0 { octets[random.upTo(octets.count - 1)] ^= 1 << UInt8(random.upTo(7)) }
            let whole = decode([octets])
            for pieces in cuts(of: octets, random: &random, chances: 2) { #expect(decode(pieces) == whole) }
        }
    }
}

struct EncoderTests {
    private func octets(_ byteCount: Int, _ opcode: WebSocketOpcode = .binary, isFinal: Bool = true, isCompressed: Bool = false) -> [UInt8]
    {
        var writer = ByteWriter()
        let payload = [UInt8](repeating: 9, count: byteCount)
        WebSocketEncoder.append(opcode, payload.span.bytes, isFinal: isFinal, isCompressed: isCompressed, to: &writer)
        return writer.finish().array
    }

    @Test func headersAreInTheirShortestForm() {
        #expect(octets(0) == [0x82, 0])
        #expect(octets(125).prefix(2) == [0x82, 125])
        #expect(octets(126).prefix(4) == [0x82, 126, 0, 126])
        #expect(octets(65_535).prefix(4) == [0x82, 126, 0xFF, 0xFF])
        #expect(octets(65_536).prefix(10) == [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0])
        for count in [0, 125, 126, 65_535, 65_536] {
            #expect(octets(count).count == count + WebSocketEncoder.headerByteCount(payloadByteCount: count))
        }
        #expect(octets(1, .text, isFinal: false).first == 0x01)
        #expect(octets(1, .text, isCompressed: true).first == 0xC1)
    }

    @Test func closeReasonsFitAControlFrame() {
        let octets = WebSocketEncoder.close(WebSocketCloseCode(rawValue: 4105), reason: String(repeating: "é", count: 100)).array
        #expect(octets.prefix(4) == [0x88, 124, 0x10, 0x09])
        #expect(octets.count == 126)
        #expect(WebSocketEncoder.close(.normal).array == [0x88, 2, 0x03, 0xE8])
    }

    @Test func pongsCarryWhatPingsDid() {
        #expect(WebSocketEncoder.pong(SharedBytes(utf8: "ab")).array == [0x8A, 2, 0x61, 0x62])
    }
}
