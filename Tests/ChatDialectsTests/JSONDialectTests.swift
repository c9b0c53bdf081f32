import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// What JSON says, held against what the binary form of the same frame says.
struct JSONDialectTests {
    private static let limits = DialectLimits(payloadByteCountMax: 65_536, bodyByteCountMax: 16_384)

    static func read(_ json: String, limits: DialectLimits = limits) -> DialectInput { read(Array(json.utf8), limits: limits) }

    static func read(_ octets: [UInt8], limits: DialectLimits = limits) -> DialectInput {
        JSONDialect.input(octets.span.bytes, limits: limits)
    }

    static func readNative(_ octets: [UInt8]) throws -> DialectInput {
        var dialect = NativeDialect()
        let preface: [UInt8] = [0xB3, 0x43, 0x42, 0x50, 1, 1, 0, 0]
        _ = dialect.next(in: preface.span.bytes, limits: limits)
        let next = dialect.next(in: octets.span.bytes, limits: limits)
        return try #require(next).input
    }

    private static let clientFrames = Schema.frames.filter { $0.direction != .broker }

    @Test(arguments: [0, 20, 60])
    func aMessageIsAcceptedExactlyIfItsBinaryFormIs(badPercent: Int) throws {
        var frames = TwofoldFrames(seed: 11 + UInt64(badPercent), badPercent: badPercent)
        var accepted = 0
        var refused = 0
        for _ in 0..<150 {
            // Frames of brokers, too: from a client they are refused alike.
            for schema in badPercent == 0 ? Self.clientFrames : Schema.frames {
                let frame = frames.frame(schema)
                let native = try Self.readNative(frame.octets)
                var members = frame.members
                let canonical = Self.read(frame.json)
                members.shuffle(using: &frames.random)
                let spaced = "\n{ " + members.map { "\t\"\($0.name)\" : \($0.json)" }.joined(separator: " ,\r\n") + " } "
                guard Self.isAlike(canonical, native), Self.isAlike(Self.read(spaced), native) else {
                    Issue.record("\(frame.json) is read as \(canonical), its binary form as \(native)")
                    return
                }
                if case .command = native { accepted += 1 } else { refused += 1 }
            }
        }
        #expect(accepted > (badPercent == 0 ? 1_000 : 20))
        #expect(badPercent == 0 || refused > 500)
    }

    /// Equal, but for the words of a reason and, where JSON is wrong in itself, the field.
    private static func isAlike(_ json: DialectInput, _ native: DialectInput) -> Bool {
        switch (json, native) {
        case (.fault(let left, let leftType, let leftID), .fault(let right, let rightType, let rightID)):
            left.code == right.code && left.field == right.field && leftType == rightType && leftID == rightID
        case (.fatal(let left, _), .fatal(let right, _)): left == right
        default: json == native
        }
    }

