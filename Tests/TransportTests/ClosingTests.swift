import Bytes
import LibUV
import TLS
import Testing
import Transport

/// An owner may end its stream inside any callback. `Loopback` checks that each end is then told of its closing once, and `End` that it
/// is told of nothing after.
struct ClosingTests {
    enum Callback: CaseIterable, Sendable {
        case read, handshake, canWrite, end, failure, close
    }

    enum Ending: CaseIterable, Sendable {
        case close, reset, shutdownAndClose
    }

    private static func end(_ end: End, by ending: Ending) {
        switch ending {
        case .close: end.stream.close()
        case .reset: end.stream.reset()
        case .shutdownAndClose:
            end.stream.shutdown()
            end.stream.close()
        }
        // Whatever is called afterwards is harmless.
        end.stream.close()
        end.stream.reset()
        end.stream.shutdown()
        end.stream.stopReading()
        #expect(throws: StreamError.self) { try end.stream.startReading() }
        end.queue.append(SharedBytes([1]))
        if case .closed = end.stream.flush(&end.queue) {} else { Issue.record("flushed after closing") }
    }

    @Test(arguments: Callback.allCases, Ending.allCases)
    func mayHappenInsideACallback(callback: Callback, ending: Ending) throws {
        for wire in Wire.allCases where wire != .clear || callback != .handshake {
            try close(in: callback, by: ending, over: wire)
        }
    }

    /// The server's end ends itself; the client provokes the callback.
    private func close(in callback: Callback, by ending: Ending, over wire: Wire) throws {
        let contexts = try wire.contexts()
        var called = 0
        let endNow: (End) -> Void = { end in
            called += 1
            Self.end(end, by: ending)
        }
        let loopback = try Loopback { loopback, server in
            let fill: (End) -> Void = { end in
                end.queue.append(SharedBytes(patternedOctets(count: 16 << 20)))
                end.flush()
            }
            switch callback {
            case .read: server.onRead = endNow
            case .handshake: server.onHandshake = endNow
            case .canWrite:
                server.onRead = fill
                server.onCanWrite = endNow
            case .end: server.onEnd = endNow
            case .failure:
                server.onRead = { $0.send([1]) }
                server.onFail = { end, _ in endNow(end) }
            case .close: server.onRead = { $0.stream.close() }
            }
            server.onClose = { end in
                if callback == .close { endNow(end) }
                loopback.stop()
            }
            if let contexts { server.startServerTLS(contexts.server) }
            server.startReading()
        }
        loopback.connect { client in
            client.onFail = { end, _ in end.stream.close() }
            let provoke: (End) -> Void = { end in
                end.send([1])
                // A second record in the same segment: it must not be told once the stream is closed.
                end.send([2])
                if callback == .end { end.stream.shutdown() }
            }
            // Only once the server has accepted: before that, accept(2) tells nobody about a reset.
            if callback == .failure { client.onRead = { $0.stream.reset() } }
            client.startReading()
            if let contexts {
                client.onHandshake = provoke
                client.startClientTLS(contexts.client)
            } else {
                provoke(client)
            }
        }
        loopback.run()
        #expect(called == 1)
    }

    @Test(arguments: Wire.allCases)
    func letsEverythingGo(wire: Wire) throws {
        let contexts = try wire.contexts()
        weak var server: End?
        weak var stream: SecureStream?
        do {
            let loopback = try Loopback { loopback, end in
                server = end
                stream = end.stream
                end.onRead = { $0.stream.close() }
                end.onClose = { _ in loopback.stop() }
                if let contexts { end.startServerTLS(contexts.server) }
                end.startReading()
            }
            loopback.connect { end in
                end.onFail = { end, _ in end.stream.close() }
                if let contexts {
                    end.onHandshake = { $0.send([1]) }
                    end.startClientTLS(contexts.client)
                } else {
                    end.send([1])
                }
                end.startReading()
            }
            loopback.run()
            #expect(server != nil)
        }
        #expect(server == nil && stream == nil)
    }
}
