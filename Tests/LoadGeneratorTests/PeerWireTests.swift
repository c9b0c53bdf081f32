import Bytes
import Testing

@testable import LoadGenerator

/// What each wire says and understands, without a peer.
@Suite struct PeerWireTests {
    /// What a server may send, with what it means; `room` and `body` are the texts in the places that a delivery names.
    struct Example: Sendable, CustomTestStringConvertible {
        let scheme: String
        let octets: [UInt8]
        let meaning: String
        var testDescription: String { "\(scheme): \(String(decoding: octets, as: UTF8.self).debugDescription)" }

        init(_ scheme: String, _ text: String, _ meaning: String) { self.init(scheme, Array(text.utf8), meaning) }

        init(_ scheme: String, _ octets: [UInt8], _ meaning: String) {
            self.scheme = scheme
            self.octets = octets
            self.meaning = meaning
        }

        var wire: any PeerWire.Type {
            PeerWires.all.first { $0.scheme == scheme }!
        }
    }

    private static let examples = [
        Example("nats", "INFO {\"server_id\":\"N\"}\r\n", "nothing"), Example("nats", "PONG\r\n", "answer"),
        Example("nats", "PING\r\n", "ping"), Example("nats", "MSG load.1.2 1 5\r\na\r\nbc\r\n", "delivery of 'a\r\nbc' in load.1.2"),
        Example("nats", "MSG a 1 0\r\n\r\n", "delivery of '' in a"), Example("nats", "-ERR 'Slow Consumer'\r\n", "failure"),
        Example("nats", "MSG a 1 x\r\n", "failure"), Example("nats", "HELO\r\n", "failure"), Example("nats", "PONG\n", "failure"),
        Example("redis", "%2\r\n$6\r\nserver\r\n$5\r\nredis\r\n+modules\r\n*1\r\n:3\r\n", "answer"),
        Example("redis", "+PONG\r\n", "answer"),
        Example("redis", ">3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n", "answer"), Example("redis", ":100\r\n", "nothing"),
        Example("redis", ">3\r\n$7\r\nmessage\r\n$4\r\nroom\r\n$4\r\na\r\nb\r\n", "delivery of 'a\r\nb' in room"),
        Example("redis", "-ERR unknown command\r\n", "failure"), Example("redis", ">3\r\n:7\r\n", "failure"),
        Example("mqtt", [0x20, 2, 0, 0], "answer"), Example("mqtt", [0x20, 2, 0, 5], "failure"),
        Example("mqtt", [0x90, 3, 0, 1, 0], "answer"),
        Example("mqtt", [0x90, 3, 0, 1, 0x80], "failure"), Example("mqtt", [0xD0, 0], "answer"),
        Example("mqtt", [0x30, 6, 0, 1, 0x61, 0x62, 0x63, 0x64], "delivery of 'bcd' in a"),
        Example("mqtt", [0x30, 3, 0, 9, 0x61], "failure"),
        Example(
            "mqtt", [0x30, 0x80, 1, 0, 1, 0x61] + [UInt8](repeating: 0x62, count: 125),
            "delivery of '\(String(repeating: "b", count: 125))' in a"),
        Example("mqtt", [0x30, 0xFF, 0xFF, 0xFF, 0xFF, 1], "failure"), Example("mqtt", [0x40, 2, 0, 1], "failure"),
        Example("irc", ":s 376 l1 :End of message of the day.\r\n", "answer"), Example("irc", ":s 422 l1 :No MOTD\r\n", "answer"),
        Example("irc", ":s 366 l1 #a :End of /NAMES list.\r\n", "answer"), Example("irc", ":s PONG s :load\r\n", "answer"),
        Example("irc", "PING :s\r\n", "ping"), Example("irc", ":l1!load@127.0.0.1 JOIN :#a\r\n", "nothing"),
        Example("irc", ":s 001 l1 :Hi\r\n", "nothing"),
        Example("irc", ":l1!load@127.0.0.1 PRIVMSG #a :b c :d\r\n", "delivery of 'b c :d' in #a"),
        Example("irc", ":l1!load@127.0.0.1 PRIVMSG #a :\r\n", "delivery of '' in #a"), Example("irc", ":s 433 * l1 :in use\r\n", "failure"),
        Example("irc", "ERROR :Closing link\r\n", "failure"), Example("irc", ":x PRIVMSG #a\r\n", "failure"),
        Example("irc", "\r\n", "nothing"),
        Example("floor", [0, 0, 0, 5, 0x3F, 0, 0, 0, 0], "answer"), Example("floor", [0, 0, 0, 5, 0x2B, 0, 0, 0, 7], "answer"),
        Example("floor", [0, 0, 0, 7, 0x21, 0x61, 0x61, 0x61, 0x61, 0x62, 0x63], "delivery of 'bc' in aaaa"),
        Example("floor", [0, 0, 0, 4, 0x21, 0, 0, 0, 0], "failure"), Example("floor", [0x7F, 0, 0, 0, 0x21, 0, 0, 0, 0], "failure"),
    ]

