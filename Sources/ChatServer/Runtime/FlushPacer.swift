/// Decides when what a loop has to send goes out: at the end of the turn, or a little later together with what is about to follow.
///
/// A write costs the same kernel time whether it carries one frame or thirty. Waiting pays only if the connections that are written
/// to now would be written to again within the window; so that is what is measured, and waiting begins when it holds for most writes.
/// After a pause the first write always goes out at once.
struct FlushPacer {
    /// Writes that are judged together.
    private static let sampleCount = 256

    /// The longest wait; 0 means none.
    let windowNanoseconds: UInt64
    private(set) var isWaiting = false
    private var lastFlush: UInt64 = 0
    private var writeCount = 0
    private var soonRepeatedCount = 0

    init(windowNanoseconds: UInt64) { self.windowNanoseconds = windowNanoseconds }

    /// How long the end of a turn is still to wait; 0 means that everything goes out now.
    func delayNanoseconds(at now: UInt64) -> UInt64 {
        let elapsed = now - min(lastFlush, now)
        return isWaiting && elapsed < windowNanoseconds ? windowNanoseconds - elapsed : 0
    }

    /// Everything goes out now.
    mutating func noteFlush(at now: UInt64) { lastFlush = now }

    /// One connection is written to.
    ///
    /// - Parameter previous: when it was written to before.
    mutating func noteWrite(at now: UInt64, previous: UInt64) {
        guard windowNanoseconds > 0 else { return }
        // While flushes are a window apart, twice the window shows that one was not enough to skip.
        let soon = isWaiting ? 2 * windowNanoseconds : windowNanoseconds
        writeCount += 1
        if now - min(previous, now) < soon { soonRepeatedCount += 1 }
        guard writeCount == Self.sampleCount else { return }
        isWaiting = 2 * soonRepeatedCount > writeCount
        writeCount = 0
        soonRepeatedCount = 0
    }
}
