import Bytes
import ChatProtocol
import Testing

/// Damaged frames: the decoder never traps, and what it still accepts is a value like any other.
struct MutationTests {
    @Test(arguments: FrameType.allCases)
    func damagedFramesGiveAValueOrATypedError(_ type: FrameType) throws {
        var frames = RandomFrames(seed: 1_000 + UInt64(type.rawValue))
        var refused = 0
        var accepted = 0
        for (frame, sender) in FrameSchema.senders where frame.type == type {
            for _ in 0..<4_000 {
                let isEvent = type == .deliver
                let original = Frame(frames.value(of: type, from: sender), requestID: isEvent ? 0 : 9)
                var octets = original.octets
                for _ in 0...frames.random.upTo(3) { damage(&octets, &frames.random) }
                if octets.count < 8 { octets += [UInt8](repeating: 0, count: 8 - octets.count) }
                let header = Frame(octets).header
                // The length is set right: what is damaged is the rest.
                let damaged = Frame(
                    type: header.type, flags: header.flags.rawValue, requestID: header.requestID, payload: Array(octets[8...]))
                for reader in Frame.Sender.allCases {
                    if damaged.error(from: reader) != nil {
                        refused += 1
                        continue
                    }
                    accepted += 1
                    let value = try damaged.value(from: reader)
                    let again = Frame(value, requestID: header.requestID, isRetry: header.flags.contains(.retry))
                    #expect(try again.value(from: reader) == value)
                }
            }
        }
        #expect(refused > 0)
        #expect(accepted > 0)
    }

    private func damage(_ octets: inout [UInt8], _ random: inout SeededRandom) {
        // Most of the damage is done where the heads of fields are: near the start.
        let last = octets.count - 1
        let index = random.chance(50) ? min(last, 3 + random.upTo(24)) : random.upTo(last)
        switch random.upTo(5) {
        case 0: octets[index] ^= 1 << UInt8(random.upTo(7))
        case 1: octets[index] = UInt8(random.upTo(255))
        case 2: octets.insert(UInt8(random.upTo(255)), at: index)
        case 3: octets.remove(at: index)
        case 4: octets.removeLast(min(octets.count - 1, random.upTo(6)))
        default: octets.insert(contentsOf: octets[index..<min(octets.count, index + random.upTo(12))], at: index)
        }
    }

    @Test func randomOctetsGiveAValueOrATypedError() throws {
        var random = SeededRandom(seed: 4)
        for _ in 0..<60_000 {
            let type = FrameType.allCases[random.upTo(FrameType.allCases.count - 1)]
            let payload = (0..<random.upTo(40)).map { _ in UInt8(random.chance(60) ? random.upTo(255) : random.upTo(8)) }
            let frame = Frame(type: type.rawValue, requestID: UInt32(random.upTo(1)), payload: payload)
            for sender in Frame.Sender.allCases { _ = frame.error(from: sender) }
        }
    }
}