    @Test func everyEscapeSaysWhatItStandsFor() throws {
        let input = Self.read(
            #"{"\u0074":"\u0070ublish","id":7,"room":"lobb\u0079","body":"\"\\\/\n\t\u00e9\u20AC\ud834\udd1e","mime":"text\/plain"}"#)
        guard case .command(.publish(let publish), 7, false) = input else {
            Issue.record("\(input)")
            return
        }
        let content = EventContent(mediaType: "text/plain", body: "\"\\/\n\té€𝄞")
        #expect(publish.room == .lobby)
        #expect(publish.publication.content == content)
    }

    @Test func unknownMembersArePassedOver() throws {
        let plain = Self.read(#"{"t":"ping","id":1}"#)
        #expect(plain == .command(.ping(timestamp: nil), requestID: 1, isRetry: false))
        #expect(Self.read(#"{"x":[1,{"a":null,"a":[]},"\ud834\udd1e",-1.5e+3,[[]],{}],"t":"ping","id":1,"seq?":0,"T":1}"#) == plain)
        // Known, but not of this frame and not critical: what it says is not examined.
        #expect(Self.read(#"{"t":"ping","id":1,"title":5}"#) == plain)
    }

    @Test(
        arguments: [
            (#"{"t":"ping","id":1,"!x":0}"#, 103, nil), (#"{"t":"ping","id":1,"room":"lobby"}"#, 103, 1),
            (#"{"t":"ping","id":1,"ts":"0"}"#, 101, 3), (#"{"t":"ping","id":1,"ts":1.0}"#, 101, 3),
            (#"{"t":"ping","id":1,"ts":1e3}"#, 101, 3),
            (#"{"t":"ping","id":1,"ts":-1}"#, 101, 3), (#"{"t":"ping","id":1,"ts":-0}"#, 101, 3),
            (#"{"t":"ping","id":1,"ts":null}"#, 101, 3),
            (#"{"t":"ping","id":1,"ts":9007199254740992}"#, 108, 3), (#"{"t":"ping","id":1,"ts":99999999999999999999999999}"#, 108, 3),
            (#"{"t":"ping","id":1,"ts":99999999999999999999999999.5}"#, 101, 3),
            (#"{"t":"ping","ts":0}"#, 108, nil), (#"{"t":"welcome","id":1}"#, 106, nil), (#"{"t":"welcome","id":1,"server":5}"#, 106, nil),
            (#"{"t":"join","id":1}"#, 104, 1), (#"{"t":"join","id":1,"room":""}"#, 400, 1),
            (#"{"t":"join","id":1,"room":["lobby"]}"#, 101, 1),
            (#"{"t":"join","id":1,"room":"Lobby"}"#, 400, 1), (#"{"t":"leave","id":1,"room":"a","detach":false}"#, 101, 0x51),
            (#"{"t":"leave","id":1,"room":"a","detach":1}"#, 101, 0x51), (#"{"t":"leave","id":1,"room":"a","reason":"\u0007"}"#, 401, 0x29),
            (#"{"t":"leave","id":1,"room":"a","reason":"\u0085"}"#, 401, 0x29),
            (#"{"t":"publish","id":1,"room":"a","cmid":"AAAAAAAAAAA="}"#, 101, 6),
            (#"{"t":"publish","id":1,"room":"a","body":"x","cmid":"AAAAAAAAAAB"}"#, 101, 6),
            (#"{"t":"publish","id":1,"room":"a","body":"x","cmid":"AAAA"}"#, 108, 6),
            (#"{"t":"publish","id":1,"room":"a","body":"x","cmid":"+///////AAA"}"#, 101, 6),
            (#"{"t":"publish","id":1,"room":"a","retry":true,"body":"x"}"#, 104, 6),
            (#"{"t":"hello","id":1,"agent":"a","caps":"x"}"#, 101, 0x31),
            (#"{"t":"hello","id":1,"agent":"a","caps":[1]}"#, 101, 0x31), (#"{"t":"nonsense","id":1}"#, 102, nil),
            (#"{"t":"PING","id":1}"#, 102, nil),
        ] as [(String, UInt16, UInt64?)])
    func faultsNameTheirCodeAndField(_ json: String, _ code: UInt16, _ field: UInt64?) {
        guard case .fault(let error, _, _) = Self.read(json) else {
            Issue.record("\(Self.read(json))")
            return
        }
        #expect(error.code.rawValue == code)
        #expect(error.field == field)
    }

    @Test(arguments: [
        "", " ", "{", "}", "[]", "null", "1", "\"x\"", "{}", "{\"t\"}", "{\"t\":}", "{\"t\":\"ping\",}", "{,\"t\":\"ping\"}",
        "{\"t\":\"ping\" \"id\":1}", "{\"t\":\"ping\",\"id\":1}{}", "{\"t\":\"ping\",\"id\":1} x", "{'t':'ping'}", "{t:\"ping\"}",
        "{\"t\":\"ping\",\"id\":01}", "{\"t\":\"ping\",\"id\":+1}", "{\"t\":\"ping\",\"id\":.5}", "{\"t\":\"ping\",\"id\":1.}",
        "{\"t\":\"ping\",\"id\":1e}", "{\"t\":\"ping\",\"id\":-}", "{\"t\":\"ping\",\"id\":1.5}", "{\"t\":\"ping\",\"id\":-1}",
        "{\"t\":\"ping\",\"id\":16777216}", "{\"t\":\"ping\",\"id\":\"1\"}", "{\"t\":\"ping\",\"id\":1,\"id\":1}",
        "{\"t\":\"ping\",\"id\":1,\"x\":1,\"\\u0078\":2}", "{\"t\":\"ping\",\"id\":1,\"more\":false}",
        "{\"t\":\"ping\",\"id\":1,\"retry\":1}",
        "{\"t\":5,\"id\":1}", "{\"id\":1}", "{\"t\":\"ping\",\"id\":1,\"x\":tru}", "{\"t\":\"ping\",\"id\":1,\"x\":True}",
        "{\"t\":\"ping\",\"id\":1,\"x\":NaN}", "{\"t\":\"ping\",\"id\":1,\"x\":\"\n\"}", "{\"t\":\"ping\",\"id\":1,\"x\":\"\\x\"}",
        "{\"t\":\"ping\",\"id\":1,\"x\":\"\\u12\"}", "{\"t\":\"ping\",\"id\":1,\"x\":\"\\u12G4\"}",
        "{\"t\":\"ping\",\"id\":1,\"x\":\"\\ud800\"}",
        "{\"t\":\"ping\",\"id\":1,\"x\":\"\\udc00\"}", "{\"t\":\"ping\",\"id\":1,\"x\":\"\\ud800\\u0041\"}",
        "{\"t\":\"ping\",\"id\":1,\"x\":\"abc}",
        "{\"t\":\"ping\",\"id\":1,\"x\":[1,]}", "{\"t\":\"ping\",\"id\":1,\"x\":[1 2]}", "{\"t\":\"ping\",\"id\":1,\"x\":[1}}",
        "{\"t\":\"ping\",\"id\":1,\"x\":{\"a\"}}", "{\"t\":\"ping\",\"id\":1,\"x\":{1:2}}", "{\"t\":\"ping\",\"id\":1,\"x\":{\"a\":1,}}",
        "{\"t\":\"ping\",\"id\":1 /* comment */}", "\u{FEFF}{\"t\":\"ping\",\"id\":1}", "{\"t\":\"ping\",\"id\":1}\u{0}",
        "{\"t\":\"ping\",\"id\":1,\"x\":" + String(repeating: "[", count: 100_000),
        "{\"t\":\"ping\",\"id\":1,\"x\":" + String(repeating: "[", count: 17) + String(repeating: "]", count: 17) + "}",
    ])
    func whatIsNoMessageIsMalformed(_ json: String) {
        guard case .fault(let error, type: 0, requestID: 0) = Self.read(json) else {
            Issue.record("\(Self.read(json))")
            return
        }
        #expect(error.code == .malformed)
    }

    @Test func nestingIsBounded() {
        let deep = String(repeating: "[", count: 16) + String(repeating: "]", count: 16)
        #expect(Self.read("{\"x\":\(deep),\"t\":\"ping\",\"id\":1}") == .command(.ping(timestamp: nil), requestID: 1, isRetry: false))
    }

    @Test func octetsThatAreNotUTF8AreMalformed() {
        guard case .fault(let error, _, _) = Self.read(Array("{\"t\":\"ping\",\"id\":1,\"x\":\"".utf8) + [0xC3, 0x28, 0x22, 0x7D]) else {
            Issue.record("accepted")
            return
        }
        #expect(error.code == .malformed)
    }

    @Test func unknownTypesWithoutIdAreSkippedUnlessCritical() {
        #expect(Self.read(#"{"t":"typing2","room":"a"}"#) == .skipped)
        guard case .fatal(.unknownType, _) = Self.read(#"{"t":"typing2","critical":true}"#) else {
            Issue.record("not fatal")
            return
        }
    }

    @Test func theLimitIsThatOfTheBinaryForm() {
        let limits = DialectLimits(payloadByteCountMax: 100, bodyByteCountMax: 16_384)
        func publish(_ count: Int) -> DialectInput {
            Self.read("{\"t\":\"publish\",\"id\":1,\"room\":\"a\",\"body\":\"\(String(repeating: "x", count: count))\"}", limits: limits)
        }
        // Room takes 3 octets; the head of the body takes 3 from 64 octets on.
        guard case .command = publish(94) else {
            Issue.record("refused at the limit")
            return
        }
        guard case .fatal(.frameTooLarge, _) = publish(95) else {
            Issue.record("accepted above the limit")
            return
        }
    }

    @Test func damagedMessagesGiveAnInput() {
        var frames = TwofoldFrames(seed: 99)
        for _ in 0..<60 {
            for schema in Self.clientFrames {
                var octets = Array(frames.frame(schema).json.utf8)
                for _ in 0...frames.random.upTo(3) {
                    let index = frames.random.upTo(octets.count - 1)
                    switch frames.random.upTo(3) {
                    case 0: octets[index] = UInt8(frames.random.upTo(255))
                    case 1 where octets.count > 1: octets.remove(at: index)
                    case 2: octets.insert(Array("{}[]\",:\\0e-u".utf8).randomElement(using: &frames.random) ?? 0, at: index)
                    default: octets.removeLast(min(octets.count - 1, frames.random.upTo(5)))
                    }
                }
                _ = Self.read(octets)
            }
        }
    }
}
