import Bytes
import ChatCore
import ChatDialects
import ChatProtocol
import Transport
import WebSocket

/// What a WebSocket keeps while it speaks one of the simple dialects.
final class SimpleDoor {
    var dialect: SimpleDialect
    /// What is to be written: events as the core has queued them, and what the dialect makes of replies.
    var outgoing = OutboundQueue()

    init() {
        var random = SystemRandomNumberGenerator()
        dialect = SimpleDialect(mark: random.next())
    }
}

/// Simple JSON: the dialect stands between the session and the client.
extension Connection {
    /// How long a client may take to give a name: a person may have to type it.
    private static let nameMilliseconds: UInt64 = 120_000

    /// Goes on behind the handshake.
    func begin(_ simple: SimpleDoor, answering response: SharedBytes) {
        simple.outgoing.append(response)
        noteChannel(isTyped: true)
        driver.shard.open(session, speaking: simple.dialect.encoding, at: driver.moment)
        perform(simple.dialect.begin(), simple)
        driver.shard.postpone(session, byMilliseconds: Self.nameMilliseconds, at: driver.moment)
    }

    func take(_ message: SharedBytes, _ simple: SimpleDoor) {
        let byteCountMax = driver.shard.settings.bodyByteCountMax
        let steps = message.withBytes { simple.dialect.take($0, bodyByteCountMax: byteCountMax) }
        if session.encoding != simple.dialect.encoding { driver.shard.change(session, to: simple.dialect.encoding) }
        perform(steps, simple)
    }

    func refuseLongMessage(_ simple: SimpleDoor) { perform(simple.dialect.refuseLongMessage(), simple) }

    private func perform(_ steps: [DialectStep], _ simple: SimpleDoor) {
        for step in steps {
            switch step {
            case .write(let octets):
                simple.outgoing.append(octets)
                // Nothing for the core's queue, but it is to be flushed at the end of the turn.
                driver.shard.enqueue(.empty, for: session, at: driver.moment)
            case .input(let input): driver.shard.receive(input, from: session, at: driver.moment)
            case .close: endWithoutAWord("what came is no client's")
            }
        }
    }

    /// Writes what is queued, replies in the dialect's words, as far as the peer takes it.
    func flushSimple(_ simple: SimpleDoor) -> FlushResult {
        var result = FlushResult.drained
        var heldByteCount = 0
        repeat {
            if simple.outgoing.isEmpty { heldByteCount = translate(simple) }
            result = stream.flush(&simple.outgoing)
        } while result.isDrained && session.queue.byteCount > heldByteCount
        // Messages may have waited for these answers.
        if !session.isEnding && !received.isEmpty { takeReceived() }
        regulateReading()
        noteEndOfInput()
        return result
    }

    /// Moves what is queued to what is written. While a room's past is being read, what is said meanwhile stays queued, where the core bounds it.
    ///
    /// - Returns: octets that stay.
    private func translate(_ simple: SimpleDoor) -> Int {
        let slices = session.queue.slices
        session.queue.removeAll()
        var held: [SharedBytes] = []
        for slice in slices {
            let (passed, steps) = simple.dialect.take(queued: slice)
            perform(steps, simple)
            if !simple.dialect.isReplaying || session.isEnding {
                held.forEach { simple.outgoing.append($0) }
                held = []
                simple.outgoing.append(passed)
            } else if !passed.isEmpty {
                held.append(passed)
            }
        }
        guard !held.isEmpty else { return 0 }
        // What the core has answered at once comes behind.
        let answers = session.queue.slices
        session.queue.removeAll()
        held.forEach { session.queue.append($0) }
        let heldByteCount = session.queue.byteCount
        answers.forEach { session.queue.append($0) }
        return heldByteCount
    }
}
