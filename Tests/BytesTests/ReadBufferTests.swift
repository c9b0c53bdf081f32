import Bytes
import Testing

struct ReadBufferTests {
    @Test func isEmptyUntilSomethingArrives() {
        var buffer = ReadBuffer()
        #expect(buffer.isEmpty)
        let count = buffer.withBytes { $0.byteCount }
        #expect(count == 0)
        buffer.consume(0)
        buffer.append([UInt8]().span.bytes)
        #expect(buffer.isEmpty)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func agreesWithAnArray(seed: UInt64) {
        var generator = SplitMix(state: seed)
        var buffer = ReadBuffer()
        var model: [UInt8] = []
        for _ in 0..<5_000 {
            if Bool.random(using: &generator) {
                let octets = (0..<Int.random(in: 0...30, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
                buffer.append(octets.span.bytes)
                model += octets
            } else {
                let count = Int.random(in: 0...model.count, using: &generator)
                buffer.consume(count)
                model.removeFirst(count)
            }
            #expect(buffer.count == model.count)
            let isEqual = buffer.withBytes { $0.equals(model.span.bytes) }
            #expect(isEqual)
        }
        buffer.clear()
        #expect(buffer.isEmpty)
    }
}

/// A generator that gives the same numbers for the same seed.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
