import Bytes
import LibUV
import Testing

struct EventLoopTests {
    @Test func returnsWhenThereIsNothingToWaitFor() throws {
        try withLoop { $0.run() }
    }

    @Test func firesOnceAfterItsTime() throws {
        try withLoop { loop in
            let start = loop.nowMilliseconds
            var times: [UInt64] = []
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 30) { times.append(loop.nowMilliseconds) }
            #expect(timer.isActive)
            loop.run()
            #expect(times.count == 1)
            #expect(times.allSatisfy { $0 >= start + 30 })
            #expect(!timer.isActive)
        }
    }

    @Test func repeatsUntilStopped() throws {
        try withLoop { loop in
            var count = 0
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 1, repeatMilliseconds: 1) {
                count += 1
                if count == 3 { timer.stop() }
            }
            loop.run()
            #expect(count == 3)
        }
    }

    @Test func startingAnewReplacesTheHandler() throws {
        try withLoop { loop in
            var calls: [String] = []
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 1) {
                calls.append("first")
                timer.start(afterMilliseconds: 1) { calls.append("second") }
            }
            loop.run()
            #expect(calls == ["first", "second"])
        }
    }

    @Test func closedTimerNeverFires() throws {
        try withLoop { loop in
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 0) { Issue.record("fired") }
            timer.close()
            timer.start(afterMilliseconds: 0) { Issue.record("fired") }
            timer.stop()
            #expect(!timer.isActive)
            loop.run()
        }
    }

    @Test func turnEndsOnceAfterSeveralHandlers() throws {
        try withLoop { loop in
            var log: [String] = []
            var pairs: [(client: TCPStream, server: TCPStream)] = []
            let recorder = Recorder()
            recorder.onRead = { _, _ in log.append("read") }
            for _ in 0..<3 {
                let pair = try connectedPair(on: loop)
                pair.server.delegate = recorder
                try pair.server.startReading()
                pairs.append(pair)
            }
            let mailbox = try Mailbox<Int>(loop: loop) { _ in log.append("message") }
            // All of it is ready before the loop looks: one turn.
            for pair in pairs { try pair.client.send([1]) }
            mailbox.post([1])
            loop.onTurnEnd = {
                log.append("end")
                if log.count > 1 { loop.stop() }
            }
            loop.run()
            #expect(log.first == "end")
            #expect(log.dropFirst().prefix(4).sorted() == ["message", "read", "read", "read"])
            #expect(log.dropFirst(5).first == "end")
        }
    }

    @Test func timersWorkIsFlushedBeforeTheLoopBlocks() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            server.delegate = recorder
            try server.startReading()
            recorder.onRead = { _, _ in loop.stop() }
            // As a broker does: a handler makes a stream dirty, the end of the turn writes. Nothing else would end the wait.
            var isDirty = false
            loop.onTurnEnd = {
                if isDirty { recordingErrors { try client.send([1]) } }
                isDirty = false
            }
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 1) { isDirty = true }
            loop.run()
            #expect(recorder.received == [1])
        }
    }

    @Test func lastTurnsWorkIsFlushedBeforeRunReturns() throws {
        try withLoop { loop in
            var isDirty = false
            var flushCount = 0
            loop.onTurnEnd = {
                if isDirty { flushCount += 1 }
                isDirty = false
            }
            let mailbox = try Mailbox<Int>(loop: loop) { _ in
                isDirty = true
                loop.stop()
            }
            mailbox.post([1])
            loop.run()
            #expect(flushCount == 1)
        }
    }

    @Test func runsAgainAfterAStop() throws {
        try withLoop { loop in
            var count = 0
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 0, repeatMilliseconds: 1) {
                count += 1
                loop.stop()
            }
            loop.run()
            loop.run()
            #expect(count == 2)
        }
    }
}
