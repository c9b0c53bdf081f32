public import ChatProtocol

/// The time at which something happens to a shard: an input, since the core has no clock.
public struct Moment: Sendable, Equatable {
    /// Milliseconds of a clock that never steps: for deadlines and ages.
    public var monotonicMilliseconds: UInt64
    /// Milliseconds since 1970-01-01T00:00:00Z: for what people read.
    public var wallMilliseconds: Timestamp

    public init(monotonicMilliseconds: UInt64, wallMilliseconds: Timestamp) {
        self.monotonicMilliseconds = monotonicMilliseconds
        self.wallMilliseconds = wallMilliseconds
    }
}

/// Numbers drawn by chance from a seed that is an input (SplitMix64): the same seed gives the same run. Never for secrets.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
