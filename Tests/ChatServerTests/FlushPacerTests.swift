import Testing

@testable import ChatServer

/// Waiting begins when it would bring writes together, and ends when it would not.
struct FlushPacerTests {
    /// A pacer that has seen `count` writes, each `gap` after the one before to the same connection.
    private func pacer(gap: UInt64, count: Int, window: UInt64 = 1_000) -> FlushPacer {
        var pacer = FlushPacer(windowNanoseconds: window)
        write(gap: gap, count: count, to: &pacer)
        return pacer
    }

    private func write(gap: UInt64, count: Int, to pacer: inout FlushPacer) {
        for _ in 0..<count { pacer.noteWrite(at: 1_000_000 + gap, previous: 1_000_000) }
    }

    @Test(arguments: [(999, true), (1_000, false)] as [(UInt64, Bool)])
    func waitsIfConnectionsAreWrittenToAgainWithinTheWindow(gap: UInt64, isWaiting: Bool) {
        #expect(pacer(gap: gap, count: 256).isWaiting == isWaiting)
    }

    @Test func judgesSoManyWritesTogether() {
        #expect(!pacer(gap: 1, count: 255).isWaiting)
        var half = pacer(gap: 1, count: 128)
        write(gap: 5_000, count: 128, to: &half)
        #expect(!half.isWaiting)
        var most = pacer(gap: 1, count: 129)
        write(gap: 5_000, count: 127, to: &most)
        #expect(most.isWaiting)
    }

    /// Flushes are a window apart then, so the gap to be measured against is twice as long.
    @Test(arguments: [(1_999, true), (2_000, false)] as [(UInt64, Bool)])
    func goesOnWaitingWhileItPays(gap: UInt64, isWaiting: Bool) {
        var pacer = pacer(gap: 1, count: 256)
        write(gap: gap, count: 256, to: &pacer)
        #expect(pacer.isWaiting == isWaiting)
    }

    @Test func waitsForTheRestOfTheWindow() {
        var pacer = pacer(gap: 1, count: 256)
        pacer.noteFlush(at: 10_000)
        #expect(pacer.delayNanoseconds(at: 10_000) == 1_000)
        #expect(pacer.delayNanoseconds(at: 10_999) == 1)
        // After a pause nothing waits.
        #expect(pacer.delayNanoseconds(at: 11_000) == 0)
    }

    @Test func neverWaitsWithoutAWindow() {
        let pacer = pacer(gap: 0, count: 1_000, window: 0)
        #expect(!pacer.isWaiting)
        #expect(pacer.delayNanoseconds(at: 0) == 0)
    }
}
