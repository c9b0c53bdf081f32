import Bytes
import ChatConfiguration
import ChatProtocol
import LibUV
import Testing

/// Readers that do not read: they hurt nobody, and lose nothing without being told its numbers.
@Suite struct SlowReaderTests {
    /// Publishes until a stalled reader's socket and queue are long full, while another reader gets everything; then the
    /// stalled one reads, and must see every number once: in an event or in a LAG.
    @Test(arguments: [1, 2, 3]) func stalledReaderGetsEverythingOrALagThatNamesTheRest(loops: Int) throws {
        let broker = try TestBroker(loops: loops) { configuration in
            configuration.queues.outboundHighWaterBytes = 65_536
            configuration.queues.outboundLowWaterBytes = 16_384
        }
        let ada = try TestClient(broker.address, as: "ada")
        let tea = try RoomAddress("tea")
        _ = try ada.ask(.create(CreateRoom(room: tea, policy: [])))
        let stalled = try TestClient(broker.address, as: "stalled", receiveBufferByteCount: 262_144)
        guard case .joined(let joined) = try stalled.ask(.join(Join(room: tea))) else { throw TestClient.Failed("did not join") }
        let reader = try TestClient(broker.address, as: "reader")
        _ = try reader.ask(.join(Join(room: tea)))

        // More than the kernel holds for one connection (net.ipv4.tcp_wmem), by far more than the queue and the ring.
        let body = String(repeating: "x", count: 16_000)
        let messages = 800
        for number in 1...messages {
            guard case .published(let published) = try ada.ask(.publish(.message(body, in: tea))) else {
                throw TestClient.Failed("message \(number) was refused")
            }
            #expect(try reader.event(in: tea).seq == published.seq)
        }
        let head = try #require(try lastSeq(ada, in: tea))

        var expected = joined.next
        var lagged: UInt64 = 0
        while expected <= head, let received = try stalled.receive() {
            switch received.frame {
            case .event(let event) where event.room == tea:
                #expect(event.seq == expected)
                expected = event.seq + 1
            case .reply(.lag(let lag)) where lag.room == tea:
                #expect(lag.fromSeq == expected)
                #expect(lag.next == lag.toSeq + 1)
                lagged += lag.toSeq + 1 - lag.fromSeq
                expected = lag.next
            default: break
            }
        }
        #expect(expected == head + 1)
        #expect(lagged > 0, "the reader was never behind: the test proves nothing")
        // And it is live again.
        _ = try ada.ask(.publish(.message("after", in: tea)))
        #expect(try stalled.event(in: tea).body == "after")
    }

    /// A burst that comes in one turn is more than may wait for a connection, but far less than the kernel takes for one at once: nobody
    /// has been slow, so nobody is sent a LAG.
    @Test(arguments: [1, 2, 3]) func burstMakesNobodyLate(loops: Int) throws {
        let broker = try TestBroker(loops: loops) { configuration in
            configuration.queues.outboundHighWaterBytes = 131_072
            configuration.queues.outboundLowWaterBytes = 16_384
        }
        let ada = try TestClient(broker.address, as: "ada")
        let tea = try RoomAddress("tea")
        _ = try ada.ask(.create(CreateRoom(room: tea, policy: [])))
        let readers = try (1...4).map { try TestClient(broker.address, as: "reader-\($0)") }
        for reader in readers { _ = try reader.ask(.join(Join(room: tea))) }

        let messages = 6_000
        let publish = TestClient.encode(.publish(.message(String(repeating: "x", count: 100), in: tea)), requestID: 0)
        try ada.send(octets: Array(repeatElement(publish, count: messages).joined()))
        for reader in readers {
            var seqs = 0
            while seqs < messages, let received = try reader.receive() {
                switch received.frame {
                case .event(let event) where event.room == tea && event.kind == .message: seqs += 1
                case .reply(.lag(let lag)):
                    Issue.record("late: \(lag)")
                    return
                default: break
                }
            }
        }
    }

    private func lastSeq(_ client: TestClient, in room: RoomAddress) throws -> UInt64? {
        guard case .published(let published) = try client.ask(.publish(.message("last", in: room))) else { return nil }
        return published.seq
    }
}
