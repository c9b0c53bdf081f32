import Bytes
import ChatProtocol
import Testing

struct DeliverViewTests {
    @Test func seesWhatTheDecoderSees() throws {
        var frames = RandomFrames(seed: 31)
        let other = try AccountName("nobody-else")
        for _ in 0..<1_000 {
            let event = frames.event()
            let payload = Array(Frame(.server(.event(event)), requestID: 0).octets[8...])
            let view = try view(payload)
            #expect(view.seq == event.seq)
            #expect(view.timestamp == event.timestamp)
            #expect(view.kind == event.kind)
            #expect(view.messageID == event.messageID)
            #expect(view.bodyRange.map { String(decoding: payload[$0], as: UTF8.self) } == event.body)
            let isFrom = view.isFrom(event.from, in: payload.span.bytes)
            let isFromOther = view.isFrom(other, in: payload.span.bytes)
            let isIn = view.isIn(event.room, in: payload.span.bytes)
            #expect(isFrom && isIn && !isFromOther)
        }
    }

    @Test func damagedPayloadsGiveTypedErrors() throws {
        var frames = RandomFrames(seed: 32)
        for _ in 0..<5_000 {
            var payload = Array(Frame(.server(.event(frames.event())), requestID: 0).octets[8...])
            payload[min(payload.count - 1, frames.random.upTo(40))] = UInt8(frames.random.upTo(255))
            do {
                let view = try view(payload)
                _ = view.isFrom(try AccountName("a"), in: payload.span.bytes)
            } catch is PayloadError {
                continue
            }
        }
    }

    private func view(_ payload: [UInt8]) throws -> DeliverView { try DeliverView(payload.span.bytes) }
}
