import LibUV
import Testing

@Suite struct GuardedTests {
    @Test func lendsTheValueToOneThreadAtATime() throws {
        let guarded = Guarded([Int]())
        let threads = try (0..<4).map { index in
            try LoopThread(name: "adder-\(index)", stackByteCount: 256 * 1024) {
                for _ in 0..<5_000 { guarded.withLock { $0.append(index) } }
            }
        }
        for thread in threads { thread.join() }
        let values = guarded.withLock { $0 }
        for index in 0..<4 { #expect(values.count { $0 == index } == 5_000) }
    }
}
