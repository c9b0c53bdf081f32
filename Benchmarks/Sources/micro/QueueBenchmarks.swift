import Bytes

/// What waits for a reader.
enum QueueBenchmarks {
    static var all: [Benchmark] {
        [
            Benchmark(name: "queue: append, look at and consume one slice", operationCount: 100, prepare: batch),
            Benchmark(name: "queue: a slice of 64, consumed in odd pieces", operationCount: 64, prepare: separate),
        ]
    }

    /// A turn's batch: one slice in, looked at, out.
    private static func batch() -> () -> Void {
        let frame = Samples.deliverFrame(1)
        var queue = OutboundQueue()
        return {
            for _ in 0..<100 {
                queue.append(frame)
                keep(queue.slices.count)
                queue.consume(queue.byteCount)
            }
        }
    }

    /// A reader who is behind: 64 slices of as many chunks, taken in pieces that end within them.
    private static func separate() -> () -> Void {
        let frames = (0..<64).map { Samples.deliverFrame($0) }
        var queue = OutboundQueue()
        return {
            for frame in frames { queue.append(frame) }
            while !queue.isEmpty {
                keep(queue.slices.count)
                queue.consume(min(queue.byteCount, 1_000))
            }
        }
    }
}
