import Bytes
import Glibc
import LibUV
import Testing

struct TCPStreamTests {
    @Test func echoesOverSeveralConnections() throws {
        try withLoop { loop in
            let connectionCount = 8
            var servers: [TCPStream] = []
            let echo = Recorder()
            echo.onRead = { stream, octets in
                recordingErrors {
                    let written = try stream.send(octets)
                    #expect(written == octets.count)
                }
            }
            let listener = try listen(on: loop) { socket in
                do {
                    let server = try TCPStream(loop: loop, adopting: socket)
                    server.delegate = echo
                    try server.startReading()
                    servers.append(server)
                } catch {
                    Issue.record(error)
                }
            }
            var recorders: [Recorder] = []
            var openCount = connectionCount
            for index in 0..<connectionCount {
                let recorder = Recorder()
                recorders.append(recorder)
                let rounds = (0..<3).map { SharedBytes(utf8: "connection \(index) round \($0)") }
                var next = 0
                let send: (TCPStream) -> Void = { stream in
                    recordingErrors { _ = try stream.tryWrite([rounds[next]]) }
                    next += 1
                }
                recorder.onRead = { stream, octets in
                    #expect(octets == rounds[next - 1].array)
                    if next < rounds.count { return send(stream) }
                    stream.close()
                    openCount -= 1
                    if openCount == 0 { loop.stop() }
                }
                TCPStream.connect(loop: loop, to: listener.localAddress) { result in
                    do {
                        let stream = try result.get()
                        #expect(stream.peer == listener.localAddress)
                        #expect(stream.local.host == "127.0.0.1")
                        stream.delegate = recorder
                        try stream.startReading()
                        send(stream)
                    } catch {
                        Issue.record(error)
                        loop.stop()
                    }
                }
            }
            loop.run()
            #expect(recorders.map(\.received.count) == Array(repeating: 3 * "connection 0 round 0".utf8.count, count: connectionCount))
            #expect(servers.count == connectionCount)
        }
    }

    @Test func continuesALargeWriteThatBlocks() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let writer = Recorder()
            let reader = Recorder()
            client.delegate = writer
            server.delegate = reader
            let payload = pattern(16 << 20)
            let shared = SharedBytes(payload)

            // Nobody reads: the kernel's buffers fill up.
            var written = 0
            while true {
                let count = try client.tryWrite([shared[written..<shared.count]])
                if count == 0 { break }
                written += count
            }
            #expect(written > 0 && written < payload.count)
            #expect(!client.isWriting && client.writingByteCount == 0)

            let middle = (written + payload.count) / 2
            try client.write([shared[written..<middle], shared[middle..<shared.count]])
            #expect(client.isWriting)
            #expect(client.writingByteCount == payload.count - written)

