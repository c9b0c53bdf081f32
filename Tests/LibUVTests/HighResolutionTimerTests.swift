import LibUV
import Testing

@Suite struct HighResolutionTimerTests {
    @Test func firesOnceAndNotTooEarly() throws {
        try withLoop { loop in
            var fired: [UInt64] = []
            let timer = try HighResolutionTimer(loop: loop) {
                fired.append(EventLoop.clockNanoseconds)
                loop.stop()
            }
            let start = EventLoop.clockNanoseconds
            timer.start(afterNanoseconds: 300_000)
            loop.run()
            // Longer than the timer, in which it could fire again.
            let end = Timer(loop: loop)
            end.start(afterMilliseconds: 5) { loop.stop() }
            loop.run()
            #expect(fired.count == 1)
            #expect(fired.allSatisfy { $0 - start >= 300_000 })
            timer.close()
            timer.close()
        }
    }

    @Test func startingAnewReplacesTheTime() throws {
        try withLoop { loop in
            var count = 0
            let timer = try HighResolutionTimer(loop: loop) {
                count += 1
                loop.stop()
            }
            timer.start(afterNanoseconds: 60_000_000_000)
            timer.start(afterNanoseconds: 0)
            loop.run()
            #expect(count == 1)
            timer.close()
        }
    }
}
