/// The rule of the sparse index: in each 64 seqs of a log, the first event that is stored has an entry.
///
/// Event `seq` is found from the first entry at or behind it, or from the log's end, by at most that many steps back.
enum LogIndex {
    static let stride: UInt64 = 64

    /// Whether an event that follows `previous` (0 if none) has an entry.
    static func hasEntry(_ seq: UInt64, after previous: UInt64) -> Bool {
        previous == 0 || seq / stride != previous / stride
    }

    /// The last seq of the 64 to which `seq` belongs.
    static func strideEnd(of seq: UInt64) -> UInt64 { (seq / stride + 1) * stride - 1 }
}
