import Bytes
import ChatDialects
import ChatProtocol
import Testing

/// What leaves the broker in each encoding.
struct WireEncodingTests {
    /// The messages in a run of unmasked WebSocket frames, each with its first octet.
    private func messages(_ bytes: SharedBytes) -> [(first: UInt8, payload: [UInt8])] {
        var messages: [(UInt8, [UInt8])] = []
        var rest = bytes.array[...]
        while !rest.isEmpty {
            let first = rest.removeFirst()
            var count = Int(rest.removeFirst())
            let width = count == 126 ? 2 : count == 127 ? 8 : 0
            if width > 0 {
                count = rest.prefix(width).reduce(0) { $0 << 8 | Int($1) }
                rest = rest.dropFirst(width)
            }
            messages.append((first, Array(rest.prefix(count))))
            rest = rest.dropFirst(count)
        }
        return messages
    }

    @Test func everyFrameBecomesItsCanonicalObject() {
        var frames = TwofoldFrames(seed: 21)
        for _ in 0..<100 {
            var native: [UInt8] = []
            var expected: [String] = []
            for schema in Schema.frames {
                let frame = frames.frame(schema)
                native += frame.octets
                expected.append(frame.json)
            }
            let messages = messages(WireEncoding.json.translation(of: SharedBytes(native)))
            #expect(messages.allSatisfy { $0.first == 0x81 })
            #expect(messages.map { String(decoding: $0.payload, as: UTF8.self) } == expected)
        }
    }

    @Test func whatIsWrittenIsReadAsTheSame() throws {
        var frames = TwofoldFrames(seed: 22)
        for _ in 0..<100 {
            for schema in Schema.frames where schema.direction != .broker {
                let frame = frames.frame(schema)
                let written = messages(WireEncoding.json.translation(of: SharedBytes(frame.octets)))
                #expect(try JSONDialectTests.read(#require(written.first).payload) == JSONDialectTests.readNative(frame.octets))
            }
        }
    }

    @Test func binaryMessagesCarryWholeFrames() {
        var frames = TwofoldFrames(seed: 23)
        let native = Schema.frames.map { frames.frame($0).octets }
        let messages = messages(WireEncoding.webSocketBinary.translation(of: SharedBytes(native.flatMap { $0 })))
        #expect(messages.map(\.payload) == native)
        #expect(messages.allSatisfy { $0.first == 0x82 })
    }

    @Test func nativeFramesAreSharedAsTheyAre() {
        let frames = SharedBytes([0, 0, 0, 6, 0, 0, 0, 1])
        #expect(WireEncoding.native.translation(of: frames) == frames)
    }

    @Test(arguments: WireEncoding.allCases)
    func repliesAndEventsAreTranslationsOfTheirNativeFrames(_ encoding: WireEncoding) throws {
        let alice = try AccountName("alice")
        let content = EventContent(messageID: MessageID(0x5F3A_91C0_7BE2_D418), body: "h\"i\n")
        func event(_ encoding: WireEncoding) -> SharedBytes {
            var writer = ByteWriter()
            encoding.appendEvent(room: .lobby, seq: 123_456, timestamp: 1_795_251_319_123, from: alice, content: content, to: &writer)
            return writer.finish()
        }
        let items = Items(records: (0..<700).map { _ in .member(MemberRecord(user: alice, role: .member, state: .online)) })
        func reply(_ encoding: WireEncoding) -> SharedBytes {
            var writer = ByteWriter()
            encoding.append(.items(items), requestID: 9, hasMore: true, to: &writer)
            return writer.finish()
        }
        #expect(event(encoding) == encoding.translation(of: event(.native)))
        #expect(reply(encoding) == encoding.translation(of: reply(.native)))
        guard encoding == .json else { return }
        #expect(
            messages(event(.json)).map { String(decoding: $0.payload, as: UTF8.self) } == [
                #"{"t":"deliver","room":"lobby","seq":123456,"ts":1795251319123,"from":"alice","cmid":"XzqRwHvi1Bg","body":"h\"i\n"}"#
            ])
    }
}
