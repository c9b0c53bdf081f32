import Glibc
import LibUV
import Synchronization

/// What it costs to hand something from one loop to another.
enum MailboxBenchmarks {
    static var all: [Benchmark] {
        [1, 32].map { count in
            Benchmark(name: "mailbox: a message posted and received, \(count) a batch", operationCount: 1_000 * count) {
                try oneWay(batchCount: count)
            }
        } + [Benchmark(name: "mailbox: there and back between two waiting loops", operationCount: 200, prepare: roundTrip)]
    }

    /// Many posts, as fast as the other loop's thread lets them in; the other loop is awake nearly all the time.
    private static func oneWay(batchCount: Int) throws -> () -> Void {
        let received = Atomic<Int>.Box()
        let target = try BenchmarkLoop { received.value.add($0.count, ordering: .releasing) }
        let batch = [Int](repeating: 1, count: batchCount)
        return {
            let goal = received.value.load(ordering: .acquiring) + 1_000 * batchCount
            for _ in 0..<1_000 { target.mailbox.post(batch) }
            while received.value.load(ordering: .acquiring) < goal { sched_yield() }
        }
    }

    /// One message back and forth: two wake-ups.
    private static func roundTrip() throws -> () -> Void {
        let finished = Atomic<Int>.Box()
        let there = Mailbox<Int>.Reference()
        let back = try BenchmarkLoop { batch in
            for left in batch {
                if left > 0 { there.value?.post([left - 1]) } else { finished.value.add(1, ordering: .releasing) }
            }
        }
        let forth = try BenchmarkLoop { batch in
            for left in batch { back.mailbox.post([left]) }
        }
        there.value = forth.mailbox
        return {
            let goal = finished.value.load(ordering: .acquiring) + 1
            forth.mailbox.post([199])
            while finished.value.load(ordering: .acquiring) < goal { usleep(20) }
        }
    }
}

/// A loop on a thread of its own, for as long as the program runs, with a mailbox.
private final class BenchmarkLoop: Sendable {
    let mailbox = Mailbox<Int>()

    init(_ onMessages: @escaping @Sendable ([Int]) -> Void) throws {
        let mailbox = mailbox
        _ = try LoopThread(name: "micro", stackByteCount: 1 << 20) {
            let loop = must { () throws(UVError) in try EventLoop() }
            must { () throws(UVError) in try mailbox.attach(to: loop, onMessages: onMessages) }
            loop.run()
        }
    }
}
