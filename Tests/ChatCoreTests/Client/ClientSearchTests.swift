import Bytes
import ChatCore
import ChatProtocol
import Testing

@Suite struct ClientSearchTests {
    private func found(_ seqs: UInt64..., cursor: SharedBytes? = nil, isIncomplete: Bool = false) -> Found {
        var frames = ByteWriter()
        for seq in seqs { FrameEncoder.append(Event(room: .lobby, seq: seq, timestamp: 1, from: ClientHarness.name("bob")), to: &frames) }
        return Found(frames: frames.finish(), cursor: cursor, isIncomplete: isIncomplete)
    }

    @Test func framesOfOneReplyAreOneOutcome() {
        var harness = ClientHarness()
        harness.logIn()
        let token = harness.ask(.search(Search(query: "word", limit: 9)))
        let id = harness.id { if case .search = $0 { true } else { false } }
        harness.reply(.found(found(9, 8)), to: id, more: true)
        #expect(harness.outcomes(token).isEmpty)
        harness.reply(.found(found(7, cursor: SharedBytes([1]), isIncomplete: true)), to: id)
        guard case .found(let events, let cursor, let isIncomplete)? = harness.outcomes(token).first else {
            return #expect(Bool(false), "\(harness.outcomes(token))")
        }
        #expect(events.map(\.seq) == [9, 8, 7] && cursor == SharedBytes([1]) && isIncomplete)
    }

    @Test func whatNoBrokerTakesIsNotSent() {
        var harness = ClientHarness()
        harness.logIn()
        for (words, code) in [("a\u{7}", ResultCode.badText), (String(repeating: "x", count: 257), .bodyTooLarge)] {
            let token = harness.ask(.search(Search(query: words, limit: 9)))
            #expect(harness.outcomes(token) == [.notSent(.unacceptable(code))])
        }
    }
}
