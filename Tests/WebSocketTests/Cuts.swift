/// A generator that gives the same numbers for the same seed (SplitMix64), so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    mutating func upTo(_ bound: Int) -> Int { Int.random(in: 0...bound, using: &self) }
}

/// Ways to cut a stream: as a whole, octet by octet, and by chance.
func cuts(of octets: [UInt8], random: inout SeededRandom, chances: Int = 4) -> [[[UInt8]]] {
    var ways = [[octets], octets.map { [$0] }]
    for _ in 0..<chances {
        var pieces: [[UInt8]] = []
        var offset = 0
        while offset < octets.count {
            let count = min(octets.count - offset, 1 + random.upTo(random.upTo(3) == 0 ? 200 : 9))
            pieces.append(Array(octets[offset..<(offset + count)]))
            offset += count
        }
        ways.append(pieces)
    }
    return ways
}
