import Bytes
import LibUV
import TLS
import Testing
import Transport

/// Connections over real sockets, in the clear and under TLS.
struct SecureStreamTests {
    /// Runs one connection over `wire`; both ends have begun TLS, if there is any, and read.
    private func connect(
        over wire: Wire, server prepareServer: @escaping (Loopback, End) -> Void, client prepareClient: @escaping (Loopback, End) -> Void
    ) throws {
        let contexts = try wire.contexts()
        let loopback = try Loopback { loopback, end in
            if let contexts { end.startServerTLS(contexts.server) }
            prepareServer(loopback, end)
            end.startReading()
        }
        loopback.connect { end in
            if let contexts { end.startClientTLS(contexts.client) }
            prepareClient(loopback, end)
            end.startReading()
            if contexts == nil { end.onHandshake(end) }
        }
        loopback.run()
    }

    @Test(arguments: Wire.allCases)
    func echoesEverythingInOrder(wire: Wire) throws {
        let octets = patternedOctets(count: 1 << 20)
        var echoed: [UInt8] = []
        try connect(over: wire) { _, server in
            server.onRead = { $0.send($0.lastRead) }
            server.onEnd = { end in
                if end.flush() { end.stream.shutdown() } else { end.onCanWrite = { if $0.flush() { $0.stream.shutdown() } } }
            }
        } client: { loopback, client in
            client.onHandshake = { end in
                #expect(end.stream.isSecure == (wire != .clear))
                #expect(end.stream.tlsVersionName == (wire == .clear ? nil : wire == .tls12 ? "TLSv1.2" : "TLSv1.3"))
                for start in stride(from: 0, to: octets.count, by: 1_000) {
                    end.queue.append(SharedBytes(Array(octets[start..<min(start + 1_000, octets.count)])))
                }
                if end.flush() { end.stream.shutdown() }
            }
            client.onCanWrite = { if $0.flush() { $0.stream.shutdown() } }
            client.onEnd = { end in
                #expect(end.stream.isPeerClosed == (wire != .clear))
                echoed = end.received
                loopback.stop()
            }
        }
        #expect(echoed == octets)
    }