    private func meaning(_ example: Example, prefix: [UInt8] = [], count: Int) -> String? {
        let octets = prefix + example.octets.prefix(count)
        let bytes = octets.span.bytes
        do throws(WireFailure) {
            guard let unit = try example.wire.unit(in: bytes, at: prefix.count) else { return nil }
            #expect(unit.byteCount == example.octets.count)
            switch unit.meaning {
            case .delivery(let room, let body): return "delivery of '\(bytes.shown(body))' in \(bytes.shown(room))"
            case .answer: return "answer"
            case .ping: return "ping"
            case .nothing: return "nothing"
            }
        } catch {
            return "failure"
        }
    }

    @Test(arguments: examples) private func understandsWhatServersSay(example: Example) {
        #expect(meaning(example, count: example.octets.count) == example.meaning)
        // What stands before it does not matter.
        #expect(meaning(example, prefix: Array("\r\n: 7".utf8), count: example.octets.count) == example.meaning)
    }

    @Test(arguments: examples) private func waitsForTheWholeOfIt(example: Example) {
        guard example.meaning != "failure" else { return }
        for count in 1..<example.octets.count { #expect(meaning(example, count: count) == nil, "\(count) octets") }
    }

    /// What a wire publishes is what its server delivers, in the wires where both are the same octets.
    @Test(arguments: ["mqtt", "floor"]) func publishesABodyAsItIsDelivered(scheme: String) throws {
        let wire = PeerWires.all.first { $0.scheme == scheme }!
        let room = wire.room(3, run: RunIdentity(number: 7))
        let body = Array(String(repeating: "b", count: 128).utf8)
        let publication = wire.publication(to: room, bodyByteCount: body.count)
        let octets = publication.head + body + publication.tail
        let unit = try #require(try wire.unit(in: octets.span.bytes, at: 0))
        #expect(unit.byteCount == octets.count)
        guard case .delivery(let roomRange, let bodyRange) = unit.meaning else {
            Issue.record("no delivery")
            return
        }
        #expect(Array(octets[roomRange]) == room)
        #expect(Array(octets[bodyRange]) == body)
    }

    @Test func publishesInTheWordsOfItsWire() {
        func text(_ wire: any PeerWire.Type) -> String {
            let publication = wire.publication(to: Array("r".utf8), bodyByteCount: 4)
            return String(decoding: publication.head + Array("body".utf8) + publication.tail, as: UTF8.self)
        }
        #expect(text(NATSWire.self) == "PUB r 4\r\nbody\r\n")
        #expect(text(RedisWire.self) == "*3\r\n$7\r\nPUBLISH\r\n$1\r\nr\r\n$4\r\nbody\r\n")
        #expect(text(IRCWire.self) == "PRIVMSG r :body\r\n")
    }

    @Test(arguments: PeerWires.all.map { $0.scheme }) func readsTheURLOfAPeer(scheme: String) throws {
        let target = try LoadTarget(url: "\(scheme)://127.0.0.1:1234")
        #expect(target.peer == scheme)
        #expect(target.port == 1234)
        #expect(!target.usesTLS)
        #expect(target.url == "\(scheme)://127.0.0.1:1234")
        #expect(try LoadTarget(url: "\(scheme)://localhost").port == PeerWires.wire(of: "\(scheme)://")?.portDefault)
        var configuration = LoadConfiguration(scenario: .directMessages, target: target)
        #expect(throws: UsageError.self) { try configuration.validated() }
        configuration.scenario = .fanout
        #expect(throws: Never.self) { try configuration.validated() }
        configuration.stalled = 1
        #expect(throws: UsageError.self) { try configuration.validated() }
    }
}
