import Bytes
import LibUV
import Synchronization
import Testing

struct MailboxTests {
    private struct Numbered: Sendable {
        let producer: Int
        let number: Int
    }

    @Test func keepsEachProducersOrder() throws {
        try withLoop { loop in
            let producerCount = 4
            let messageCount = 100_000
            var next = Array(repeating: 0, count: producerCount)
            var disorder = 0
            var receivedCount = 0
            let mailbox = try Mailbox<Numbered>(loop: loop) { batch in
                for message in batch {
                    if message.number != next[message.producer] { disorder += 1 }
                    next[message.producer] = message.number + 1
                }
                receivedCount += batch.count
                if receivedCount == producerCount * messageCount { loop.stop() }
            }
            let threads = try (0..<producerCount).map { producer in
                try LoopThread(name: "producer-\(producer)", stackByteCount: 1 << 20) {
                    var number = 0
                    while number < messageCount {
                        // Batches of 1 to 7.
                        let end = min(messageCount, number + 1 + number % 7)
                        mailbox.post((number..<end).map { Numbered(producer: producer, number: $0) })
                        number = end
                    }
                }
            }
            loop.run()
            for thread in threads { thread.join() }
            #expect(disorder == 0)
            #expect(next == Array(repeating: messageCount, count: producerCount))
            #expect(mailbox.undeliveredCount == 0)
        }
    }

    @Test func wakesOnceForWhatIsPostedBeforeTheLoopLooks() throws {
        try withLoop { loop in
            var received: [Int] = []
            var turnCount = 0
            let mailbox = try Mailbox<Int>(loop: loop) { received += $0 }
            for number in 0..<1000 { mailbox.post([number]) }
            mailbox.post([])
            #expect(mailbox.undeliveredCount == 1000)
            #expect(mailbox.wakeupCount == 1)
            loop.onTurnEnd = {
                turnCount += 1
                if !received.isEmpty { loop.stop() }
            }
            loop.run()
            #expect(received == Array(0..<1000))
            #expect(mailbox.undeliveredCount == 0)
            mailbox.post([1000])
            #expect(mailbox.wakeupCount == 2)
        }
    }

    @Test func keepsWhatIsPostedBeforeItHasALoop() throws {
        try withLoop { loop in
            let mailbox = Mailbox<Int>()
            mailbox.post([1])
            mailbox.post([2, 3])
            #expect(mailbox.undeliveredCount == 3)
            var received: [[Int]] = []
            try mailbox.attach(to: loop) { batch in
                received.append(batch)
                if received.count == 2 { mailbox.post([4]) }
                if received.count == 3 { loop.stop() }
            }
            loop.run()
            #expect(received == [[1], [2, 3], [4]])
        }
    }

    @Test func attachingRacesWithPosting() throws {
        for _ in 0..<100 {
            try withLoop { loop in
                let mailbox = Mailbox<Int>()
                let thread = try LoopThread(name: "poster", stackByteCount: 1 << 20) { mailbox.post([1]) }
                try mailbox.attach(to: loop) { _ in mailbox.close() }
                // Returns only when the message has come and has closed the mailbox.
                loop.run()
                thread.join()
                #expect(mailbox.isClosed)
            }
        }
    }

    @Test func postingAfterCloseIsHarmless() throws {
        try withLoop { loop in
            let mailbox = try Mailbox<Int>(loop: loop) { _ in Issue.record("delivered") }
            #expect(mailbox.post([1, 2]))
            mailbox.close()
            mailbox.close()
            #expect(mailbox.isClosed)
            #expect(!mailbox.post([3]))
            #expect(mailbox.undeliveredCount == 0)
            loop.run()
        }
    }

    @Test func closingInTheHandlerDropsTheRest() throws {
        try withLoop { loop in
            var received: [Int] = []
            let mailbox = Mailbox<Int>()
            try mailbox.attach(to: loop) { batch in
                received += batch
                mailbox.close()
            }
            for number in 0..<5 { mailbox.post([number]) }
            loop.run()
            #expect(received == [0])
            #expect(mailbox.undeliveredCount == 0)
        }
    }

    @Test func closingRacesWithPosting() throws {
        for round in 0..<200 {
            let loop = try EventLoop()
            let mailbox = Mailbox<Losable>()
            let threads = try (0..<2).map { _ in
                try LoopThread(name: "poster", stackByteCount: 1 << 20) {
                    while true {
                        // As an owner does who bounds the box.
                        if mailbox.undeliveredCount < 16 || mailbox.isClosed {
                            if !mailbox.post([Losable()]) { break }
                        }
                    }
                }
            }
            var batchCount = 0
            try mailbox.attach(to: loop) { _ in
                batchCount += 1
                if batchCount == round + 1 { loop.stop() }
            }
            loop.run()
            // Every second time the loop closes the mailbox by itself.
            if round % 2 == 0 { mailbox.close() }
            loop.close()
            for thread in threads { thread.join() }
            #expect(mailbox.isClosed)
            #expect(mailbox.undeliveredCount == 0)
        }
        #expect(Losable.count.load(ordering: .relaxed) == 0)
    }

    @Test func lettingGoOfAMailboxLetsGoOfItsMessages() {
        do {
            let mailbox = Mailbox<Witness>()
            mailbox.post([Witness(), Witness()])
            mailbox.post([Witness()])
            #expect(Witness.count.load(ordering: .relaxed) == 3)
        }
        #expect(Witness.count.load(ordering: .relaxed) == 0)
    }

    /// Counts how many of its kind exist, to find messages that leak.
    private final class Losable: Sendable {
        static let count = Atomic<Int>(0)
        init() { Self.count.add(1, ordering: .relaxed) }
        deinit { Self.count.subtract(1, ordering: .relaxed) }
    }

    private final class Witness: Sendable {
        static let count = Atomic<Int>(0)
        init() { Self.count.add(1, ordering: .relaxed) }
        deinit { Self.count.subtract(1, ordering: .relaxed) }
    }
}