    /// What is queued before the handshake goes out after it, without the owner's doing more than it is asked to.
    @Test(arguments: [Wire.tls12, .tls13])
    func sendsWhatWasQueuedBeforeTheHandshake(wire: Wire) throws {
        var received: [UInt8] = []
        try connect(over: wire) { loopback, server in
            server.onRead = { end in
                received = end.received
                loopback.stop()
            }
        } client: { _, client in
            client.send(Array("early".utf8))
            client.onHandshake = { #expect($0.queue.byteCount == 5) }
        }
        #expect(received == Array("early".utf8))
    }

    @Test(arguments: Wire.allCases)
    func blocksForASlowReaderAndGoesOnInOrder(wire: Wire) throws {
        let octets = patternedOctets(count: 16 << 20)
        let pendingByteCountMax = wire == .clear ? 64 * 1024 : 17 * 1024
        var client: End?
        var received: [UInt8] = []
        var blockedByteCount = 0
        try connect(over: wire) { loopback, server in
            let fill: (End) -> Void = { end in
                for start in stride(from: 0, to: octets.count, by: 10_000) {
                    end.queue.append(SharedBytes(Array(octets[start..<min(start + 10_000, octets.count)])))
                }
                // The kernel takes what its buffers hold, in as many turns as it takes; then a turn passes in which it takes nothing.
                let timer = Timer(loop: loopback.loop)
                var last = -1
                timer.start(afterMilliseconds: 0, repeatMilliseconds: 20) {
                    #expect(end.stream.pendingByteCount <= pendingByteCountMax)
                    let left = end.queue.byteCount
                    guard left == last, left > 0 else {
                        last = left
                        return
                    }
                    blockedByteCount = left
                    let before = end.stream.pendingByteCount
                    // A blocked stream takes nothing more, however often it is asked.
                    #expect(!end.flush() && end.queue.byteCount == left && end.stream.pendingByteCount == before)
                    timer.close()
                    client?.startReading()
                }
                end.flush()
            }
            server.onCanWrite = { end in
                #expect(end.stream.pendingByteCount == 0)
                if end.flush() { end.stream.shutdown() }
                #expect(end.stream.pendingByteCount <= pendingByteCountMax)
            }
            if wire == .clear { server.onRead = fill } else { server.onHandshake = fill }
        } client: { loopback, end in
            client = end
            end.onHandshake = { end in
                if wire == .clear { end.send([1]) }
                end.stream.stopReading()
            }
            end.onEnd = { end in
                received = end.received
                loopback.stop()
            }
        }
        #expect(blockedByteCount > 1 << 20, "so that there was something to wait for")
        #expect(received == octets)
    }

    /// What is pending is not drained, although the queue is empty: an owner who then closes would lose it.
    @Test(arguments: Wire.allCases)
    func isBlockedWhileAWriteIsPending(wire: Wire) throws {
        var client: End?
        var expectedByteCount = 0
        var receivedByteCount = 0
        try connect(over: wire) { _, server in
            server.onRead = { end in
                end.queue.append(SharedBytes(patternedOctets(count: 32 << 20)))
                end.onCanWrite(end)
            }
            server.onCanWrite = { end in
                #expect(!end.flush())
                guard end.stream.pendingByteCount > 0 else { return }
                expectedByteCount = (32 << 20) - end.queue.byteCount
                end.queue.removeAll()
                #expect(!end.flush())
                end.onCanWrite = { end in
                    #expect(end.flush())
                    end.stream.close()
                }
                client?.startReading()
            }
        } client: { loopback, end in
            client = end
            end.onHandshake = { end in
                end.send([1])
                end.stream.stopReading()
            }
            end.onEnd = { end in
                receivedByteCount = end.received.count
                loopback.stop()
            }
        }
        #expect(receivedByteCount == expectedByteCount && expectedByteCount > 0)
    }

    /// The end that waits for a pending write: everything, then close_notify, then FIN.
    @Test(arguments: Wire.allCases)
    func endsInOrderBehindAPendingWrite(wire: Wire) throws {
        let octets = patternedOctets(count: 32 << 20)
        var client: End?
        var sentByteCount = 0
        try connect(over: wire) { _, server in
            server.onRead = { end in
                end.queue.append(SharedBytes(octets))
                end.onCanWrite(end)
            }
            server.onCanWrite = { end in
                #expect(sentByteCount == 0, "asked to write after shutdown")
                #expect(!end.flush())
                // The kernel may have had enough for one turn only, with nothing pending.
                guard end.stream.pendingByteCount > 0 else { return }
                sentByteCount = octets.count - end.queue.byteCount
                end.stream.shutdown()
                if case .closed = end.stream.flush(&end.queue) {} else { Issue.record("flushed after shutdown") }
                client?.startReading()
            }
        } client: { loopback, end in
            client = end
            end.onHandshake = { end in
                end.send([1])
                end.stream.stopReading()
            }
            end.onEnd = { end in
                #expect(end.received.count == sentByteCount)
                #expect(end.received.elementsEqual(octets.prefix(sentByteCount)))
                #expect(end.stream.isPeerClosed == (wire != .clear))
                loopback.stop()
            }
        }
        #expect(sentByteCount > 0)
    }

    @Test(arguments: Wire.allCases)
    func tellsAFINWithoutCloseNotify(wire: Wire) throws {
        var ended = false
        try connect(over: wire) { loopback, server in
            server.onEnd = { end in
                ended = true
                #expect(end.received == Array("cut".utf8))
                #expect(!end.stream.isPeerClosed)
                loopback.stop()
            }
        } client: { _, client in
            client.onHandshake = { end in
                end.send(Array("cut".utf8))
                end.raw.shutdown()
            }
        }
        #expect(ended)
    }

    @Test(arguments: Wire.allCases)
    func tellsAReset(wire: Wire) throws {
        var told: StreamError?
        try connect(over: wire) { loopback, server in
            // The client resets only when it knows that it has been accepted: before that, accept(2) tells nobody about it.
            server.onRead = { $0.send([1]) }
            server.onFail = { end, error in
                told = error
                if case .closed = end.stream.flush(&end.queue) {} else { Issue.record("flushed after a failure") }
                end.stream.close()
                loopback.stop()
            }
        } client: { _, client in
            client.onHandshake = { $0.send([1]) }
            client.onRead = { $0.stream.reset() }
        }
        guard case .transport(let error) = told else {
            Issue.record("\(String(describing: told))")
            return
        }
        #expect(error == .connectionReset)
    }

    @Test func goesOnUnderTLSAfterSniffing() throws {
        let contexts = try Contexts(serverALPN: ["cbp/1"], clientALPN: ["cbp/1"])
        var sniffed: [UInt8] = []
        var received: [UInt8] = []
        let loopback = try Loopback { loopback, server in
            server.onRead = { end in
                if end.stream.isSecure {
                    received = end.received
                    #expect(end.stream.negotiatedProtocol == "cbp/1")
                    #expect(end.stream.tlsServerName == TestCertificates.serverName)
                    return loopback.stop()
                }
                sniffed += end.lastRead
                #expect(ProtocolSniffer.sniff(sniffed.span.bytes, on: .clear(allowsLine: true)) == .tls)
                end.startServerTLS(contexts.server, received: sniffed)
            }
            server.onHandshake = { end in #expect(end.received == sniffed) }
            server.startReading()
        }
        loopback.connect { client in
            client.onHandshake = { $0.send(Array("secret".utf8)) }
            client.startClientTLS(contexts.client)
            client.startReading()
        }
        loopback.run()
        #expect(received == sniffed + Array("secret".utf8))
    }

    @Test func aRefusedHelloThrowsAndItsAlertIsSent() throws {
        let contexts = try Contexts()
        var thrown: TLSError?
        var answer: [UInt8] = []
        let loopback = try Loopback { _, server in
            server.onRead = { end in
                let hello = end.lastRead
                do throws(StreamError) {
                    try end.stream.startServerTLS(context: contexts.server, received: hello.span.bytes)
                } catch {
                    if case .tls(let error) = error { thrown = error }
                    end.stream.close()
                }
            }
            server.onFail = { _, _ in Issue.record("told as well") }
            server.startReading()
        }
        loopback.connect { client in
            client.onEnd = { end in
                answer = end.received
                loopback.stop()
            }
            client.startReading()
            client.send([22, 3, 1, 0, 5, 1, 0, 0, 1, 9])
        }
        loopback.run()
        #expect(thrown?.kind == .peer)
        #expect(answer.count == 7 && answer.first == 21)
    }

    @Test func bothEndsLearnThatTheCertificateIsRefused() throws {
        let contexts = try Contexts(verification: .authorityFile(TestCertificates.shared.otherAuthority))
        var clientError: StreamError?
        var serverError: StreamError?
        let loopback = try Loopback { loopback, server in
            server.onFail = { end, error in
                serverError = error
                end.stream.close()
                loopback.stop()
            }
            server.startServerTLS(contexts.server)
            server.startReading()
        }
        loopback.connect { client in
            client.onHandshake = { _ in Issue.record("agreed") }
            client.onFail = { end, error in
                clientError = error
                end.stream.close()
            }
            client.startClientTLS(contexts.client)
            client.startReading()
        }
        loopback.run()
        guard case .tls(let refusal) = clientError, case .certificate(code: 20) = refusal.kind else {
            Issue.record("\(String(describing: clientError))")
            return
        }
        guard case .tls(let alert) = serverError, case .alert(48) = alert.kind else {
            Issue.record("\(String(describing: serverError))")
            return
        }
    }

    @Test func resumesASession() throws {
        let contexts = try Contexts()
        var session: TLSSession?
        var resumed: [Bool] = []
        let loopback = try Loopback { _, server in
            server.onHandshake = { $0.send([1]) }
            server.startServerTLS(contexts.server)
            server.startReading()
        }
        func connect() {
            loopback.connect { client in
                client.onRead = { end in
                    resumed.append(end.stream.isSessionResumed)
                    session = end.stream.resumableSession
                    end.stream.close()
                    if resumed.count == 2 { loopback.stop() } else { connect() }
                }
                client.startClientTLS(contexts.client, resuming: session)
                client.startReading()
            }
        }
        connect()
        loopback.run()
        #expect(resumed == [false, true])
    }
}