            writer.onWrite = { stream in
                #expect(!stream.isWriting)
                stream.shutdown()
            }
            reader.onEnd = { _ in loop.stop() }
            try server.startReading()
            loop.run()
            #expect(writer.writeCount == 1)
            #expect(reader.received == payload)
            #expect(writer.errors.isEmpty && reader.errors.isEmpty)
        }
    }

    @Test func takesAtMostSixtyFourSlicesAtOnce() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let reader = Recorder()
            server.delegate = reader
            let octets = pattern(200)
            let slices = octets.map { SharedBytes([$0]) }
            #expect(try client.tryWrite([]) == 0)
            #expect(try client.tryWrite(slices[...]) == 64)
            #expect(try client.tryWrite(slices[64...]) == 64)
            #expect(try client.tryWrite(slices[128..<128 + 3]) == 3)
            // More slices than a vector of the kernel holds (IOV_MAX) in one write.
            let many = (0..<3000).map { _ in SharedBytes([7]) }
            try client.write(Array(slices[131...]) + many)
            client.shutdown()
            reader.onEnd = { _ in loop.stop() }
            try server.startReading()
            loop.run()
            #expect(reader.received == octets + Array(repeating: 7, count: 3000))
        }
    }

    @Test func tellsAReset() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            recorder.onFailure = { stream, _ in stream.close() }
            recorder.onClose = { _ in loop.stop() }
            try client.startReading()
            server.reset()
            loop.run()
            #expect(recorder.errors == [.connectionReset])
            #expect(recorder.endCount == 0)
            #expect(recorder.closeCount == 1)
        }
    }

    @Test func shutdownAndReadingAfterAResetAreHarmless() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            recorder.onFailure = { stream, _ in
                stream.shutdown()
                recordingErrors { try stream.startReading() }
                #expect(throws: UVError.brokenPipe) { try stream.write([SharedBytes([1])]) }
                stream.close()
            }
            recorder.onClose = { _ in loop.stop() }
            try client.startReading()
            server.reset()
            loop.run()
            #expect(recorder.errors == [.connectionReset])
            #expect(!client.isWriting)
        }
    }

    @Test func endIsToldOnce() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            recorder.onEnd = { stream in
                stream.stopReading()
                recordingErrors { try stream.startReading() }
                let timer = Timer(loop: loop)
                timer.start(afterMilliseconds: 5) { loop.stop() }
            }
            try client.startReading()
            server.close()
            loop.run()
            #expect(recorder.endCount == 1)
        }
    }

    @Test func adoptingWhatIsNoSocketFailsAndClosesIt() throws {
        try withLoop { loop in
            let ends = makePipe()
            let socket = AcceptedSocket(descriptor: ends.reading, peer: .unspecified)
            #expect(throws: UVError.self) { try TCPStream(loop: loop, adopting: socket) }
            loop.run()
            // The reading end is closed with the handle, which is an error condition of the other end.
            var watched = pollfd(fd: ends.writing, events: 0, revents: 0)
            #expect(poll(&watched, 1, 10_000) == 1)
            #expect(watched.revents == Int16(POLLERR))
            close(ends.writing)
        }
    }

    @Test func writingToAResetConnectionThrows() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let closed = Recorder()
            closed.onClose = { _ in loop.stop() }
            server.delegate = closed
            server.reset()
            loop.run()
            var errors: [UVError] = []
            // The RST may be on its way for a moment.
            while errors.count < 2 {
                do throws(UVError) {
                    try client.send([1, 2, 3])
                } catch {
                    errors.append(error)
                }
            }
            // The second failing write is the one that would raise SIGPIPE.
            #expect(errors == [.connectionReset, .brokenPipe])
        }
    }

    @Test func aFailedPendingWriteIsToldOnce() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let writer = Recorder()
            client.delegate = writer
            try client.startReading()
            try client.write([SharedBytes(pattern(32 << 20))])
            writer.onFailure = { stream, _ in stream.close() }
            writer.onClose = { _ in loop.stop() }
            server.reset()
            loop.run()
            #expect(writer.errors.count == 1)
            #expect(writer.writeCount == 0)
            #expect(writer.closeCount == 1)
        }
    }

    @Test func halfClosedStreamStillReads() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let asker = Recorder()
            let answerer = Recorder()
            client.delegate = asker
            server.delegate = answerer
            answerer.onEnd = { stream in
                recordingErrors { _ = try stream.tryWrite([SharedBytes(utf8: "late answer")]) }
                stream.shutdown()
            }
            asker.onEnd = { _ in loop.stop() }
            try client.startReading()
            try server.startReading()
            client.shutdown()
            client.shutdown()
            #expect(throws: UVError.brokenPipe) { try client.send([1]) }
            loop.run()
            #expect(answerer.endCount == 1 && answerer.received.isEmpty)
            #expect(asker.received == Array("late answer".utf8))
        }
    }

    @Test func stoppedStreamReadsNothing() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            server.delegate = recorder
            try server.startReading()
            try server.startReading()
            server.stopReading()
            try client.send([1, 2])
            let timer = Timer(loop: loop)
            timer.start(afterMilliseconds: 20) {
                #expect(recorder.received.isEmpty)
                recordingErrors { try server.startReading() }
            }
            recorder.onRead = { _, _ in loop.stop() }
            loop.run()
            #expect(recorder.received == [1, 2])
        }
    }

    /// Whatever one peer has sent, another one that has sent a little is heard after a slab of it at most.
    @Test func talkativePeerLeavesRoomForOthers() throws {
        try withLoop { loop in
            let (talker, heard) = try connectedPair(on: loop)
            let (client, server) = try connectedPair(on: loop)
            let (talk, word) = (Recorder(), Recorder())
            heard.delegate = talk
            server.delegate = word
            // More than a slab waits in the kernel before the loop looks.
            var sent = 0
            while sent < 1_000_000, case let count = try talker.send([UInt8](repeating: 7, count: 262_144)), count > 0 { sent += count }
            try client.send([1])
            var octetsBefore: [Int] = []
            word.onRead = { _, _ in octetsBefore.append(talk.received.count) }
            talk.onRead = { [unowned talk] _, _ in if talk.received.count == sent { loop.stop() } }
            try heard.startReading()
            try server.startReading()
            loop.run()
            #expect(sent > 4 * 65_536)
            #expect(talk.received.count == sent)
            #expect(octetsBefore.count == 1)
            #expect(octetsBefore.allSatisfy { $0 <= 65_536 })
        }
    }

    @Test func closingCancelsAPendingWriteAndTellsOnlyTheClose() throws {
        try withLoop { loop in
            let (client, _) = try connectedPair(on: loop)
            let recorder = Recorder()
            client.delegate = recorder
            try client.write([SharedBytes(pattern(32 << 20))])
            recorder.onClose = { stream in
                #expect(!stream.isOpen && !stream.isWriting)
                loop.stop()
            }
            client.close()
            client.close()
            #expect(recorder.closeCount == 0)
            loop.run()
            #expect(recorder.closeCount == 1)
            #expect(recorder.writeCount == 0 && recorder.errors.isEmpty)
            #expect(client.delegate == nil)
            #expect(throws: UVError.invalidArgument) { try client.startReading() }
            #expect(throws: UVError.invalidArgument) { try client.send([1]) }
            #expect(client.local == .unspecified)
        }
    }

    @Test func closingTheLoopClosesEverything() throws {
        let recorder = Recorder()
        var results: [Result<TCPStream, UVError>] = []
        weak var stream: TCPStream?
        weak var weakLoop: EventLoop?
        do {
            let loop = try EventLoop()
            weakLoop = loop
            let (client, _) = try connectedPair(on: loop)
            client.delegate = recorder
            stream = client
            TCPStream.connect(loop: loop, to: .loopback(port: 9)) { results.append($0) }
            Timer(loop: loop).start(afterMilliseconds: 1_000_000) { _ = client }
            loop.onTurnEnd = { _ = loop }
            loop.close()
            loop.close()
        }
        #expect(recorder.closeCount == 1)
        #expect(results.count == 1)
        #expect(throws: UVError.self) { try results.first?.get() }
        #expect(stream == nil)
        #expect(weakLoop == nil)
    }

    @Test func delegateMayCloseWhileItReads() throws {
        try withLoop { loop in
            let (client, server) = try connectedPair(on: loop)
            let recorder = Recorder()
            server.delegate = recorder
            recorder.onRead = { stream, _ in stream.close() }
            recorder.onClose = { _ in loop.stop() }
            try server.startReading()
            // More than one slab, so that libuv would read again in the same callback.
            #expect(try client.send(pattern(200_000)) > 65_536)
            loop.run()
            #expect(recorder.received.count <= 65_536)
            #expect(recorder.closeCount == 1)
        }
    }
}
